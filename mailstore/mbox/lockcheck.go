package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"restante/fsys"
)

// lockTable says which locks work in which directory, as the test at the first
// opening of a mailbox there has found.
type lockTable struct {
	wanted []Lock

	mu    sync.Mutex
	works map[string][]Lock
}

// of returns the locks to take on a file, in their order.
func (t *lockTable) of(file string) []Lock {
	if list, tested := t.tested(file); tested {
		return list
	}
	return t.wanted
}

func (t *lockTable) tested(file string) ([]Lock, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, ok := t.works[filepath.Dir(file)]
	return list, ok
}

func (t *lockTable) set(file string, list []Lock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.works == nil {
		t.works = make(map[string][]Lock)
	}
	t.works[filepath.Dir(file)] = list
}

// testLocks tries out, once for each directory, whether the locks keep anybody
// out. A lock that does not work there is left out. When none of the wanted ones
// works, another that does is taken; when none does at all, the mailbox can only
// be read.
func (m *Mailbox) testLocks() error {
	t, file := &m.acct.locks, m.paths().mbox
	works, tested := t.tested(file)
	if !tested {
		h, _, err := m.reopen()
		if err != nil {
			return err
		}
		if h == nil {
			return nil // it is empty; the test waits until it is there
		}
		if works, err = m.findLocks(h); err != nil {
			return err
		}
		t.set(file, works)
	}
	if len(works) == 0 {
		m.unlockable = fmt.Errorf("neither lock files nor fcntl locks work in %s; let restante make files there, or move the mail to a file system with locks", filepath.Dir(file))
		m.fileReadOnly = true
		m.readOnly.Store(true)
	}
	return nil
}

// findLocks tests the wanted locks and, when none of them works, the others.
func (m *Mailbox) findLocks(h *handle) (works []Lock, err error) {
	wanted := m.acct.opt.Locks
	failed := make(map[Lock]error)
	for _, kind := range append(slices.Clone(wanted), defaultLocks[:]...) {
		if failed[kind] != nil || slices.Contains(works, kind) || len(works) > 0 && !slices.Contains(wanted, kind) {
			continue
		}
		why, err := m.testLock(kind, h)
		if err != nil {
			return nil, err
		}
		if failed[kind] = why; why == nil {
			works = append(works, kind)
		}
	}
	for _, kind := range wanted {
		if why := failed[kind]; why != nil {
			m.log().Warn("mbox: a lock does not work here and is left out", "lock", kind.String(), "mailbox", m.Name(), "dir", filepath.Dir(m.paths().mbox), "err", why, "instead", fmt.Sprint(works))
		}
	}
	return works, nil
}

// testLock returns why a lock keeps nobody out, nil when it does.
func (m *Mailbox) testLock(kind Lock, h *handle) (why, err error) {
	if kind == Fcntl {
		return m.testFcntl(h)
	}
	return m.testDot()
}

var errNoConflict = errors.New("two programs can have it at the same time")

// testFcntl locks the mbox through two opens of it. The second is for reading:
// to close one for writing would look like a change to those who watch.
func (m *Mailbox) testFcntl(h *handle) (why, err error) {
	f, err := m.acct.opt.FS.OpenFile(m.paths().mbox, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // removed just now
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	got, err := h.TryLock(!m.fileReadOnly)
	if err != nil {
		if isUnsupported(err) {
			return err, nil
		}
		return nil, err
	}
	if !got {
		return nil, nil // somebody has it, so it works
	}
	if !m.fileReadOnly {
		switch second, err := f.TryLock(false); {
		case err != nil:
			why = err
		case second:
			why = errNoConflict
		}
	}
	return why, h.Unlock()
}

// isUnsupported: the file system has no locks, or its lock server is away.
func isUnsupported(err error) bool {
	for _, e := range []error{syscall.EINVAL, syscall.ENOLCK, syscall.ENOSYS, syscall.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// testDot makes the lock file of the mailbox and tries to make it again.
func (m *Mailbox) testDot() (why, err error) {
	d, err := m.makeDot()
	switch {
	case errors.Is(err, fsys.ErrLocked), isFull(err):
		return nil, nil // somebody has it; or nobody can tell today
	case isForbidden(err):
		return err, nil
	case err != nil:
		return nil, err
	}
	f, err := m.acct.opt.FS.OpenFile(d.Path(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		why, err = errNoConflict, f.Close()
	} else if errors.Is(err, fs.ErrExist) || isFull(err) {
		err = nil
	}
	l := fileLock{dot: d}
	return why, errors.Join(err, l.unlock())
}
