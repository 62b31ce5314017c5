package maildir

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

// lateAfter is for how long a loss of power may take flags back, and leave messages in
// the mailbox from which they were moved, too.
const lateAfter = time.Second

// A lateSync is a sync of new/ and cur/ that nobody waits for: of flags, which are
// one rename each, and of messages that have left for another mailbox, where they are
// durable. The rename costs a tenth of what the disk's word for it does; who does
// ten thousand of them one by one has them synced once a second. Its zero value
// owes nothing.
type lateSync struct {
	mu           sync.Mutex
	timer        *time.Timer // nil when nothing is owed
	inNew, inCur bool
}

// owe has fn called in time, once for all that is owed until then.
func (l *lateSync) owe(inNew bool, fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inNew, l.inCur = l.inNew || inNew, l.inCur || !inNew
	if l.timer == nil {
		l.timer = time.AfterFunc(lateAfter, fn)
	}
}

// take tells which directories are owed a sync, and forgets it.
func (l *lateSync) take() (inNew, inCur bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	inNew, inCur = l.inNew, l.inCur
	l.inNew, l.inCur = false, false
	return inNew, inCur
}

// paid forgets a sync of cur/ that is about to be made.
func (l *lateSync) paid() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inCur = false
	if l.timer != nil && !l.inNew {
		l.timer.Stop()
		l.timer = nil
	}
}

// syncOwed does it now, if it has not been done meanwhile. What fails is tried again
// by the next that changes something in the account, and that one is told.
func (m *mailbox) syncOwed() {
	if err := m.syncBoth(m.late.take()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.a.log.Error("flags and moves are not safe from a loss of power", "mailbox", m.Name(), "err", err)
	}
}
