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

// TestLater: what many owe within a second is paid together, one after the other, and
// what hangs keeps no other from being paid.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, hanging = 100, 20
		var later Later
		var syncs [n]LateSync
		var going, together, paid atomic.Int32
		var last atomic.Int64
		begin, hang := time.Now(), make(chan struct{})
		for i := range syncs {
			syncs[i].Owe(&later, func() {
				syncs[i].Take()
				if i < hanging {
					<-hang
				} else if going.Add(1) > 1 {
					together.Add(1)
				}
				time.Sleep(time.Millisecond)
				last.Store(int64(time.Since(begin)))
				going.Add(-1)
				paid.Add(1)
			})
			time.Sleep(LateAfter / n)
		}
		time.Sleep(2 * LateAfter)
		synctest.Wait()
		if late := time.Duration(last.Load()); paid.Load() != n-hanging || late > LateAfter+hanging*latePatience+n*time.Millisecond {
			t.Errorf("%d of %d were paid while %d hung, the last after %v", paid.Load(), n, hanging, late)
		}
		if together.Load() > 0 {
			t.Errorf("%d were not paid one after the other", together.Load())
		}
		close(hang)
		time.Sleep(LateAfter)
		if synctest.Wait(); paid.Load() != n {
			t.Errorf("%d of %d were paid in the end", paid.Load(), n)
		}
	})
}
