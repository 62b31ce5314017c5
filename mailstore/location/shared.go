package location

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// shared is an account that is open, being opened or being closed, for all its
// sessions. While it stands in the store's table no second one is opened.
type shared struct {
	location Location
	owner    fsys.Owner
	ready    chan struct{} // closed when account or err is set
	account  mailstore.Account
	err      error
	gone     chan struct{} // closed when it has left the table

	// Guarded by the store's lock.
	users   int
	closing bool        // nobody may join any more
	idle    *time.Timer // closes the account when nobody comes
}

// join counts one more session. first says that the caller must open the
// account and call opened.
func (s *Store) join(ctx context.Context, r Resolved) (sh *shared, first bool, err error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, false, errClosed
		}
		sh = s.accounts[r.Location]
		if sh == nil || !sh.closing {
			break
		}
		s.mu.Unlock()
		select {
		case <-sh.gone:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	defer s.mu.Unlock()
	first = sh == nil
	if !first && sh.owner != r.Owner {
		return nil, false, fmt.Errorf("%s is open for %v and cannot be for %v as well: write the same user and group id for both users, or another location", r.Location, sh.owner, r.Owner)
	}
	if first {
		sh = &shared{location: r.Location, owner: r.Owner, ready: make(chan struct{}), gone: make(chan struct{})}
		s.accounts[r.Location] = sh
	}
	sh.use()
	return sh, first, nil
}

// use counts one session more; the caller has the store's lock.
func (sh *shared) use() {
	if sh.idle != nil {
		sh.idle.Stop()
		sh.idle = nil
	}
	sh.users++
}

// joinOpen counts one more session of a user whose account is open, or returns
// nil.
func (s *Store) joinOpen(user mailstore.User) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, known := s.resolved[user]
	sh := s.accounts[l]
	if !known || s.closed || sh == nil || sh.closing {
		return nil
	}
	select {
	case <-sh.ready:
		sh.use()
		return sh
	default:
		return nil
	}
}

// opened tells everybody who waits how the opening went. A failure leaves the
// table at once, so that the next session tries again.
func (s *Store) opened(sh *shared, account mailstore.Account, err error) {
	sh.account, sh.err = account, err
	if err != nil {
		s.remove(sh)
	}
	close(sh.ready)
}

func (s *Store) remove(sh *shared) {
	s.mu.Lock()
	delete(s.accounts, sh.location)
	maps.DeleteFunc(s.resolved, func(_ mailstore.User, l Location) bool { return l == sh.location })
	s.mu.Unlock()
	close(sh.gone)
}

// leave counts one session less. The last one leaves the account open for a
// while, or closes it.
func (s *Store) leave(sh *shared) error {
	s.mu.Lock()
	sh.users--
	if sh.users > 0 {
		s.mu.Unlock()
		return nil
	}
	if !s.closed && s.opt.Linger > 0 {
		sh.idle = time.AfterFunc(s.opt.Linger, func() { s.expire(sh) })
		s.mu.Unlock()
		return nil
	}
	sh.closing = true
	s.mu.Unlock()
	return s.end(sh)
}

// expire closes an account that has been idle, unless somebody has come.
func (s *Store) expire(sh *shared) {
	s.mu.Lock()
	stale := sh.users > 0 || sh.idle == nil || sh.closing
	sh.closing = sh.closing || !stale
	s.mu.Unlock()
	if stale {
		return
	}
	if err := s.end(sh); err != nil {
		s.opt.Logger.Error("close account", "location", sh.location.String(), "err", err)
	}
}

// end closes an account that is marked as closing.
func (s *Store) end(sh *shared) error {
	<-sh.ready
	err := sh.account.Close()
	s.remove(sh)
	return err
}

// handle is one session's hold on a shared account.
type handle struct {
	mailstore.Account
	store  *Store
	shared *shared
	once   sync.Once
}

// OpenTarget is that of the account's format.
func (h *handle) OpenTarget(ctx context.Context, name string) (mailstore.Mailbox, error) {
	return mailstore.OpenTarget(ctx, h.Account, name)
}

// Verify is that of the format.
func (h *handle) Verify(ctx context.Context, name string) ([]mailstore.Difference, error) {
	v, ok := h.Account.(mailstore.Verifier)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return v.Verify(ctx, name)
}

// Rebuild is that of the format.
func (h *handle) Rebuild(ctx context.Context, name string) error {
	v, ok := h.Account.(mailstore.Verifier)
	if !ok {
		return errors.ErrUnsupported
	}
	return v.Rebuild(ctx, name)
}

// Close gives the account back; a second Close does nothing.
func (h *handle) Close() error {
	var err error
	h.once.Do(func() { err = h.store.leave(h.shared) })
	return err
}
