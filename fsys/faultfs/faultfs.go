// Package faultfs is a file system in memory for tests of storage. It counts
// the operations that change something, lets any of them fail, and cuts the
// power between any two: then everything that was not synced is lost, or a
// random part of it.
//
// What survives a loss of power follows the strictest reading of POSIX that a
// program can still work with:
//
//   - File content, size and times are durable after File.Sync. Of the writes since
//     then any may have reached the disk, each in part; and so may the times, with
//     or without them.
//   - Entries and times of a directory are durable after SyncDir of that directory, a
//     new file's too, whatever was synced of the file. Of the changes since then, any
//     number from the first on may have; and so may the times, with or without them.
//   - A rename is atomic: the old name is never gone without the new one there.
//     Between two directories the new name of a file may be there while the old
//     one still is; a directory has one name only.
package faultfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"restante/fsys"
)

// Op is a kind of operation that changes something.
type Op string

// The operations that are counted. Opening counts when it creates or truncates.
const (
	Create   Op = "create"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	Rename   Op = "rename"
	Link     Op = "link"
	Symlink  Op = "symlink"
	Remove   Op = "remove"
	Mkdir    Op = "mkdir"
	Chtimes  Op = "chtimes"
	Chmod    Op = "chmod"
	Lchown   Op = "lchown"
	SyncDir  Op = "syncdir"
)

// ErrPowerCut is what everything returns from the cut until Crash, and an open
// file from then on.
var ErrPowerCut = errors.New("faultfs: the power is cut")

// Fault decides about the n-th operation, counted from 1: nil lets it happen.
// A Write that fails writes the first half, as on a disk that becomes full.
type Fault func(n int, op Op, path string) error

// FailAt lets the n-th operation fail, once.
func FailAt(n int, err error) Fault {
	return func(i int, _ Op, _ string) error {
		if i == n {
			return err
		}
		return nil
	}
}

// FailFrom lets the n-th operation and all later ones of the given kinds fail,
// as on a disk that has become full or read-only. No kinds are all kinds.
func FailFrom(n int, err error, kinds ...Op) Fault {
	return func(i int, op Op, _ string) error {
		if i < n {
			return nil
		}
		for _, k := range kinds {
			if k == op {
				return err
			}
		}
		if len(kinds) == 0 {
			return err
		}
		return nil
	}
}

// FS is a file system in memory. It is an fsys.FS, safe for concurrent use.
// Paths are slash-separated; a relative one begins at the root.
type FS struct {
	mu    sync.Mutex
	root  *node
	inos  uint64
	edits []*edit // changes of directories that are not durable yet, in order

	ops    int
	trace  []string
	fault  Fault
	cutAt  int // the power is cut instead of the operation of this number; 0 is never
	cut    bool
	fullAt int       // the disk is full from the operation of this number on; 0 is never
	epoch  int       // the number of crashes
	booted time.Time // the last crash
	tick   time.Duration
}

var _ fsys.FS = (*FS)(nil)

// New returns an empty file system.
func New() *FS {
	f := &FS{}
	f.root = f.newNode(fs.ModeDir | 0o755)
	return f
}

// Ops is the number of operations so far that changed something or failed.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Trace lists those operations, one a line, as `3 rename /a /b`.
func (f *FS) Trace() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.trace...)
}

// StampByTicks lets the clock that stamps files stand still for a tick each, as that of
// kernels before Linux 6.13 does. Without it files have the time to the nanosecond.
func (f *FS) StampByTicks(tick time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick = tick
}

// now is what a file that is changed now is stamped with.
func (f *FS) now() time.Time { return time.Now().Truncate(f.tick) }

// FileClock tells of the ticks.
func (f *FS) FileClock(string) fsys.FileClock { return f }

// SameTick reports whether the tick of that time is not over.
func (f *FS) SameTick(changed time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tick > 0 && !changed.Before(f.now())
}

// Inject sets what decides about operations and begins to count anew; nil lets
// all happen, and ends FillAt.
func (f *FS) Inject(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.fullAt, f.ops, f.trace = fault, 0, 0, nil
}

// FillAt lets the disk be full from the n-th operation from now on, counted from
// 1, until Inject: what makes something, or makes a file longer, fails with
// ENOSPC; what overwrites, renames and removes does not.
func (f *FS) FillAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.fullAt, f.ops, f.trace = nil, n, 0, nil
}

// CutAt cuts the power just before the n-th operation from now, counted from 1:
// from then on everything returns ErrPowerCut, until Crash. 0 takes it back.
func (f *FS) CutAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAt, f.ops, f.trace = n, 0, nil
}

// Crash is a loss of power followed by a new start: what was not synced is
// lost, open files are dead, and no lock is held. With rnd a random part of what
// was not synced has reached the disk all the same.
func (f *FS) Crash(rnd *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashDirs(rnd)
	f.root.revert(rnd, make(map[*node]bool))
	f.cut, f.cutAt, f.fault, f.fullAt = false, 0, nil, 0
	f.epoch++
	f.booted = time.Now()
}

// Booted is the time of the last Crash: who held a lock before does no longer run.
func (f *FS) Booted(string) (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.booted, true
}

// Settle makes everything durable, as sync(2).
func (f *FS) Settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
}

func (f *FS) settle() {
	for _, e := range f.edits {
		e.apply()
	}
	f.edits = nil
	f.root.settle(make(map[*node]bool))
}

// Clone returns an independent copy in which everything is durable, nothing is
// open and no fault is set.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &FS{inos: f.inos, booted: f.booted, tick: f.tick}
	c.root = f.root.clone(make(map[*node]*node))
	c.settle()
	return c
}

// change counts an operation and asks whether it may happen.
func (f *FS) change(op Op, path string, more ...string) error {
	if f.cut {
		return &fs.PathError{Op: string(op), Path: path, Err: ErrPowerCut}
	}
	f.ops++
	line := fmt.Sprintf("%d %s %s", f.ops, op, path)
	for _, m := range more {
		line += " " + m
	}
	f.trace = append(f.trace, line)
	if f.ops == f.cutAt {
		f.cut = true
		return &fs.PathError{Op: string(op), Path: path, Err: ErrPowerCut}
	}
	if f.fullAt != 0 && f.ops >= f.fullAt && (op == Create || op == Mkdir || op == Symlink) {
		return noRoom(op, path)
	}
	if f.fault == nil {
		return nil
	}
	if err := f.fault(f.ops, op, path); err != nil {
		return &fs.PathError{Op: string(op), Path: path, Err: err}
	}
	return nil
}

// grow asks whether a file may become longer.
func (f *FS) grow(op Op, path string) error {
	if f.fullAt != 0 && f.ops >= f.fullAt {
		return noRoom(op, path)
	}
	return nil
}

func noRoom(op Op, path string) error {
	return &fs.PathError{Op: string(op), Path: path, Err: syscall.ENOSPC}
}

// begin takes the lock for an operation that reads.
func (f *FS) begin(op, path string) (unlock func(), err error) {
	f.mu.Lock()
	if f.cut {
		f.mu.Unlock()
		return nil, &fs.PathError{Op: op, Path: path, Err: ErrPowerCut}
	}
	return f.mu.Unlock, nil
}
