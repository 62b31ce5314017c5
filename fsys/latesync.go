package fsys

import (
	"sync"
	"time"
)

const (
	// LateAfter is for how long a loss of power may take back what is synced late.
	LateAfter = time.Second
	// latePayers is how many syncs of a Later go on at once. Those that wait for one
	// journal end together; and each holds a thread.
	latePayers = 8
)

// A Later has syncs paid that nobody waits for. What is owed within LateAfter is paid
// together: of the directories of one disk the first sync writes the journal, and the
// others find that theirs is in it. So a disk is asked once a second, whoever of all
// users has changed a flag. Its zero value is good; there is one for a process. All may
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

// pay calls all that is due. Calls that hang, as on a server that has gone, hold up no
// others as long as they are fewer than latePayers.
func (l *Later) pay() {
	l.mu.Lock()
	due := make(chan func(), len(l.due))
	for _, pay := range l.due {
		due <- pay
	}
	close(due)
	l.due = nil
	l.mu.Unlock()
	for range min(latePayers, len(due)) {
		go func() {
			for pay := range due {
				pay()
			}
		}()
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
