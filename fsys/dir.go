package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Dir is a directory that stays open, for who opens many files in it or asks often
// whether it has changed: neither is the path to it looked up again, nor do the rights of
// a thread change, which costs as much as opening a file. It may be used by several
// goroutines and must be closed.
//
// It is the directory that stood at its path when it was opened, wherever that is now.
type Dir struct {
	name  string
	owner Owner        // only what he may read is opened
	mu    sync.RWMutex // held to read while the descriptor is in use, as its number may come again
	fd    int          // -1 when it is closed
	quick bool         // quickStat may be asked
}

// ErrNoDir is what OpenDir and Dir.Open give where OpenContent has to be used, by the
// whole path.
var ErrNoDir = errors.New("this must be opened by its path")

// ownersRead and ownersWay are the permissions that let the owner read a file, and read
// a directory and pass through it.
const (
	ownersRead = unix.S_IRUSR
	ownersWay  = unix.S_IRUSR | unix.S_IXUSR
)

// OpenDir opens a directory, with the rights of the owner of sys. It gives ErrNoDir for
// file systems that are not the machine's, and for a directory that the owner has no
// rights to as its owner.
func OpenDir(sys FS, name string) (*Dir, error) {
	switch sys := sys.(type) {
	case OS:
		return openDir(name, Owner{})
	case *owned:
		if _, machine := sys.sys.(OS); machine {
			defer sys.become(name).restore()
			return openDir(name, sys.owner)
		}
	case *Debts:
		return OpenDir(sys.FS, name)
	}
	return nil, ErrNoDir
}

func openDir(name string, owner Owner) (*Dir, error) {
	fd, err := openPatiently(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	d := &Dir{name: name, owner: owner, fd: fd}
	var st unix.Stat_t
	if err := d.stat(&st); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Join(err, unix.Close(fd))}
	}
	d.quick = looksAreQuick(fd, &st)
	return d, nil
}

// stat is nil if the owner may still read the directory and pass through it.
func (d *Dir) stat(st *unix.Stat_t) error {
	err := noEINTR(func() error { return unix.Fstat(d.fd, st) })
	if err == nil && !d.owner.may(st, ownersWay) {
		err = ErrNoDir
	}
	return err
}

// may reports whether the owner has the permissions as the owner of a file, whoever
// asks. For who runs the process the kernel has asked that already.
func (o Owner) may(st *unix.Stat_t, permissions uint32) bool {
	return o.Self() || int(st.Uid) == o.UID && st.Mode&permissions == permissions
}

// Open is OpenContent for a name in the directory.
//
// The file is opened with whatever rights the thread has, and given away only if the
// owner of sys could have opened it himself: it stands in a directory that he has passed
// through and may pass through now, the name is not a link, and it is his own and he may
// read it. Else it is ErrNoDir: what is his in another way only the kernel can tell.
func (d *Dir) Open(name string) (Content, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return nil, ErrNoDir
	}
	if !d.owner.Self() && d.stat(new(unix.Stat_t)) != nil {
		return nil, ErrNoDir
	}
	fd, err := d.openName(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(d.name, name), Err: err}
	}
	c := &osContent{fd: fd, dir: d.name, name: name}
	if err := c.describe(d.owner); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// openName opens what has a name in the directory, and nothing elsewhere.
func (d *Dir) openName(name string) (fd int, err error) {
	if name == "" || strings.IndexByte(name, '/') >= 0 {
		return -1, unix.EINVAL
	}
	const flag = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_LARGEFILE | openGuards
	err = noEINTR(func() (err error) {
		fd, err = unix.Openat(d.fd, name, flag, 0)
		return err
	})
	return fd, err
}

// ModTime returns the modification time of the directory, without looking up its path
// again: in memory that others have used since, that takes longer than all else that is
// done to find out whether somebody has changed it. A directory that was removed has none.
func (d *Dir) ModTime() (time.Time, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	mtime, links, err := d.look()
	if err == nil && links == 0 {
		err = unix.ENOENT
	}
	if err != nil {
		return time.Time{}, &fs.PathError{Op: "stat", Path: d.name, Err: err}
	}
	return mtime, nil
}

// look asks for the modification time and how many names lead to the directory. The caller
// holds mu.
func (d *Dir) look() (mtime time.Time, links uint32, err error) {
	if d.fd < 0 {
		return mtime, 0, fs.ErrClosed
	}
	if d.quick {
		if mtime, links, ok := quickStat(d.fd); ok {
			return mtime, links, nil
		}
	}
	var st unix.Stat_t
	err = noEINTR(func() error { return unix.Fstat(d.fd, &st) })
	return time.Unix(st.Mtim.Unix()), uint32(st.Nlink), err
}

// Close closes the directory. What was opened in it stays open.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return &fs.PathError{Op: "close", Path: d.name, Err: fs.ErrClosed}
	}
	err := os.NewSyscallError("close", unix.Close(d.fd))
	d.fd = -1
	return err
}
