package maildir

import "sync"

// shared lets callers who ask for the same costly thing at about the same time
// share it: who comes while it is being done waits for the next time, which
// serves all who wait. So sixteen concurrent stores cost two syncs of their
// directory and not sixteen. The zero value is ready.
type shared struct {
	mu   sync.Mutex
	now  *sharedCall // being done
	next *sharedCall // not begun
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
	if before := s.now; before != nil {
		s.next = c
		s.mu.Unlock()
		<-before.done
		s.mu.Lock()
		s.next = nil // who comes from here on must wait for another
	}
	s.now = c
	s.mu.Unlock()

	c.err = fn()
	s.mu.Lock()
	s.now = nil
	s.mu.Unlock()
	close(c.done)
	return c.err
}
