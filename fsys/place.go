package fsys

import (
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A Place is a directory for who gives many files in it other names, one after the
// other: neither is the path to it looked up for each, nor are the rights of the thread
// asked for. Everything it does is an operation of its file system, done with the same
// rights, and has the same errors.
//
// It is the directory that stood at its path when it was opened, wherever that is now.
type Place struct {
	sys  FS
	name string
	fd   int // -1 where all is done by paths
}

// OpenPlace opens a directory for the calling goroutine, which has the rights of the
// owner of sys by Hold and must not release them before Close. Where the directory
// cannot be kept open, as on a file system that is not the machine's, or without Hold,
// all is done by paths, and tells what is wrong then.
func OpenPlace(sys FS, name string) *Place {
	p := PlaceByPath(sys, name)
	if !canPlace(sys, name) {
		return p
	}
	if fd, err := openPatiently(name, unix.O_RDONLY|unix.O_DIRECTORY, 0); err == nil {
		p.fd = fd
	}
	return p
}

// canPlace reports whether system calls of this thread are what sys would do in a
// directory.
func canPlace(sys FS, name string) bool {
	switch sys := sys.(type) {
	case OS:
		return true
	case *owned:
		_, machine := sys.sys.(OS)
		return machine && sys.group(name+"/") == sys.owner.GID && sys.isHeld()
	case *Debts:
		return canPlace(sys.FS, name)
	}
	return false
}

// PlaceByPath is OpenPlace without opening the directory, which costs more than it saves
// for a few files.
func PlaceByPath(sys FS, name string) *Place { return &Place{sys, name, -1} }

// Close closes the directory.
func (p *Place) Close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd) // nothing was written
		p.fd = -1
	}
}

func (p *Place) path(name string) string { return p.name + "/" + name }

// direct reports whether an operation can do without paths: on names, and nothing
// that leads elsewhere.
func (p *Place) direct(name string) bool {
	return p.fd >= 0 && name != "" && strings.IndexByte(name, '/') < 0
}

// Rename is FS.Rename of a name here to one in another place of the file system.
func (p *Place) Rename(name string, to *Place, newname string) error {
	if !p.direct(name) || !to.direct(newname) {
		return p.sys.Rename(p.path(name), to.path(newname))
	}
	err := noEINTR(func() error { return unix.Renameat2(p.fd, name, to.fd, newname, unix.RENAME_NOREPLACE) })
	switch err {
	case nil:
		return nil
	case unix.EEXIST, unix.EINVAL, unix.ENOSYS: // OS.Rename knows what to do
		return p.sys.Rename(p.path(name), to.path(newname))
	}
	return &os.LinkError{Op: "rename", Old: p.path(name), New: to.path(newname), Err: err}
}

// Link is FS.Link of a name here to one in another place of the file system.
func (p *Place) Link(name string, to *Place, newname string) error {
	if !p.direct(name) || !to.direct(newname) {
		return p.sys.Link(p.path(name), to.path(newname))
	}
	err := noEINTR(func() error { return unix.Linkat(p.fd, name, to.fd, newname, 0) })
	if err != nil {
		return &os.LinkError{Op: "link", Old: p.path(name), New: to.path(newname), Err: err}
	}
	return nil
}

// Remove is FS.Remove of a name here.
func (p *Place) Remove(name string) error {
	if !p.direct(name) {
		return p.sys.Remove(p.path(name))
	}
	err := noEINTR(func() error { return unix.Unlinkat(p.fd, name, 0) })
	switch err {
	case nil:
		return nil
	case unix.EISDIR, unix.EPERM: // it is a directory
		return p.sys.Remove(p.path(name))
	}
	return &fs.PathError{Op: "remove", Path: p.path(name), Err: err}
}
