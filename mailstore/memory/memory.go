// Package memory keeps mail in memory: the storage contract in its plainest
// form. The services are tested over it, and every other format is compared
// with it, message by message.
//
// It promises all that package mailstore promises but durability: what it holds
// lives as long as the Store. Bytes are kept exactly as they were given.
package memory

import (
	"context"
	"sync"

	"restante/mailstore"
)

// Options are the choices that a Store leaves open.
type Options struct {
	// Delimiter separates the levels of names; 0 is '/'.
	Delimiter rune
	// UIDValidity is the value of an account's INBOX; every mailbox made later
	// gets a larger one. 0 is 1.
	UIDValidity uint32
}

// Store holds one account for each user name. It is a mailstore.Store and safe
// for concurrent use.
type Store struct {
	opt      Options
	mu       sync.Mutex
	accounts map[string]*account
}

var _ mailstore.Store = (*Store)(nil)

// New returns a store without accounts.
func New(opt Options) *Store {
	if opt.Delimiter == 0 {
		opt.Delimiter = '/'
	}
	if opt.UIDValidity == 0 {
		opt.UIDValidity = 1
	}
	return &Store{opt: opt, accounts: make(map[string]*account)}
}

// OpenAccount returns the account of the user's name; a new one has an empty
// INBOX. Of the rest the quota counts, as the last user of that name had it.
func (s *Store) OpenAccount(ctx context.Context, user mailstore.User) (mailstore.Account, error) {
	if err := ctx.Err(); err != nil {
		return nil, &mailstore.Error{Op: "open account", Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[user.Name]
	if a == nil {
		a = newAccount(s.opt)
		s.accounts[user.Name] = a
	}
	a.LimitTo(user.Quota)
	return a, nil
}
