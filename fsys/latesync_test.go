package fsys

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLateSync: what is owed is paid once, in time, by the timer or by who takes it.
func TestLateSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var later Later
		var l LateSync
		var paid atomic.Int32
		pay := func() {
			if l.Take() {
				paid.Add(1)
			}
		}
		want := func(n int32, when string) {
			t.Helper()
			if synctest.Wait(); paid.Load() != n {
				t.Fatalf("%s it was paid %d times, not %d", when, paid.Load(), n)
			}
		}
		pay()
		want(0, "when nothing was owed")
		l.Owe(&later, pay)
		time.Sleep(LateAfter / 2)
		l.Owe(&later, pay)
		want(0, "before its time")
		time.Sleep(LateAfter / 2)
		want(1, "in its time")
		time.Sleep(2 * LateAfter)
		want(1, "when nothing more was owed")
		l.Owe(&later, pay)
		pay()
		time.Sleep(2 * LateAfter)
		want(2, "by who took it")
	})
}

// TestLateSyncRetaken: what is owed again after it was paid early is not owed for longer
// than LateAfter, and what could not be paid is owed again.
func TestLateSyncRetaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var later Later
		var l LateSync
		var paid, failing int
		var pay func()
		pay = func() {
			switch {
			case !l.Take():
			case failing > 0:
				failing--
				l.Owe(&later, pay)
			default:
				paid++
			}
		}
		l.Owe(&later, pay)
		l.Take()
		time.Sleep(LateAfter / 2)
		l.Owe(&later, pay)
		time.Sleep(LateAfter)
		synctest.Wait()
		if paid != 1 {
			t.Errorf("what was owed again was paid %d times", paid)
		}
		failing = 2
		l.Owe(&later, pay)
		time.Sleep(4 * LateAfter)
		synctest.Wait()
		if paid != 2 || failing != 0 {
			t.Errorf("what could not be paid was paid %d times, with %d failures to come", paid-1, failing)
		}
	})
}

// TestLater: what many owe within a second is paid together, a few at a time, and one
// that hangs holds up no other.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		var later Later
		var syncs [n]LateSync
		var going, most, paid atomic.Int32
		var late atomic.Int64
		begin := time.Now()
		hang := make(chan struct{})
		for i := range syncs {
			syncs[i].Owe(&later, func() {
				syncs[i].Take()
				most.Store(max(most.Load(), going.Add(1)))
				defer going.Add(-1)
				if i == 7 {
					<-hang
				}
				time.Sleep(time.Millisecond)
				late.Store(int64(time.Since(begin)))
				paid.Add(1)
			})
			time.Sleep(LateAfter / n)
		}
		time.Sleep(2 * LateAfter)
		synctest.Wait()
		if last := time.Duration(late.Load()); paid.Load() != n-1 || last > LateAfter+n*time.Millisecond {
			t.Errorf("%d of %d were paid while one hung, the last after %v", paid.Load(), n, last)
		}
		if most.Load() > latePayers {
			t.Errorf("%d were paid at a time", most.Load())
		}
		close(hang)
		time.Sleep(LateAfter)
		if synctest.Wait(); paid.Load() != n {
			t.Errorf("%d of %d were paid in the end", paid.Load(), n)
		}
	})
}
