package maildir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"restante/fsys"
)

const (
	validityName    = "dovecot-uidvalidity"
	validityRetries = 20
)

// validities hands out UIDVALIDITYs: each is above all before and not below the
// present time. The largest is written down in two places, as Dovecot does it:
// the file dovecot-uidvalidity holds it as eight hexadecimal digits, and an
// empty file has it in its name, as dovecot-uidvalidity.4d8f6f3a. The rename of
// that second file is what decides between two processes: only one of them
// finds it under the old name.
//
// QUIRK: Thunderbird cuts what has more than 32 bits, and mbsync stops for good where
// the UIDVALIDITY of a mailbox becomes another.
type validities struct {
	fs   fsys.FS
	root string
	perm fs.FileMode

	mu sync.Mutex
	// last is what both places held when this process wrote them. As long as the
	// second file still has that name, nobody else has written; so the root, which
	// holds all mailboxes in Maildir++, need not be read for each new one.
	last uint32
}

// next returns a UIDVALIDITY above every one that was handed out and above old.
func (v *validities) next(old uint32) (uint32, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for try := 0; ; try++ {
		named, largest, err := v.latest()
		if err != nil {
			return 0, err
		}
		value := max(largest+1, old+1, uint32(time.Now().Unix()))
		err = v.set(named, value)
		if err == nil {
			return value, nil
		}
		if try == validityRetries || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return 0, err
		}
	}
}

// raise makes sure that value will not be handed out again.
func (v *validities) raise(value uint32) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for try := 0; ; try++ {
		named, largest, err := v.read()
		if err != nil || largest >= value {
			return err
		}
		err = v.set(named, value)
		if err == nil || try == validityRetries || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// latest is read, but returns what is remembered once: whoever finds it wrong
// asks again.
func (v *validities) latest() (named, largest uint32, err error) {
	if last := v.last; last != 0 {
		v.last = 0
		return last, last, nil
	}
	return v.read()
}

// read returns the value in the file name and the larger of both. Zero is none.
func (v *validities) read() (named, largest uint32, err error) {
	entries, err := v.fs.ReadDir(v.root)
	if err != nil {
		return 0, 0, err
	}
	for _, e := range entries {
		if digits, ok := strings.CutPrefix(e.Name, validityName+"."); ok {
			named = max(named, parseHex(digits))
		}
	}
	data, err := fsys.ReadFile(v.fs, filepath.Join(v.root, validityName), 64)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, err
	}
	return named, max(named, parseHex(strings.TrimSpace(string(data)))), nil
}

func parseHex(s string) uint32 {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) != 8 {
		return 0
	}
	return uint32(n)
}

// set writes a value down in both places. ErrNotExist and ErrExist mean that
// another process was faster.
func (v *validities) set(named, value uint32) error {
	path := filepath.Join(v.root, validityName)
	to := fmt.Sprintf("%s.%08x", path, value)
	if named != 0 {
		if err := v.fs.Rename(fmt.Sprintf("%s.%08x", path, named), to); err != nil {
			return err
		}
	} else {
		f, err := v.fs.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := fsys.WriteFile(v.fs, path, fmt.Appendf(nil, "%08x", value), v.perm); err != nil {
		return err
	}
	v.last = value
	return nil
}

// newGUID returns what identifies a mailbox over all renames: 32 random
// hexadecimal digits.
func newGUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (package crypto/rand)
	return hex.EncodeToString(b[:])
}
