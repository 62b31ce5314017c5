package fsys

import (
	"sync"
	"time"
)

// LateAfter is for how long a loss of power may take back what is synced late.
const LateAfter = time.Second

// A LateSync is a sync that nobody waits for. To change a flag costs a tenth of
// what the disk's word for it does; who stores ten thousand of them one by one has
// them synced once a second. Its zero value owes nothing. All may use it at once.
type LateSync struct {
	mu    sync.Mutex
	timer *time.Timer // nil when nothing is owed
}

// Owe has pay called within LateAfter, in a goroutine of its own, once for all that
// is owed until then. pay begins with Take, and syncs when that says so.
func (l *LateSync) Owe(pay func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		l.timer = time.AfterFunc(LateAfter, pay)
	}
}

// Take reports whether something is owed, and forgets it: who takes it pays it.
func (l *LateSync) Take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil {
		return false
	}
	l.timer.Stop()
	l.timer = nil
	return true
}
