package watch

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

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
				stopA := w.Watch([]string{"/a"}, a.call)
				stopB := w.Watch([]string{"/b"}, b.call)
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
				stopA()
				stopB()
				time.Sleep(time.Second)
				if remains(w) {
					t.Error("something stays behind without a watch")
				}
				w.Watch([]string{"/a"}, a.call)
				w.Watch([]string{"/b"}, b.call)
				time.Sleep(time.Second)
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

// What the process may not look at, as root a home on a file server that does not
// trust it, may change at any time: that is told at each poll, not never.
func TestBlindPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/a")
		x.mu.Lock()
		x.files["/a/new"] = state{blind: true}
		x.mu.Unlock()
		w := x.watcher(t, Options{})
		var n counter
		w.Watch([]string{"/a/new"}, n.call)
		rest(&n)
		for range 3 {
			time.Sleep(DefaultPollInterval + soon)
			n.expect(t, true, "it may have changed")
		}
		x.make("/a/new", true)
		time.Sleep(DefaultSweepInterval)
		rest(&n)
		time.Sleep(2*DefaultPollInterval + soon)
		n.expect(t, false, "it can be looked at now")
	})
}

// TestLookIsBlind looks with the rights of a user at what he may not see.
func TestLookIsBlind(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	closed := t.TempDir()
	must(t, os.Symlink(closed+"/there", "/tmp/"+filepath.Base(closed)+".link"), os.Chmod(closed, 0o700))
	link := "/tmp/" + filepath.Base(closed) + ".link"
	defer os.Remove(link)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(t, unix.Setfsuid(65534))
	defer unix.Setfsuid(0)
	for path, want := range map[string]state{
		closed + "/there": {blind: true},
		link:              {link: true, blind: true},
		"/no/such/thing":  {},
	} {
		if got := look(path); got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
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

// A symbolic link is pointed elsewhere: the kernel tells of the file that it led
// to, and of the name of the link, but not of names on the way.
func TestSymbolicLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld("/mail")
		x.mu.Lock()
		x.files["/mail/box"] = state{dev: 2, ino: 77, there: true, link: true}
		x.mu.Unlock()
		var n counter
		x.watcher(t, Options{}).Watch([]string{"/mail/box"}, n.call)
		rest(&n)
		x.change("/mail/box", true)
		time.Sleep(DefaultPollInterval + soon)
		n.expect(t, true, "polled, although it is hooked")
		rest(&n)
		x.now().tell("/mail/box", "", eventChanged)
		time.Sleep(soon)
		n.expect(t, true, "hooked, although it is polled")
	})
}
