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
		"brisk":                {between: brisk, reads: 1000, want: true},
		"all at once":          {between: 0, reads: 1000, want: true},
		"slow":                 {between: brisk + 1, reads: 1000},
		"a command with parts": {between: 0, reads: briskReads},
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
				time.Sleep(2 * nap)
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
