package maildir

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"restante/fsys"
	"restante/fsys/watch"
	"restante/mailstore"
)

// Options say where the mail is and how to handle it.
type Options struct {
	// FS is the file system; nil is the machine's.
	FS fsys.FS
	// Root is the directory that holds everything. It is made when it is
	// missing.
	Root   string
	Layout Layout
	// Inbox is the directory of INBOX; "" is Root itself.
	Inbox string
	// Control is the root of the UID lists, keywords and subscriptions, as
	// Dovecot's CONTROL=; "" is Root. It is made when it is missing.
	Control string
	// Logger is told of what an operator may want to repair. nil is silence.
	Logger *slog.Logger
	// Hostname goes into the names of new files; "" is the machine's name.
	Hostname string
	// LockWait is how long a write waits for a lock that another program holds
	// before it fails with mailstore.ErrInUse. 0 is 30 seconds.
	LockWait time.Duration
	// KeepMessages is how many messages of mailboxes that nobody has open stay
	// in memory, so that opening them again is cheap; the mailbox closed last
	// always does. 0 is 50,000, negative keeps none.
	KeepMessages int
	// Watcher tells when a watched mailbox has changed. It is one for the whole
	// process, and its owner closes it; with nil directories are looked at once
	// a second.
	Watcher *watch.Watcher
	// IndexDir is the directory for the indexes of all mailboxes
	// (docs/design/index.md), of this account alone. It is made when there is
	// something to write. With "" nothing is kept from one opening to the next,
	// and there are no summaries.
	IndexDir string
	// IndexFS is the file system of IndexDir; nil is FS.
	IndexFS fsys.FS
	// Warned is one for the whole process, so that the log tells once of messages
	// that have gone astray; nil is one for this account.
	Warned *Warned
	// Late is one for the whole process, so that what nobody waits for is synced
	// together; nil is one for this account.
	Late *fsys.Later
}

const (
	defaultLockWait     = 30 * time.Second
	refreshLockWait     = 2 * time.Second
	defaultKeepMessages = 50_000
	defaultDirPerm      = 0o700
)

// Open returns the account whose mail stands in opt.Root, and makes the
// directories of an empty one when there are none. The permissions of the root
// are those of everything new in it. The account is not counted: close it once.
func Open(ctx context.Context, opt Options) (mailstore.Account, error) {
	a, err := newAccount(opt)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = a.prepare()
	}
	if err != nil {
		return nil, fail("open account in "+opt.Root, "", err)
	}
	return a, nil
}

func newAccount(opt Options) (*account, error) {
	if opt.FS == nil {
		opt.FS = fsys.OS{}
	}
	if opt.IndexFS == nil {
		opt.IndexFS = opt.FS
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Inbox == "" {
		opt.Inbox = opt.Root
	}
	if opt.Hostname == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		opt.Hostname = host
	}
	if opt.Warned == nil {
		opt.Warned = new(Warned)
	}
	if opt.Late == nil {
		opt.Late = new(fsys.Later)
	}
	if opt.LockWait == 0 {
		opt.LockWait = defaultLockWait
	}
	if opt.KeepMessages == 0 {
		opt.KeepMessages = defaultKeepMessages
	}
	a := &account{
		fs:       fsys.NewDebts(opt.FS),
		log:      opt.Logger,
		lockWait: opt.LockWait,
		keep:     opt.KeepMessages,
		names:    newNamer(opt.Hostname),
		boxes:    make(map[string]*mailbox),
		retiring: make(map[string]*mailbox),
		watcher:  opt.Watcher,
		warned:   opt.Warned,
		late:     opt.Late,

		indexFS:   opt.IndexFS,
		indexRoot: opt.IndexDir,
	}
	a.tree.fs, a.tree.layout, a.tree.log = a.fs, opt.Layout, opt.Logger
	a.tree.root, a.tree.inbox = filepath.Clean(opt.Root), filepath.Clean(opt.Inbox)
	if opt.Control != "" && filepath.Clean(opt.Control) != a.tree.root {
		a.tree.control = filepath.Clean(opt.Control)
	}
	spare := filepath.Join(a.tree.inbox, "tmp", a.names.next())
	a.spare = fsys.NewSpare(a.fs, func() string { return spare })
	a.Room = mailstore.NewRoom(a.quotaRule)
	return a, nil
}

// prepare makes what is missing, learns the permissions and removes what
// crashes left.
func (a *account) prepare() error {
	root := a.tree.root
	if err := fsys.MkdirAll(a.fs, root, defaultDirPerm); err != nil {
		return err
	}
	fi, err := a.fs.Stat(root)
	if err != nil {
		return err
	}
	a.dirPerm = fi.Mode().Perm() | 0o700
	a.filePerm = a.dirPerm & 0o666
	a.valid.fs, a.valid.root, a.valid.perm = a.fs, a.tree.controlRoot(), a.filePerm
	if err := fsys.MkdirAll(a.fs, a.tree.controlRoot(), a.dirPerm); err != nil {
		return err
	}
	if err := fsys.MkdirAll(a.fs, a.tree.inbox, a.dirPerm); err != nil {
		return err
	}
	if err := a.makeSubdirs(a.tree.inbox); err != nil && !isReadOnly(err) {
		return err
	}
	a.cleanRoot()
	return nil
}
