package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"restante/mailstore"
)

var concurrentTests = []test{
	{"random operations of many sessions", concurrentRandom},
	{"batches are seen whole", concurrentBatches},
	{"recent is claimed once", concurrentClaim},
	{"open and close", concurrentOpen},
	{"rename", concurrentRename},
	{"delete", concurrentDelete},
}

// rounds is how often each goroutine does its turn.
func rounds(n int) int {
	if testing.Short() {
		return n / 4
	}
	return n
}

// group runs functions at once and reports their errors.
type group struct {
	e  *env
	wg sync.WaitGroup
}

func (g *group) run(fn func(ctx context.Context) error) {
	g.wg.Go(func() {
		if err := fn(g.e.ctx); err != nil {
			g.e.Error(err)
		}
	})
}

func (g *group) wait() { g.wg.Wait() }

// concurrentBatches appends and expunges three messages at a time while others
// look on: there is never another number.
func concurrentBatches(e *env) {
	m := e.box(mailstore.Inbox)
	g := group{e: e}
	var done atomic.Bool
	g.run(func(ctx context.Context) error {
		defer done.Store(true)
		for range rounds(40) {
			uids, err := appendAll(ctx, m, mailstore.AppendOptions{}, text("a"), text("b"), text("c"))
			if err != nil {
				return err
			}
			if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(uids...), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
				return err
			}
			if _, err := m.Expunge(ctx, mailstore.NewUIDSet(uids...), false); err != nil {
				return err
			}
		}
		return nil
	})
	for range 2 {
		g.run(func(ctx context.Context) error {
			view, c := m.Follow()
			defer c.Close()
			for last := false; !last; {
				last = done.Load()
				changes, lost := c.Next()
				s, uids := m.Status(), len(view)
				if lost || len(changes)%3 != 0 || s.Messages%3 != 0 || s.Unseen%3 != 0 || uids%3 != 0 {
					return fmt.Errorf("part of a batch: %d changes (lost %v), status %+v", len(changes), lost, s)
				}
				var other mailstore.Cursor
				view, other = m.Follow()
				other.Close()
			}
			return nil
		})
	}
	g.wait()
	e.checkStatus(m)
}

func concurrentClaim(e *env) {
	m := e.box(mailstore.Inbox)
	g := group{e: e}
	var mu sync.Mutex
	var claimed []mailstore.UID
	for i := range 4 {
		g.run(func(ctx context.Context) error {
			for j := range rounds(20) {
				if _, err := appendAll(ctx, m, mailstore.AppendOptions{}, text(fmt.Sprint(i, j))); err != nil {
					return err
				}
				set, err := m.ClaimRecent(ctx)
				if err != nil {
					return err
				}
				mu.Lock()
				for _, r := range set {
					for u := r.First; u <= r.Last; u++ {
						claimed = append(claimed, u)
					}
				}
				mu.Unlock()
			}
			return nil
		})
	}
	g.wait()
	slices.Sort(claimed)
	if all := e.uids(m); !slices.Equal(claimed, all) {
		e.Errorf("claimed %v, want each of %v once", claimed, all)
	}
}

// concurrentOpen opens and closes, so that the shared value ends and begins
// again, while messages come in: no UID may be given twice.
func concurrentOpen(e *env) {
	e.create("box")
	g := group{e: e}
	var mu sync.Mutex
	bodies := make(map[mailstore.UID]string)
	for i := range 4 {
		g.run(func(ctx context.Context) error {
			for j := range rounds(15) {
				id := fmt.Sprint(i, "-", j)
				uid, err := openAndAppend(ctx, e.acct, "box", id)
				if err != nil {
					return err
				}
				mu.Lock()
				if other, taken := bodies[uid]; taken {
					err = fmt.Errorf("UID %d was given to %s and %s", uid, other, id)
				}
				bodies[uid] = id
				mu.Unlock()
				if err != nil {
					return err
				}
				if _, err := e.acct.Status(ctx, "box", mailstore.WantSize); err != nil {
					return err
				}
				if _, err := e.acct.Mailboxes(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.wait()
	m := e.box("box")
	if n := len(e.uids(m)); n != len(bodies) {
		e.Errorf("%d messages, want %d", n, len(bodies))
	}
	for uid, id := range bodies {
		if got := e.read(m, uid); got != text(id) {
			e.Errorf("message %d is %q, want %q", uid, got, text(id))
		}
	}
}

func openAndAppend(ctx context.Context, acct mailstore.Account, name, id string) (mailstore.UID, error) {
	m, err := acct.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	uids, err := appendAll(ctx, m, mailstore.AppendOptions{}, text(id))
	if err == nil {
		_, err = readAll(ctx, m, uids[0])
	}
	if err = errors.Join(err, m.Close()); err != nil {
		return 0, err
	}
	return uids[0], nil
}

// concurrentRename renames a mailbox to and fro while it is written to.
func concurrentRename(e *env) {
	m := e.newBox("a")
	g := group{e: e}
	g.run(func(ctx context.Context) error {
		for range rounds(20) {
			if err := e.acct.Rename(ctx, "a", "b"); err != nil {
				return err
			}
			if err := e.acct.Rename(ctx, "b", "a"); err != nil {
				return err
			}
		}
		return nil
	})
	var count atomic.Int32
	for i := range 2 {
		g.run(func(ctx context.Context) error {
			for j := range rounds(20) {
				id := fmt.Sprint(i, "-", j)
				uids, err := appendAll(ctx, m, mailstore.AppendOptions{}, text(id))
				if err != nil {
					return err
				}
				count.Add(1)
				if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(uids...), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
					return err
				}
				if got, err := readAll(ctx, m, uids[0]); err != nil || got != text(id) {
					return fmt.Errorf("read %q, %v", got, err)
				}
			}
			return nil
		})
	}
	g.wait()
	e.reopen()
	m = e.box("a")
	if s := m.Status(); s.Messages != uint32(count.Load()) || s.Unseen != 0 {
		e.Errorf("status %+v, want %d messages, all seen", s, count.Load())
	}
	e.wantNames(mailstore.Inbox, "a")
}

// concurrentDelete deletes and creates a mailbox that others write to.
func concurrentDelete(e *env) {
	e.create("box")
	g := group{e: e}
	var done atomic.Bool
	g.run(func(ctx context.Context) error {
		defer done.Store(true)
		for range rounds(20) {
			if err := e.acct.Delete(ctx, "box"); err != nil {
				return err
			}
			if err := e.acct.Create(ctx, "box"); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range 3 {
		g.run(func(ctx context.Context) error {
			for !done.Load() {
				_, err := openAndAppend(ctx, e.acct, "box", fmt.Sprint(i))
				if err != nil && !errors.Is(err, mailstore.ErrGone) && !errors.Is(err, mailstore.ErrNotFound) {
					return err
				}
			}
			return nil
		})
	}
	g.wait()
	m := e.box("box")
	e.checkStatus(m)
	for _, uid := range e.uids(m) {
		e.read(m, uid)
	}
}
