package watch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A call comes at once for a directory and Settle after the change of a file. Where changes
// do not end, Spacing is between the calls when they have been ahead of it for long enough.
func TestBurst(t *testing.T) {
	for _, c := range []struct {
		name     string
		path     string
		changes  int
		every    time.Duration
		min, max int
		why      string
	}{
		{"one", "/new", 1, 0, 1, 1, "a lone change is one call"},
		{"one in a file", "/box", 1, 0, 1, 1, "a lone change is one call"},
		{"at once", "/new", 10000, 0, 1, 30, "10,000 deliveries at once are no more calls than may come at once"},
		{"at once in a file", "/box", 10000, 0, 1, 1, "10,000 writes at once settle into one call"},
		{"two close", "/new", 2, time.Millisecond, 2, 2, "a name is told at once"},
		{"two close in a file", "/box", 2, time.Millisecond, 1, 1, "the second comes while the first settles"},
		{"two apart in a file", "/box", 2, 11 * time.Millisecond, 2, 2, "the second comes after the call"},
		{"two apart", "/new", 2, 11 * time.Millisecond, 2, 2, "the second comes after the call"},
		{"one by one", "/new", 20, 3 * time.Millisecond, 20, 20, "who waits for each before the next is not kept waiting"},
		{"a second of it", "/new", 1000, time.Millisecond, 72, 76, "25 calls as soon as they can come, then one in 20 ms"},
		{"a second of a file", "/box", 1000, time.Millisecond, 72, 76, "the same, though the first 25 come slower"},
		{"ten seconds of it", "/new", 10000, time.Millisecond, 522, 526, "the same: what was used up does not come back while it goes on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newWorld("/new")
				x.make("/box", false)
				var n counter
				x.watcher(t, Options{}).Watch([]string{c.path}, n.call)
				for i := range c.changes {
					if c.every > 0 && i > 0 {
						time.Sleep(c.every)
					}
					name := fmt.Sprint(i)
					if c.path == "/box" {
						name = "" // itself
					}
					x.now().tell(c.path, name, eventChanged)
				}
				time.Sleep(time.Second)
				if got := n.take(); got < c.min || got > c.max {
					t.Errorf("%d calls, want %d to %d: %s", got, c.min, c.max, c.why)
				}
			})
		})
	}
}

// The call comes within Settle, not only some day.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/new")
		x.make("/box", false)
		var n, names counter
		w := x.watcher(t, Options{Settle: 40 * time.Millisecond})
		w.Watch([]string{"/box"}, n.call)
		w.Watch([]string{"/new"}, names.call)
		time.Sleep(time.Second)
		x.now().tell("/new", "a", eventChanged)
		synctest.Wait()
		names.expect(t, true, "a name needs no time")
		x.now().tell("/box", "", eventChanged)
		time.Sleep(39 * time.Millisecond)
		n.expect(t, false, "it has not settled")
		time.Sleep(time.Millisecond)
		n.expect(t, true, "it has settled")
	})
}

// A busy neighbour in the same directory costs neither calls nor a wake-up each.
func TestNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/spool")
		x.make("/spool/anna", false)
		var n counter
		x.watcher(t, Options{}).Watch([]string{"/spool/anna"}, n.call)
		for range 1000 {
			x.now().tell("/spool", "bert.lock", eventChanged)
			time.Sleep(100 * time.Microsecond)
		}
		n.expect(t, false, "the file of somebody else")
		if reads := x.now().readCount(); reads > 150 { // about 29 bursts, each read until there is no more
			t.Errorf("%d reads for 1000 events in 100 ms", reads)
		}
		x.now().tell("/spool", "anna", eventChanged)
		time.Sleep(time.Second)
		n.expect(t, true, "the file itself")
	})
}
