package location

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"restante/fsys"
)

// What was found for a user is remembered in a file of its own, in
// DATA/locations, one word and its value a line:
//
//	location maildir:/home/jane/Maildir
//	new
//
// The word new stands there while the mailboxes of a new user are being made.
// The file is no more than a memory: removing it makes restante look again.
type memory struct {
	fs  fsys.FS
	dir string // "" remembers nothing
}

// record is what is remembered.
type record struct {
	location Location
	unmade   bool
}

const maxRecord = 16 << 10

// path is the user's file. A name that is too long for a file is hashed.
func (m memory) path(user string) string {
	name := url.PathEscape(user)
	if len(name) > 200 {
		sum := sha256.Sum256([]byte(user))
		name = hex.EncodeToString(sum[:])
	}
	return filepath.Join(m.dir, name)
}

// recall returns nil when nothing, or nothing legible, is remembered.
func (m memory) recall(user string) (*record, error) {
	if m.dir == "" {
		return nil, nil
	}
	data, err := fsys.ReadFile(m.fs, m.path(user), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	for line := range strings.Lines(string(data)) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch word {
		case "location":
			if r.location, err = parse(unescape(value)); err != nil {
				return nil, nil
			}
		case "new":
			r.unmade = true
		}
	}
	if r.location.Format != Maildir && r.location.Format != Mbox {
		return nil, nil
	}
	return r, nil
}

// keep remembers.
func (m memory) keep(user string, r record) error {
	if m.dir == "" {
		return nil
	}
	if err := fsys.MkdirAll(m.fs, m.dir, 0o700); err != nil {
		return err
	}
	text := "location " + escape(r.location.String()) + "\n"
	if r.unmade {
		text += "new\n"
	}
	return fsys.WriteFile(m.fs, m.path(user), []byte(text), 0o600)
}

// forget removes what is remembered.
func (m memory) forget(user string) error {
	if m.dir == "" {
		return nil
	}
	return ignore(m.fs.Remove(m.path(user)), fs.ErrNotExist)
}

// A remembered path is resolved: its percent signs are no variables any more.
func escape(s string) string   { return strings.NewReplacer("%", "%%", "\n", "%0A").Replace(s) }
func unescape(s string) string { return strings.NewReplacer("%%", "%", "%0A", "\n").Replace(s) }
