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
		l.Owe(pay)
		time.Sleep(LateAfter / 2)
		l.Owe(pay)
		want(0, "before its time")
		time.Sleep(LateAfter / 2)
		want(1, "in its time")
		time.Sleep(2 * LateAfter)
		want(1, "when nothing more was owed")
		l.Owe(pay)
		pay()
		time.Sleep(2 * LateAfter)
		want(2, "by who took it")
	})
}
