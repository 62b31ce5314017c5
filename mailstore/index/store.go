package index

import (
	"errors"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// Names of the files in an index directory.
const (
	indexName = "index"
	indexTemp = "index.new"
)

const (
	filePerm = 0o600
	dirPerm  = 0o700
)

// Options are what a Store works with.
type Options[T any] struct {
	FS fsys.FS
	// Dir is the mailbox's own directory. It is made when there is something to write.
	Dir   string
	Codec Codec[T]
	// Restore, where it is set, lets data stay on disk until they are asked for. It
	// is called with the index's lock held when they cannot be read then, as the file
	// was overwritten while it was in use: it finds out what the data of messages are,
	// in the same order, and must not call the index. What it does not find must be
	// a datum under which no message is found.
	Restore func([]mailstore.UID) []T
	// SummaryVersion names the meaning of the summaries' octets. Summaries of
	// another version are dropped.
	SummaryVersion uint32
	// Logger is told, once, when the index cannot be kept. nil is silence.
	Logger *slog.Logger
	// SaveAfter, unless zero, is how long after the first change that is not
	// saved SaveNow is called, in a goroutine of its own. It should call Save.
	SaveAfter time.Duration
	SaveNow   func()
}

// Verdict is what a format says of a stamp.
type Verdict int

// The verdicts; docs/design/index.md, "The stamp".
const (
	Useless Verdict = iota // another mailbox, or another UIDVALIDITY
	Behind                 // this mailbox; something may have changed
	Current                // this mailbox, and nothing has changed
)

// A Store keeps the Index of one mailbox in files. It never fails as far as its
// user can see: what cannot be kept is built again the next time.
//
// Its methods may be called by many goroutines. Two Stores may not use one
// directory at the same time; closing the first waits for what it does.
type Store[T any] struct {
	opt Options[T]
	log *slog.Logger
	x   *Index[T]

	marked atomic.Bool // the file says that the state is open, or there is none
	sums   summaryFiles
	timer  atomic.Pointer[time.Timer]
	blobs  *blobs
	file   *dataFile[T] // that data are read from; nil when all are in memory

	mu     sync.Mutex // guards what follows, and the files
	closed bool
	failed bool        // it was logged
	stale  bool        // a removal must be made durable
	info   fs.FileInfo // of the index file as written last; nil: write all anew
	size   int64
	base   int64 // size of its snapshot
	enc    *encoder[T]
	stamp  []byte
	modSeq uint64 // of the last state in the file
	open   bool   // it is open
}

// NewStore returns a Store that has done nothing yet. Load comes next.
func NewStore[T any](opt Options[T]) *Store[T] {
	s := &Store[T]{opt: opt, log: opt.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.sums = summaryFiles{fs: opt.FS, dir: opt.Dir, version: opt.SummaryVersion}
	s.blobs = newBlobs(opt.FS, opt.Dir, func() mailstore.UID { return s.x.UIDNext() })
	return s
}

// dropSummaries forgets the places of all summaries.
func (x *Index[T]) dropSummaries() {
	if x.counts.summaries == 0 {
		return
	}
	for i := range x.entries.list {
		slots := x.entries.list[i].open()
		for j := range slots {
			slots[j].summary = 0
		}
	}
	x.counts.summaries = 0
}

// wake starts the timer for the next save. It is called under the index's lock.
func (s *Store[T]) wake() {
	if s.opt.SaveAfter > 0 && s.opt.SaveNow != nil {
		s.timer.Store(time.AfterFunc(s.opt.SaveAfter, s.opt.SaveNow))
	}
}

// Mark makes it durable that from now on more is told to clients than the file
// knows. It does so once per load; the first Update does it for whom that is soon
// enough: before anything of it is in the format's files is for those who change
// them without waiting for the disk.
func (s *Store[T]) Mark() {
	if s.marked.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.marked.Load() {
		return
	}
	s.syncRemoval()
	if err := s.writeMark(); err != nil && !s.closed { // else it may be another Store's by now
		s.discard()
		s.syncRemoval()
	}
	s.marked.Store(true)
}

func (s *Store[T]) writeMark() error {
	if s.info == nil {
		return fs.ErrNotExist
	}
	f, err := s.reopen()
	if err != nil {
		return err
	}
	b, chain := appendFrame(nil, frameOpen, nil, s.enc.chain)
	if _, err = f.WriteAt(b, s.size); err == nil {
		err = f.Sync()
	}
	if err == nil {
		s.enc.chain, s.open = chain, true
		s.size += int64(len(b))
		s.info, err = f.Stat()
	}
	return errors.Join(err, f.Close())
}

var errReplaced = errors.New("is not the file that was written")

// reopen opens the index file for appending, if it is still as it was left.
func (s *Store[T]) reopen() (fsys.File, error) {
	f, err := s.opt.FS.OpenFile(filepath.Join(s.opt.Dir, indexName), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && (s.info == nil || !fsys.SameFile(fi, s.info) || fi.Size() != s.size) {
		err = errReplaced
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// discard removes the files, since what stands in them must not be believed.
func (s *Store[T]) discard() {
	s.info, s.size, s.open, s.stamp = nil, 0, false, nil
	err := s.opt.FS.Remove(filepath.Join(s.opt.Dir, indexName))
	switch {
	case err == nil:
		s.stale = true
	case !isAbsent(err):
		s.fail("remove", err)
	}
	if s.x == nil { // nothing was loaded, so no place in them is known
		s.sums.remove()
	}
}

// Move takes the files to another directory, as the mailbox got another name.
// What stood there is replaced.
func (s *Store[T]) Move(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs.mu.Lock()
	defer s.blobs.mu.Unlock()
	if err := MoveDir(s.opt.FS, s.opt.Dir, dir); err != nil {
		s.fail("move", err)
	}
	s.opt.Dir, s.blobs.dir = dir, dir
	if s.x != nil {
		s.x.mu.Lock() // guards sums.dir too
		defer s.x.mu.Unlock()
	}
	s.sums.move(dir)
	s.file.move(dir)
}

// Rest closes the files until something in them is asked for. The format calls it
// when nobody has the mailbox open: there may be thousands in memory.
func (s *Store[T]) Rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file.rest()
	if d := s.sums.cur.Load(); d != nil {
		d.rest()
	}
}

// MoveDir moves the index of a mailbox that no Store has. An index that is not
// there is none that could be wrong: it is no error.
func MoveDir(sys fsys.FS, from, to string) error {
	if err := RemoveDir(sys, to); err != nil {
		return err
	}
	if err := sys.Rename(from, to); !isAbsent(err) {
		return err
	}
	return nil
}

// RemoveDir removes the index of a mailbox that no Store has.
func RemoveDir(sys fsys.FS, dir string) error {
	for _, name := range []string{indexName, indexTemp, summaryName(0), summaryName(1)} {
		if err := sys.Remove(filepath.Join(dir, name)); err != nil && !isAbsent(err) {
			return err
		}
	}
	err := sys.Remove(dir)
	if err == nil || isAbsent(err) {
		return nil
	}
	if err := removeBlobs(sys, dir); err != nil && !isAbsent(err) {
		return err
	}
	if err := sys.Remove(dir); err != nil && !isAbsent(err) {
		return err
	}
	return nil
}

func (s *Store[T]) syncRemoval() {
	if !s.stale {
		return
	}
	if err := s.opt.FS.SyncDir(s.opt.Dir); err != nil && !isAbsent(err) {
		s.fail("remove", err)
		return
	}
	s.stale = false
}

// isAbsent: the file, or a directory above it, is not there.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// fail logs the first failure. What it means for the user is speed alone.
func (s *Store[T]) fail(what string, err error) {
	if !s.failed {
		s.failed = true
		s.log.Warn("cannot "+what+" the index of a mailbox: opening it will be slow", "dir", s.opt.Dir, "err", err)
	}
}

// newID returns a number that no other file has. It is never 0.
func newID() uint64 { return rand.Uint64() | 1<<63 }

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
