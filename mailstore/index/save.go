package index

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"restante/fsys"
)

// Save writes what has changed. stamp describes the format's files as they were
// when everything in the index, and nothing else, was true of them; nil leaves
// the last one. Its cost is that of the changes, and nothing when there are none.
func (s *Store[T]) Save(stamp []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.save(stamp, false)
	}
}

// Close is the last Save: all that was told to clients is in the index. The
// index itself stays usable; what changes in it is not written any more.
func (s *Store[T]) Close(stamp []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.stopTimer()
	if s.x != nil {
		s.save(stamp, true)
	}
	s.end()
}

// Abandon ends the Store without a last Save, as when the mailbox has been
// deleted or another program has replaced it.
func (s *Store[T]) Abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopTimer()
	s.end()
}

// end lets nothing be written any more, but for the mark of a later change.
func (s *Store[T]) end() {
	s.closed = true
	s.sums.close()
	s.blobs.close()
	_ = s.file.close() // it was read
}

func (s *Store[T]) stopTimer() {
	if t := s.timer.Load(); t != nil {
		t.Stop()
	}
}

func (s *Store[T]) save(stamp []byte, last bool) {
	if stamp == nil {
		stamp = s.stamp
	}
	if last {
		// Whatever changes from here on must be marked again.
		defer s.marked.Store(false)
	}
	d := s.x.take()
	// What a client was told of the mod-sequence, Peek must not take back.
	told := last && d.state.modSeq != s.modSeq
	changed := !d.clean || d.all || !bytes.Equal(stamp, s.stamp) || last && s.open || told || s.info == nil
	if !changed && s.present() {
		return
	}
	err := error(nil)
	d.state.closed = last || !s.marked.Load()
	if s.keepSummaries() || d.all || s.info == nil || s.logIsLong() {
		err = s.writeAll(stamp, last)
	} else if err = s.writeDelta(d, stamp); errors.Is(err, errReplaced) || isAbsent(err) {
		err = s.writeAll(stamp, last) // somebody has deleted it
	}
	if err != nil {
		// What is there is an older state, or nothing.
		s.info = nil
		s.x.spoil()
		s.fail("write", err)
		return
	}
	s.stamp, s.modSeq = slices.Clone(stamp), d.state.modSeq
}

// present reports whether the file is as it was left.
func (s *Store[T]) present() bool {
	fi, err := s.opt.FS.Stat(filepath.Join(s.opt.Dir, indexName))
	return err == nil && s.info != nil && fsys.SameFile(fi, s.info) && fi.Size() == s.size
}

// minLog is how long the log may be in a mailbox that is small.
const minLog = 64 << 10

func (s *Store[T]) logIsLong() bool { return s.size-s.base > s.base/2+minLog }

// writeDelta appends what changed.
func (s *Store[T]) writeDelta(d delta[T], stamp []byte) error {
	f, err := s.reopen()
	if err != nil {
		return err
	}
	e := s.enc
	e.buf = e.buf[:0]
	if err = e.delta(d, s.sums.state(), stamp); err == nil {
		_, err = f.WriteAt(e.buf, s.size)
	}
	if err == nil {
		s.size += int64(len(e.buf))
		s.open = !d.state.closed
		s.info, err = f.Stat()
	}
	e.buf = nil
	return errors.Join(err, f.Close())
}

var errDatum = errors.New("the format's datum of a message is longer than 65534 octets")

func (e *encoder[T]) delta(d delta[T], sums summaryState, stamp []byte) error {
	e.gone(d.gone)
	if !e.records(d.list) {
		return errDatum
	}
	d.state.summaries = sums
	e.state(d.state, stamp)
	return nil
}

// errOutrun: everything has to be written again, after all of it was copied. Many
// changes do that, and data that turned out to be damaged and were found out anew.
var errOutrun = errors.New("the mailbox changes faster than its index can be written")

// writeAll writes the file anew.
func (s *Store[T]) writeAll(stamp []byte, last bool) error {
	err := s.writeNew(stamp, last)
	if errors.Is(err, errOutrun) {
		err = s.writeNew(stamp, last)
	}
	return err
}

func (s *Store[T]) writeNew(stamp []byte, last bool) error {
	temp := filepath.Join(s.opt.Dir, indexTemp)
	f, err := s.opt.FS.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if isAbsent(err) {
		if err = fsys.MkdirAll(s.opt.FS, s.opt.Dir, dirPerm); err != nil {
			return err
		}
		f, err = s.opt.FS.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	}
	if err != nil {
		return err
	}
	w := snapshot[T]{s: s, f: f}
	err = w.write(stamp, last)
	if err == nil {
		w.info, err = f.Stat()
	}
	if err == nil {
		err = s.opt.FS.Rename(temp, filepath.Join(s.opt.Dir, indexName))
	}
	if err != nil {
		_ = s.opt.FS.Remove(temp) // it may not exist
		return errors.Join(err, f.Close())
	}
	s.info, s.size, s.base, s.enc, s.open = w.info, w.size, w.base, w.enc, w.open
	s.sums.removeOther()
	return s.readFrom(&w)
}
