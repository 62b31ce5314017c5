package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
)

// Where Courier, maildrop, Exim or Dovecot enforce a quota on a Maildir, they
// keep its size in the file maildirsize of the root (README.maildirquota of
// Courier):
//
//	100000000S,10000C       the limits
//	12345678 4711           the total when it was last counted: octets, messages
//	-2048 -1                changes since, a line each
//
// We append the lines of our changes, one line for each batch, and leave
// counting to whoever made the file: usage.go asks the mailboxes themselves. The
// limits hold where nothing else is said.
const (
	maildirSizeName = "maildirsize"
	// From this size on a file has to be counted anew by whoever reads it next.
	maxMaildirSize = 5120
)

// sizeChange collects what a batch changes. Where there is no maildirsize it is
// nil, and does nothing.
type sizeChange struct {
	a              *account
	file           fsys.File
	allButTrash    bool // messages in Trash and those with \Deleted do not count
	octets, number int64
}

// sizeChange opens maildirsize. It costs one call of the system where there is
// none. Call done.
func (a *account) sizeChange() *sizeChange {
	path := filepath.Join(a.tree.controlRoot(), maildirSizeName)
	f, err := a.fs.OpenFile(path, os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if isAbsent(err) {
		return nil
	}
	var fi fs.FileInfo
	if err == nil {
		fi, err = f.Stat()
	}
	if err == nil && fi.Mode().IsRegular() && fi.Size() < maxMaildirSize {
		c := &sizeChange{a: a, file: f}
		if c.allButTrash, err = countedByCourier(f); err == nil {
			return c
		}
	}
	if err != nil {
		a.tree.warn("cannot note changes of the mail's size", path, "err", err)
	}
	if f != nil {
		_ = f.Close() // nothing was written
	}
	return nil
}

// countedByCourier reports whether the total was counted by the library of
// Courier, maildrop and SqWebMail, which leaves out Trash and \Deleted, unlike
// Dovecot, Exim and Postfix's VDA. It is told by the spaces that the library
// puts in front of numbers.
func countedByCourier(f io.ReaderAt) (bool, error) {
	var head [512]byte
	n, err := f.ReadAt(head[:], 0)
	_, second, _ := bytes.Cut(head[:n], []byte{'\n'})
	return bytes.HasPrefix(second, []byte{' '}), ignoreEOF(err)
}

// trashName is the one mailbox with a meaning of its own in Maildir++.
const trashName = "Trash"

// counts reports how often a message counts: once or not at all.
func (c *sizeChange) counts(m *mailbox, sys mailstore.System) int64 {
	if c.allButTrash && (sys&mailstore.Deleted != 0 || m.Name() == trashName) {
		return 0
	}
	return 1
}

// size is the size of a message's file as it is stored. Its name tells mostly.
// It is 0 when the message cannot be looked at.
func (c *sizeChange) size(dir string, f file) int64 {
	if c == nil {
		return 0
	}
	if n := sizeField(f.base(), 'S'); n != mailstore.Unknown {
		return n
	}
	if fi, err := c.a.fs.Lstat(filepath.Join(dir, f.path())); err == nil {
		return fi.Size()
	}
	return 0
}

// add notes a new message.
func (c *sizeChange) add(m *mailbox, f file, sys mailstore.System) {
	if c != nil && c.counts(m, sys) > 0 {
		c.note(c.size(m.dir(), f), 1)
	}
}

// remove notes that a message of this size is gone.
func (c *sizeChange) remove(m *mailbox, sys mailstore.System, size int64) {
	if c != nil && c.counts(m, sys) > 0 {
		c.note(-size, -1)
	}
}

// change notes that a message has other flags, or another mailbox.
func (c *sizeChange) change(from *mailbox, was mailstore.System, to *mailbox, f file, is mailstore.System) {
	if c == nil {
		return
	}
	if d := c.counts(to, is) - c.counts(from, was); d != 0 {
		c.note(d*c.size(to.dir(), f), d)
	}
}

// removeAll notes that a whole mailbox is gone, whose files are in dir.
func (c *sizeChange) removeAll(name, dir string) {
	if c == nil || c.allButTrash && name == trashName {
		return
	}
	for _, sub := range []string{"new", "cur"} {
		entries, err := c.a.fs.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			c.a.log.Info("cannot note how large a deleted mailbox was", "mailbox", name, "err", err)
			return
		}
		for _, e := range entries {
			_, letters, _ := splitInfo(e.Name)
			if deleted := systemOf(letters)&mailstore.Deleted != 0; usable(e.Name) && !(c.allButTrash && deleted) {
				c.note(-c.size(dir, file{e.Name, sub == "new"}), -1)
			}
		}
	}
}

func (c *sizeChange) note(octets, number int64) {
	c.octets += octets
	c.number += number
}

// done writes the line, if there is something to tell. The file is not worth
// failing for: whoever enforces a quota counts anew now and then.
func (c *sizeChange) done() {
	if c == nil {
		return
	}
	var err error
	if c.octets != 0 || c.number != 0 {
		_, err = c.file.Write(fmt.Appendf(nil, "%d %d\n", c.octets, c.number))
	}
	if err = errors.Join(err, c.file.Close()); err != nil {
		c.a.tree.warn("cannot note changes of the mail's size", c.file.Name(), "err", err)
	}
}
