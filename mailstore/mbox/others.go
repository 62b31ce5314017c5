package mbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// Two processes of ours may have a mailbox open: docs/design/mbox.md, "Two servers of ours".

// errForeign: another process has written to a file of ours since we read it.
var errForeign = errors.New("another process has changed what is known of the mailbox")

// maxMoved is how often we begin again because of that.
const maxMoved = 5

// catchUp reads the journal again if others have written to it, or put another in its place,
// which they do only where they have changed the journal that was there or the mailbox. seen
// describes that. The caller has the locks.
func (m *Mailbox) catchUp(seen fs.FileInfo) error {
	if m.j == nil {
		return nil
	}
	if seen != nil && stampOf(seen) == m.snap && !m.unsure && !m.foreign && !m.j.dirty() {
		room := takeBuffer(&m.acct.buffers)
		moved, err := m.j.moved(room)
		m.acct.buffers.Put(room)
		if err != nil || !moved {
			return err
		}
	}
	same, err := m.j.inPlace()
	switch {
	case err != nil:
		return err
	case same:
		changed, err := m.j.reload()
		m.foreign = m.foreign || changed
		return err
	}
	err = m.j.close()
	m.j = nil
	return err
}

// findJournal opens the journal, if there is one.
func (m *Mailbox) findJournal() (err error) {
	if m.j == nil {
		m.j, err = openJournal(m.acct.opt.FS, m.paths().journal(), false)
		m.foreign = m.foreign || m.j != nil
	}
	return err
}

// inPlace reports whether the journal is still the file of its name.
func (j *journal) inPlace() (bool, error) {
	mine, err := j.f.Stat()
	if err != nil {
		return false, err
	}
	named, err := j.fs.Stat(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && fsys.SameFile(mine, named), err
}

// moved reports whether the headers are not as we have read or written them last. Both are read at
// once, to room.
func (j *journal) moved(room *[]byte) (bool, error) {
	const size = blockB + toldAt
	*room = slices.Grow((*room)[:0], size)[:size]
	_, err := j.f.ReadAt(*room, 0)
	if errors.Is(err, io.EOF) {
		return true, nil // too short for them
	}
	return [toldAt]byte(*room) != j.heads[0] || [toldAt]byte((*room)[blockB:]) != j.heads[1], err
}

// reload takes over what others have written to the journal since we did. It is made durable
// first: they may have been killed, and what we do now to the mailbox without a journal rests on it.
func (j *journal) reload() (changed bool, err error) {
	now := journal{f: j.f}
	if err := now.load(); err != nil || now.h.written == j.h.written && now.h.seq == j.h.seq {
		return false, err
	}
	if err := now.sync(); err != nil {
		return false, err
	}
	j.h, j.at, j.safe, j.read, j.heads = now.h, now.at, now.safe, now.read, now.heads
	j.told, j.unsure, j.refused = j.h.told, false, false
	return true, nil
}

// toldByOthers is what state file and journal say, if another process has changed them since we
// did; else nil. It is still foreign until the index has it.
func (m *Mailbox) toldByOthers() (*state, error) {
	if !m.foreign {
		moved, err := m.state.moved()
		if err != nil || !moved {
			return nil, err
		}
		m.foreign = true
	}
	var t toldUIDs
	if m.j != nil {
		t = m.j.told
	}
	had := m.unlisted
	m.state.ours = false
	st, err := m.loadState(true, t)
	if err != nil {
		return nil, err
	}
	if st.validity != 0 && st.validity != m.validity {
		m.setGone("another process gave it a new UIDVALIDITY")
		return nil, m.gone()
	}
	m.keepUnlisted(had, st.next)
	m.savedValidity, m.claimed = st.validity, max(m.claimed, st.claimed)
	return st, nil
}

// nothingNew reads a state file that another process has written anew, as it does without locks when it
// ends, and tells up to which UID it lists messages. errForeign: the index does not know all that it tells.
func (m *Mailbox) nothingNew(st *state) (listed mailstore.UID, err error) {
	m.state.ours = false
	got, err := m.state.load(false)
	if err != nil {
		return 0, err
	}
	if got.validity != st.validity || got.next > m.UIDNext() {
		m.state.info = nil // nothing is written before it knows
		return 0, fmt.Errorf("%s: %w", m.state.path, errForeign)
	}
	st.claimed = max(st.claimed, got.claimed)
	return got.last, nil
}

// keepUnlisted adds what we have told and others do not know of.
func (m *Mailbox) keepUnlisted(had []known, next mailstore.UID) {
	i := slices.IndexFunc(had, func(k known) bool { return k.uid >= next })
	if i >= 0 {
		m.unlisted = append(slices.Clip(m.unlisted), had[i:]...)
	}
}

// moved reports whether the file is another than the one that was read or written last.
func (s *stateFile) moved() (bool, error) {
	fi, err := s.fs.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // what we know of it can be written again
	}
	return err == nil && !s.is(fi), err
}

// is reports whether a file is as it was read or written last: others make it longer, or
// replace it.
func (s *stateFile) is(fi fs.FileInfo) bool {
	return s.info != nil && fsys.SameFile(s.info, fi) && s.info.Size() == fi.Size()
}

// hold keeps other processes from writing to the file, which is open, and makes sure that it is
// still what we know; st is what is to be written.
func (s *stateFile) hold(f fsys.File, st *state) error {
	if err := s.lock(f); err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := s.fs.Stat(s.path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && fsys.SameFile(fi, named) && (s.is(fi) || s.follow(f, fi, st)):
		return nil
	}
	return fmt.Errorf("%s: %w", s.path, errForeign)
}

// lock waits for the lock on the file, some seconds if need be, as long as somebody may take who
// writes to a slow disk. Where there are no locks it goes without.
func (s *stateFile) lock(f fsys.File) error {
	for wait := time.Millisecond; wait < 4*time.Second; wait *= 2 {
		if free, err := f.TryLock(true); free || err != nil {
			return nil
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("%s: %w", s.path, mailstore.ErrInUse)
}

// follow takes over what others have added, if that is nothing but what they have claimed.
func (s *stateFile) follow(f fsys.File, fi fs.FileInfo, st *state) bool {
	if s.info == nil || !fsys.SameFile(s.info, fi) {
		return false
	}
	add := &state{}
	end, err := add.read(io.NewSectionReader(f, s.end, fi.Size()-s.end), false)
	if err != nil || s.end+end != fi.Size() || add.last > 0 || add.validity != st.validity || add.next > st.next {
		return false
	}
	s.end, s.info = fi.Size(), fi
	st.claimed = max(st.claimed, add.claimed)
	return true
}
