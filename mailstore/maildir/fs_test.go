package maildir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"restante/fsys"
)

// readOnlyFS is a file system that is mounted read-only.
type readOnlyFS struct{ fsys.OS }

func (readOnlyFS) no(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: syscall.EROFS}
}

func (r readOnlyFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, r.no("open", name)
	}
	return r.OS.OpenFile(name, flag, perm)
}

func (r readOnlyFS) CreateWith(name string, _ []byte, _ fs.FileMode) (fsys.File, error) {
	return nil, r.no("create", name)
}

func (r readOnlyFS) Rename(oldname, _ string) error            { return r.no("rename", oldname) }
func (r readOnlyFS) Link(_, newname string) error              { return r.no("link", newname) }
func (r readOnlyFS) Symlink(_, name string) error              { return r.no("symlink", name) }
func (r readOnlyFS) Remove(name string) error                  { return r.no("remove", name) }
func (r readOnlyFS) Mkdir(name string, _ fs.FileMode) error    { return r.no("mkdir", name) }
func (r readOnlyFS) Chtimes(name string, _, _ time.Time) error { return r.no("chtimes", name) }
func (r readOnlyFS) Chmod(name string, _ fs.FileMode) error    { return r.no("chmod", name) }
func (r readOnlyFS) Lchown(name string, _, _ int) error        { return r.no("lchown", name) }

// mountsFS cannot link or rename between mailboxes, as when each is on a file
// system of its own.
type mountsFS struct{ fsys.OS }

func mailboxOf(path string) string { return filepath.Dir(filepath.Dir(path)) }

func (m mountsFS) Link(oldname, newname string) error {
	if mailboxOf(oldname) != mailboxOf(newname) {
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: syscall.EXDEV}
	}
	return m.OS.Link(oldname, newname)
}

func (m mountsFS) Rename(oldname, newname string) error {
	if mailboxOf(oldname) != mailboxOf(newname) {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: syscall.EXDEV}
	}
	return m.OS.Rename(oldname, newname)
}

// busyFS is a file system on which somebody renames while a directory is being
// read: some readings miss an entry, or return it under a second name too, and
// the directory's time changes.
type busyFS struct {
	fsys.OS
	mu    sync.Mutex
	edits []func([]fsys.Entry) []fsys.Entry // of the next readings of cur/
	reads int
}

func (b *busyFS) ReadDir(name string) ([]fsys.Entry, error) {
	list, err := b.OS.ReadDir(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if filepath.Base(name) != "cur" || err != nil {
		return list, err
	}
	b.reads++
	if len(b.edits) == 0 {
		return list, nil
	}
	list = b.edits[0](list)
	b.edits = b.edits[1:]
	now := time.Now()
	return list, b.Chtimes(name, now, now)
}

// hiding misses the entries with a prefix.
func hiding(prefix string) func([]fsys.Entry) []fsys.Entry {
	return func(list []fsys.Entry) []fsys.Entry {
		return slices.DeleteFunc(list, func(e fsys.Entry) bool { return strings.HasPrefix(e.Name, prefix) })
	}
}

// adding returns an entry that is not there any more.
func adding(name string) func([]fsys.Entry) []fsys.Entry {
	return func(list []fsys.Entry) []fsys.Entry { return append(list, fsys.Entry{Name: name}) }
}

// countingFS counts what waits for the disk, and looks at directories and files.
type countingFS struct {
	fsys.OS
	syncs, stats atomic.Int64
}

func (c *countingFS) Stat(name string) (fs.FileInfo, error) {
	c.stats.Add(1)
	return c.OS.Stat(name)
}

type countingFile struct {
	fsys.File
	syncs *atomic.Int64
}

func (c *countingFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	f, err := c.OS.OpenFile(name, flag, perm)
	return countingFile{f, &c.syncs}, err
}

func (c *countingFS) SyncDir(name string) error {
	c.syncs.Add(1)
	return c.OS.SyncDir(name)
}

func (c countingFile) Sync() error {
	c.syncs.Add(1)
	return c.File.Sync()
}
