package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestOrder: who came first has it first, and who has given up does not have it.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Gate
		if !g.TryLock() || g.TryLock() {
			t.Fatal("TryLock: a free gate is not had, or had twice")
		}
		tired := errors.New("tired")
		var order []int
		for i := range 6 {
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				err := g.Lock(ctx)
				if (err != nil) != (i%3 == 1) || err != nil && err != tired {
					t.Errorf("%d: %v", i, err)
				}
				if err == nil {
					order = append(order, i)
					g.Unlock()
				}
			}()
			synctest.Wait() // it waits now
			if i%3 == 1 {
				cancel(tired)
			} else {
				defer cancel(nil)
			}
		}
		synctest.Wait()
		g.Unlock()
		synctest.Wait()
		if want := []int{0, 2, 3, 5}; !slices.Equal(order, want) {
			t.Errorf("in the order %v, want %v", order, want)
		}
		if !g.TryLock() {
			t.Error("it is not free when all have had it")
		}
	})
}

// TestEndedContext: a context that has ended is no reason not to have what is free.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var g Gate
	if err := g.Lock(ctx); err != nil {
		t.Errorf("a free gate: %v", err)
	}
	if err := g.Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a locked gate: %v", err)
	}
}

// TestOneAtATime: whether they wait, try or give up at any moment, one has it at a time,
// and nobody waits for ever.
func TestOneAtATime(t *testing.T) {
	var g Gate
	var wg sync.WaitGroup
	inside, had := 0, 0 // guarded by the gate
	for i := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			for range 3000 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(30))*time.Microsecond)
				ok := false
				switch rnd.IntN(3) {
				case 0:
					ok = g.TryLock()
				case 1:
					ok = g.Lock(ctx) == nil
				default:
					ok = g.Lock(context.Background()) == nil
				}
				if ok {
					if inside++; inside != 1 {
						t.Errorf("%d have it", inside)
					}
					had++
					if rnd.IntN(20) == 0 {
						time.Sleep(time.Microsecond)
					}
					inside--
					g.Unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if !g.TryLock() || len(g.waiting) != 0 || had < 8000 {
		t.Errorf("it was had %d times, %d wait for ever", had, len(g.waiting))
	}
}
