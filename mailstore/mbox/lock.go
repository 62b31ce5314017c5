package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// Lock is a way in which programs keep one another out of an mbox.
type Lock uint8

const (
	// Dotlock is the file `NAME.lock` beside the mbox. Where its directory is not
	// ours to write, as /var/mail for most users, it is left out.
	Dotlock Lock = iota + 1
	// Fcntl is a POSIX lock on the mbox.
	Fcntl
)

// defaultLocks is the order of Dovecot, Postfix and mutt on Debian.
var defaultLocks = [...]Lock{Dotlock, Fcntl}

// String is the lock's name in the configuration.
func (l Lock) String() string {
	switch l {
	case Dotlock:
		return "dotlock"
	case Fcntl:
		return "fcntl"
	}
	return fmt.Sprintf("Lock(%d)", uint8(l))
}

// ParseLocks reads the names of locks, in the order in which they are to be
// taken. No names give nil, which Options takes for the default.
func ParseLocks(names []string) ([]Lock, error) {
	var list []Lock
	for _, name := range names {
		l := Dotlock
		if name == Fcntl.String() {
			l = Fcntl
		}
		switch {
		case name != l.String():
			return nil, fmt.Errorf("%q is no lock on mbox files; there are \"dotlock\" and \"fcntl\"", name)
		case slices.Contains(list, l):
			return nil, fmt.Errorf("%q stands twice in the list of locks", name)
		}
		list = append(list, l)
	}
	return list, nil
}

const (
	// DefaultLockTimeout is how long an operation waits for other programs.
	DefaultLockTimeout = 30 * time.Second
	// staleLock is the age from which on the programs of the field take a lock
	// file of an unknown process for left over.
	staleLock = 5 * time.Minute

	firstPause = 2 * time.Millisecond
	maxPause   = 200 * time.Millisecond
)

// fileLock is what an operation holds while it works on the file.
type fileLock struct {
	dot     *fsys.Dotlock
	touched time.Time
	fcntl   *handle // held, or nil
	// seen is what the mailbox's name stood for when all locks were taken; nil if that
	// was not looked at.
	seen fs.FileInfo
}

// lock takes the locks on the mbox: for reading the Fcntl lock, shared, where it
// is among the configured ones. It waits for the first lock only: when the
// second is taken, it gives back the first and tries again a little later, so
// that a program that takes them in the other order is never waited for while it
// waits for us. The pauses are of random length, lest two who do so meet again
// and again.
func (m *Mailbox) lock(ctx context.Context, exclusive bool) (*fileLock, error) {
	l, holder, err := m.tryLock(exclusive)
	if l != nil || err != nil {
		return l, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.acct.opt.LockTimeout)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		select {
		case <-ctx.Done():
			err := context.Cause(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				err = mailstore.ErrInUse
			}
			return nil, fmt.Errorf("%s: %w: %s", m.paths().mbox, err, holder)
		case <-time.After(pause/2 + rand.N(pause)):
		}
		if l, holder, err = m.tryLock(exclusive); l != nil || err != nil {
			return l, err
		}
	}
}

// tryLock takes all locks or none; then holder tells who has the one that failed.
func (m *Mailbox) tryLock(exclusive bool) (_ *fileLock, holder string, err error) {
	l := new(fileLock)
	kinds := m.acct.locks.of(m.paths().mbox)
	withFcntl := slices.Contains(kinds, Fcntl)
	for _, kind := range kinds {
		l.seen = nil
		switch {
		case kind == Fcntl:
			holder, err = l.takeFcntl(m, exclusive)
		case exclusive || !withFcntl:
			holder, err = l.takeDot(m, withFcntl)
		}
		if holder != "" || err != nil {
			return nil, holder, errors.Join(err, l.unlock())
		}
	}
	return l, "", nil
}

// takeFcntl locks the file that the name stands for now.
func (l *fileLock) takeFcntl(m *Mailbox, exclusive bool) (holder string, err error) {
	if m.h == nil {
		if _, _, err := m.reopen(); err != nil {
			return "", err
		}
	}
	for range 3 {
		h := m.h
		if h == nil {
			return "", nil
		}
		if exclusive && m.fileReadOnly {
			return "", m.readOnlyError()
		}
		if holder, err = l.tryFcntl(m, h, exclusive); m.h == h || err != nil {
			return holder, err
		}
	}
	return "another program is replacing the file", nil
}

// tryFcntl locks an open file and sees whether the name stands for it. If that is
// another by now, the mailbox has the other, without a lock, and whatever became of the
// first one is of no matter.
func (l *fileLock) tryFcntl(m *Mailbox, h *handle, exclusive bool) (holder string, err error) {
	h.hold()
	defer func() {
		if l.fcntl != h {
			_ = h.release() // nothing unwritten is left in it
		}
	}()
	ok, lockErr := h.TryLock(exclusive)
	now, fi, err := m.reopen()
	switch {
	case err != nil || now != h:
		if ok {
			_ = h.Unlock() // closing gives it back as well
		}
		return "", err
	case lockErr != nil:
		return "", lockErr
	case !ok:
		return fcntlHolder(h), nil
	}
	l.fcntl, l.seen = h, fi
	return "", nil
}

func fcntlHolder(h *handle) string {
	if pid, err := h.LockHolder(); err == nil && pid > 0 {
		return fmt.Sprintf("the fcntl lock is held by process %d", pid)
	}
	return "the fcntl lock is held by another program (fuser FILE tells which have it open)"
}

// makeDot makes the lock file, or fails at once.
func (m *Mailbox) makeDot() (*fsys.Dotlock, error) {
	if m.spare == nil {
		name := filepath.Base(fsys.TempName("lock"))
		m.spare = fsys.NewSpare(m.acct.opt.FS, func() string { return filepath.Join(m.paths().notes, name) })
	}
	opt := fsys.DotlockOptions{Stale: staleLock, NoWait: true, Spare: m.spare, Broke: func(path string, h fsys.Holder) {
		m.log().Warn("mbox: removed a lock file that was left over", "file", path, "holder", h.String())
	}}
	return fsys.LockDot(context.Background(), m.acct.opt.FS, m.paths().mbox+".lock", opt)
}

// takeDot makes the lock file. When the fcntl lock is taken too, a full disk
// must not keep anybody from expunging.
func (l *fileLock) takeDot(m *Mailbox, withFcntl bool) (holder string, err error) {
	d, err := m.makeDot()
	var locked *fsys.LockedError
	switch {
	case errors.As(err, &locked):
		return locked.Error(), nil
	case withFcntl && (isForbidden(err) || isFull(err)):
		m.warnDot(err)
		return "", nil
	}
	l.dot, l.touched = d, time.Now()
	return "", err
}

func (m *Mailbox) warnDot(err error) {
	if m.warned.CompareAndSwap(false, true) {
		m.log().Warn("mbox: cannot make lock files here; relying on fcntl locks alone", "mailbox", m.Name(), "err", err)
	}
}

// keep tells other programs that a long operation is still going on.
func (l *fileLock) keep() {
	if l.dot == nil || time.Since(l.touched) < 10*time.Second {
		return
	}
	l.touched = time.Now()
	_ = l.dot.Touch() // a lock that was taken away cannot be helped now; the fcntl lock holds
}

func (l *fileLock) unlock() error {
	var errs []error
	if l.fcntl != nil {
		errs = append(errs, l.fcntl.Unlock())
		_ = l.fcntl.release() // nothing unwritten is left in it
	}
	if l.dot != nil {
		if err := l.dot.Unlock(); !errors.Is(err, fsys.ErrLockLost) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reopen returns the open file that the mailbox's name stands for, and its description,
// nil when there is none.
func (m *Mailbox) reopen() (*handle, fs.FileInfo, error) {
	path := m.paths().mbox
	fi, err := m.acct.opt.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		m.setHandle(nil)
		m.setFileReadOnly(false) // what can be made can be written to
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if fi.IsDir() {
		return nil, nil, mailstore.ErrNoSelect
	}
	if m.h != nil && fsys.SameFile(m.h.info, fi) {
		return m.h, fi, nil
	}
	f, readOnly, err := openMbox(m.acct.opt.FS, path)
	if err != nil {
		return nil, nil, err
	}
	h, err := newHandle(f)
	if err != nil {
		return nil, nil, err
	}
	m.setFileReadOnly(readOnly)
	m.setHandle(h)
	return h, h.info, nil
}

func (m *Mailbox) setFileReadOnly(readOnly bool) {
	m.fileReadOnly = readOnly || m.unlockable != nil
	m.readOnly.Store(m.fileReadOnly || m.style.mmdf)
}

// isLocked reports whether l is on the open file: not if that came under the mailbox's name
// when there was none to lock.
func (m *Mailbox) isLocked(l *fileLock) bool {
	return l.fcntl == m.h || !slices.Contains(m.acct.locks.of(m.paths().mbox), Fcntl)
}

func openMbox(fsx fsys.FS, path string) (f fsys.File, readOnly bool, err error) {
	f, err = fsx.OpenFile(path, os.O_RDWR, 0)
	if isForbidden(err) {
		f, err = fsx.OpenFile(path, os.O_RDONLY, 0)
		readOnly = true
	}
	return f, readOnly, err
}
