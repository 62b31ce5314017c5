package mbox

import (
	"sync"
	"time"
)

// lateAfter is for how long a loss of power may take back what is synced late.
const lateAfter = time.Second

// A lateSync is a sync that nobody waits for. To change a flag costs a tenth of
// what the disk's word for it does; who stores ten thousand of them one by one has
// them synced once a second. Its zero value owes nothing.
type lateSync struct {
	mu    sync.Mutex
	timer *time.Timer // nil when nothing is owed
}

// owe has fn called within lateAfter, in a goroutine of its own, once for all that
// is owed until then. fn begins with take, and syncs when that says so.
func (l *lateSync) owe(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		l.timer = time.AfterFunc(lateAfter, fn)
	}
}

// take reports whether something is owed, and forgets it: who takes it pays it.
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

// owe has flags that were changed in place, one octet each, made durable soon.
func (m *Mailbox) owe() { m.late.owe(m.syncLate) }

// syncLate is syncOwed for nobody who waits.
func (m *Mailbox) syncLate() {
	if err := m.syncOwed(); err != nil {
		m.owe()
		if m.lateFailed.CompareAndSwap(false, true) {
			m.log().Error("mbox: flags are not safe from a loss of power; trying again", "mailbox", m.Name(), "err", err)
		}
	}
}

// syncOwed makes them durable now, if they are not yet.
func (m *Mailbox) syncOwed() error {
	if !m.late.take() {
		return nil
	}
	m.io.RLock()
	h := m.h
	if h != nil {
		h.hold()
	}
	m.io.RUnlock()
	if h == nil {
		return nil // the file they were in has gone
	}
	err := syncTwice(h)
	_ = h.release() // of a file that is written already
	return err
}
