package index

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"restante/fsys"
	"restante/mailstore"
)

// What the names of blobs, and of those that are being written, begin with.
const (
	blobPrefix = "blob."
	blobTemp   = "newblob."
)

// blobs are files beside the index, which is what they depend on: where there was no index
// of use there are none. The zero value has neither a directory nor anything in it.
type blobs struct {
	fs fsys.FS

	mu     sync.Mutex
	dir    string
	closed bool
	tidied bool            // what a crash has left was removed
	temps  map[string]bool // that are being written
}

var errNotKept = errors.New("the mailbox has left the memory")

func newBlobs(sys fsys.FS, dir string) *blobs {
	return &blobs{fs: sys, dir: dir, temps: make(map[string]bool)}
}

// Blobs keeps what services have worked out of the mailbox, for as long as the Store is in
// use.
func (s *Store[T]) Blobs() mailstore.Blobs { return s.blobs }

// List returns the names.
func (b *blobs) List() ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, nil
	}
	entries, err := b.fs.ReadDir(b.dir)
	if isAbsent(err) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name, blobPrefix); ok && mailstore.ValidBlobName(name) {
			names = append(names, name)
		}
	}
	return names, err
}

// Open gives access to a blob.
func (b *blobs) Open(name string) (mailstore.Blob, error) {
	if !mailstore.ValidBlobName(name) {
		return nil, mailstore.ErrInvalidName
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, mailstore.ErrNotFound
	}
	f, err := b.fs.OpenFile(filepath.Join(b.dir, blobPrefix+name), os.O_RDONLY, 0)
	if isAbsent(err) {
		return nil, mailstore.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &blob{f, fi.Size()}, nil
}

// blob is an open file, which nobody changes.
type blob struct {
	fsys.File
	size int64
}

// Len is the number of octets.
func (b *blob) Len() int64 { return b.size }

// Put keeps what write writes. Only making and naming the file waits for others.
func (b *blobs) Put(name string, write func(io.Writer) error) error {
	if !mailstore.ValidBlobName(name) {
		return mailstore.ErrInvalidName
	}
	temp := fmt.Sprintf("%s%016x", blobTemp, rand.Uint64())
	f, err := b.create(temp)
	if err == nil {
		err = errors.Join(write(f), f.Close())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.temps, temp)
	if b.closed {
		err = errors.Join(err, errNotKept)
	}
	if err == nil {
		err = b.fs.Rename(filepath.Join(b.dir, temp), filepath.Join(b.dir, blobPrefix+name))
	}
	if err != nil && f != nil {
		_ = b.fs.Remove(filepath.Join(b.dir, temp)) // else the next Store does
	}
	return err
}

// create makes the file for a blob.
func (b *blobs) create(temp string) (fsys.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errNotKept
	}
	if !b.tidied {
		b.tidied = true
		b.removeAll(blobTemp)
	}
	path := filepath.Join(b.dir, temp)
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := b.fs.OpenFile(path, flags, filePerm)
	if isAbsent(err) {
		if err = fsys.MkdirAll(b.fs, b.dir, dirPerm); err != nil {
			return nil, err
		}
		f, err = b.fs.OpenFile(path, flags, filePerm)
	}
	if err != nil {
		return nil, err
	}
	b.temps[temp] = true
	return f, nil
}

// Remove removes a blob.
func (b *blobs) Remove(name string) error {
	if !mailstore.ValidBlobName(name) {
		return mailstore.ErrInvalidName
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	if err := b.fs.Remove(filepath.Join(b.dir, blobPrefix+name)); !isAbsent(err) {
		return err
	}
	return nil
}

// discard removes all blobs, since nothing tells whether they are of this mailbox.
func (b *blobs) discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.removeAll(blobPrefix)
}

// removeAll removes the files whose names begin so, as far as that is possible.
func (b *blobs) removeAll(prefix string) {
	entries, _ := b.fs.ReadDir(b.dir) // what cannot be read now can be removed later
	for _, e := range entries {
		if strings.HasPrefix(e.Name, prefix) && !b.temps[e.Name] {
			_ = b.fs.Remove(filepath.Join(b.dir, e.Name)) // likewise
		}
	}
}

// close lets nothing be kept any more.
func (b *blobs) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// removeBlobs removes the blobs in a directory that no Store has.
func removeBlobs(sys fsys.FS, dir string) error {
	entries, err := sys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name, blobPrefix) && !strings.HasPrefix(e.Name, blobTemp) {
			continue
		}
		if err := sys.Remove(filepath.Join(dir, e.Name)); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}
