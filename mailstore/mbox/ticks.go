package mbox

import (
	"cmp"
	"io/fs"
	"time"

	"restante/fsys"
)

// The times of a file tell that it was changed only if they are others afterwards: see
// docs/design/mbox.md, "What others did".

const (
	// clockTick is how long the clock of a file system may stand still.
	clockTick = 10 * time.Millisecond
	// coarseTick is that of file systems that do not count nanoseconds.
	coarseTick = 2 * time.Second
	// maxWaits is how often a file is waited for that is being changed without locks.
	maxWaits = 3
)

// changed is when the file was changed last: the change time, which nobody can
// set, or else the modification time.
func (s fileStamp) changed() time.Time { return time.Unix(0, cmp.Or(s.ctime, s.mtime)) }

// fine reports whether the file system counts nanoseconds, and not milliseconds
// or seconds.
func (s fileStamp) fine() bool { return s.ctime%1e6 != 0 }

const second = int64(time.Second)

// mayRepeat reports whether a file with this stamp can be changed now and keep it if its
// size stays the same. It does not help that somebody has set the modification time: he may
// set the same again.
func (m *Mailbox) mayRepeat(s fileStamp) bool {
	switch {
	case m.h == nil || s == (fileStamp{}):
		return false
	case !s.fine():
		return time.Since(s.changed()) < coarseTick
	case m.h.clock == nil:
		m.h.clock = fsys.FileClockOf(m.acct.opt.FS, m.paths().mbox)
	}
	return m.h.clock.SameTick(s.changed())
}

// outwait waits, where it takes a tick at most, until what others do from now on shows in
// the times of the open file, which it describes.
func (m *Mailbox) outwait(fi fs.FileInfo) (fs.FileInfo, error) {
	for range maxWaits {
		s := stampOf(fi)
		if !s.fine() || !m.mayRepeat(s) {
			break
		}
		for waited := time.Duration(0); waited < clockTick && m.mayRepeat(s); waited += time.Millisecond {
			time.Sleep(time.Millisecond)
		}
		var err error
		if fi, err = m.stat(); err != nil {
			return nil, err
		}
	}
	return fi, nil
}

// stampChange describes the file as we have just changed it, with times that are its alone.
// before is what it was; the caller holds io.
//
// QUIRK: mutt compares size and modification time, in seconds.
func (m *Mailbox) stampChange(before fileStamp) error {
	fi, err := m.stat()
	if err != nil {
		return err
	}
	now := stampOf(fi)
	m.unsure = m.mayRepeat(now)
	mtime := now.mtime
	if m.unsure && now.fine() {
		mtime = max(time.Now().UnixNano(), before.mtime+1)
	}
	if now.size == before.size && mtime/second == before.mtime/second {
		mtime = (before.mtime/second+1)*second + 1 // who sets back times in whole seconds does not get it
	}
	if mtime != now.mtime {
		if m.acct.opt.FS.Chtimes(m.paths().mbox, accessTime(fi), time.Unix(0, mtime)) == nil {
			fi, err = m.stat()
			m.unsure = m.unsure && !now.fine() // a clock does not give that time
		} else if m.unsure { // it is somebody else's file
			fi, err = m.outwait(fi)
		}
		if err != nil {
			return err
		}
		now = stampOf(fi)
		m.unsure = m.unsure && m.mayRepeat(now)
	}
	m.snap = now
	return nil
}

// stampAppend is stampChange when only the end of the file has changed.
func (m *Mailbox) stampAppend() error {
	m.io.Lock()
	defer m.io.Unlock()
	return m.stampChange(m.snap)
}
