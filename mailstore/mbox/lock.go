package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
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

// DefaultLocks is the order of Dovecot, Postfix and mutt on Debian.
var defaultLocks = []Lock{Dotlock, Fcntl}

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
	fs      fsys.FS
	dot     *fsys.Dotlock
	touched time.Time
	fcntl   *handle
}

// lock takes the locks on the mbox: for reading the Fcntl lock, shared, where it
// is among the configured ones. It waits for the first lock only: when the
// second is taken, it gives back the first and tries again a little later, so
// that a program that takes them in the other order is never waited for while it
// waits for us.
func (m *Mailbox) lock(ctx context.Context, exclusive bool) (*fileLock, error) {
	ctx, cancel := context.WithTimeout(ctx, m.acct.opt.LockTimeout)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		l, holder, err := m.tryLock(exclusive)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			err := context.Cause(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				err = mailstore.ErrInUse
			}
			return nil, fmt.Errorf("%s: %w: %s", m.paths().mbox, err, holder)
		case <-time.After(pause):
		}
	}
}

// tryLock takes all locks or none; then holder tells who has the one that failed.
func (m *Mailbox) tryLock(exclusive bool) (_ *fileLock, holder string, err error) {
	l := &fileLock{fs: m.acct.opt.FS}
	for _, kind := range m.acct.opt.Locks {
		switch {
		case kind == Fcntl:
			holder, err = l.takeFcntl(m, exclusive)
		case exclusive || !m.hasFcntl():
			holder, err = l.takeDot(m)
		}
		if holder != "" || err != nil {
			return nil, holder, errors.Join(err, l.unlock())
		}
	}
	return l, "", nil
}

func (m *Mailbox) hasFcntl() bool {
	for _, kind := range m.acct.opt.Locks {
		if kind == Fcntl {
			return true
		}
	}
	return false
}

// takeFcntl locks the file that the name stands for now.
func (l *fileLock) takeFcntl(m *Mailbox, exclusive bool) (holder string, err error) {
	h, err := m.reopen()
	if err != nil || h == nil {
		return "", err
	}
	ok, err := h.TryLock(exclusive)
	if err != nil {
		return "", err
	}
	if !ok {
		return "another program holds the fcntl lock", nil
	}
	l.fcntl = h
	// The name may have been given to another file just before.
	if again, err := m.reopen(); err != nil || again != h {
		return "another program is replacing the file", err
	}
	return "", nil
}

func (l *fileLock) takeDot(m *Mailbox) (holder string, err error) {
	opt := fsys.DotlockOptions{Stale: staleLock, NoWait: true, Broke: func(path string, h fsys.Holder) {
		m.log().Warn("mbox: removed a lock file that was left over", "file", path, "holder", h.String())
	}}
	d, err := fsys.LockDot(context.Background(), m.acct.opt.FS, m.paths().mbox+".lock", opt)
	var locked *fsys.LockedError
	switch {
	case errors.As(err, &locked):
		return locked.Holder.String(), nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS),
		m.hasFcntl() && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)):
		// A full disk must not keep anybody from expunging.
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
	}
	if l.dot != nil {
		err := l.dot.Unlock()
		if err != nil && !errors.Is(err, fsys.ErrLockLost) {
			// A lock file of ours that stays behind would keep out everybody, us too.
			err = ignoreMissing(l.fs.Remove(l.dot.Path()))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reopen returns the open file that the mailbox's name stands for, nil when
// there is none.
func (m *Mailbox) reopen() (*handle, error) {
	path := m.paths().mbox
	fi, err := m.acct.opt.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		m.setHandle(nil)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if fi.IsDir() {
		return nil, mailstore.ErrNoSelect
	}
	if m.h != nil {
		if have, err := m.h.Stat(); err == nil && fsys.SameFile(have, fi) {
			return m.h, nil
		}
	}
	f, readOnly, err := openMbox(m.acct.opt.FS, path)
	if err != nil {
		return nil, err
	}
	m.readOnly.Store(readOnly || m.style.mmdf)
	m.fileReadOnly = readOnly
	m.setHandle(&handle{File: f})
	return m.h, nil
}

func openMbox(fsx fsys.FS, path string) (f fsys.File, readOnly bool, err error) {
	f, err = fsx.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		f, err = fsx.OpenFile(path, os.O_RDONLY, 0)
		readOnly = true
	}
	return f, readOnly, err
}
