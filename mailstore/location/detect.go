package location

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
)

// Detection looks, in this order, at
//
//	~/Maildir ~/.maildir ~/mail ~/Mail ~    a directory with cur, new and tmp
//	SPOOL/USER                              the same
//	~/mail ~/Mail                           a directory with files in mbox format
//	SPOOL/USER ~/mbox                       a file in mbox format: INBOX
//
// where SPOOL is each of Options.Spool. What stands under two names, through a
// symbolic link, is one place. A spool that belongs to another user of the
// machine is not the user's, whatever its name.
type detector struct {
	fs    fsys.FS
	spool []string
	user  mailstore.User
	found []candidate
	seen  []fs.FileInfo
	notes []string // what was seen and passed over
}

// candidate is a place with mail, and what tells so.
type candidate struct {
	location Location
	why      string
}

func (c candidate) String() string { return fmt.Sprintf("%q, because %s", c.location, c.why) }

// The bounds of looking for mbox files: more files or levels are not read.
const (
	maxSniffed = 500
	maxDepth   = 2
)

// detect returns all places that hold mail of the user.
func (d *detector) detect() ([]candidate, error) {
	home := d.user.Home
	for _, path := range []string{"Maildir", ".maildir", "mail", "Mail", ""} {
		if err := d.maildir(filepath.Join(home, path)); err != nil {
			return nil, err
		}
	}
	inbox, err := d.spoolInbox()
	if err != nil {
		return nil, err
	}
	if err := d.mbox(inbox); err != nil {
		return nil, err
	}
	return d.found, nil
}

// stat returns nil for what is not there. What cannot be looked at is an error:
// it may hold the mail.
func (d *detector) stat(path string) (fs.FileInfo, error) {
	fi, err := d.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	return fi, err
}

// again reports whether the same file or directory was found before.
func (d *detector) again(fi fs.FileInfo) bool {
	if slices.ContainsFunc(d.seen, func(other fs.FileInfo) bool { return fsys.SameFile(fi, other) }) {
		return true
	}
	d.seen = append(d.seen, fi)
	return false
}

// maildir adds path if it is a Maildir.
func (d *detector) maildir(path string) error {
	fi, err := d.stat(path)
	if err != nil || fi == nil || !fi.IsDir() {
		return err
	}
	is, err := d.isMaildir(path)
	if err != nil || !is || d.again(fi) {
		return err
	}
	l := Location{Format: Maildir, Path: path, Layout: LayoutMaildirPP}
	why := "it has cur, new and tmp"
	plus, flat, err := d.layouts(path)
	switch {
	case err != nil:
		return err
	case plus == "" && flat != "":
		l.Layout = LayoutFS
		why += " and " + flat + " as a mailbox of LAYOUT=fs"
	case plus != "" && flat != "":
		d.notes = append(d.notes, fmt.Sprintf("passed over %s: %s is a Maildir++ mailbox", filepath.Join(path, flat), plus))
	}
	d.found = append(d.found, candidate{l, why})
	return nil
}

func (d *detector) isMaildir(path string) (bool, error) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		fi, err := d.stat(filepath.Join(path, sub))
		if err != nil || fi == nil || !fi.IsDir() {
			return false, err
		}
	}
	return true, nil
}

// layouts names a mailbox below a Maildir of each layout, if there is one.
func (d *detector) layouts(path string) (plus, flat string, err error) {
	entries, err := d.fs.ReadDir(path)
	if err != nil {
		return "", "", err
	}
	slices.SortFunc(entries, func(a, b fsys.Entry) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range entries {
		if e.Type.IsRegular() || slices.Contains([]string{"cur", "new", "tmp"}, e.Name) {
			continue
		}
		slot := &flat
		if strings.HasPrefix(e.Name, ".") {
			slot = &plus
		}
		if *slot != "" {
			continue
		}
		if is, err := d.isMaildir(filepath.Join(path, e.Name)); err == nil && is {
			*slot = e.Name
		}
	}
	return plus, flat, nil
}

// spoolInbox looks at the spool directories and returns the inbox, if one is a
// file in mbox format; a Maildir there is added.
func (d *detector) spoolInbox() (string, error) {
	for _, dir := range d.spool {
		path := filepath.Join(dir, d.user.Name)
		fi, err := d.stat(path)
		if err != nil {
			return "", err
		}
		if fi == nil {
			continue
		}
		if owner, own := d.owns(fi); !own {
			d.notes = append(d.notes, fmt.Sprintf("passed over %s: it belongs to user id %d", path, owner))
			continue
		}
		if fi.IsDir() {
			if err := d.maildir(path); err != nil {
				return "", err
			}
			continue
		}
		if is, err := d.isMbox(path, fi); err != nil || is {
			return path, err
		}
	}
	return "", nil
}

// owns reports whether a file outside the home is the user's.
func (d *detector) owns(fi fs.FileInfo) (owner int, own bool) {
	st, known := fi.Sys().(*syscall.Stat_t)
	if !known {
		return -1, false
	}
	mine := d.user.UID
	if mine < 0 {
		mine = os.Geteuid()
	}
	return int(st.Uid), int(st.Uid) == mine
}

// mbox adds the directories with mbox files, with the inbox where it stands.
func (d *detector) mbox(inbox string) error {
	why := inbox + " is in mbox format"
	if inbox == "" {
		path := filepath.Join(d.user.Home, "mbox")
		fi, err := d.stat(path)
		if err != nil {
			return err
		}
		if fi != nil {
			is, err := d.isMbox(path, fi)
			if err != nil {
				return err
			}
			if is {
				inbox, why = path, path+" is in mbox format"
			}
		}
	}
	before := len(d.found)
	for _, name := range []string{"mail", "Mail"} {
		if err := d.mboxDir(filepath.Join(d.user.Home, name), inbox); err != nil {
			return err
		}
	}
	if inbox != "" && len(d.found) == before {
		root := filepath.Join(d.user.Home, "mail")
		d.found = append(d.found, candidate{Location{Format: Mbox, Path: root, Inbox: inbox}, why})
	}
	return nil
}

func (d *detector) mboxDir(path, inbox string) error {
	fi, err := d.stat(path)
	if err != nil || fi == nil || !fi.IsDir() || d.again(fi) {
		return err
	}
	left := maxSniffed
	file, err := d.findMbox(path, maxDepth, &left)
	if err != nil || file == "" {
		return err
	}
	why := file + " is in mbox format"
	if inbox != "" {
		why += ", and so is " + inbox
	}
	d.found = append(d.found, candidate{Location{Format: Mbox, Path: path, Inbox: inbox}, why})
	return nil
}

// findMbox returns a file in mbox format below dir. What may not be read there
// is passed over: it could not be served either.
func (d *detector) findMbox(dir string, depth int, left *int) (string, error) {
	entries, err := d.fs.ReadDir(dir)
	if err != nil {
		return "", ignore(err, fs.ErrPermission)
	}
	slices.SortFunc(entries, func(a, b fsys.Entry) int { return strings.Compare(a.Name, b.Name) })
	var dirs []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		if strings.HasPrefix(e.Name, ".") || *left <= 0 {
			continue
		}
		*left--
		fi, err := d.stat(path)
		if fi != nil && fi.IsDir() {
			dirs = append(dirs, path)
			continue
		}
		is := false
		if fi != nil {
			is, err = d.isMbox(path, fi)
		}
		if err = ignore(err, fs.ErrPermission); err != nil || is {
			return path, err
		}
	}
	for _, sub := range dirs {
		if depth == 1 {
			break
		}
		if path, err := d.findMbox(sub, depth-1, left); err != nil || path != "" {
			return path, err
		}
	}
	return "", nil
}

// isMbox reports whether a file begins as an mbox or an MMDF mailbox does.
func (d *detector) isMbox(path string, fi fs.FileInfo) (bool, error) {
	if !fi.Mode().IsRegular() || fi.Size() == 0 {
		return false, nil
	}
	f, err := d.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var b [5]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return false, ignore(err, io.ErrUnexpectedEOF, io.EOF)
	}
	return string(b[:]) == "From " || string(b[:]) == "\x01\x01\x01\x01\n", nil
}

// ignore returns nil for errors of these kinds.
func ignore(err error, kinds ...error) error {
	if slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
		return nil
	}
	return err
}
