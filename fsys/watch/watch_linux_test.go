package watch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is when a test gives up waiting for what has to come.
const patience = 20 * time.Second

// A bell rings at each call.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

func (b bell) wait(t *testing.T, why string) {
	t.Helper()
	select {
	case <-b:
	case <-time.After(patience):
		t.Fatalf("no call: %s", why)
	}
}

// eventually waits for a condition, which is looked at often.
func eventually(t *testing.T, why string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", why)
		}
	}
}

// kernelOnly polls never, so that what is noticed was told by the kernel.
func kernelOnly(t *testing.T) *Watcher {
	w := New(Options{PollInterval: 24 * time.Hour, SweepInterval: 24 * time.Hour})
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// kernelWatches counts what /proc says the instance of w watches.
func kernelWatches(t *testing.T, w *Watcher) int {
	t.Helper()
	var info []byte
	err := w.currentKernel().(*inotify).conn.Control(func(fd uintptr) {
		info, _ = os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	})
	if err != nil || len(info) == 0 {
		t.Fatalf("no fdinfo: %v", err)
	}
	return bytes.Count(info, []byte("inotify wd:"))
}

func TestSharedKernelWatches(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		write(t, dir+"/"+name, "x")
	}
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	w, b := kernelOnly(t), newBell()
	var stops []func()
	for range 10 {
		for _, path := range []string{dir, dir + "/", dir + "/a", link + "/b"} {
			stops = append(stops, w.Watch([]string{path}, b.ring))
		}
	}
	if got := kernelWatches(t, w); got != 3 {
		t.Errorf("%d kernel watches, want 3: the directory, as itself and as parent, and two files", got)
	}
	for i, stop := range stops {
		stop()
		if got := kernelWatches(t, w); i < len(stops)-1 && got == 0 || i == len(stops)-1 && got != 0 {
			t.Fatalf("%d kernel watches after %d of %d stops", got, i+1, len(stops))
		}
	}
}

// The real queue runs over while the loop is kept from reading, and in that time
// one directory is replaced.
func TestRealOverflow(t *testing.T) {
	limit := 0
	if s, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events"); err == nil {
		_, _ = fmt.Sscan(string(s), &limit)
	}
	if limit == 0 || limit > 100000 {
		t.Skipf("the kernel's queue holds %d events: too many for a test", limit)
	}
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/busy", 0o700), os.Mkdir(dir+"/replaced", 0o700), os.Mkdir(dir+"/idle", 0o700))
	w := kernelOnly(t)
	busy, replaced, idle := newBell(), newBell(), newBell()
	entered, leave := make(chan struct{}), make(chan struct{})
	block := sync.OnceFunc(func() { close(entered); <-leave })
	w.Watch([]string{dir + "/busy"}, func() { block(); busy.ring() })
	w.Watch([]string{dir + "/replaced"}, replaced.ring)
	w.Watch([]string{dir + "/idle"}, idle.ring)

	write(t, dir+"/busy/a", "x")
	<-entered
	for range limit/4 + 1 {
		must(t, os.Rename(dir+"/busy/a", dir+"/busy/b"), os.Rename(dir+"/busy/b", dir+"/busy/a"))
	}
	must(t, os.Remove(dir+"/replaced"), os.Mkdir(dir+"/replaced", 0o700))
	write(t, dir+"/idle/a", "x")
	close(leave)
	busy.wait(t, "what was kept up")
	replaced.wait(t, "an event that was lost: removed and made again")
	idle.wait(t, "an event that was lost: an entry")
	quiet(t, w, replaced)
	write(t, dir+"/replaced/a", "x")
	replaced.wait(t, "the new directory is watched")
}

func goroutines() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "watch.(*Watcher).loop(") +
		strings.Count(string(buf[:runtime.Stack(buf, true)]), "watch.(*Watcher).poll(")
}

func instances(t *testing.T) (n int) {
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.Contains(to, "inotify") {
			n++
		}
	}
	return n
}

// One descriptor for all, given back by Close; goroutines while somebody watches.
func TestNothingStays(t *testing.T) {
	dir := t.TempDir()
	eventually(t, "the goroutines of other tests are gone", func() bool { return goroutines() == 0 })
	before := instances(t)
	w := New(Options{})
	if instances(t) != before || goroutines() != 0 {
		t.Error("New opens or starts something")
	}
	for range 3 {
		one := w.Watch([]string{dir}, func() {})
		two := w.Watch([]string{dir + "/box"}, func() {})
		if got := instances(t) - before; got != 1 {
			t.Errorf("%d inotify instances, want 1", got)
		}
		one()
		two()
		eventually(t, "no goroutine without a watch", func() bool { return goroutines() == 0 })
	}
	w.Watch([]string{dir}, func() {})
	must(t, w.Close())
	eventually(t, "no goroutine after Close", func() bool { return goroutines() == 0 })
	if got := instances(t); got != before {
		t.Errorf("%d inotify instances stay open", got-before)
	}
}
