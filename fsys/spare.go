package fsys

import (
	"errors"
	"io/fs"
	"path/filepath"
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

// A Spare is a file that waits to be a lock file. The lock is taken by linking it to the
// lock's name and given back by removing that name, so that who locks again and again makes
// no file each time. To others the lock is as any other. A Spare is for one
// lock at a time, and made by NewSpare.
type Spare struct {
	fs      FS
	path    func() string
	locks   int  // that were made without it
	file    File // nil while there is none
	info    fs.FileInfo
	content []byte
	now     func() time.Time
	written time.Time
}

// NewSpare will make a file of its own when it is worth while. path is that file's name at
// the moment, on the file system of the lock. Where no links can be made, and on network
// file systems, each lock is a new file as without a Spare.
func NewSpare(fsys FS, path func() string) *Spare { return &Spare{fs: fsys, path: path, now: time.Now} }

// lock makes the lock file path. It fails with fs.ErrExist if somebody has it, and with
// anything else if it must be made without a spare.
func (s *Spare) lock(path string, perm fs.FileMode) (*Dotlock, error) {
	if s.locks < spareAfter {
		return nil, errors.ErrUnsupported
	}
	if s.ready(perm) != nil {
		return nil, s.fail() // no file can be made here
	}
	err := s.fs.Link(s.path(), path)
	if errors.Is(err, fs.ErrExist) && !s.is(path) {
		return nil, err
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, s.fail() // nor a link, or somebody has cleaned up
	}
	return &Dotlock{fs: s.fs, path: path, file: s.file, info: s.info, content: s.content, spare: true}, nil
}

// is reports whether a lock that is there is this one: what could not be given back is
// ours still.
func (s *Spare) is(path string) bool {
	fi, err := s.fs.Lstat(path)
	return err == nil && SameFile(fi, s.info)
}

// fail has it not tried again for a while.
func (s *Spare) fail() error {
	s.locks = spareAfter - spareAgain
	_ = s.Remove() // what stays is cleaned up as what a crash leaves
	return errors.ErrUnsupported
}

// ready makes the file, or gives it the present time by the file system's clock, as if
// it was made now, unless it had it a moment ago.
func (s *Spare) ready(perm fs.FileMode) error {
	now := s.now()
	if s.file != nil {
		if s.isYoung(now) {
			return nil
		}
		_, err := s.file.WriteAt(s.content, 0)
		s.written = now
		return err
	}
	if !s.local() {
		return errors.ErrUnsupported
	}
	content := ownContent()
	f, err := s.fs.CreateWith(s.path(), content, perm)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close(), s.fs.Remove(s.path()))
	}
	s.file, s.info, s.content, s.written = f, info, content, now
	return nil
}

// isYoung reports whether it was written a moment ago, by the clock that nobody sets and
// by the one whose times others see.
func (s *Spare) isYoung(now time.Time) bool {
	age := now.Sub(s.written)
	set := now.Round(0).Sub(s.written.Round(0)) - age
	return age >= 0 && age < spareYoung && set.Abs() < time.Second
}

// local reports whether no other machine uses the file system. Over a network, what is
// written to the file may reach the others later than the link, and they would take
// the lock for an old one.
func (s *Spare) local() bool {
	b, tells := s.fs.(bootTeller)
	if !tells {
		return false
	}
	_, ok := b.Booted(filepath.Dir(s.path()))
	return ok
}

// Remove ends it. A nil Spare is none. What cannot be removed stays as a file that nobody reads.
func (s *Spare) Remove() error {
	if s == nil || s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	err := s.fs.Remove(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
