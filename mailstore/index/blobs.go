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

// What the names of blobs, and of those that are being written, begin with, and the file
// that says whether they can be believed.
const (
	blobPrefix = "blob."
	blobTemp   = "newblob."
	blobMark   = "blobs"
)

const (
	markMagic = "restblob"
	markLen   = 16 // magic, UIDNEXT, checksum
)

// blobs are files beside the index, which is what they depend on. What they tell of a UID is
// true of the message that the index had under it when they were put. After a crash the
// index may be older, or be none, and a UID that it does not have may be given to another
// message. So there is a mark, which says the highest UIDNEXT of the time of any blob. It is
// durable before the blob has its name. When an index is loaded that has a lower one, or
// none is, the mark is removed at once; without it no blob is believed.
type blobs struct {
	fs      fsys.FS
	uidNext func() mailstore.UID

	mu     sync.Mutex
	dir    string
	closed bool          // nothing is kept any more
	mark   mailstore.UID // as it is on disk, 0: there is none
	tidied bool          // what is of no use was removed
}

var errNotKept = errors.New("the mailbox has left the memory")

func newBlobs(sys fsys.FS, dir string, uidNext func() mailstore.UID) *blobs {
	return &blobs{fs: sys, dir: dir, uidNext: uidNext}
}

// Blobs keeps what services have worked out of the mailbox, for as long as the Store is in
// use.
func (s *Store[T]) Blobs() mailstore.Blobs { return s.blobs }

// begin decides whether the blobs that are there can be believed, beside an index with
// that UIDNEXT; 0 is no index.
func (b *blobs) begin(loaded mailstore.UID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	path := filepath.Join(b.dir, blobMark)
	mark, err := readMark(b.fs, path)
	switch {
	case isAbsent(err):
		return nil
	case err == nil && mark <= loaded:
		b.mark = mark
		return nil
	}
	if err = b.fs.Remove(path); err == nil {
		err = b.fs.SyncDir(b.dir)
	}
	b.closed = err != nil
	return err
}

func readMark(sys fsys.FS, path string) (mailstore.UID, error) {
	b, err := fsys.ReadFile(sys, path, markLen)
	if err != nil {
		return 0, err
	}
	if len(b) != markLen || string(b[:8]) != markMagic || checksum(b[:12]) != le.Uint32(b[12:]) {
		return 0, errDamaged
	}
	return mailstore.UID(le.Uint32(b[8:])), nil
}

// raise makes durable that blobs speak of messages below UIDNEXT.
func (b *blobs) raise() error {
	next := b.uidNext()
	if next <= b.mark {
		return nil
	}
	m := le.AppendUint32([]byte(markMagic), uint32(next))
	m = le.AppendUint32(m, checksum(m))
	if err := fsys.WriteFile(b.fs, filepath.Join(b.dir, blobMark), m, filePerm); err != nil {
		return err
	}
	b.mark = next
	return nil
}

// List returns the names.
func (b *blobs) List() ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ready() {
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
	if !b.ready() {
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
	if b.closed {
		err = errors.Join(err, errNotKept)
	}
	if err == nil {
		err = b.raise()
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
	if !b.ready() {
		return nil, errNotKept
	}
	path := filepath.Join(b.dir, temp)
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := b.fs.OpenFile(path, flags, filePerm)
	if !isAbsent(err) {
		return f, err
	}
	if err := fsys.MkdirAll(b.fs, b.dir, dirPerm); err != nil {
		return nil, err
	}
	return b.fs.OpenFile(path, flags, filePerm)
}

// Remove removes a blob.
func (b *blobs) Remove(name string) error {
	if !mailstore.ValidBlobName(name) {
		return mailstore.ErrInvalidName
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ready() {
		return nil
	}
	if err := b.fs.Remove(filepath.Join(b.dir, blobPrefix+name)); !isAbsent(err) {
		return err
	}
	return nil
}

// ready removes, the first time, what a crash has left and what cannot be believed. As long
// as that is not possible nothing is kept.
func (b *blobs) ready() bool {
	if b.closed || b.tidied {
		return !b.closed
	}
	entries, err := b.fs.ReadDir(b.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name, blobTemp) || b.mark == 0 && strings.HasPrefix(e.Name, blobPrefix) {
			err = errors.Join(err, b.fs.Remove(filepath.Join(b.dir, e.Name)))
		}
	}
	b.tidied = err == nil || isAbsent(err)
	return b.tidied
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
		if e.Name != blobMark && !strings.HasPrefix(e.Name, blobPrefix) && !strings.HasPrefix(e.Name, blobTemp) {
			continue
		}
		if err := sys.Remove(filepath.Join(dir, e.Name)); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}
