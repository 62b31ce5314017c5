package maildir

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"restante/fsys"
	"restante/fsys/watch"
	"restante/mailstore"
	"restante/mailstore/index"
)

// account implements mailstore.Account.
//
// Locks, in the order in which they are taken: treeMu; then mailbox.ops, of two
// mailboxes the older one's first; then mailbox.staying; then
// dovecot-uidlist.lock; then mu, under which nothing waits.
type account struct {
	*mailstore.Room
	fs      *fsys.Debts
	log     *slog.Logger
	tree    tree
	names   *namer
	watcher *watch.Watcher // nil where directories are polled
	warned  *Warned
	late    *fsys.Later
	// indexFS is where indexes stand, below indexRoot; with "" there are none.
	indexFS   fsys.FS
	indexRoot string
	valid     validities
	ids       identities
	near      near
	spare     *fsys.Spare // for the locks of its mailboxes
	lockWait  time.Duration
	keep      int
	dirPerm   fs.FileMode
	filePerm  fs.FileMode
	buffers   sync.Pool // of *[]byte for copying messages

	// treeMu is held for writing by what changes the tree, and for reading by
	// what goes from a name to a mailbox.
	treeMu sync.RWMutex
	// notesMu is for one change of a list of rights or of annotations at a time, after
	// treeMu.
	notesMu sync.Mutex

	mu        sync.Mutex
	boxes     map[string]*mailbox // open ones and idle ones
	idle      idleList            // those that nobody has open
	made      uint64              // counts mailbox values
	retiring  map[string]*mailbox // leaving the memory
	maxModSeq uint64              // of mailboxes that are no longer in memory
	closed    bool
}

// Delimiter is "." or "/", as the layout has it.
func (a *account) Delimiter() rune { return rune(a.tree.delimiter()[0]) }

func (a *account) canonical(name string) string {
	return mailstore.CanonicalName(name, a.Delimiter())
}

// Mailboxes lists the account's names.
func (a *account) Mailboxes(ctx context.Context) ([]mailstore.Info, error) {
	defer fsys.Hold(a.fs).Release()
	var beside rootFiles
	nodes, err := a.tree.listBeside(ctx, &beside)
	if err != nil {
		return nil, fail("list", "", err)
	}
	subs, err := a.tree.readSubscriptions(&beside)
	if err != nil {
		return nil, fail("list", "", err)
	}
	have := make([]mailstore.Info, 0, len(nodes)+1)
	for _, n := range nodes {
		have = append(have, mailstore.Info{Name: n.name, NoSelect: n.kind == place})
	}
	uses, err := a.readSpecialUses(&beside)
	if err != nil {
		return nil, fail("list", "", err)
	}
	mailstore.ParseSpecialUses(uses).Mark(have)
	return mailstore.FinishList(have, subs.names(&a.tree), a.Delimiter()), nil
}

// Open returns the mailbox, with what others did to it folded in. Its directories are kept
// open for what comes next.
func (a *account) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.openWith(ctx, name, (*mailbox).same)
	if err != nil {
		return nil, err
	}
	a.near.renew(m)
	return m, nil
}

// OpenTarget returns the mailbox, with what others did to it folded in if its
// directories tell by their times that they did something. One that may have more is
// not read for that, as nothing of it is asked.
func (a *account) OpenTarget(ctx context.Context, name string) (mailstore.Mailbox, error) {
	m, err := a.openWith(ctx, name, (*mailbox).seemsSame)
	if err != nil {
		return nil, err // and no mailbox at all
	}
	return m, nil
}

func (a *account) openWith(ctx context.Context, name string, same func(*mailbox) bool) (*mailbox, error) {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	m, err := a.enter(ctx, a.canonical(name), same)
	if err != nil {
		return nil, fail("open", name, err)
	}
	return m, nil
}

// open is Open for a canonical name; the caller holds treeMu.
func (a *account) open(ctx context.Context, name string) (*mailbox, error) {
	return a.enter(ctx, name, (*mailbox).same)
}

// enter opens a mailbox, and looks at it unless it is the same.
func (a *account) enter(ctx context.Context, name string, same func(*mailbox) bool) (*mailbox, error) {
	for {
		m := a.acquire(name)
		err := m.enter(ctx, same)
		if err == nil {
			return m, nil
		}
		a.release(m)
		if !errors.Is(err, mailstore.ErrGone) {
			return nil, err
		}
		// Somebody deleted or replaced it just now; the next value knows.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// acquire returns the one value for a name and counts it.
func (a *account) acquire(name string) *mailbox {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.boxes[name]
	if m == nil || m.gone.Load() {
		a.made++
		m = newMailbox(a, name, a.made, a.epochLocked())
		if old := a.retiring[name]; old != nil {
			m.after = old.retired
		}
		a.boxes[name] = m
	}
	m.refs++
	a.idle.remove(m)
	return m
}

// release gives it back; when it was the last, it becomes idle.
func (a *account) release(m *mailbox) {
	a.mu.Lock()
	var evicted []*mailbox
	m.refs--
	last := m.refs == 0
	if last {
		a.idle.add(m)
		evicted = a.evict()
	}
	a.mu.Unlock()
	if last {
		a.near.drop(m)
		m.restIndex()
	}
	for _, m := range evicted {
		m.retire()
	}
}

// evict takes out of memory what is too much, and what is of no use, which can
// only be the mailbox that was closed last; the caller has mu and retires them.
func (a *account) evict() []*mailbox {
	var evicted []*mailbox
	for m := range a.idle.tooMuch(a.keep, a.closed || a.keep < 0) {
		evicted = append(evicted, m)
		a.retiring[m.Name()] = m
		a.forgetLocked(m)
	}
	return evicted
}

// hasRetired lets the next value of the name have the index.
func (a *account) hasRetired(m *mailbox) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(m.retired)
	for name, old := range a.retiring {
		if old == m {
			delete(a.retiring, name)
		}
	}
}

// forget takes a mailbox that is gone out of the table, so that the next Open
// makes a new value.
func (a *account) forget(m *mailbox) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetLocked(m)
}

func (a *account) forgetLocked(m *mailbox) {
	if a.boxes[m.Name()] == m {
		delete(a.boxes, m.Name())
	}
	a.maxModSeq = max(a.maxModSeq, m.HighestModSeq())
}

// epoch is the mod-sequence that a mailbox begins with when it is read from the
// files, which do not hold any: microseconds since 1970 are above everything
// that was ever handed out, as no mailbox changes a million times a second.
func (a *account) epochLocked() uint64 {
	return max(uint64(time.Now().UnixMicro()), a.maxModSeq+1)
}

// Status asks the index on disk, if the mailbox is not in memory. If that does
// not know, it opens the mailbox for a moment.
func (a *account) Status(ctx context.Context, name string, items mailstore.StatusItems) (mailstore.Status, error) {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	if err := ctx.Err(); err != nil {
		return mailstore.Status{}, fail("status", name, err)
	}
	if s, ok := a.peek(a.canonical(name), items); ok {
		return s, nil
	}
	m, err := a.open(ctx, a.canonical(name))
	if err != nil {
		return mailstore.Status{}, fail("status", name, err)
	}
	defer a.release(m)
	id := ""
	if items&mailstore.WantObjectID != 0 {
		if id, err = m.ObjectID(ctx); err != nil {
			return mailstore.Status{}, err
		}
	}
	if items&mailstore.WantSize != 0 {
		if err := m.fill(ctx, mailstore.AllUIDs(), mailstore.AttrSize); err != nil {
			return mailstore.Status{}, fail("status", name, err)
		}
	}
	s := m.Status()
	s.ObjectID = id
	if items&mailstore.WantSize != 0 && s.Size < 0 {
		s.Size, s.DeletedSize = m.knownSizes()
	}
	return s, nil
}

// knownSizes are the size of the messages together and of those with \Deleted; what
// cannot be read counts as empty.
func (m *mailbox) knownSizes() (all, deleted int64) {
	m.Walk(mailstore.AllUIDs(), func(r mailstore.Record) {
		if r.Size == mailstore.Unknown {
			return
		}
		all += r.Size
		if r.Flags.Has(mailstore.Deleted) {
			deleted += r.Size
		}
	})
	return all, deleted
}

// Close forgets what is in memory. Mailboxes that are still open stay usable.
func (a *account) Close() error {
	a.mu.Lock()
	a.closed = true
	evicted := a.evict()
	a.mu.Unlock()
	for _, m := range evicted {
		m.retire()
	}
	if err := a.spare.Close(); err != nil {
		a.log.Info("a file stays in tmp", "dir", a.tree.inbox, "err", err)
	}
	a.near.dropAll()
	return nil
}

// peek is Status for a mailbox that is not in memory and has not changed since it
// was: five calls of stat(2) and a look at the end of its index.
func (a *account) peek(name string, items mailstore.StatusItems) (mailstore.Status, bool) {
	a.mu.Lock()
	inMemory := a.boxes[name] != nil || a.retiring[name] != nil
	a.mu.Unlock()
	if inMemory || a.indexRoot == "" || name != mailstore.Inbox && a.tree.check(name) != nil {
		return mailstore.Status{}, false
	}
	saved, ok := index.Peek(a.indexFS, a.indexDir(name))
	if !ok || items&mailstore.WantSize != 0 && saved.Status.Size < 0 {
		return mailstore.Status{}, false
	}
	k, ok := parseStamp(saved.Stamp)
	if !ok || !a.compareFiles(k, a.tree.newDir(name)) || !k.current() {
		return mailstore.Status{}, false
	}
	saved.Status.UIDValidity = k.header.validity
	if items&mailstore.WantObjectID != 0 {
		saved.Status.ObjectID = k.header.guid
		return saved.Status, k.header.guid != "" && k.header.home == k.head.New.Ino
	}
	return saved.Status, true
}

// lockDot takes a lock file.
func (a *account) lockDot(ctx context.Context, path string, wait time.Duration) (*fsys.Dotlock, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return fsys.LockDot(ctx, a.fs, path, fsys.DotlockOptions{
		Perm:  a.filePerm,
		Spare: a.spare,
		Broke: func(path string, holder fsys.Holder) {
			a.log.Warn("removed a lock file that was left over", "path", path, "holder", holder.String())
		},
	})
}

// buffer returns a buffer for copying; give it back with a.buffers.Put.
func (a *account) buffer() *[]byte {
	if b, ok := a.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 64<<10)
	return &b
}

// makeSubdirs makes what is missing of a Maildir's three directories, cur last:
// it is the sign of a whole mailbox.
func (a *account) makeSubdirs(dir string) error {
	made := false
	for _, sub := range []string{"tmp", "new", "cur"} {
		path := filepath.Join(dir, sub)
		if _, err := a.fs.Stat(path); err == nil {
			continue
		}
		if err := a.fs.Mkdir(path, a.dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		made = true
	}
	if !made {
		return nil
	}
	return a.fs.SyncDir(dir)
}

// isBelow reports whether name is below parent in the hierarchy.
func (a *account) isBelow(name, parent string) bool {
	return strings.HasPrefix(name, parent+a.tree.delimiter())
}
