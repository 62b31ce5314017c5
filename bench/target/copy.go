package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"restante/fsys"
)

// Owner is who the mail belongs to.
type Owner struct{ UID, GID int }

// MailOwner is nobody where this program runs as root, since Dovecot serves no mail
// of root's, and else whoever runs it.
func MailOwner() Owner {
	if os.Getuid() == 0 {
		return Owner{65534, 65534}
	}
	return Owner{os.Getuid(), os.Getgid()}
}

// Give makes everything below dir the owner's, in one pass after it has been made.
func (o Owner) Give(dir string) error {
	if o.UID == os.Getuid() {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, o.UID, o.GID)
	})
}

// Copy makes a copy of mail for one server. The files of a Maildir are hard links
// to the same messages, as no server ever changes one; all else is copied with its
// time, and so are directories: to a server that tells from those whether anything has
// changed, a directory of this moment is one in which something may still change
// unseen. What stands at to already is removed first.
func Copy(from, to string, o Owner) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	times := map[string]time.Time{}
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			info, err := e.Info()
			if err != nil {
				return err
			}
			times[dst] = info.ModTime()
			return errors.Join(os.MkdirAll(dst, 0o700), os.Lchown(dst, o.UID, o.GID))
		case isMessage(path):
			err := os.Link(path, dst)
			if errors.Is(err, syscall.EMLINK) { // 65,000 on ext4
				return copyFile(path, dst, o)
			}
			return err
		}
		return copyFile(path, dst, o)
	})
	for dir, t := range times { // which what was put there has changed
		err = errors.Join(err, os.Chtimes(dir, t, t))
	}
	return err
}

// isMessage is whether a file is a message of a Maildir.
func isMessage(path string) bool {
	switch filepath.Base(filepath.Dir(path)) {
	case "cur", "new":
		return true
	}
	return false
}

func copyFile(from, to string, o Owner) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return errors.Join(os.Lchown(to, o.UID, o.GID), os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// forget removes what servers have noted beside the mail: indexes, UID lists,
// caches, locks and journals. Flags, keywords and subscriptions are mail.
func forget(dir string) error {
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "cur" || e.Name() == "new"):
			return fs.SkipDir
		case isNote(e.Name(), e.IsDir()):
			found = append(found, path)
			if e.IsDir() {
				return fs.SkipDir
			}
		}
		return nil
	})
	for _, path := range found {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// isNote tells what servers write for themselves from what is mail.
func isNote(name string, dir bool) bool {
	if dir {
		return name == ".imap" // notes on mboxes: Dovecot's indexes and our UID lists
	}
	switch {
	case name == "dovecot-keywords" || name == "dovecot-acl": // what letters in names mean; rights
		return false
	case strings.HasPrefix(name, "dovecot"), strings.HasPrefix(name, "restante."), strings.HasSuffix(name, ".lock"), name == "maildirsize":
		return true
	}
	return false
}

// reachable lets the owner of mail through the directories above it, down from
// base, which this program has made.
func reachable(base string) error {
	if err := fsys.MkdirAll(fsys.OS{}, base, 0o711); err != nil {
		return err
	}
	if err := os.Chmod(base, 0o711); err != nil {
		return fmt.Errorf("%w; name a work directory that is yours", err)
	}
	return nil
}
