// Package gate has a mutex for what may take long, so that who waits for it can give up.
package gate

import (
	"context"
	"slices"
	"sync"
)

// A Gate is a mutex whose wait ends with a context. Those who wait get it in the order in
// which they came. The zero value is unlocked; it must not be copied. Where nobody else
// has it, it costs what a sync.Mutex does.
type Gate struct {
	mu      sync.Mutex // never held for long
	locked  bool
	waiting []chan struct{} // closed for who has the gate next
}

// TryLock locks the gate unless somebody has it, and reports whether it did.
func (g *Gate) TryLock() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.locked {
		return false
	}
	g.locked = true
	return true
}

// Lock waits for the gate and locks it. The error is the cause of the end of ctx, which
// counts only while it waits.
func (g *Gate) Lock(ctx context.Context) error {
	g.mu.Lock()
	if !g.locked {
		g.locked = true
		g.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	g.waiting = append(g.waiting, mine)
	g.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		g.leave(mine)
		return context.Cause(ctx)
	}
}

// leave ends the wait of who gives up. He may have been given the gate at this moment.
func (g *Gate) leave(mine chan struct{}) {
	g.mu.Lock()
	i := slices.Index(g.waiting, mine)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	if i < 0 {
		g.Unlock()
	}
}

// Unlock gives the gate to who has waited longest, if there is anybody. Whoever calls it
// need not be who has locked it.
func (g *Gate) Unlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.locked = false
		return
	}
	close(g.waiting[0]) // it stays locked
	g.waiting = slices.Delete(g.waiting, 0, 1)
}
