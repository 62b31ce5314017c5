package fsys

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	// spareAfter is how many locks are made anew before a spare is: who locks once or
	// twice would only have one file more to make and to remove.
	spareAfter = 2
	// spareAgain is how many are when a spare has failed.
	spareAgain = 100
	// spareYoung is how long ago the spare may have been written to be taken for a lock that
	// was made just now: others begin to doubt one after minutes.
	spareYoung = 10 * time.Second
)

// A Spare is a file that waits to be lock files. A lock is taken by linking it to the
// lock's name and given back by removing that name, so that who locks again and again makes
// no file each time. To others the lock is as any other. One Spare does for any number of
// locks at a time, of which each excludes the others that want its name. It is made by
// NewSpare and safe for concurrent use.
type Spare struct {
	fs   FS
	path func() string
	now  func() time.Time

	mu     sync.Mutex
	locks  int        // that were made without it
	made   int        // how many files
	at     *spareFile // nil while there is none
	closed bool
}

// spareFile is the file of a Spare. It is open until nobody has a lock with it and it is
// no longer the spare.
type spareFile struct {
	File
	suffix  string // behind the Spare's path: no two have the same name
	info    fs.FileInfo
	content []byte
	written time.Time
	locks   int // that are held, or being made
	removed bool
}

// NewSpare will make a file of its own when it is worth while, until Close. path is how its name
// begins, at the moment. Others than its owner may read it, as who may not could not tell
// whose a lock is. A lock on another file system than it, or where no links can be made, and
// each lock on network file systems is a new file as without a Spare.
func NewSpare(fsys FS, path func() string) *Spare {
	return &Spare{fs: fsys, path: path, now: time.Now}
}

// lock makes the lock file path. It fails with fs.ErrExist if somebody has it, and with
// anything else if it must be made without a spare.
func (s *Spare) lock(path string, perm fs.FileMode) (*Dotlock, error) {
	f, err := s.take(perm)
	if err != nil {
		return nil, err
	}
	err = s.fs.Link(s.pathOf(f), path)
	if errors.Is(err, fs.ErrExist) && s.left(f, path) {
		err = nil
	}
	if err != nil {
		return nil, errors.Join(s.judge(f, err), s.giveBack(f))
	}
	return &Dotlock{fs: s.fs, path: path, file: f, info: f.info, content: f.content, spare: s}, nil
}

// take has the file ready for a lock.
func (s *Spare) take(perm fs.FileMode) (*spareFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.locks < spareAfter {
		return nil, errors.ErrUnsupported
	}
	if s.ready(perm) != nil {
		return nil, s.fail() // no file can be made here
	}
	s.at.locks++
	return s.at, nil
}

// left reports whether a lock that is there is ours, which could not be given back: it is this
// file, and nobody else has a lock with that or makes one. Who gives one back takes the name
// away first.
func (s *Spare) left(f *spareFile, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.locks == 1 && f.is(s.fs, path)
}

// pathOf is where a file of the Spare stands.
func (s *Spare) pathOf(f *spareFile) string { return s.path() + f.suffix }

// giveBack ends a lock.
func (s *Spare) giveBack(f *spareFile) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.locks--
	return f.closeUnused()
}

// closeUnused closes a file that nobody needs any more. The caller holds the Spare's mu.
func (f *spareFile) closeUnused() error {
	if f.locks > 0 || !f.removed {
		return nil
	}
	return f.Close()
}

// judge decides what an error of making the link says of the file.
func (s *Spare) judge(f *spareFile, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at != f || f.is(s.fs, s.pathOf(f)) {
		return errors.ErrUnsupported // this lock cannot be one, others can
	}
	return s.fail() // somebody has cleaned up
}

// is reports whether path is this file.
func (f *spareFile) is(fsys FS, path string) bool {
	fi, err := fsys.Lstat(path)
	return err == nil && SameFile(fi, f.info)
}

// fail has it not tried again for a while. The caller holds mu.
func (s *Spare) fail() error {
	s.locks = spareAfter - spareAgain
	_ = s.remove() // what stays is cleaned up as what a crash leaves
	return errors.ErrUnsupported
}

// madeNew counts a lock that was made without it.
func (s *Spare) madeNew() {
	s.mu.Lock()
	s.locks++
	s.mu.Unlock()
}

// ready makes the file, or gives it the present time by the file system's clock, as if
// it was made now, unless it had it a moment ago. The caller holds mu.
func (s *Spare) ready(perm fs.FileMode) error {
	now := s.now()
	if f := s.at; f != nil {
		if f.isYoung(now) {
			return nil
		}
		_, err := f.WriteAt(f.content, 0)
		f.written = now
		return err
	}
	// Over a network, what is written to the file may reach the others later than the
	// link, and they would take the lock for an old one.
	if !isLocal(s.fs, filepath.Dir(s.path())) {
		return errors.ErrUnsupported
	}
	s.made++
	f := &spareFile{suffix: "." + strconv.Itoa(s.made), content: ownContent(), written: now}
	var err error
	if f.File, err = s.fs.CreateWith(s.pathOf(f), f.content, perm|0o444); err != nil {
		return err
	}
	if f.info, err = f.Stat(); err != nil {
		return errors.Join(err, f.Close(), s.fs.Remove(s.pathOf(f)))
	}
	s.at = f
	return nil
}

// isYoung reports whether it was written a moment ago, by the clock that nobody sets and
// by the one whose times others see.
func (f *spareFile) isYoung(now time.Time) bool {
	age := now.Sub(f.written)
	set := now.Round(0).Sub(f.written.Round(0)) - age
	return age >= 0 && age < spareYoung && set.Abs() < time.Second
}

// Close takes the file away. The locks that are held stay, and those to come are made without
// it. A nil Spare is none. What cannot be removed stays as a file that nobody reads.
func (s *Spare) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.remove()
}

func (s *Spare) remove() error {
	f := s.at
	if f == nil {
		return nil
	}
	s.at, f.removed = nil, true
	err := s.fs.Remove(s.pathOf(f))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.closeUnused())
}
