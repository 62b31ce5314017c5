package watch

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// A call comes Settle after the change and Spacing after the call before.
func TestBurst(t *testing.T) {
	for _, c := range []struct {
		name     string
		changes  int
		every    time.Duration
		min, max int
		why      string
	}{
		{"one", 1, 0, 1, 1, "a lone change is one call"},
		{"at once", 10000, 0, 1, 1, "10,000 deliveries at once settle into one call"},
		{"two close", 2, 9 * time.Millisecond, 1, 1, "the second comes while the first settles"},
		{"two apart", 2, 11 * time.Millisecond, 2, 2, "the second comes after the call"},
		{"a second of it", 1000, time.Millisecond, 49, 51, "one call in 20 ms, as long as it goes on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newWorld("/new")
				var n counter
				x.watcher(t, Options{}).Watch([]string{"/new"}, n.call)
				for i := range c.changes {
					if c.every > 0 && i > 0 {
						time.Sleep(c.every)
					}
					x.now().tell("/new", fmt.Sprint(i), eventChanged)
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
		var n counter
		x.watcher(t, Options{Settle: 40 * time.Millisecond}).Watch([]string{"/new"}, n.call)
		time.Sleep(time.Second)
		x.now().tell("/new", "a", eventChanged)
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
		if reads := x.now().readCount(); reads > 60 { // about five bursts of 20 ms, each read until there is no more
			t.Errorf("%d reads for 1000 events in 100 ms", reads)
		}
		x.now().tell("/spool", "anna", eventChanged)
		time.Sleep(time.Second)
		n.expect(t, true, "the file itself")
	})
}

// Whatever makes the kernel tell nothing, the path is polled, and that is said
// once; when the reason is gone the kernel is asked again.
func TestFallback(t *testing.T) {
	for _, c := range []struct {
		name, said string
		err        error
	}{
		{"no instance", "cannot open inotify", unix.EMFILE},
		{"no such thing", "does not tell of changes", errors.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newWorld("/a", "/b")
				x.refuse(c.err)
				w := x.watcher(t, Options{})
				var a, b counter
				w.Watch([]string{"/a"}, a.call)
				w.Watch([]string{"/b"}, b.call)
				rest(&a)
				b.take()
				x.change("/a", true)
				time.Sleep(DefaultPollInterval + soon)
				a.expect(t, true, "polled within the interval")
				b.expect(t, false, "nothing happened to b")
				time.Sleep(2 * DefaultSweepInterval)
				if got := x.logged(c.said); got != 1 {
					t.Errorf("said %d times: %q", got, c.said)
				}
				x.refuse(nil)
				time.Sleep(DefaultSweepInterval)
				rest(&a)
				if got := x.now().watched(); got != 2 {
					t.Fatalf("%d kernel watches after the sweep, want 2", got)
				}
				x.change("/a", true)
				time.Sleep(DefaultPollInterval + soon)
				a.expect(t, false, "polled no more")
				x.now().tell("/a", "new", eventChanged)
				time.Sleep(soon)
				a.expect(t, true, "told by the kernel")
			})
		})
	}
}

func TestWatchLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paths := []string{"/0", "/1", "/2", "/3", "/4"}
		x := newWorld(paths...)
		w := x.watcher(t, Options{})
		var n [5]counter
		w.Watch(paths[:1], n[0].call)
		x.now().setMax(2)
		stop1 := w.Watch(paths[1:2], n[1].call)
		for i := 2; i < 5; i++ {
			w.Watch(paths[i:i+1], n[i].call)
		}
		for i := range n {
			rest(&n[i])
		}
		x.change("/4", true)
		time.Sleep(DefaultPollInterval + soon)
		n[4].expect(t, true, "beyond the limit: polled")
		x.change("/0", true)
		time.Sleep(DefaultPollInterval + soon)
		n[0].expect(t, false, "within the limit: told by the kernel, not polled")
		if got := x.logged("max_user_watches"); got != 1 {
			t.Errorf("the limit was said %d times", got)
		}

		stop1()
		time.Sleep(DefaultSweepInterval)
		if got := x.now().watched(); got != 2 {
			t.Errorf("%d kernel watches: the one given back is not used", got)
		}
		x.now().setMax(10)
		time.Sleep(DefaultSweepInterval)
		if got := x.now().watched(); got != 4 {
			t.Errorf("%d kernel watches, want one for each path", got)
		}
		if got := x.logged("no path lacks"); got != 1 {
			t.Errorf("the end of the limit was said %d times", got)
		}
	})
}

// Two changes within one tick of the file system's clock look like one. The
// second is told nevertheless.
func TestSameTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/new")
		x.refuse(unix.EMFILE)
		var n counter
		x.watcher(t, Options{}).Watch([]string{"/new"}, n.call)
		x.change("/new", false)
		time.Sleep(DefaultPollInterval + soon)
		n.expect(t, false, "it cannot be seen")
		time.Sleep(echoAfter)
		n.expect(t, true, "the echo of the beginning")

		x.change("/new", true)
		time.Sleep(DefaultPollInterval + soon)
		n.expect(t, true, "the first")
		x.change("/new", false)
		time.Sleep(echoAfter + DefaultPollInterval)
		n.expect(t, true, "the second")
		time.Sleep(20 * time.Second)
		n.expect(t, false, "then there is peace")
	})
}

// Where other machines write, the kernel tells half: both ways are used.
func TestRemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/nfs")
		x.far["/nfs"] = true
		var n counter
		x.watcher(t, Options{}).Watch([]string{"/nfs"}, n.call)
		rest(&n)
		x.change("/nfs", true)
		time.Sleep(DefaultPollInterval + soon)
		n.expect(t, true, "another machine's delivery is polled")
		rest(&n)
		x.now().tell("/nfs", "a", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "our own is told")
	})
}

// A directory far above was renamed: nobody tells, the sweep sees it.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/home/new")
		var n counter
		x.watcher(t, Options{}).Watch([]string{"/home/new"}, n.call)
		x.make("/home/new", true) // another inode
		time.Sleep(DefaultSweepInterval + soon)
		n.expect(t, true, "another directory is there")
		x.now().tell("/home/new", "a", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "and is watched")
		if got := x.now().watched(); got != 1 {
			t.Errorf("%d kernel watches, want 1", got)
		}
	})
}

// Lost events may be of any watch, and one of them that a watch is gone.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a", "/b")
		w := x.watcher(t, Options{})
		var a, b counter
		w.Watch([]string{"/a"}, a.call)
		w.Watch([]string{"/b"}, b.call)
		x.remove("/b")
		x.make("/b", true)
		x.now().events <- []event{{wd: -1, kind: eventOverflow}}
		time.Sleep(soon)
		a.expect(t, true, "a may have changed")
		b.expect(t, true, "b may have changed")
		time.Sleep(time.Second)
		b.take()
		x.now().tell("/b", "x", eventChanged)
		time.Sleep(soon)
		b.expect(t, true, "the new directory is watched")
		x.now().events <- []event{{wd: -1, kind: eventOverflow}}
		time.Sleep(time.Second)
		if got := x.logged("max_queued_events"); got != 1 {
			t.Errorf("said %d times", got)
		}
	})
}

// The kernel is gone in the middle: polling, and another one later.
func TestKernelBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		w := x.watcher(t, Options{})
		var n counter
		w.Watch([]string{"/a"}, n.call)
		first := x.now()
		first.broken <- unix.EIO
		time.Sleep(time.Second)
		n.expect(t, true, "events may have been lost with it")
		rest(&n)
		x.change("/a", true)
		time.Sleep(DefaultPollInterval + soon)
		n.expect(t, true, "polled")
		time.Sleep(DefaultSweepInterval)
		if x.now() == first || x.now().watched() != 1 {
			t.Error("no new kernel at the next sweep")
		}
		if !first.isClosed() {
			t.Error("the broken one was not closed")
		}
	})
}

// A file server that is gone holds up who watches there, and nobody else.
func TestHungPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/hung", "/a", "/b")
		w := x.watcher(t, Options{})
		var a, b, hung counter
		stopA := w.Watch([]string{"/a"}, a.call)
		x.now().hang = make(chan struct{})
		hooked := make(chan struct{})
		go func() {
			w.Watch([]string{"/hung"}, hung.call)
			close(hooked)
		}()
		synctest.Wait()
		w.Watch([]string{"/b"}, b.call)
		x.now().tell("/a", "x", eventChanged)
		x.now().tell("/b", "x", eventChanged)
		time.Sleep(soon)
		a.expect(t, true, "calls go on")
		b.expect(t, true, "and Watch too")
		stopA()
		time.Sleep(DefaultSweepInterval)
		b.take()
		select {
		case <-hooked:
			t.Fatal("the path hangs no more")
		default:
		}
		close(x.now().hang)
		<-hooked
		x.now().tell("/hung", "x", eventChanged)
		time.Sleep(soon)
		hung.expect(t, true, "and then it is watched")
	})
}

// Between the kernel's answer and our note of it another target gives the same
// number back. Then the answer is worth nothing.
func TestNumberSlipsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/0", "/a")
		w := x.watcher(t, Options{})
		var zero, n counter
		w.Watch([]string{"/0"}, zero.call) // so that there is a kernel
		x.now().slip = func(int32) {}
		w.Watch([]string{"/a"}, n.call)
		time.Sleep(time.Second)
		n.take()
		x.now().tell("/a", "x", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "the number was asked for again")
	})
}

// The poller passes by a path that somebody is hooking. What made it come is not
// forgotten.
func TestDoubtWhileArming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		w := x.watcher(t, Options{})
		var n counter
		w.Watch([]string{"/a"}, n.call)
		target := w.targets["/a"]
		target.arming.Lock()
		x.now().tell("/a", "", eventMoved)
		x.make("/a", true)
		time.Sleep(time.Second)
		n.take()
		w.release(target)
		time.Sleep(time.Second)
		n.expect(t, true, "another directory is there")
		x.now().tell("/a", "x", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "and is watched")
	})
}

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
		if n := one.take(); n != 1 {
			t.Errorf("%d calls for a change of both paths at once, want 1", n)
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

		x.now().tell("/a", "x", eventChanged)
		synctest.Wait() // it settles
		stopTwo()
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

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		if err := x.watcher(t, Options{}).Close(); err != nil || x.now() != nil {
			t.Errorf("a Watcher that nobody used: %v, kernel %v", err, x.now())
		}
		w := x.watcher(t, Options{})
		var n counter
		stop := w.Watch([]string{"/a"}, n.call)
		x.now().tell("/a", "x", eventChanged)
		synctest.Wait()
		for range 2 {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		stop()
		w.Watch([]string{"/a"}, n.call)()
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
