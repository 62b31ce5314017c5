package maildir

import (
	"context"
	"sync"
)

// gate is a mutex whose wait ends with a context.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) lock(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	default:
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g gate) unlock() { <-g }

// shared lets callers who ask for the same costly thing at about the same time
// share it: who comes while it is being done waits for the next time, which
// serves all who wait. So sixteen concurrent stores cost two syncs of their
// directory and not sixteen. The zero value is ready.
type shared struct {
	mu   sync.Mutex
	next *sharedCall // not begun; nil when nobody waits
	busy sync.Mutex  // held while it is being done
}

type sharedCall struct {
	done chan struct{}
	err  error
}

// do returns after fn has run from beginning to end at least once since do was
// called.
func (s *shared) do(fn func() error) error {
	s.mu.Lock()
	if c := s.next; c != nil {
		s.mu.Unlock()
		<-c.done
		return c.err
	}
	c := &sharedCall{done: make(chan struct{})}
	s.next = c
	s.mu.Unlock()

	s.busy.Lock()
	s.mu.Lock()
	s.next = nil // who comes from here on must wait for the next
	s.mu.Unlock()
	c.err = fn()
	s.busy.Unlock()
	close(c.done)
	return c.err
}
