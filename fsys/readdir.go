package fsys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// A directory is read into a buffer of the first size, and where it does not fit into
// one of the second: a Maildir of a hundred thousand messages has ten megabytes of names.
const (
	smallDir = 8 << 10
	largeDir = 128 << 10
)

// struct linux_dirent64 of getdents64(2) is inode (8), offset (8), its own length (2),
// type (1), and the name up to a zero.
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
	direntMost   = 280 // with a name of 255 octets, and a multiple of 8
)

var errBadDirent = errors.New("the kernel's list of names cannot be read")

// ReadDir reads the directory once, without sorting, and without stat where the file
// system tells the types. Names that were read together share memory: who keeps few of
// many clones them.
func (OS) ReadDir(name string) ([]Entry, error) {
	fd, err := openGuarded(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	var r dirReader
	err = r.readAll(fd)
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return withTypes(name, r.list)
}

// EachName calls fn for the entries of a directory, as FS.ReadDir returns them, until it
// returns false. A name is good for the length of the call: nothing is kept of it. Types
// that the directory does not tell are fs.ModeIrregular. What is read at once is what fits
// into buf, which has room for some entries.
func EachName(sys FS, dir string, buf []byte, fn func(name []byte, kind fs.FileMode) bool) error {
	if r, reads := sys.(nameReader); reads {
		return r.eachName(dir, buf, fn)
	}
	list, err := sys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		buf = append(buf[:0], e.Name...)
		if !fn(buf, e.Type) {
			return nil
		}
	}
	return nil
}

// nameReader is a file system that reads a directory without keeping its names.
type nameReader interface {
	eachName(dir string, buf []byte, fn func(name []byte, kind fs.FileMode) bool) error
}

func (OS) eachName(dir string, buf []byte, fn func(name []byte, kind fs.FileMode) bool) error {
	fd, err := openGuarded(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	for more := true; more; {
		n := 0
		err = noEINTR(func() (err error) { n, err = unix.Getdents(fd, buf); return err })
		if err != nil || n <= 0 {
			break
		}
		if more, err = eachDirent(buf[:n], fn); err != nil {
			break
		}
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return &fs.PathError{Op: "readdir", Path: dir, Err: err}
	}
	return nil
}

// eachDirent calls fn for what getdents64(2) has put into buf, until it returns false.
func eachDirent(buf []byte, fn func(name []byte, kind fs.FileMode) bool) (more bool, err error) {
	for len(buf) > 0 {
		if len(buf) <= direntName {
			return false, errBadDirent
		}
		size := int(binary.NativeEndian.Uint16(buf[direntLength:]))
		if size <= direntName || size > len(buf) {
			return false, errBadDirent
		}
		kind, name := buf[direntType], buf[direntName:size]
		buf = buf[size:]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if string(name) == "." || string(name) == ".." {
			continue
		}
		if !fn(name, typeOf(kind)) {
			return false, nil
		}
	}
	return true, nil
}

// dirReader is the reading of one directory.
type dirReader struct {
	list  []Entry
	names []byte // of what is in the buffer
	ends  []int  // of each of them
}

func (r *dirReader) readAll(fd int) error {
	buf := make([]byte, smallDir)
	for {
		n := 0
		err := noEINTR(func() (err error) { n, err = unix.Getdents(fd, buf); return err })
		if err != nil || n <= 0 {
			return err
		}
		if err := r.take(buf[:n]); err != nil {
			return err
		}
		if len(buf) == smallDir && n > smallDir-direntMost { // or all would have fitted
			buf = make([]byte, largeDir)
		}
	}
}

// take adds the entries in the buffer to the list; one string holds the names of all.
func (r *dirReader) take(buf []byte) error {
	r.names, r.ends = r.names[:0], r.ends[:0]
	first := len(r.list)
	_, err := eachDirent(buf, func(name []byte, kind fs.FileMode) bool {
		if len(r.list) == cap(r.list) {
			r.list = slices.Grow(r.list, max(len(r.list), 64))
		}
		r.list = append(r.list, Entry{Type: kind})
		r.names = append(r.names, name...)
		r.ends = append(r.ends, len(r.names))
		return true
	})
	if err != nil {
		return err
	}
	text, start := string(r.names), 0
	for i, end := range r.ends {
		r.list[first+i].Name = text[start:end]
		start = end
	}
	return nil
}

// typeOf is the type that the directory tells, fs.ModeIrregular where it does not.
func typeOf(kind byte) fs.FileMode {
	switch kind {
	case unix.DT_REG:
		return 0
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_FIFO:
		return fs.ModeNamedPipe
	case unix.DT_SOCK:
		return fs.ModeSocket
	case unix.DT_BLK:
		return fs.ModeDevice
	case unix.DT_CHR:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return fs.ModeIrregular
}

// withTypes asks for the types that the directory did not tell. What has gone
// meanwhile is left out.
func withTypes(dir string, list []Entry) ([]Entry, error) {
	kept := list[:0]
	for _, e := range list {
		if e.Type == fs.ModeIrregular {
			fi, err := os.Lstat(filepath.Join(dir, e.Name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			e.Type = fi.Mode().Type()
		}
		kept = append(kept, e)
	}
	return kept, nil
}
