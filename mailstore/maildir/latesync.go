package maildir

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

// lateAfter is for how long a loss of power may take flags back.
const lateAfter = time.Second

// A lateSync is a sync of cur/ that nobody waits for. Flags are one rename each,
// which costs a tenth of what the disk's word for it does; who stores ten thousand
// of them one by one has them synced once a second. Its zero value owes nothing.
type lateSync struct {
	mu    sync.Mutex
	timer *time.Timer // nil when nothing is owed
}

// owe has fn called in time, once for all that is owed until then.
func (l *lateSync) owe(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		l.timer = time.AfterFunc(lateAfter, fn)
	}
}

// take reports whether something is owed, and forgets it.
func (l *lateSync) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		return false
	}
	l.timer.Stop()
	l.timer = nil
	return true
}

// syncCurLater has the renames within cur/ made durable soon.
func (m *mailbox) syncCurLater() { m.late.owe(m.syncOwed) }

// syncOwed does it now, if it has not been done meanwhile. What fails is tried again
// by the next that changes something in the account, and that one is told.
func (m *mailbox) syncOwed() {
	if !m.late.take() {
		return
	}
	if err := m.syncCur(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.a.log.Error("flags are not safe from a loss of power", "mailbox", m.Name(), "err", err)
	}
}
