package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// changingFS is a file system on which a mailbox's file is lost or sealed.
type changingFS struct {
	fsys.FS
	file   string
	sealed bool // it may only be read
	broken bool // nothing can be written to it
	// unmakeable: it cannot be made.
	unmakeable bool
	away       int  // so many looks do not find it
	age        int  // files that were opened at an earlier age cannot be locked
	bare       bool // it was written to without a lock
}

type changingFile struct {
	fsys.File
	fs     *changingFS
	name   string
	age    int
	locked bool
}

func (c *changingFS) Stat(name string) (fs.FileInfo, error) {
	if name == c.file && c.away > 0 {
		c.away--
		return nil, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
	}
	return c.FS.Stat(name)
}

func (c *changingFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if name == c.file && c.sealed && flag&os.O_RDWR != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	if name == c.file && c.unmakeable && flag&os.O_CREATE != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &changingFile{File: f, fs: c, name: name, age: c.age}, nil
}

func (f *changingFile) TryLock(exclusive bool) (ok bool, err error) {
	if f.age < f.fs.age {
		return false, &fs.PathError{Op: "lock", Path: f.name, Err: syscall.ESTALE}
	}
	ok, err = f.File.TryLock(exclusive)
	f.locked = ok && exclusive
	return ok, err
}

func (f *changingFile) Unlock() error {
	f.locked = false
	return f.File.Unlock()
}

func (f *changingFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.bare = f.fs.bare || f.name == f.fs.file && !f.locked
	if f.name == f.fs.file && f.fs.broken {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.EIO}
	}
	return f.File.WriteAt(b, off)
}

var lockLists = [][]Lock{{Dotlock}, {Fcntl}, {Dotlock, Fcntl}, {Fcntl, Dotlock}}

// replaced is a mailbox of three messages whose file others replace.
type replaced struct {
	*testing.T
	fs        *changingFS
	file, old string // old is another name of the first file
	was       string // its content
	acct      mailstore.Account
	m         mailstore.Mailbox
}

func newReplaced(t *testing.T, locks []Lock, name string) *replaced {
	root := t.TempDir()
	b := &replaced{T: t, file: filepath.Join(root, name), old: filepath.Join(root, "old.before")}
	b.fs = &changingFS{FS: fsys.OS{}, file: b.file}
	b.put(mailOf("a") + mailOf("b") + mailOf("c"))
	b.open(locks)
	return b
}

func (b *replaced) open(locks []Lock) {
	b.Helper()
	b.acct = openAccount(b.T, Options{FS: b.fs, Root: filepath.Dir(b.file), Zone: time.UTC, LockTimeout: time.Second, Locks: locks})
	inbox, err := b.acct.Open(b.Context(), mailstore.Inbox) // the first one tries the locks out
	if err != nil {
		b.Fatal(err)
	}
	b.m = inbox
	if name := filepath.Base(b.file); name != "inbox" {
		if b.m, err = b.acct.Open(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { inbox.Close() })
	}
}

// keep gives the file another name, so that changes of it would be seen when it is
// replaced.
func (b *replaced) keep() {
	b.Helper()
	content, err := os.ReadFile(b.file)
	if err = errors.Join(err, os.Link(b.file, b.old)); err != nil {
		b.Fatal(err)
	}
	b.was = string(content)
}

func (b *replaced) put(content string) {
	b.Helper()
	temp := b.file + ".temp"
	err := os.WriteFile(temp, []byte(content), 0o600)
	if err = errors.Join(err, os.Rename(temp, b.file)); err != nil {
		b.Fatal(err)
	}
}

// untouched sees that nothing was written to the first file.
func (b *replaced) untouched() {
	b.Helper()
	if content, err := os.ReadFile(b.old); err != nil || string(content) != b.was {
		b.Errorf("the file that has gone was changed (%v):\n%s", err, content)
	}
}

func (b *replaced) flag(uids ...mailstore.UID) error {
	_, err := b.m.SetFlags(b.Context(), mailstore.NewUIDSet(uids...), mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
	return err
}

func (b *replaced) content() string {
	b.Helper()
	content, err := os.ReadFile(b.file)
	if err != nil {
		b.Fatal(err)
	}
	return string(content)
}

// TestReplaced: what is changed without a look before is the file that has the name,
// whichever locks are taken, and never the one that had it.
func TestReplaced(t *testing.T) {
	replace := func(b *replaced) { b.put(mailOf("a") + mailOf("b") + mailOf("c") + mailOf("d")) }
	for _, c := range []struct {
		name    string
		replace func(b *replaced)
		left    int // messages
		want    error
	}{
		{"another file is renamed to it", replace, 4, nil},
		{"it is removed and comes again", func(b *replaced) { os.Remove(b.file); replace(b) }, 4, nil},
		{"it is removed", func(b *replaced) { os.Remove(b.file) }, 0, nil},
		{"it is away for a moment", func(b *replaced) { b.fs.away = 1 }, 3, nil},
		{"another file comes when it is away for a moment", func(b *replaced) { replace(b); b.fs.away = 1 }, 4, nil},
		{"it is removed and may only be read when it comes again", func(b *replaced) { os.Remove(b.file); b.fs.sealed = true; replace(b) }, 4, mailstore.ErrReadOnly},
		{"the old file cannot be locked any more", func(b *replaced) { b.fs.age++; replace(b) }, 4, nil},
		{"the new file may only be read", func(b *replaced) { b.fs.sealed = true; replace(b) }, 4, mailstore.ErrReadOnly},
	} {
		for _, locks := range lockLists {
			t.Run(fmt.Sprint(c.name, locks), func(t *testing.T) {
				b := newReplaced(t, locks, "inbox")
				if err := b.flag(3); err != nil { // so that the locks have been used
					t.Fatal(err)
				}
				b.keep()
				moved := !strings.HasPrefix(c.name, "it is away")
				c.replace(b)
				if err := b.flag(2); !errors.Is(err, c.want) {
					t.Errorf("a flag: %v, want %v", err, c.want)
				}
				if moved {
					b.untouched()
				}
				if err := appendText(t, b.m, "Subject: e\r\n\r\n"); !errors.Is(err, c.want) {
					t.Errorf("a message: %v, want %v", err, c.want)
				}
				if moved {
					b.untouched()
				}
				left := c.left
				if c.want == nil {
					left++
				} else { // nobody looks before it may be written to again
					b.fs.sealed = false
					b.put(b.content())
				}
				if n := strings.Count(b.content(), "Subject: "); n != left {
					t.Errorf("%d messages are in the file, want %d", n, left)
				}
				if err := b.flag(1); err != nil {
					t.Errorf("a flag afterwards: %v", err)
				}
				if b.fs.bare && slices.Contains(locks, Fcntl) {
					t.Error("the file was written to without a lock")
				}
				if err := b.m.Close(); err != nil {
					t.Error(err)
				}
				checkFiles(t, b.fs, filepath.Dir(b.file))
			})
		}
	}
}

// TestRemovedWhileReadOnly: what may only be read is forgotten with the file.
func TestRemovedWhileReadOnly(t *testing.T) {
	for _, locks := range lockLists {
		t.Run(fmt.Sprint(locks), func(t *testing.T) {
			b := newReplaced(t, locks, "inbox")
			b.fs.sealed = true
			b.put(b.content())
			if err := b.flag(1); !errors.Is(err, mailstore.ErrReadOnly) {
				t.Fatal(err)
			}
			b.fs.sealed = false
			if err := os.Remove(b.file); err != nil {
				t.Fatal(err)
			}
			if err := b.m.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			for range 2 {
				if err := appendText(t, b.m, "Subject: x\r\n\r\n"); err != nil {
					t.Error(err)
				}
			}
			if n := b.m.Status().Messages; n != 2 {
				t.Errorf("%d messages, want 2", n)
			}
			if err := b.m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRemovedForGood: messages of an inbox that cannot be made again are gone.
func TestRemovedForGood(t *testing.T) {
	for _, locks := range lockLists {
		t.Run(fmt.Sprint(locks), func(t *testing.T) {
			b := newReplaced(t, locks, "inbox")
			if err := os.Remove(b.file); err != nil {
				t.Fatal(err)
			}
			b.fs.unmakeable = true
			if err := b.flag(1); err == nil {
				t.Error("a flag was set in a file that is not there")
			}
			if err := b.m.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			if n := b.m.Status().Messages; n != 0 {
				t.Errorf("%d messages are left", n)
			}
			b.fs.unmakeable = false
			if err := b.m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// halfDone breaks an expunge of the first message off, so that the journal has to finish it.
func (b *replaced) halfDone() {
	b.Helper()
	_, err := b.m.SetFlags(b.Context(), mailstore.NewUIDSet(1), mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), mailstore.SetFlagsOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.fs.broken = true
	if _, err := b.m.Expunge(b.Context(), mailstore.AllUIDs(), true); err == nil {
		b.Fatal("nothing can be written, and a message is expunged")
	}
	if j := b.m.(*Mailbox).j; j == nil || !j.dirty() {
		b.Fatal("the journal has nothing to finish")
	}
}

// TestHalfDoneAndReplaced: what the journal has to finish is left alone when the name
// stands for another file by then.
func TestHalfDoneAndReplaced(t *testing.T) {
	for _, locks := range lockLists {
		t.Run(fmt.Sprint(locks), func(t *testing.T) {
			b := newReplaced(t, locks, "inbox")
			b.halfDone()
			b.keep()
			b.put(mailOf("a") + mailOf("b") + mailOf("c") + mailOf("d"))
			b.fs.broken = false
			if err := b.flag(2); err != nil {
				t.Error(err)
			}
			b.untouched()
			if n := strings.Count(b.content(), "Subject: "); n != 4 {
				t.Errorf("%d messages are in the file, want 4", n)
			}
			if err := b.m.Close(); err != nil {
				t.Error(err)
			}
			b.untouched()
		})
	}
}

// TestHalfDoneAtTheStart: it is finished before the mailbox is looked at, whichever locks
// are taken and whichever mailbox is opened first.
func TestHalfDoneAtTheStart(t *testing.T) {
	for _, name := range []string{"inbox", "other"} {
		for _, locks := range lockLists {
			t.Run(fmt.Sprint(name, locks), func(t *testing.T) {
				b := newReplaced(t, locks, name)
				b.halfDone()
				_ = b.m.Close() // which cannot finish it either
				b.fs.broken = false
				b.open(locks)
				var got []string
				for _, r := range b.m.Records(make([]mailstore.Record, 0, 10), 1) {
					_, subject, _ := strings.Cut(string(readWire(t, b.m, r.UID)), "Subject: ")
					got = append(got, fmt.Sprint(r.UID, " ", subject[:1]))
				}
				if want := "[2 b 3 c]"; fmt.Sprint(got) != want {
					t.Errorf("the mailbox holds %v, want %v", got, want)
				}
				if err := b.m.Close(); err != nil {
					t.Error(err)
				}
				checkFiles(t, b.fs, filepath.Dir(b.file))
			})
		}
	}
}
