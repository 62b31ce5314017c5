package maildir

import (
	"path/filepath"
	"sync/atomic"

	"restante/fsys"
)

// near holds the directories cur/ of mailboxes whose messages are being read, kept open.
// They are few for an account, so that a user with thousands of mailboxes has hardly more
// files open than one with a few. The zero value has none.
type near [4]atomic.Pointer[nearDir]

type nearDir struct {
	m   *mailbox
	dir *fsys.Dir // nil where it must be done without
}

// at is the one place where a mailbox's directory may be.
func (n *near) at(m *mailbox) *atomic.Pointer[nearDir] { return &n[m.serial%uint64(len(n))] }

// of returns the open directory of a mailbox, nil if messages must be opened by their
// paths. Another call may close it.
func (n *near) of(m *mailbox) *fsys.Dir {
	if d := n.at(m).Load(); d != nil && d.m == m {
		return d.dir
	}
	d := &nearDir{m: m}
	d.dir, _ = fsys.OpenDir(m.a.fs, filepath.Join(m.dir(), "cur")) // else opening a message tells what is wrong
	n.at(m).Swap(d).close()
	return d.dir
}

// drop closes a mailbox's directory.
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

func (d *nearDir) close() {
	if d != nil && d.dir != nil {
		_ = d.dir.Close() // nothing was written
	}
}
