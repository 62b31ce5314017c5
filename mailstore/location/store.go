package location

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"restante/fsys"
	"restante/fsys/watch"
	"restante/mailstore"
	"restante/mailstore/maildir"
	"restante/mailstore/mbox"
)

// Options are what a Store works with.
type Options struct {
	// Default is the location of users who have none; "" is auto.
	Default string
	// Home is the home of users who have none; "" is mail/%d/%n.
	Home string
	// DataDir is where relative homes begin and where found locations are
	// remembered. With "" nothing is remembered and homes must be absolute.
	DataDir string
	// Index is the directory for the indexes of all accounts, each in a directory
	// of its own below it; "" keeps none. Only one process may use it. With
	// variables it is a directory of the user, and the files in it are his.
	Index string
	// Become: the process runs as root and does everything that it does with a
	// user's mail with the rights of that user (docs/design/ownership.md).
	Become bool
	// Spool lists the directories of spool inboxes; nil is /var/mail and
	// /var/spool/mail.
	Spool []string
	// Quota limits users whose own Quota says nothing; zero is no limit.
	Quota mailstore.Amount
	// Linger is how long an account that nobody uses stays open, so that the
	// next session finds it as it was left. 0 is a minute, negative not at all.
	Linger time.Duration
	// MboxLocks names the locks that the programs around use on mbox files, in
	// their order: "dotlock", "fcntl". nil is both, in this order.
	MboxLocks []string
	// Watcher tells of changes to mail files in watched mailboxes. It is one for
	// the whole process, and its owner closes it; nil lets files be polled.
	Watcher *watch.Watcher
	FS      fsys.FS      // nil is the machine's
	Logger  *slog.Logger // nil is silence

	warned *maildir.Warned // of the Store
	late   *fsys.Later     // too
}

// Store opens the accounts of all users, each once for all its sessions. It is
// a mailstore.Store, safe for concurrent use.
type Store struct {
	opt      Options
	fallback Location
	memory   memory
	open     func(ctx context.Context, r Resolved, in site, opt Options) (mailstore.Account, error)

	mu       sync.Mutex
	accounts map[Location]*shared
	resolved map[mailstore.User]Location // of users whose account is open
	closed   bool
}

var _ mailstore.Store = (*Store)(nil)

// New checks the options and returns a store.
func New(opt Options) (*Store, error) {
	fallback, err := Parse(opt.Default)
	if err != nil {
		return nil, err
	}
	if opt.Home == "" {
		opt.Home = "mail/%d/%n"
	}
	if err := checkVariables(opt.Home); err != nil {
		return nil, fmt.Errorf("home %q: %w", opt.Home, err)
	}
	if err := checkVariables(opt.Index); err != nil {
		return nil, fmt.Errorf("index %q: %w", opt.Index, err)
	}
	if _, err := mbox.ParseLocks(opt.MboxLocks); err != nil {
		return nil, err
	}
	if opt.FS == nil {
		opt.FS = fsys.OS{}
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.warned, opt.late = new(maildir.Warned), new(fsys.Later)
	if opt.Spool == nil {
		opt.Spool = []string{"/var/mail", "/var/spool/mail"}
	}
	if opt.Linger == 0 {
		opt.Linger = time.Minute
	}
	s := &Store{opt: opt, fallback: fallback, open: openFormat, accounts: make(map[Location]*shared), resolved: make(map[mailstore.User]Location)}
	s.memory.fs = opt.FS
	if opt.DataDir != "" {
		if s.opt.DataDir, err = filepath.Abs(opt.DataDir); err != nil {
			return nil, err
		}
		s.memory.dir = filepath.Join(s.opt.DataDir, "locations")
	}
	return s, nil
}

// OpenAccount returns the user's account. Users whose locations are the same
// share one, with the limits of who came last. A new user gets his mailboxes. While
// a user's account is open, his location is not looked for again.
func (s *Store) OpenAccount(ctx context.Context, user mailstore.User) (mailstore.Account, error) {
	if sh := s.joinOpen(user); sh != nil {
		return &handle{Account: sh.account, store: s, shared: sh}, nil
	}
	r, err := s.Resolve(user)
	if err != nil {
		return nil, fail(err)
	}
	sh, err := s.share(ctx, user, r)
	if err != nil {
		return nil, err
	}
	if err := s.remember(user, r); err != nil {
		return nil, errors.Join(fail(err), s.leave(sh))
	}
	if l, ok := sh.account.(mailstore.Limiter); ok {
		l.LimitTo(user.Quota.Or(s.opt.Quota))
	}
	s.mu.Lock()
	s.resolved[user] = r.Location
	s.mu.Unlock()
	return &handle{Account: sh.account, store: s, shared: sh}, nil
}

func fail(err error) error { return &mailstore.Error{Op: "open account", Err: err} }

// share returns the open account of a location, counted for one session.
func (s *Store) share(ctx context.Context, user mailstore.User, r Resolved) (*shared, error) {
	for {
		sh, first, err := s.join(ctx, r)
		if err != nil {
			return nil, fail(err)
		}
		if first {
			account, err := s.openNew(ctx, user, r)
			s.opened(sh, account, err)
			return sh, err
		}
		select {
		case <-sh.ready:
		case <-ctx.Done():
			return nil, errors.Join(fail(ctx.Err()), s.leave(sh))
		}
		if sh.err == nil {
			return sh, nil
		}
		// That the session which was first has ended is no reason to fail.
		if !errors.Is(sh.err, context.Canceled) && !errors.Is(sh.err, context.DeadlineExceeded) {
			return nil, sh.err
		}
	}
}

// remember notes the location if it is not the one of the last time.
func (s *Store) remember(user mailstore.User, r Resolved) error {
	old, err := s.memory.recall(user.Name)
	if err != nil || old != nil && old.location == r.Location && !old.unmade {
		return err
	}
	s.opt.Logger.Info("mail location", "user", user.Name, "location", r.Location.String(), "source", string(r.Source), "why", r.Why)
	if err := s.memory.keep(user.Name, record{location: r.Location}); err != nil {
		return fmt.Errorf("remember the location: %w", err)
	}
	return nil
}

// Forget removes what is remembered of a user, as when the user is deleted.
func (s *Store) Forget(user string) error { return s.memory.forget(user) }

// Close closes the accounts that nobody uses, now, and all others when their
// last session ends. No account can be opened after it.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	var idle []*shared
	for _, sh := range s.accounts {
		if sh.users == 0 && !sh.closing {
			sh.closing = true
			idle = append(idle, sh)
		}
	}
	s.mu.Unlock()
	var errs []error
	for _, sh := range idle {
		errs = append(errs, s.end(sh))
	}
	return errors.Join(errs...)
}

var errClosed = errors.New("the mail store is closed: the server is being stopped")

// openNew opens an account for the first time in this process, and makes what
// a new user has. Until all of it is there, the user is remembered as new.
func (s *Store) openNew(ctx context.Context, user mailstore.User, r Resolved) (mailstore.Account, error) {
	if r.New {
		if err := s.memory.keep(user.Name, record{location: r.Location, unmade: true}); err != nil {
			return nil, fail(fmt.Errorf("remember the location: %w", err))
		}
	}
	if r.New || r.Format == Mbox {
		// An mbox location that was found by its inbox may have no root yet.
		if err := s.makeRoot(r); err != nil {
			return nil, fail(err)
		}
	}
	in, err := s.siteOf(user, r)
	if err != nil {
		return nil, fail(err)
	}
	acct, err := s.open(ctx, r, in, s.opt)
	if err != nil || !r.New {
		return acct, err
	}
	if err := provision(ctx, acct); err != nil {
		return nil, errors.Join(err, acct.Close())
	}
	return acct, nil
}

// newMailboxes are what a new user has beside INBOX.
//
// QUIRK: they are subscribed, since Thunderbird shows only subscribed mailboxes, and
// there before the first login, since Outlook otherwise makes its own, named in the
// language of its user.
var newMailboxes = [...]string{"Drafts", "Sent", "Trash", "Junk", "Archive"}

func provision(ctx context.Context, acct mailstore.Account) error {
	for _, name := range newMailboxes {
		if err := acct.Create(ctx, name); err != nil && !errors.Is(err, mailstore.ErrExists) {
			return err
		}
		if err := acct.Subscribe(ctx, name, true); err != nil {
			return err
		}
	}
	return acct.Subscribe(ctx, mailstore.Inbox, true)
}
