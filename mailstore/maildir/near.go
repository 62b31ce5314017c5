package maildir

import (
	"path/filepath"
	"sync/atomic"
	"time"

	"restante/fsys"
)

// near holds the directories new/ and cur/ of mailboxes that sessions are at, kept open.
// They are few for an account, so that a user with thousands of mailboxes has hardly more
// files open than one with a few. The zero value has none.
type near [4]atomic.Pointer[nearDirs]

// nearDirs are the directories of a mailbox. They are nil where it must be done without.
type nearDirs struct {
	m        *mailbox
	new, cur *fsys.Dir
	opened   time.Time
}

// nearStands is how long directories that are open count as those to which the mailbox's
// path leads. Another program may rename the mailbox, or put another in its place.
const nearStands = time.Second

// at is the one place where a mailbox's directories may be.
func (n *near) at(m *mailbox) *atomic.Pointer[nearDirs] { return &n[m.serial%uint64(len(n))] }

// of returns the open directories of a mailbox. Another call may close them.
func (n *near) of(m *mailbox) *nearDirs {
	if d := n.at(m).Load(); d != nil && d.m == m {
		return d
	}
	return n.open(m)
}

// open opens the directories of a mailbox that stand at its path now.
func (n *near) open(m *mailbox) *nearDirs {
	defer fsys.Hold(m.a.fs).Release()
	d, at := &nearDirs{m: m, opened: time.Now()}, m.dir()
	d.cur, _ = fsys.OpenDir(m.a.fs, filepath.Join(at, "cur")) // else using the path tells what is wrong
	if d.cur != nil {
		d.new, _ = fsys.OpenDir(m.a.fs, filepath.Join(at, "new"))
	}
	n.at(m).Swap(d).close()
	return d
}

// renew opens the directories of a mailbox again if that was longer ago.
func (n *near) renew(m *mailbox) {
	if n.standing(m, time.Now()) == nil {
		n.open(m)
	}
}

// standing returns the directories of a mailbox that were opened a moment ago, or nil.
func (n *near) standing(m *mailbox, now time.Time) *nearDirs {
	d := n.at(m).Load()
	if d == nil || d.m != m || d.new == nil || now.Sub(d.opened) >= nearStands {
		return nil
	}
	return d
}

// drop closes a mailbox's directories.
func (n *near) drop(m *mailbox) {
	if d := n.at(m).Load(); d != nil && d.m == m && n.at(m).CompareAndSwap(d, nil) {
		d.close()
	}
}

// dropAll closes all.
func (n *near) dropAll() {
	for i := range n {
		n[i].Swap(nil).close()
	}
}

func (d *nearDirs) close() {
	if d == nil {
		return
	}
	for _, dir := range [...]*fsys.Dir{d.new, d.cur} {
		if dir != nil {
			_ = dir.Close() // nothing was written
		}
	}
}
