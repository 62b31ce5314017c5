// Package shared lets users work with mailboxes of others: it is a store over a
// store, whose accounts have, beside the user's own mailboxes, those that others
// share with him.
//
// It promises that nobody does with a mailbox of somebody else what its owner has
// not allowed him, now; that who may not look a mailbox up cannot find out that it
// is there; and that the own mailboxes of a user are what they are in the store
// below, at the same cost. Only this package holds anything against an access
// control list.
//
// docs/design/acl.md explains names, rights and files.
package shared

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"restante/fsys"
	"restante/mailstore"
)

// Users are those who may share mailboxes.
type Users interface {
	// Lookup finds a user by name.
	Lookup(name string) (mailstore.User, bool)
	// Canonical returns a name in the form in which names are compared, or an error
	// for what cannot be one.
	Canonical(name string) (string, error)
}

// Options are what a Store works with.
type Options struct {
	// Store opens accounts: one value for all who work with the same mail.
	Store mailstore.Store
	Users Users
	// File is where it stands who shares with whom; "" keeps that in memory.
	File   string
	FS     fsys.FS      // nil is the machine's
	Logger *slog.Logger // nil is silence
}

// Store is a mailstore.Store, safe for concurrent use.
type Store struct {
	opt    Options
	shares shares
	// granting is held by what changes a list and shares: one at a time.
	granting sync.Mutex
	changes  changes
}

var _ mailstore.Store = (*Store)(nil)

// New returns a store. Options.Store and Options.Users must be set.
func New(opt Options) *Store {
	if opt.FS == nil {
		opt.FS = fsys.OS{}
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	return &Store{opt: opt, shares: shares{fs: opt.FS, path: opt.File, log: opt.Logger}}
}

// OpenAccount returns the user's account with what others share with him in it: a
// mailstore.Sharer.
func (s *Store) OpenAccount(ctx context.Context, user mailstore.User) (mailstore.Account, error) {
	own, err := s.opt.Store.OpenAccount(ctx, user)
	if err != nil {
		return nil, err
	}
	return &account{Account: own, store: s, user: user.Name, delim: string(own.Delimiter())}, nil
}

// changes tells whoever listens that a list has been changed through this store.
type changes struct {
	count     atomic.Uint64
	mu        sync.Mutex
	listeners map[*func()]struct{}
}

func (c *changes) announce() {
	c.count.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	for changed := range c.listeners {
		(*changed)()
	}
}

// listen has changed called for each change, with a lock held: it may only take
// note.
func (c *changes) listen(changed func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listeners == nil {
		c.listeners = make(map[*func()]struct{})
	}
	c.listeners[&changed] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.listeners, &changed)
	}
}

// domainOf is what all who can share with a user have in common: the domain with
// the at sign, or "" for a user without one.
func domainOf(user string) string {
	if i := strings.IndexByte(user, '@'); i >= 0 {
		return user[i:]
	}
	return ""
}
