package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"restante/fsys"
	"restante/gate"
	"restante/mailstore"
	"restante/mailstore/index"
)

// Mailbox is an open mailbox. It implements mailstore.Mailbox.
//
// op is the right to work on the file: one operation at a time has it. io keeps
// the octets of the file where they are: who reads a message holds it for the
// length of one read, who rewrites the file holds it alone.
type Mailbox struct {
	*index.Index[loc]
	acct     *account
	place    atomic.Pointer[place]
	validity uint32
	readOnly atomic.Bool
	goneErr  atomic.Pointer[error]
	warned   atomic.Bool // that lock files cannot be made
	volatile atomic.Bool // UIDs could not be made durable
	used     atomic.Bool // somebody may change it, or has, since it was opened

	op gate.Gate
	io sync.RWMutex

	// What follows belongs to who has op; h, snap and layoutGen change only with
	// io held alone, and may be read with io.
	h             *handle
	fileReadOnly  bool
	unlockable    error // why no lock works where the file stands; set before anybody has the mailbox
	j             *journal
	spare         *fsys.Spare // for the lock file; nil until it is locked
	state         *stateFile
	snap          fileStamp // the file that the index describes
	unsure        bool      // a file of that stamp may be another
	layoutGen     uint64    // raised whenever messages move
	style         style
	base          base
	claimed       mailstore.UID
	retired       uint32  // see state
	unlisted      []known // messages that are not in the state file yet
	foreign       bool    // journal or state file may tell what the index does not know, as another process wrote to them
	owed          bool    // some of them have a UID that nothing else makes durable
	stale         bool    // the state file lists messages that have gone
	lost          bool    // others have removed messages since noteEnd looked
	parsedAt      time.Time
	parseTook     time.Duration
	partial       bool               // parts of the file were not read when it grew
	hasOpen       bool               // a Content-Length points behind the end of the file
	savedValidity uint32             // the UIDVALIDITY that the state file is for
	wantNotes     bool               // the mbox lacks notes that it should have
	disputed      bool               // others wrote UIDs into it, or took some out, that are not those told here
	id            string             // what it is named by for ever, once somebody has asked
	progress      mailstore.Progress // is told what the operation does

	disk      *index.Store[loc] // nil when no index is kept
	committer committer
	readers   readers
	late      fsys.LateSync // of flags in the file
	// lateFailed: it was logged.
	lateFailed atomic.Bool
	watch      watcher

	serial uint64 // in the order of opening
	slot   *slot  // which guards refs
	refs   int
}

// place is where a mailbox stands.
type place struct {
	name  string
	mbox  string // the file
	notes string // the directory of our files for it
}

func (p *place) state() string   { return filepath.Join(p.notes, "restante.uids") }
func (p *place) journal() string { return filepath.Join(p.notes, "restante.journal") }

// handle is an open file, closed when the mailbox and all messages that read
// from it have let it go.
type handle struct {
	fsys.File
	info  fs.FileInfo    // which file it is, whatever has become of it since
	clock fsys.FileClock // by which it is stamped, once somebody has asked; for who has op
	refs  atomic.Int32   // besides the mailbox's own
}

func newHandle(f fsys.File) (*handle, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &handle{File: f, info: fi}, nil
}

func (h *handle) hold() { h.refs.Add(1) }

func (h *handle) release() error {
	if h.refs.Add(-1) < 0 {
		return h.File.Close()
	}
	return nil
}

func (m *Mailbox) setHandle(h *handle) {
	if m.h == h {
		return
	}
	m.io.Lock()
	old := m.h
	m.h = h
	m.layoutGen++
	m.io.Unlock()
	if old != nil {
		_ = old.release() // nothing unwritten is left in it
	}
}

func newMailbox(a *account, p place) *Mailbox {
	m := &Mailbox{acct: a, serial: a.opened.Add(1), state: newStateFile(a.opt.FS, p.state())}
	m.place.Store(&p)
	return m
}

func (m *Mailbox) paths() *place     { return m.place.Load() }
func (m *Mailbox) log() *slog.Logger { return m.acct.opt.Logger }

// Name is the mailbox's present name.
func (m *Mailbox) Name() string { return m.paths().name }

// UIDValidity is the mailbox's UIDVALIDITY.
func (m *Mailbox) UIDValidity() uint32 { return m.validity }

// ReadOnly reports that the file cannot be changed: by this process, or because
// it is an MMDF file, which is only read.
func (m *Mailbox) ReadOnly() bool { return m.readOnly.Load() }

// Status returns the shared state as it is now.
func (m *Mailbox) Status() mailstore.Status { return m.Index.Status(m.validity) }

// Fill has nothing to find out: sizes and dates are known from the first look
// at the file on.
func (m *Mailbox) Fill(ctx context.Context, _ mailstore.UIDSet, _ mailstore.Attrs) error {
	return m.fail("fill", errors.Join(ctx.Err(), m.gone()))
}

// gone returns why the mailbox can no longer be used, if so.
func (m *Mailbox) gone() error {
	if err := m.goneErr.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *Mailbox) setGone(why string) {
	err := fmt.Errorf("%w: %s", mailstore.ErrGone, why)
	m.goneErr.CompareAndSwap(nil, &err)
	m.End()
}

// fail gives an error its operation, name and kind.
func (m *Mailbox) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var already *mailstore.Error
	if errors.As(err, &already) {
		return err
	}
	return &mailstore.Error{Op: op, Mailbox: m.Name(), Err: errKind(err)}
}

// begin takes the right to work on the file.
func (m *Mailbox) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.op.Lock(ctx); err != nil {
		return err
	}
	if err := m.gone(); err != nil {
		m.end()
		return err
	}
	m.progress = mailstore.ProgressOf(ctx)
	return nil
}

func (m *Mailbox) end() {
	m.progress = nil
	m.op.Unlock()
}

// Refresh folds in what other programs did.
func (m *Mailbox) Refresh(ctx context.Context) error {
	if err := m.begin(ctx); err != nil {
		return m.fail("refresh", err)
	}
	defer m.end()
	return m.fail("refresh", m.refresh(ctx))
}

// refresh is Refresh for who has op.
func (m *Mailbox) refresh(ctx context.Context) error {
	if m.unchanged() {
		return nil
	}
	l, err := m.lock(ctx, false)
	if err != nil {
		return err
	}
	if err = m.catchUp(l.seen); err == nil {
		err = unlessReadOnly(m.findJournal())
	}
	if err != nil {
		return errors.Join(err, l.unlock())
	}
	if m.j != nil && m.j.dirty() {
		if err := l.unlock(); err != nil {
			return err
		}
		return m.withWriteLock(ctx, func(*rewriter) error { return nil })
	}
	return errors.Join(m.sync(l.seen), l.unlock())
}

// unlessReadOnly forgives a journal that cannot be opened for writing: then we
// cannot have left it dirty.
func unlessReadOnly(err error) error {
	if errors.Is(errKind(err), mailstore.ErrReadOnly) {
		return nil
	}
	return err
}

// unchanged reports whether the file is as it was. What was read only in part
// when it grew is read as a whole once a while.
func (m *Mailbox) unchanged() bool {
	if m.j != nil && m.j.dirty() || m.owed || m.foreign || m.fullDue() {
		return false
	}
	fi, err := m.acct.opt.FS.Stat(m.paths().mbox)
	if errors.Is(err, fs.ErrNotExist) {
		return m.h == nil && m.isInbox() && m.snap == (fileStamp{})
	}
	return err == nil && !m.unsure && stampOf(fi) == m.snap
}

// change runs fn with the right to change the file, its locks, and the index up
// to date.
func (m *Mailbox) change(ctx context.Context, op string, fn func(r *rewriter) error) error {
	return m.fail(op, m.locked(ctx, fn))
}

func (m *Mailbox) locked(ctx context.Context, fn func(r *rewriter) error) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.end()
	m.used.Store(true)
	return m.withWriteLock(ctx, fn)
}

func (m *Mailbox) withWriteLock(ctx context.Context, fn func(r *rewriter) error) error {
	defer fsys.Hold(m.acct.opt.FS).Release()
	for range 5 {
		again, err := m.tryWrite(ctx, fn)
		if !again {
			return err
		}
	}
	return fmt.Errorf("%w, which replaces the file again and again", mailstore.ErrInUse)
}

// tryWrite is withWriteLock; again says that the name stands for another file than the
// one that was locked, or for none.
func (m *Mailbox) tryWrite(ctx context.Context, fn func(r *rewriter) error) (again bool, err error) {
	if err := m.writable(); err != nil {
		return false, err
	}
	l, err := m.lock(ctx, true)
	if err != nil {
		return false, err
	}
	defer func() {
		if err := l.unlock(); err != nil {
			m.log().Warn("mbox: giving back the locks failed", "mailbox", m.Name(), "err", err)
		}
	}()
	if l.seen == nil {
		if _, l.seen, err = m.reopen(); err != nil {
			return false, err
		}
	}
	if err := m.catchUp(l.seen); err != nil {
		return false, err
	}
	j, err := m.journal()
	if err != nil {
		return false, err
	}
	h := m.h
	if h == nil || !m.isLocked(l) {
		return true, nil
	}
	r := &rewriter{f: h, j: j, log: m.log(), name: m.Name(), zone: m.acct.opt.Zone, lock: l, progress: m.progress, late: m}
	if j.dirty() {
		l.seen = nil
		if err := m.recover(r); err != nil {
			return false, err
		}
	}
	if err := m.sync(l.seen); err != nil {
		return false, err
	}
	if err := m.gone(); err != nil {
		return false, err
	}
	if m.h != h {
		return true, nil
	}
	if m.ReadOnly() {
		return false, m.whyReadOnly()
	}
	return false, fn(r)
}

// journal returns the journal for a change. Without room to make one it is one
// that can hold nothing.
func (m *Mailbox) journal() (*journal, error) {
	if err := m.findJournal(); err != nil || m.j != nil {
		return m.j, err
	}
	path := m.paths().journal()
	j, err := openJournal(m.acct.opt.FS, path, true)
	switch {
	case isFull(err):
		return &journal{fs: m.acct.opt.FS, path: path, f: noJournal{err}}, nil
	case err != nil:
		return nil, err
	}
	m.j = j
	return j, nil
}

// recover ends what an earlier operation left half done.
func (m *Mailbox) recover(r *rewriter) error {
	m.io.Lock()
	defer m.io.Unlock()
	m.snap = fileStamp{}
	m.layoutGen++
	_, err := r.recover()
	return err
}

// writable makes sure that there is a file to write to. Whether the open one is still that
// of the name is seen when it is locked; but one that may not be written to may have made room
// for another.
func (m *Mailbox) writable() (err error) {
	h := m.h
	if h == nil || m.fileReadOnly {
		h, _, err = m.reopen()
	}
	if err == nil && h == nil {
		if !m.isInbox() {
			m.setGone("the file has been removed")
			return m.gone()
		}
		var f fsys.File
		if f, err = createFile(m.acct.opt.FS, m.paths().mbox, 0o600); err == nil {
			h, err = newHandle(f)
		}
		if err == nil {
			m.setHandle(h)
		}
	}
	if err == nil && m.ReadOnly() {
		err = m.whyReadOnly()
	}
	return err
}

func (m *Mailbox) whyReadOnly() error {
	if m.style.mmdf {
		return fmt.Errorf("%w: it is an MMDF file, which can only be read", mailstore.ErrReadOnly)
	}
	return m.readOnlyError()
}

// readOnlyError is whyReadOnly for who has no right to look at the file.
func (m *Mailbox) readOnlyError() error {
	if m.unlockable != nil {
		return fmt.Errorf("%w: %w", mailstore.ErrReadOnly, m.unlockable)
	}
	return mailstore.ErrReadOnly
}

func (m *Mailbox) isInbox() bool { return m.Name() == mailstore.Inbox }

// pageSize is about how many messages all copies at a time.
const pageSize = 4096

// all walks the messages in the order of the file, which is that of UIDs, without
// a copy of all of them. The caller has op, so none comes or goes.
func (m *Mailbox) all() iter.Seq[index.Entry[loc]] {
	return func(yield func(index.Entry[loc]) bool) {
		step := mailstore.UID(pageSize)
		for first, next := mailstore.UID(1), m.UIDNext(); first < next; {
			last := first + min(step, next-first) - 1
			list := m.Collect(mailstore.UIDSet{{First: first, Last: last}})
			for _, e := range list {
				if !yield(e) {
					return
				}
			}
			first = last + 1
			switch {
			case len(list) < pageSize/4 && step < 1<<30:
				step *= 2 // most of these UIDs are gone
			case len(list) > pageSize:
				step = max(step/2, pageSize)
			}
		}
	}
}

// among walks the messages of a set.
func (m *Mailbox) among(set mailstore.UIDSet) iter.Seq[index.Entry[loc]] {
	if set.Len() <= pageSize {
		return slices.Values(m.Collect(set))
	}
	return func(yield func(index.Entry[loc]) bool) {
		for e := range m.all() {
			if set.Contains(e.UID) && !yield(e) {
				return
			}
		}
	}
}
