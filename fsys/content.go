package fsys

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Content is a regular file that was opened to be read and nothing else. It must be
// closed. It may be used by several goroutines.
type Content interface {
	io.ReaderAt
	io.Closer
	// Size and ModTime (in seconds since 1970) are those of the moment of opening.
	Size() int64
	ModTime() int64
}

// OpenContent opens a file with the guards of OpenFile, and follows no link that the
// name itself is. It costs half of what OpenFile and Stat do, which counts where
// thousands of messages are read.
func OpenContent(sys FS, name string) (Content, error) {
	switch sys := sys.(type) { // by their own types: one made of them has an OpenFile of its own
	case OS:
		return openContent(name)
	case *owned:
		defer sys.become(name).restore()
		return OpenContent(sys.sys, name)
	case *Debts:
		return OpenContent(sys.FS, name)
	}
	f, err := sys.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotFile}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return fileContent{f, fi}, nil
}

// fileContent is Content of any file system.
type fileContent struct {
	File
	fi fs.FileInfo
}

func (c fileContent) Size() int64    { return c.fi.Size() }
func (c fileContent) ModTime() int64 { return c.fi.ModTime().Unix() }

// osContent reads by the descriptor itself. A regular file needs nothing of what
// os.File has beyond that, and reads of it wait with O_NONBLOCK, too.
type osContent struct {
	mu      sync.RWMutex // held to read while a descriptor is in use, as its number may come again
	fd      int          // -1 when it is closed
	dir     string       // "" if name is the whole path
	name    string
	size    int64
	modTime int64
}

func openContent(name string) (Content, error) {
	fd, err := openPatiently(name, unix.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	c := &osContent{fd: fd, name: name}
	if err := c.describe(Owner{}); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// describe finds out what was opened, and refuses what is no file, or not readable for
// its owner.
func (c *osContent) describe(owner Owner) error {
	var st unix.Stat_t
	err := noEINTR(func() error { return unix.Fstat(c.fd, &st) })
	switch {
	case err != nil:
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = ErrNotFile
	case !owner.may(&st, ownersRead):
		err = ErrNoDir
	default:
		c.size, c.modTime = st.Size, int64(st.Mtim.Sec)
		return nil
	}
	return &fs.PathError{Op: "open", Path: c.path(), Err: err}
}

func (c *osContent) path() string { return filepath.Join(c.dir, c.name) }

func (c *osContent) Size() int64    { return c.size }
func (c *osContent) ModTime() int64 { return c.modTime }

// ReadAt is pread(2), as often as it takes.
func (c *osContent) ReadAt(p []byte, off int64) (n int, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
		return 0, &fs.PathError{Op: "read", Path: c.path(), Err: fs.ErrClosed}
	}
	for n < len(p) {
		k, err := unix.Pread(c.fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return n, &fs.PathError{Op: "read", Path: c.path(), Err: err}
		case k == 0:
			return n, io.EOF
		}
		n += max(k, 0)
	}
	return n, nil
}

// Close is close(2).
func (c *osContent) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return &fs.PathError{Op: "close", Path: c.path(), Err: fs.ErrClosed}
	}
	err := unix.Close(c.fd)
	c.fd = -1
	if err != nil {
		return &fs.PathError{Op: "close", Path: c.path(), Err: err}
	}
	return nil
}
