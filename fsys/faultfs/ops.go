package faultfs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"restante/fsys"
)

func fail(op Op, path string, err error) error {
	var already *fs.PathError
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &fs.PathError{Op: string(op), Path: path, Err: err}
}

// OpenFile opens with the flags of package os. Permissions are kept but never refuse.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	unlock, err := f.begin("open", name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	n, err := f.open(name, flag, perm)
	if err != nil {
		return nil, fail("open", name, err)
	}
	return &file{fs: f, node: n, name: name, flag: flag, epoch: f.epoch}, nil
}

func (f *FS) open(name string, flag int, perm fs.FileMode) (*node, error) {
	exclusive := flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0
	dir, base, n, err := f.lookup(name, !exclusive)
	if err != nil {
		return nil, err
	}
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case n == nil && (flag&os.O_CREATE == 0 || strings.HasSuffix(name, "/")):
		return nil, syscall.ENOENT
	case n == nil:
		if err := f.change(Create, name); err != nil {
			return nil, err
		}
		n = f.newNode(perm.Perm())
		n.links = 1
		f.edit(dir, nil, naming{base, n})
	case exclusive:
		return nil, syscall.EEXIST
	case n.mode.IsDir() && writes:
		return nil, syscall.EISDIR
	case flag&os.O_TRUNC != 0 && writes && n.data.size > 0:
		if err := f.change(Truncate, name); err != nil {
			return nil, err
		}
		n.change(write{truncate: true}, f.now())
	}
	return n, nil
}

// CreateWith is two operations, as it needs room: the content is written, and
// then it gets its name.
func (f *FS) CreateWith(name string, content []byte, perm fs.FileMode) (fsys.File, error) {
	const flag = os.O_RDWR | os.O_CREATE | os.O_EXCL
	unlock, err := f.begin("create", name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = f.change(Write, name)
	if err == nil && len(content) > 0 {
		err = f.grow(Write, name)
	}
	if err != nil {
		return nil, fail(Write, name, err)
	}
	n, err := f.open(name, flag, perm)
	if err != nil {
		return nil, fail("create", name, err)
	}
	n.change(write{data: slices.Clone(content)}, f.now())
	return &file{fs: f, node: n, name: name, flag: flag, epoch: f.epoch}, nil
}

// Rename is os.Rename: rename(2), but it never replaces a directory.
func (f *FS) Rename(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fail(Rename, oldname, f.rename(oldname, newname))
}

func (f *FS) rename(oldname, newname string) error {
	if err := f.change(Rename, oldname, newname); err != nil {
		return err
	}
	dir, base, n, err := f.lookup(oldname, false)
	if err != nil {
		return err
	}
	toDir, toBase, old, err := f.lookup(newname, false)
	if err != nil {
		return err
	}
	switch {
	case n == nil:
		return syscall.ENOENT
	case old != nil && old.mode.IsDir() && (n != old || oldname == newname):
		return syscall.EEXIST // package os never replaces a directory
	case n == old:
		return nil
	case base == "." || toBase == ".":
		return syscall.EBUSY
	case n.mode.IsDir() && n.holds(toDir):
		return syscall.EINVAL
	case old != nil && n.mode.IsDir():
		return syscall.ENOTDIR
	}
	if old != nil {
		old.links--
	}
	if dir == toDir {
		f.edit(dir, nil, naming{toBase, n}, naming{base, nil})
	} else {
		there := f.edit(toDir, nil, naming{toBase, n})
		gone := f.edit(dir, there, naming{base, nil})
		if n.mode.IsDir() {
			there.with = gone
		}
	}
	n.ctime = f.now()
	return nil
}

// holds reports whether dir is n or below it.
func (n *node) holds(dir *node) bool {
	if n == dir {
		return true
	}
	for _, child := range n.entries {
		if child.mode.IsDir() && child.holds(dir) {
			return true
		}
	}
	return false
}

// Link is link(2).
func (f *FS) Link(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fail(Link, newname, f.link(oldname, newname))
}

func (f *FS) link(oldname, newname string) error {
	if err := f.change(Link, oldname, newname); err != nil {
		return err
	}
	_, _, n, err := f.lookup(oldname, false)
	switch {
	case err != nil:
		return err
	case n == nil:
		return syscall.ENOENT
	}
	return f.put(newname, n)
}

// put gives a node a name that must be free.
func (f *FS) put(name string, n *node) error {
	dir, base, old, err := f.lookup(name, false)
	if err != nil {
		return err
	}
	switch {
	case old != nil:
		return syscall.EEXIST
	case n.mode.IsDir() && n.links > 0:
		return syscall.EPERM // a second name for a directory
	}
	n.links++
	n.ctime = f.now()
	f.edit(dir, nil, naming{base, n})
	return nil
}

// Symlink is symlink(2).
func (f *FS) Symlink(target, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(Symlink, name, target); err != nil {
		return err
	}
	n := f.newNode(fs.ModeSymlink | 0o777)
	n.target = target
	return fail(Symlink, name, f.put(name, n))
}

// Mkdir is mkdir(2).
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(Mkdir, name); err != nil {
		return err
	}
	return fail(Mkdir, name, f.put(name, f.newNode(fs.ModeDir|perm.Perm())))
}

// Readlink is readlink(2).
func (f *FS) Readlink(name string) (string, error) {
	n, unlock, err := f.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	defer unlock()
	if n.mode&fs.ModeSymlink == 0 {
		return "", fail("readlink", name, syscall.EINVAL)
	}
	return n.target, nil
}

// Remove is unlink(2) or rmdir(2).
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fail(Remove, name, f.remove(name))
}

func (f *FS) remove(name string) error {
	if err := f.change(Remove, name); err != nil {
		return err
	}
	dir, base, n, err := f.lookup(name, false)
	switch {
	case err != nil:
		return err
	case n == nil:
		return syscall.ENOENT
	case base == ".":
		return syscall.EINVAL
	case len(n.entries) > 0:
		return syscall.ENOTEMPTY
	}
	n.links--
	n.ctime = f.now()
	f.edit(dir, nil, naming{base, nil})
	return nil
}

// find looks up what must be there, for reading.
func (f *FS) find(op, name string, follow bool) (*node, func(), error) {
	unlock, err := f.begin(op, name)
	if err != nil {
		return nil, nil, err
	}
	_, _, n, err := f.lookup(name, follow)
	if err == nil && n == nil {
		err = syscall.ENOENT
	}
	if err != nil {
		unlock()
		return nil, nil, fail(Op(op), name, err)
	}
	return n, unlock, nil
}

// ReadDir returns the entries in random order.
func (f *FS) ReadDir(name string) ([]fsys.Entry, error) {
	n, unlock, err := f.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !n.mode.IsDir() {
		return nil, fail("readdir", name, syscall.ENOTDIR)
	}
	list := make([]fsys.Entry, 0, len(n.entries))
	for base, child := range n.entries {
		list = append(list, fsys.Entry{Name: base, Type: child.mode.Type()})
	}
	return list, nil
}

// Stat follows symbolic links.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name, true) }

// Lstat does not follow a symbolic link.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name, false) }

func (f *FS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, unlock, err := f.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return n.info(name), nil
}

// Chtimes sets access and modification time. They are durable when the file
// is synced.
func (f *FS) Chtimes(name string, atime, mtime time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(Chtimes, name); err != nil {
		return err
	}
	_, _, n, err := f.lookup(name, true)
	if err == nil && n == nil {
		err = syscall.ENOENT
	}
	if err != nil {
		return fail(Chtimes, name, err)
	}
	// What a system call would drop: the zone and the monotonic clock.
	n.atime, n.mtime, n.ctime = time.Unix(0, atime.UnixNano()), time.Unix(0, mtime.UnixNano()), f.now()
	return nil
}

// Chmod sets permissions. Like owners they are durable at once, as nothing rests
// on when they are.
func (f *FS) Chmod(name string, perm fs.FileMode) error {
	const bits = fs.ModePerm | fs.ModeSticky
	return f.describe(Chmod, name, true, func(n *node) { n.mode = n.mode&^bits | perm&bits })
}

// Lchown gives away a file or a link itself.
func (f *FS) Lchown(name string, uid, gid int) error {
	return f.describe(Lchown, name, false, func(n *node) { n.uid, n.gid = uint32(uid), uint32(gid) })
}

// describe changes what is said of a file.
func (f *FS) describe(op Op, name string, follow bool, fn func(n *node)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(op, name); err != nil {
		return err
	}
	_, _, n, err := f.lookup(name, follow)
	if err == nil && n == nil {
		err = syscall.ENOENT
	}
	if err != nil {
		return fail(op, name, err)
	}
	fn(n)
	n.ctime = f.now()
	return nil
}

// SyncDir makes the entries of a directory durable.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(SyncDir, name); err != nil {
		return err
	}
	_, _, n, err := f.lookup(name, true)
	switch {
	case err != nil:
	case n == nil:
		err = syscall.ENOENT
	case n.mode.IsDir():
		f.syncDir(n)
	default:
		err = syscall.ENOTDIR
	}
	return fail(SyncDir, name, err)
}
