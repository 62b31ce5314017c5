package watch

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a", "/b")
		w := x.watcher(t, Options{})
		var one, two counter
		stopOne := w.Watch([]string{"/a", "/b", "/a"}, one.call)
		stopTwo := w.Watch([]string{"/a/"}, two.call)
		if got := x.now().watched(); got != 2 {
			t.Errorf("%d kernel watches for two directories", got)
		}
		x.now().tell("/a", "x", eventChanged)
		x.now().tell("/b", "x", eventChanged)
		time.Sleep(soon)
		if n := one.take(); n < 1 || n > 2 {
			t.Errorf("%d calls for a change of both paths at once, want one, or one for each", n)
		}
		two.expect(t, true, "both watch a")
		stopOne()
		stopOne()
		if got := x.now().watched(); got != 1 {
			t.Errorf("%d kernel watches, one directory is watched still", got)
		}
		x.now().tell("/a", "x", eventChanged)
		time.Sleep(time.Second)
		one.expect(t, false, "stopped")
		two.expect(t, true, "not stopped, although the other stopped twice")

		x.make("/box", false)
		stopBox := w.Watch([]string{"/box"}, two.call)
		two.take()
		x.now().tell("/box", "", eventChanged)
		synctest.Wait() // it settles
		stopTwo()
		stopBox()
		time.Sleep(time.Second)
		two.expect(t, false, "stopped while the change settled")
		if remains(w) || x.now().watched() > 0 {
			t.Error("something stays behind without a watch")
		}

		stop := w.Watch([]string{"/b"}, one.call)
		x.now().tell("/b", "x", eventChanged)
		time.Sleep(time.Second)
		one.expect(t, true, "it begins again")
		stop()
	})
}

// changed may stop its own watch.
func TestStopInCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		w := x.watcher(t, Options{})
		var n counter
		var stop func()
		stop = w.Watch([]string{"/a"}, func() { n.call(); stop() })
		for range 3 {
			x.now().tell("/a", "x", eventChanged)
			time.Sleep(time.Second)
		}
		if got := n.take(); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
	})
}

// A call may stop another watch that is to be called next.
func TestStopOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		w := x.watcher(t, Options{})
		var n counter
		var stops [2]func()
		for i := range stops {
			stops[i] = w.Watch([]string{"/a"}, func() { n.call(); stops[1-i]() })
		}
		x.now().tell("/a", "x", eventChanged)
		time.Sleep(soon)
		if got := n.take(); got != 1 {
			t.Errorf("%d calls, want 1: the first has stopped the other", got)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		if err := x.watcher(t, Options{}).Close(); err != nil || x.now() != nil {
			t.Errorf("a Watcher that nobody used: %v, kernel %v", err, x.now())
		}
		w := x.watcher(t, Options{})
		var n counter
		x.make("/box", false)
		stop := w.Watch([]string{"/box"}, n.call)
		x.now().tell("/box", "", eventChanged)
		synctest.Wait() // it settles
		for range 2 {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		stop()
		w.Watch([]string{"/box"}, n.call)()
		time.Sleep(2 * DefaultSweepInterval)
		n.expect(t, false, "closed")
		if !x.now().isClosed() || remains(w) {
			t.Error("something stays behind after Close")
		}
	})
}

// remains reports whether w holds or runs anything.
func remains(w *Watcher) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looping || w.polling || len(w.targets)+len(w.hooks)+len(w.fast) > 0
}
