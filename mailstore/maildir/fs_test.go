package maildir_test

import (
	"io/fs"
	"os"
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

func (r readOnlyFS) Rename(oldname, _ string) error            { return r.no("rename", oldname) }
func (r readOnlyFS) Link(_, newname string) error              { return r.no("link", newname) }
func (r readOnlyFS) Symlink(_, name string) error              { return r.no("symlink", name) }
func (r readOnlyFS) Remove(name string) error                  { return r.no("remove", name) }
func (r readOnlyFS) Mkdir(name string, _ fs.FileMode) error    { return r.no("mkdir", name) }
func (r readOnlyFS) Chtimes(name string, _, _ time.Time) error { return r.no("chtimes", name) }

// noLinksFS cannot link and cannot rename between directories, as when each
// mailbox is a mount of its own.
type noLinksFS struct{ fsys.OS }

func (noLinksFS) Link(_, newname string) error {
	return &os.LinkError{Op: "link", New: newname, Err: syscall.EXDEV}
}
