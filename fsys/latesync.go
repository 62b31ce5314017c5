package fsys

import (
	"sync"
	"time"
)

const (
	// LateAfter is for how long a loss of power may take back what is synced late, or
	// as much longer as the disk takes.
	LateAfter = time.Second
	// latePatience is for how long a sync is waited for before the next begins.
	latePatience = LateAfter / 20
)

// A Later has syncs paid that nobody waits for. What is owed within LateAfter is paid one
// after the other: of the directories of one disk the first sync writes the journal, and
// the others mostly find that theirs is in it. So a disk is asked hardly more often for
// many users than for one. Its zero value is good; there is one for a process. All may
// use it at once.
type Later struct {
	mu  sync.Mutex
	due []func()
}

// in has pay called within LateAfter, in another goroutine.
func (l *Later) in(pay func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.due = append(l.due, pay); len(l.due) == 1 {
		time.AfterFunc(LateAfter, l.pay)
	}
}

// pay calls all that is due. A call that takes long, as on a server that has gone, goes
// on beside the others: it is in a system call with a thread and, for a while, with a
// processor of the runtime, so that all at once would leave none for anybody else.
func (l *Later) pay() {
	l.mu.Lock()
	due := l.due
	l.due = nil
	l.mu.Unlock()
	for _, pay := range due {
		paid := make(chan struct{})
		go func() {
			defer close(paid)
			pay()
		}()
		select {
		case <-paid:
		case <-time.After(latePatience):
		}
	}
}

// A LateSync is a sync that nobody waits for. To change a flag costs a tenth of
// what the disk's word for it does; who stores ten thousand of them one by one has
// them synced once a second. Its zero value owes nothing. All may use it at once.
type LateSync struct {
	mu    sync.Mutex
	owed  bool
	noted bool // by a Later
}

// Owe has pay called by a Later, once for all that is owed until then. pay begins
// with Take, and syncs when that says so.
func (l *LateSync) Owe(by *Later, pay func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed = true
	if !l.noted {
		l.noted = true
		by.in(func() {
			l.mu.Lock()
			l.noted = false
			l.mu.Unlock()
			pay()
		})
	}
}

// Take reports whether something is owed, and forgets it: who takes it pays it.
func (l *LateSync) Take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.owed
	l.owed = false
	return was
}
