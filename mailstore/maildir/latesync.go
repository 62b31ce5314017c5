package maildir

import (
	"errors"
	"io/fs"
	"sync/atomic"

	"restante/fsys"
)

// lateSyncs are the syncs of new/ and cur/ that nobody waits for: of flags, which are
// one rename each, and of messages that have left for another mailbox, where they are
// durable. For fsys.LateAfter a loss of power may take flags back, and leave messages
// in the mailbox from which they were moved, too.
type lateSyncs struct {
	inNew, inCur fsys.LateSync
	leaving      fsys.LateSync // messages that are no longer recent are to leave new/
	failed       atomic.Bool   // it was logged
}

// take tells which directories are owed a sync, and forgets it.
func (l *lateSyncs) take() (inNew, inCur bool) { return l.inNew.Take(), l.inCur.Take() }

// owe has what was changed in a directory made durable soon.
func (m *mailbox) owe(inNew, inCur bool) {
	if inNew {
		m.late.inNew.Owe(m.a.late, m.syncLate)
	}
	if inCur {
		m.late.inCur.Owe(m.a.late, m.syncLate)
	}
}

// promise makes it known in the index on disk that files may soon be others than it
// says, of which a loss of power could leave any part. It comes before the first of
// them is changed.
func (m *mailbox) promise() {
	if m.disk != nil {
		m.disk.Mark()
	}
}

// syncLate is syncOwed for nobody who waits.
func (m *mailbox) syncLate() {
	err := m.syncOwed()
	if err != nil && m.late.failed.CompareAndSwap(false, true) {
		m.a.log.Error("flags and moves are not safe from a loss of power; trying again", "mailbox", m.Name(), "err", err)
	}
}

// syncOwed does it now, if it has not been done meanwhile. What fails is owed again.
func (m *mailbox) syncOwed() error {
	inNew, inCur := m.late.take()
	err := m.syncBoth(inNew, inCur)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil // the directory has gone, and what was in it
	}
	m.owe(inNew, inCur)
	return err
}
