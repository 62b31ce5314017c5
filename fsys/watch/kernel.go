package watch

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// kernel tells of changes. The numbers it gives out name inodes, not paths, and
// are not used again for another inode. It is safe for concurrent use, but for
// read, which one goroutine calls.
type kernel interface {
	// add begins to watch the inode at path, following symbolic links, or
	// returns its number again. With dir it fails unless it is a directory.
	add(path string, dir bool) (int32, error)
	// remove never waits. What read returns later may still name the number.
	remove(wd int32)
	// read returns what happened, valid until the next read. With wait it
	// waits for something to happen or for wake, which makes it return nothing.
	read(wait bool) ([]event, error)
	// wake makes the read that waits, or else the next that would, return.
	wake()
	close() error
}

// An event is something that happened to the inode wd: to an entry of it when
// there is a name, else to itself.
type event struct {
	wd   int32
	kind eventKind
	name []byte
}

type eventKind uint8

const (
	eventChanged  eventKind = iota // content, or an entry
	eventMoved                     // the inode may not be at its path any more
	eventIgnored                   // wd is watched no longer
	eventOverflow                  // events were lost; wd means nothing
)

// errBlind: there is no kernel to tell.
var errBlind = errors.New("no kernel notification")

// blind is the kernel that tells nothing, so that the loop has one in any case.
type blind struct {
	woken  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newBlind() *blind {
	return &blind{woken: make(chan struct{}, 1), closed: make(chan struct{})}
}

func isBlind(k kernel) bool {
	_, is := k.(*blind)
	return is
}

func (b *blind) add(path string, _ bool) (int32, error) {
	return 0, &fs.PathError{Op: "watch", Path: path, Err: errBlind}
}

func (b *blind) remove(int32) {}

func (b *blind) read(wait bool) ([]event, error) {
	if !wait {
		return nil, nil
	}
	select {
	case <-b.woken:
		return nil, nil
	case <-b.closed:
		return nil, os.ErrClosed
	}
}

func (b *blind) wake() {
	select {
	case b.woken <- struct{}{}:
	default:
	}
}

func (b *blind) close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}
