package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"restante/mailstore"
)

// notesDir is the directory, beside the mailboxes of each directory, where our
// files for them stand: in NAME/ those of mailbox NAME. It is Dovecot's own place
// for such things, so that Dovecot does not list it, and takes them along when it
// renames a mailbox.
const notesDir = ".imap"

// maxNameBytes bounds a name in a directory, so that `.lock` fits behind it.
const maxNameBytes = 250

// errBelowFile: an mbox file cannot hold other mailboxes.
func errBelowFile(above string) error {
	return fmt.Errorf("%w: %q is an mbox file, which cannot have mailboxes below it; make it a place for others, with a trailing %q, before it gets mail", mailstore.ErrInvalidName, above, delimiter)
}

// checkName tells whether a mailbox of this name can be made.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("%w: it is empty", mailstore.ErrInvalidName)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("%w: it is not UTF-8", mailstore.ErrInvalidName)
	}
	for _, level := range strings.Split(name, string(delimiter)) {
		disk := encodeMUTF7(level)
		switch {
		case level == "":
			return fmt.Errorf("%w: it has an empty level", mailstore.ErrInvalidName)
		case strings.Contains(level, "\x00"):
			return fmt.Errorf("%w: it holds NUL", mailstore.ErrInvalidName)
		case hiddenName(disk):
			return fmt.Errorf("%w: names that begin with a dot or end in `.lock` belong to the programs that work on the files", mailstore.ErrInvalidName)
		case len(disk) > maxNameBytes:
			return fmt.Errorf("%w: a level is longer than a file name can be", mailstore.ErrInvalidName)
		}
	}
	return nil
}

// hiddenName reports whether a file of this name is no mailbox.
func hiddenName(disk string) bool {
	return strings.HasPrefix(disk, ".") || strings.HasSuffix(disk, ".lock")
}

// nameOf is what a file or directory is called: modified UTF-7 where it is
// that, else as it is. Names that are not UTF-8 either cannot be shown.
func nameOf(disk string) (string, bool) {
	if name, ok := decodeMUTF7(disk); ok && !strings.ContainsAny(name, "/\x00") {
		return name, true
	}
	return disk, utf8.ValidString(disk)
}

// locate returns the place of a mailbox, whether it exists or not.
func (a *account) locate(name string) (place, error) {
	if name == mailstore.Inbox {
		return place{name, a.opt.Inbox, filepath.Join(a.opt.Root, notesDir, mailstore.Inbox)}, nil
	}
	if err := checkName(name); err != nil {
		return place{}, err
	}
	dir := a.opt.Root
	levels := strings.Split(name, string(delimiter))
	for i, level := range levels {
		disk, err := a.diskName(dir, level, i == 0)
		if err != nil {
			return place{}, err
		}
		if i == len(levels)-1 {
			return place{name, filepath.Join(dir, disk), filepath.Join(dir, notesDir, disk)}, nil
		}
		dir = filepath.Join(dir, disk)
	}
	return place{}, mailstore.ErrInvalidName
}

// diskName is how a level is called in a directory: as it stands there, else as
// a new one is written.
func (a *account) diskName(dir, level string, top bool) (string, error) {
	candidates := []string{encodeMUTF7(level), level}
	if top && level == mailstore.Inbox {
		candidates = append(candidates, "inbox", "Inbox")
	}
	for i, c := range candidates {
		if i > 0 && (c == candidates[0] || hiddenName(c)) {
			continue
		}
		fi, err := a.opt.FS.Lstat(filepath.Join(dir, c))
		inboxFile := top && level == mailstore.Inbox && err == nil && !fi.IsDir()
		if err == nil && !inboxFile {
			if shown, ok := nameOf(c); ok && (shown == level || top && level == mailstore.Inbox) {
				return c, nil
			}
		}
		if err != nil && !isMissing(err) {
			return "", err
		}
	}
	return candidates[0], nil
}

// isMissing reports that there is nothing of a name, because it or what should
// be above it does not exist.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// find returns the place of a mailbox that can be opened.
func (a *account) find(name string) (place, error) {
	p, err := a.locate(name)
	if err == nil && name != mailstore.Inbox {
		_, err = a.look(&p)
	}
	if err != nil {
		return place{}, err
	}
	return p, nil
}

// look describes the file of a mailbox that can be opened.
func (a *account) look(p *place) (fs.FileInfo, error) {
	fi, err := a.opt.FS.Stat(p.mbox)
	switch {
	case err != nil && isMissing(err):
		return nil, mailstore.ErrNotFound
	case err != nil:
		return nil, err
	case fi.IsDir():
		return nil, mailstore.ErrNoSelect
	case !fi.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is not a regular file", mailstore.ErrNotFound, p.mbox)
	case p.mbox == a.opt.Inbox && p.name != mailstore.Inbox:
		return nil, fmt.Errorf("%w: %s is INBOX", mailstore.ErrNotFound, p.mbox)
	}
	return fi, nil
}
