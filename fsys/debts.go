package fsys

import (
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// Debts is a file system that remembers which directories could not be synced. An
// operation that failed for that has already changed them, so that whoever tries it
// again finds nothing left to do, and must not say that it is done before Settle has
// returned nil. It may be used by several goroutines.
type Debts struct {
	FS
	owes atomic.Bool
	mu   sync.Mutex
	dirs map[string]struct{}
}

// NewDebts returns sys with a memory.
func NewDebts(sys FS) *Debts { return &Debts{FS: sys, dirs: make(map[string]struct{})} }

// SyncDir is that of the file system below.
func (d *Debts) SyncDir(name string) error {
	err := d.FS.SyncDir(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.mu.Lock()
		d.dirs[name] = struct{}{}
		d.owes.Store(true)
		d.mu.Unlock()
	}
	return err
}

// Settle syncs what could not be synced before. It costs nothing where there is
// nothing. A directory that is gone needs no sync.
func (d *Debts) Settle() error {
	if !d.owes.Load() {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.dirs {
		if err := d.FS.SyncDir(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(d.dirs, name)
	}
	d.owes.Store(false)
	return nil
}

func (d *Debts) hold() Held { return Hold(d.FS) }

func (d *Debts) eachName(dir string, buf []byte, fn func(name []byte, kind fs.FileMode) bool) error {
	return EachName(d.FS, dir, buf, fn)
}

// Booted is that of the file system below.
func (d *Debts) Booted(path string) (time.Time, bool) {
	return booted(d.FS, path)
}

// FileClock is that of the file system below.
func (d *Debts) FileClock(path string) FileClock { return FileClockOf(d.FS, path) }
