package netserve

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestVigil: a vigil is kept while reads are brisk, by one goroutine, and only then.
func TestVigil(t *testing.T) {
	for name, tc := range map[string]struct {
		between time.Duration
		reads   int
		want    bool
	}{
		"brisk":       {between: spell / (briskReads + 1), reads: 1000, want: true},
		"all at once": {between: 0, reads: 1000, want: true},
		"slow":        {between: spell / (briskReads - 2), reads: 1000},
		"one session": {between: 0, reads: briskReads - 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var naps, keepers, most atomic.Int32
				v := &vigil{nap: func() {
					most.Store(max(most.Load(), keepers.Add(1)))
					naps.Add(1)
					time.Sleep(nap)
					keepers.Add(-1)
				}}
				for range tc.reads {
					v.read()
					time.Sleep(tc.between)
				}
				time.Sleep(2 * spell)
				synctest.Wait()
				if kept := naps.Load() > 0; kept != tc.want || most.Load() > 1 || v.up.Load() {
					t.Errorf("%d naps, %d at a time, still up: %v", naps.Load(), most.Load(), v.up.Load())
				}
				if least := int32(time.Duration(tc.reads) * tc.between / nap * 9 / 10); tc.want && naps.Load() < least {
					t.Errorf("%d naps, which is not all the time", naps.Load())
				}
			})
		})
	}
}

// TestVigilSessions: short sessions that come one after the other keep a vigil together,
// and it outlasts what is between them; with fewer of them it ends.
func TestVigilSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var naps atomic.Int32
		v := &vigil{nap: func() { naps.Add(1); time.Sleep(nap) }}
		sessions := func(n int, every time.Duration) (share float64) {
			before := naps.Load()
			for range n {
				for range briskReads / 2 {
					v.read()
				}
				time.Sleep(every)
			}
			return float64(naps.Load()-before) / (float64(n) * float64(every/nap))
		}
		if share := sessions(30, spell/4); share < 0.9 {
			t.Errorf("with four sessions in a spell there is a vigil for %v of the time", share)
		}
		sessions(2, spell+nap)
		if share := sessions(30, spell+nap); share > 0 || v.up.Load() {
			t.Errorf("with less than a session in a spell there is a vigil for %v of the time", share)
		}
	})
}

// TestVigilAgain: who is brisk after a pause is waited for again.
func TestVigilAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var naps atomic.Int32
		v := &vigil{nap: func() { naps.Add(1); time.Sleep(nap) }}
		var before int32
		for range 3 {
			for range 2 * briskReads {
				v.read()
			}
			time.Sleep(time.Second)
			if naps.Load() == before {
				t.Fatal("no vigil")
			}
			before = naps.Load()
		}
	})
}

// TestVigilNap: the nap of a real one is a system call that ends.
func TestVigilNap(t *testing.T) { newVigil().nap() }

// TestNoVigil: without one there is nothing to note.
func TestNoVigil(t *testing.T) { (*vigil)(nil).read() }
