package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"restante/fsys"
	"restante/fsys/watch"
	"restante/mailstore"
)

// Options are what Open needs.
type Options struct {
	FS fsys.FS
	// Root is the directory of the mailboxes. It is made when it is not there.
	Root string
	// Inbox is the file of INBOX, as /var/mail/joe. Empty is `inbox` in Root.
	Inbox string
	// Logger is for what an operator should know. Nil discards it.
	Logger *slog.Logger
	// Locks are the locks that the programs around use, in their order. Nil is
	// Dotlock, Fcntl, which is what Dovecot, Postfix and mutt do on Debian. What
	// does not work where a mailbox stands is left out there, with a warning.
	Locks []Lock
	// LockTimeout is how long an operation waits for the locks of other programs;
	// 0 is DefaultLockTimeout. Then it fails with mailstore.ErrInUse.
	LockTimeout time.Duration
	// Watcher tells of changes to the files of watched mailboxes. Nil lets them be
	// looked at once a second.
	Watcher *watch.Watcher
	// IndexDir is the directory for the indexes of all mailboxes of this root. It
	// belongs to this process alone. Empty keeps none: then every opening of a
	// mailbox reads its file, and mod-sequences begin anew with it.
	IndexDir string
	// IndexFS is the file system of IndexDir; nil is FS.
	IndexFS fsys.FS
	// Late is one for the whole process, so that what nobody waits for is synced
	// together; nil is one for this account.
	Late *fsys.Later
	// Zone is the zone of From lines that name none. Nil is time.Local.
	Zone *time.Location
}

// delimiter separates the levels of names.
const delimiter = '/'

// account implements mailstore.Account.
type account struct {
	*mailstore.Room
	opt   Options
	debts *fsys.Debts // what opt.FS is

	tree  sync.Mutex // one change of the tree at a time
	mu    sync.Mutex // guards slots; taken before a slot's own
	slots map[string]*slot

	opened   atomic.Uint64 // mailboxes so far
	locks    lockTable
	reserve  reserve
	registry sync.Mutex
	lastUsed uint32    // UIDVALIDITY that was given, durably or not; under registry
	buffers  sync.Pool // of *[]byte, for messages that are read, and the like
}

// slot is the place of a mailbox that is open, or being opened or closed.
type slot struct {
	users int // who works with the slot; under account.mu

	mu   sync.Mutex
	name string
	m    *Mailbox // nil when it is not open
}

// Open opens the mail of one user.
func Open(ctx context.Context, opt Options) (mailstore.Account, error) {
	if opt.IndexFS == nil {
		opt.IndexFS = opt.FS
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if len(opt.Locks) == 0 {
		opt.Locks = defaultLocks[:]
	}
	if opt.Late == nil {
		opt.Late = new(fsys.Later)
	}
	if opt.LockTimeout == 0 {
		opt.LockTimeout = DefaultLockTimeout
	}
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	debts := fsys.NewDebts(opt.FS)
	opt.FS = debts
	a := &account{opt: opt, debts: debts, slots: make(map[string]*slot), locks: lockTable{wanted: opt.Locks}}
	a.reserve = reserve{fs: opt.FS, path: filepath.Join(opt.Root, notesDir, reserveName)}
	a.Room = mailstore.NewRoom(func(set mailstore.Amount) (mailstore.Amount, mailstore.Counter) {
		return set, func(ctx context.Context) (mailstore.Amount, error) { return a.usage(ctx, set.Messages > 0) }
	})
	if err := a.prepare(ctx); err != nil {
		return nil, &mailstore.Error{Op: "open account", Err: errKind(err)}
	}
	return a, nil
}

func (a *account) prepare(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fsys.MkdirAll(a.opt.FS, a.opt.Root, 0o700); err != nil {
		return err
	}
	a.removeTemps(a.opt.Root)
	a.removeTemps(filepath.Join(a.opt.Root, notesDir))
	if a.opt.Inbox == "" {
		a.opt.Inbox = filepath.Join(a.opt.Root, "inbox")
		// Some programs write the name in capitals.
		if fi, err := a.opt.FS.Stat(filepath.Join(a.opt.Root, mailstore.Inbox)); err == nil && !fi.IsDir() {
			a.opt.Inbox = filepath.Join(a.opt.Root, mailstore.Inbox)
		}
	}
	return nil
}

// Delimiter is the slash.
func (a *account) Delimiter() rune { return delimiter }

// Close has nothing to give back: mailboxes are closed one by one.
func (a *account) Close() error { return nil }

func (a *account) fail(op, name string, err error) error {
	var already *mailstore.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &mailstore.Error{Op: op, Mailbox: name, Err: errKind(err)}
}

// Open returns the mailbox, one value for all.
func (a *account) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.open(ctx, name)
	if err != nil {
		return nil, a.fail("open", name, err)
	}
	return m, nil
}

func (a *account) open(ctx context.Context, name string) (*Mailbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name = mailstore.CanonicalName(name, delimiter)
	for {
		s := a.useSlot(name)
		m, again, err := a.openSlot(ctx, s, name)
		if m == nil {
			a.leaveSlot(s)
		}
		if !again {
			return m, err
		}
	}
}

// useSlot returns the slot of a name; leaveSlot must follow.
func (a *account) useSlot(name string) *slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.slots[name]
	if s == nil {
		s = &slot{name: name}
		a.slots[name] = s
	}
	s.users++
	return s
}

func (a *account) leaveSlot(s *slot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.users--; s.users == 0 && a.slots[s.name] == s {
		delete(a.slots, s.name)
	}
}

// openSlot opens the mailbox of a slot or joins those who have it open. again
// says that the slot belongs to another name by now.
func (a *account) openSlot(ctx context.Context, s *slot, name string) (_ *Mailbox, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name != name {
		return nil, true, nil
	}
	if s.m != nil && s.m.gone() == nil {
		s.m.refs++
		return s.m, false, nil
	}
	p, err := a.find(name)
	if err != nil {
		return nil, false, err
	}
	m := newMailbox(a, p)
	if err := m.start(ctx); err != nil {
		return nil, false, err
	}
	m.slot, m.refs = s, 1
	s.m = m
	if !m.ReadOnly() {
		a.reserve.fill()
		a.removeTemps(p.notes)
	}
	return m, false, nil
}

// Close gives the mailbox back.
func (m *Mailbox) Close() error {
	s := m.slot
	s.mu.Lock()
	m.refs--
	var err error
	if m.refs == 0 {
		if s.m == m {
			s.m = nil
		}
		err = m.fail("close", m.shutdown())
	}
	s.mu.Unlock()
	m.acct.leaveSlot(s)
	return err
}

// start loads the mailbox under its locks.
func (m *Mailbox) start(ctx context.Context) error {
	_ = m.op.Lock(context.Background()) // nothing ends this wait
	defer m.end()
	m.progress = mailstore.ProgressOf(ctx)
	err := m.startLocked(ctx)
	if err != nil {
		if m.j != nil {
			err = errors.Join(err, m.j.close())
		}
		if m.disk != nil {
			m.disk.Abandon()
		}
		_ = m.spare.Close() // what stays is removed when it is old
		m.setHandle(nil)
	}
	return err
}

func (m *Mailbox) startLocked(ctx context.Context) error {
	if err := m.makeInbox(); err != nil {
		return err
	}
	if err := m.testLocks(); err != nil {
		return err
	}
	l, err := m.lock(ctx, false)
	if err != nil {
		return err
	}
	t, err := m.startJournal()
	if err != nil {
		return errors.Join(err, l.unlock())
	}
	if m.j == nil || !m.j.dirty() {
		return errors.Join(m.loadAll(t), l.unlock())
	}
	if err := l.unlock(); err != nil {
		return err
	}
	if l, err = m.lock(ctx, true); err != nil {
		return err
	}
	if err = m.recoverFirst(l); err == nil {
		if m.j != nil {
			t = m.j.told
		}
		err = m.loadAll(t)
	}
	return errors.Join(err, l.unlock())
}

// loadAll is load, once more if another process gives UIDs to the same messages meanwhile.
func (m *Mailbox) loadAll(t toldUIDs) error {
	for n := 1; ; n++ {
		err := m.load(t)
		if !errors.Is(err, errForeign) || n == maxMoved {
			return err
		}
		if m.disk != nil {
			m.disk.Abandon()
		}
	}
}

// startJournal opens the journal, if there is one. Where it can only be read, what it
// tells is all that it is good for.
func (m *Mailbox) startJournal() (t toldUIDs, err error) {
	path := m.paths().journal()
	m.j, err = openJournal(m.acct.opt.FS, path, false)
	switch {
	case err == nil && m.j != nil:
		return m.j.told, nil
	case err != nil && unlessReadOnly(err) == nil:
		return readTold(m.acct.opt.FS, path)
	}
	return toldUIDs{}, err
}

func (m *Mailbox) recoverFirst(l *fileLock) error {
	if _, _, err := m.reopen(); err != nil || m.h == nil {
		return err
	}
	if !m.isLocked(l) {
		return fmt.Errorf("%s: %w: another program is replacing the file", m.paths().mbox, mailstore.ErrInUse)
	}
	if err := errors.Join(m.catchUp(nil), m.findJournal()); err != nil || m.j == nil { // nobody had the lock for a moment
		return err
	}
	return m.recover(&rewriter{f: m.h, j: m.j, log: m.log(), name: m.Name(), zone: m.acct.opt.Zone, lock: l, progress: m.progress})
}

// makeInbox makes the file of INBOX, if it can be made; it may stand in a
// directory where only delivery agents may make files.
func (m *Mailbox) makeInbox() error {
	if !m.isInbox() {
		return nil
	}
	path := m.paths().mbox
	if _, err := m.acct.opt.FS.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := m.acct.opt.FS.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(errKind(err), mailstore.ErrReadOnly) || errors.Is(errKind(err), mailstore.ErrOverQuota) {
		return nil // it is empty as long as it is not there
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncParent(m.acct.opt.FS, path))
}

// Status asks the index on disk, if nobody has the mailbox open. If that does not
// know, it opens the mailbox for a moment.
func (a *account) Status(ctx context.Context, name string, items mailstore.StatusItems) (mailstore.Status, error) {
	if err := ctx.Err(); err != nil {
		return mailstore.Status{}, a.fail("status", name, err)
	}
	if s, ok := a.peek(mailstore.CanonicalName(name, delimiter), items); ok {
		return s, nil
	}
	m, err := a.open(ctx, name)
	if err != nil {
		return mailstore.Status{}, a.fail("status", name, err)
	}
	err = m.Refresh(ctx)
	s := m.Status()
	if err == nil && items&mailstore.WantObjectID != 0 {
		s.ObjectID, err = m.ObjectID(ctx)
	}
	if err = errors.Join(err, m.Close()); err != nil {
		return mailstore.Status{}, a.fail("status", name, err)
	}
	return s, nil
}

// newValidity returns a UIDVALIDITY that no mailbox of the account ever had: the
// time, or one more than the last.
func (a *account) newValidity() (uint32, error) {
	a.registry.Lock()
	defer a.registry.Unlock()
	last, err := a.readValidity()
	if err != nil {
		return 0, err
	}
	now := time.Now().Unix()
	v := max(uint32(min(max(now, 1), 1<<32-2)), max(last, a.lastUsed)+1)
	if v == 0 {
		return 0, errors.New("no UIDVALIDITY is left")
	}
	a.lastUsed = v
	err = a.writeValidity(v)
	if errors.Is(errKind(err), mailstore.ErrReadOnly) || errors.Is(errKind(err), mailstore.ErrOverQuota) {
		// Where nothing can be written, nothing can be deleted and made again.
		a.opt.Logger.Warn("mbox: a UIDVALIDITY could not be recorded", "err", err)
		err = nil
	}
	return v, err
}

// retireValidity sees to it that a UIDVALIDITY is not given again.
func (a *account) retireValidity(v uint32) error {
	a.registry.Lock()
	defer a.registry.Unlock()
	last, err := a.readValidity()
	if err != nil || last >= v {
		return err
	}
	return a.writeValidity(v)
}

func (a *account) validityFile() string {
	return filepath.Join(a.opt.Root, notesDir, "restante.validity")
}

func (a *account) readValidity() (uint32, error) {
	b, err := fsys.ReadFile(a.opt.FS, a.validityFile(), 100)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %w; it should hold the last UIDVALIDITY that was given", a.validityFile(), err)
	}
	return uint32(n), nil
}

func (a *account) writeValidity(v uint32) error {
	if err := fsys.MkdirAll(a.opt.FS, filepath.Dir(a.validityFile()), 0o700); err != nil {
		return err
	}
	return fsys.WriteFile(a.opt.FS, a.validityFile(), fmt.Appendf(nil, "%d\n", v), 0o600)
}
