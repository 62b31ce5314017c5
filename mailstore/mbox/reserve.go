package mbox

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"restante/fsys"
	"restante/mailstore"
)

// reserve is room on the disk that an account keeps for the day when the disk is
// full. Then it becomes the journal of an expunge, or makes way for what marks
// messages as deleted. It is made when a mailbox is opened, and again when there
// is room. docs/design/mbox.md, "A full disk".
type reserve struct {
	fs   fsys.FS
	path string

	mu    sync.Mutex
	whole bool // it is known to be there
}

const (
	reserveName = "restante.reserve"
	reserveRoom = 256 << 10
	// dirRoom is enough for the directories that a journal needs.
	dirRoom = 16 << 10
)

// fill makes the reserve, as far as there is room.
func (r *reserve) fill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.whole {
		return
	}
	fi, err := r.fs.Stat(r.path)
	if err == nil && fi.Size() >= reserveRoom {
		r.whole = true
		return
	}
	var f fsys.File
	if err == nil {
		f, err = r.fs.OpenFile(r.path, os.O_RDWR, 0)
	} else {
		f, err = createFile(r.fs, r.path, 0o600)
	}
	if err != nil {
		return
	}
	err = extendTo(f, reserveRoom)
	r.whole = errors.Join(err, f.Close()) == nil
}

// extendTo makes a file so long with zeros that have their place on the disk. What
// it has got when there is no more room stays.
func extendTo(f fsys.File, size int64) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	zero := make([]byte, 4<<10)
	for at := fi.Size(); at < size && err == nil; {
		var n int
		n, err = f.WriteAt(zero[:min(int64(len(zero)), size-at)], at)
		at += int64(n)
	}
	return err
}

// giveBack makes the reserve smaller by n octets, which others can use then, at
// once or never.
func (r *reserve) giveBack(n int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shrink(n)
}

func (r *reserve) shrink(n int64) error {
	r.whole = false
	f, err := r.fs.OpenFile(r.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err == nil {
		err = f.Truncate(max(0, fi.Size()-n))
	}
	if err == nil {
		err = f.Sync() // only then is the room there for certain
	}
	return errors.Join(err, f.Close())
}

// journal makes the reserve the journal of a mailbox, in the place of one that says that
// nothing is going on. With an error it has the name all the same, unless it is nil.
func (r *reserve) journal(old *journal) (*journal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dir := filepath.Dir(old.path)
	if _, err := r.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := r.shrink(dirRoom); err != nil {
			return nil, err
		}
		if err := fsys.MkdirAll(r.fs, dir, 0o700); err != nil {
			return nil, err
		}
	}
	r.whole = false
	next, err := openJournal(r.fs, r.path, false)
	if err != nil {
		return nil, err
	}
	if next == nil {
		return nil, fs.ErrNotExist
	}
	next.told = old.told
	if err = next.clean(); err == nil {
		err = r.fs.Rename(r.path, old.path)
	}
	if err != nil {
		return nil, errors.Join(err, next.close())
	}
	next.path = old.path
	return next, errors.Join(r.fs.SyncDir(dir), r.fs.SyncDir(filepath.Dir(r.path)))
}

// noJournal is in the place of the file of a journal for which there is no room:
// what can be done without one can be done.
type noJournal struct{ err error }

func (n noJournal) ReadAt([]byte, int64) (int, error)  { return 0, io.EOF }
func (n noJournal) WriteAt([]byte, int64) (int, error) { return 0, n.err }
func (n noJournal) Stat() (fs.FileInfo, error)         { return nil, n.err }
func (n noJournal) Truncate(int64) error               { return n.err }
func (n noJournal) Sync() error                        { return n.err }
func (n noJournal) Close() error                       { return nil }

// useReserve finds room for a change that failed because there was none: for what
// it adds to the file, and for its journal, unless that is large enough.
func (e *editing) useReserve() error {
	m, have := e.m, &e.m.acct.reserve
	small := e.r.j.room() < reserveRoom/2
	if e.gone.Empty() {
		room := int64(reserveRoom)
		if small {
			room /= 2
		}
		if err := have.giveBack(room); err != nil {
			return err
		}
	}
	if !small {
		return nil
	}
	j, err := have.journal(e.r.j)
	if j == nil {
		return err
	}
	m.j = e.r.j
	return errors.Join(err, e.r.take(j))
}

// makesRoom reports whether the change is one that must be possible on a full
// disk: messages go, or are marked so that they can go.
func (e *editing) makesRoom() bool {
	for _, f := range e.flags {
		if !f.flags.Has(mailstore.Deleted) {
			return false
		}
	}
	return !e.gone.Empty() || len(e.flags) > 0
}
