package maildir

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMustRead(t *testing.T) {
	at := func(d time.Duration) time.Time { return time.Unix(1_000_000, 1).Add(d) }
	whole := time.Unix(1_000_000, 0) // a file system without fractions of seconds
	const ms = time.Millisecond
	for _, c := range []struct {
		why   string
		state dirState
		mtime time.Time
		now   time.Time
		want  bool
	}{
		{"never read", dirState{}, at(0), at(0), true},
		{"another time", dirState{known: true, mtime: at(0), seen: at(0), read: at(500 * ms)}, at(1), at(time.Second), true},
		{"read long after it was first seen so", dirState{known: true, mtime: at(0), seen: at(0), read: at(200 * ms)}, at(0), at(time.Second), false},
		{"read long after it changed", dirState{known: true, mtime: at(0), seen: at(time.Hour), read: at(time.Hour)}, at(0), at(time.Hour), false},
		{"read within a tick of the change", dirState{known: true, mtime: at(0), seen: at(ms), read: at(ms)}, at(0), at(2 * ms), true},
		{"the same on a large directory: not yet", dirState{known: true, mtime: at(0), seen: at(ms), read: at(ms), cost: 80 * ms}, at(0), at(800 * ms), false},
		{"on a large directory: within a second", dirState{known: true, mtime: at(0), seen: at(ms), read: at(ms), cost: 80 * ms}, at(0), at(time.Second), true},
		{"a huge directory: not all the time", dirState{known: true, mtime: at(0), seen: at(ms), read: at(ms), cost: time.Second}, at(0), at(4 * time.Second), false},
		{"a huge directory: now", dirState{known: true, mtime: at(0), seen: at(ms), read: at(ms), cost: time.Second}, at(0), at(6 * time.Second), true},
		{"our own change: reading it now would prove nothing", dirState{known: true, own: at(0), mtime: at(0), seen: at(0), read: at(-time.Hour), cost: ms}, at(0), at(99 * ms), false},
		{"our own change: look whether it was alone", dirState{known: true, own: at(0), mtime: at(0), seen: at(0), read: at(-time.Hour), cost: ms}, at(0), at(100 * ms), true},
		{"our own changes go on: look all the same", dirState{known: true, own: at(0), mtime: at(150 * ms), seen: at(150 * ms), read: at(-time.Hour), cost: ms}, at(150 * ms), at(151 * ms), true},
		{"our own change: not more than its share of time", dirState{known: true, own: at(0), mtime: at(0), seen: at(0), read: at(90 * ms), cost: ms}, at(0), at(101 * ms), false},
		{"our own change, and another's behind it", dirState{known: true, own: at(0), mtime: at(0), seen: at(0), read: at(-time.Hour), cost: ms}, at(1), at(ms), true},
		{"whole seconds: a second is not enough", dirState{known: true, mtime: whole, seen: at(0), read: at(1000 * ms)}, whole, at(time.Minute), true},
		{"whole seconds: two are", dirState{known: true, mtime: whole, seen: at(0), read: at(2000 * ms)}, whole, at(time.Minute), false},
	} {
		if got := c.state.mustRead(c.mtime, c.now); got != c.want {
			t.Errorf("%s: must read is %v", c.why, got)
		}
	}
}

// TestOwnChanges: the reading that shows whether our changes were alone is put off by the
// first of them since the last reading, and not by those behind it.
func TestOwnChanges(t *testing.T) {
	at := func(d time.Duration) time.Time { return time.Unix(1e9, 1).Add(d) }
	const ms = time.Millisecond
	d := dirState{known: true, mtime: at(0), seen: at(0), read: at(time.Second), cost: ms}
	for round := range 3 {
		first := at(time.Duration(round+2) * time.Second)
		for i := range time.Duration(10) {
			now := first.Add(i * 10 * ms)
			d.changed(now, now)
			if d.mustRead(now, now.Add(ms)) {
				t.Fatalf("round %d: read %v after our first change", round, i*10*ms+ms)
			}
		}
		now := first.Add(100 * ms)
		d.changed(now, now)
		if !d.mustRead(now, now) {
			t.Fatalf("round %d: our changes have put off for 100 ms what others did between them, and still do", round)
		}
		d = d.begin(now, now)
		d.cost = ms
	}
}

// TestShared: each caller's wish is fulfilled by a call that began after it, and
// those who wait at the same time share one.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		var mu sync.Mutex
		calls := 0
		fn := func() error {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			calls++
			return nil
		}
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 10 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				if err := s.do(fn); err != nil {
					t.Error(err)
				}
				// The first takes a second, all others wait for the second call.
				if took := time.Since(start); i == 0 && took != time.Second || i > 0 && took != 2*time.Second {
					t.Errorf("caller %d waited %v", i, took)
				}
			})
		}
		wg.Wait()
		if calls != 2 {
			t.Errorf("%d calls", calls)
		}
	})
}
