package maildir

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"

	"restante/fsys"
	"restante/gate"
	"restante/mailstore"
	"restante/mailstore/index"
)

// mailbox implements mailstore.Mailbox. Readers need only the lock of the index.
// What writes, or reads directories, holds ops.
type mailbox struct {
	*index.Index[file]
	disk   *index.Store[file] // keeps the index on disk; nil where none is wanted
	a      *account
	serial uint64 // of two mailboxes the one with the smaller serial is locked first
	where  atomic.Pointer[location]
	// staying is held for reading by what works in the mailbox's directory
	// without ops, and for writing, after ops, by Rename and Delete.
	staying sync.RWMutex

	gone     atomic.Bool // ErrGone from now on
	loaded   atomic.Bool
	readOnly atomic.Bool
	validity atomic.Uint32
	unsure   atomic.Bool  // files may have other names than the index says
	learned  atomic.Int64 // sizes that Fill found and the UID list does not have

	refs int // guarded by account.mu

	ops gate.Gate
	// Guarded by ops:
	list    uidList
	kw      keywords
	names   map[string]uint32 // base name to UID, of all messages; nil until it is needed
	asked   bool              // it was nearly needed once
	uidls   map[string]string // unique ids of POP3 by base name, as Courier gave them, until the UID list has them
	reread  bool              // what the index says of flags is looked up in the names: keywords mean something else, or the names are in doubt
	fresh   map[mailstore.UID]struct{}
	newDir  dirState
	curDir  dirState
	exact   bool // the last look at the directories saw everything
	private bool // UIDs are ours alone, as we cannot write the UID list

	// recent are at least all messages that have Recent. It is used only in batches
	// and views of the index, whose lock guards it.
	recent mailstore.UIDSet

	// after is closed when the value that had the name before has left the
	// memory, nil if there is none; retired when this one has.
	after   <-chan struct{}
	retired chan struct{}

	queue   commitQueue
	newSync shared
	curSync shared
	late    lateSyncs

	watch watching
}

// location is what Rename changes. The UID list and the keywords stand in
// control, which is mostly dir.
type location struct{ name, dir, control string }

func newMailbox(a *account, name string, serial, epoch uint64) *mailbox {
	m := &mailbox{
		Index:   index.New[file](1, epoch),
		a:       a,
		serial:  serial,
		list:    uidList{fs: a.fs},
		kw:      keywords{fs: a.fs},
		fresh:   make(map[mailstore.UID]struct{}),
		retired: make(chan struct{}),
	}
	m.disk = m.newStore(name)
	m.where.Store(&location{name: name})
	return m
}

// Name is the mailbox's present name.
func (m *mailbox) Name() string { return m.where.Load().name }

func (m *mailbox) dir() string { return m.where.Load().dir }

func (m *mailbox) control() string { return m.where.Load().control }

// UIDValidity is the mailbox's UIDVALIDITY.
func (m *mailbox) UIDValidity() uint32 { return m.validity.Load() }

// ReadOnly reports that the files may not be changed.
func (m *mailbox) ReadOnly() bool { return m.readOnly.Load() }

// Status returns the state as it is now.
func (m *mailbox) Status() mailstore.Status { return m.Index.Status(m.UIDValidity()) }

// Close gives the mailbox back.
func (m *mailbox) Close() error {
	m.a.release(m)
	return nil
}

// enter makes the mailbox ready for a session: it reads the files, or what
// changed in them since. same says of one that was read that nothing has.
func (m *mailbox) enter(ctx context.Context, same func(*mailbox) bool) error {
	if err := m.ops.Lock(ctx); err != nil {
		return err
	}
	defer m.ops.Unlock()
	if m.gone.Load() {
		return mailstore.ErrGone
	}
	if m.loaded.Load() && same(m) {
		return nil
	}
	defer fsys.Hold(m.a.fs).Release()
	if m.loaded.Load() {
		return m.refresh(ctx)
	}
	err := m.awaitTurn(ctx)
	if err == nil {
		err = m.a.fs.Settle() // it tells UIDs that an attempt before it may have given
	}
	if err == nil {
		err = m.load(ctx)
	}
	if err != nil {
		m.lose() // whoever waits for this value takes a new one
		return err
	}
	m.loaded.Store(true)
	return nil
}

// awaitTurn waits until the mailbox's files of the index are ours.
func (m *mailbox) awaitTurn(ctx context.Context) error {
	if m.after == nil {
		return nil
	}
	select {
	case <-m.after:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lose marks the mailbox as gone for all who have it open.
func (m *mailbox) lose() {
	m.gone.Store(true)
	m.abandonIndex()
	m.End()
	m.a.near.drop(m)
	m.a.forget(m)
}

// Refresh folds in what other programs did.
func (m *mailbox) Refresh(ctx context.Context) error {
	if err := m.ops.Lock(ctx); err != nil {
		return fail("refresh", m.Name(), err)
	}
	defer m.ops.Unlock()
	switch {
	case m.gone.Load():
		return fail("refresh", m.Name(), mailstore.ErrGone)
	case m.stillSame():
		return nil
	}
	defer fsys.Hold(m.a.fs).Release()
	return fail("refresh", m.Name(), m.refresh(ctx))
}

// locked runs fn with ops held, unless the mailbox is gone.
func (m *mailbox) locked(ctx context.Context, op string, fn func() error) error {
	err := m.ops.Lock(ctx)
	if err != nil {
		return fail(op, m.Name(), err)
	}
	defer m.ops.Unlock()
	if m.gone.Load() {
		return fail(op, m.Name(), mailstore.ErrGone)
	}
	defer fsys.Hold(m.a.fs).Release()
	return fail(op, m.Name(), fn())
}

// writing is locked for what changes files.
func (m *mailbox) writing(ctx context.Context, op string, fn func() error) error {
	return m.locked(ctx, op, func() error {
		if m.private {
			return mailstore.ErrReadOnly
		}
		if err := m.a.fs.Settle(); err != nil {
			return err
		}
		return fn()
	})
}

// syncCur makes all renames and removals in cur/ durable, together with those
// of others. Nobody needs to hold ops.
func (m *mailbox) syncCur() error {
	m.late.inCur.Take()
	return m.syncDir(&m.curSync, "cur")
}

func (m *mailbox) syncNew() error { return m.syncDir(&m.newSync, "new") }

func (m *mailbox) syncDir(s *shared, sub string) error {
	return s.do(func() error {
		m.staying.RLock()
		defer m.staying.RUnlock()
		return m.a.fs.SyncDir(filepath.Join(m.dir(), sub))
	})
}

// retire is called when nobody has the mailbox open and it leaves the memory.
// It leaves the files tidy for the next time, if nobody else is at them.
func (m *mailbox) retire() {
	defer m.a.hasRetired(m)
	m.watch.end()
	ctx, cancel := context.WithTimeout(context.Background(), refreshLockWait)
	defer cancel()
	if err := m.leaveOwed(ctx); err != nil && !errors.Is(err, mailstore.ErrGone) {
		m.late.leaving.Take()
		m.a.log.Warn("messages that are no longer new stay in new", "mailbox", m.Name(), "err", err)
	}
	synced := m.syncOwed()
	m.late.take() // which the account's file system remembers
	if m.ops.Lock(ctx) != nil {
		m.abandonIndex()
		return
	}
	defer m.ops.Unlock()
	m.tidy(ctx)
	if synced != nil {
		m.a.log.Error("flags and moves are not safe from a loss of power", "mailbox", m.Name(), "err", synced)
		m.abandonIndex() // it must not say that all is in the directories
		return
	}
	m.closeIndex()
}

// tidy writes the UID list anew if that saves work the next time.
func (m *mailbox) tidy(ctx context.Context) {
	if m.gone.Load() || !m.loaded.Load() || m.readOnly.Load() {
		return
	}
	if m.learned.Load() == 0 && !m.listIsStale() {
		return
	}
	if m.refresh(ctx) != nil || !m.exact {
		return // what we have not seen must not lose its record
	}
	m.list.rewrite = true
	if err := m.withList(ctx, refreshLockWait, nil, nil); err != nil {
		m.a.log.Info("did not tidy the UID list", "mailbox", m.Name(), "err", err)
	}
}
