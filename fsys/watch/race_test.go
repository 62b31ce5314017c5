package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

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

// Between the kernel's answer and our note of it another target gives the same
// number back, and a third has hung on it. Then the answer is worth nothing, for
// both.
func TestNumberSlipsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a", "/b")
		w := x.watcher(t, Options{})
		var a, b counter
		w.Watch([]string{"/b"}, b.call)
		k, third, dead := x.now(), w.targets["/b"], int32(0)
		asked := 0
		k.onAdd = func(path string, wd int32) {
			if path == "/a" {
				asked++
			}
			switch {
			case path == "/a" && asked == 1:
				dead = wd
				k.remove(wd)
			case path == "/a" && asked == 2:
				if first, err := w.hang(k, third, self, dead); first || err != nil {
					t.Errorf("the number is not noted yet: %v, %v", first, err)
				}
			}
		}
		w.Watch([]string{"/a"}, a.call)
		time.Sleep(time.Second)
		a.take()
		b.expect(t, true, "it was deaf for a while")
		for path, n := range map[string]*counter{"/a": &a, "/b": &b} {
			k.tell(path, "x", eventChanged)
			time.Sleep(soon)
			n.expect(t, true, path+" is hooked to what lives")
		}
	})
}

// A path is replaced after it was hooked and before the second look at it, in a
// way that the kernel does not tell of.
func TestReplacedWhileArming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/home/new")
		w := x.watcher(t, Options{})
		looks := 0
		w.look = func(path string) state {
			if looks++; looks == 2 {
				x.make(path, true)
			}
			return x.look(path)
		}
		var n counter
		w.Watch([]string{"/home/new"}, n.call)
		x.now().tell("/home/new", "x", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "the one that is there is hooked")
	})
}

// The kernel gives up a watch by itself.
func TestIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		w := x.watcher(t, Options{})
		var n counter
		w.Watch([]string{"/a"}, n.call)
		x.now().tell("/a", "", eventIgnored)
		x.now().remove(1)
		time.Sleep(time.Second)
		n.expect(t, true, "something was done to it")
		x.now().tell("/a", "x", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "it is hooked again")
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

// The kernel is gone while a path is hooked to it.
func TestKernelBreaksWhileArming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a", "/hung")
		w := x.watcher(t, Options{})
		var a, n counter
		w.Watch([]string{"/a"}, a.call)
		x.now().hang = make(chan struct{})
		hooked := make(chan struct{})
		go func() {
			w.Watch([]string{"/hung"}, n.call)
			close(hooked)
		}()
		synctest.Wait()
		x.now().broken <- unix.EIO
		synctest.Wait()
		close(x.now().hang)
		<-hooked
		rest(&n)
		x.change("/hung", true)
		time.Sleep(DefaultPollInterval + soon)
		n.expect(t, true, "polled, as what it was hooked to is gone")
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
