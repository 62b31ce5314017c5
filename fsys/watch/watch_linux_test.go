package watch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
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

func appendTo(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString("more\n")
	must(t, err, f.Close())
}

// changes are what programs do to mail, by steps; after each one a call is due.
var changes = []struct {
	name, why string
	watch     string
	prepare   func(t *testing.T, dir string)
	steps     []func(t *testing.T, dir string)
}{
	{"delivery into new", "Maildir: rename from tmp", "new",
		func(t *testing.T, dir string) { write(t, dir+"/m", "x") },
		steps{func(t *testing.T, dir string) { must(t, os.Rename(dir+"/m", dir+"/new/m")) }}},
	{"link into new", "Maildir: link from tmp", "new",
		func(t *testing.T, dir string) { write(t, dir+"/m", "x") },
		steps{func(t *testing.T, dir string) { must(t, os.Link(dir+"/m", dir+"/new/m")) }}},
	{"flags", "a name changes within the directory", "new",
		func(t *testing.T, dir string) { write(t, dir+"/new/m:2,", "x") },
		steps{func(t *testing.T, dir string) { must(t, os.Rename(dir+"/new/m:2,", dir+"/new/m:2,S")) }}},
	{"move away and remove", "an entry goes, in both ways", "new",
		func(t *testing.T, dir string) { write(t, dir+"/new/m", "x"); write(t, dir+"/new/n", "x") },
		steps{
			func(t *testing.T, dir string) { must(t, os.Rename(dir+"/new/m", dir+"/m")) },
			func(t *testing.T, dir string) { must(t, os.Remove(dir+"/new/n")) },
		}},
	{"directory removed and made again", "the kernel's watch goes with the old one", "new", nothing,
		steps{
			func(t *testing.T, dir string) { must(t, os.Remove(dir+"/new")) },
			func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/new", 0o700)) },
			func(t *testing.T, dir string) { write(t, dir+"/new/m", "x") },
		}},
	{"directory moved away", "the kernel's watch goes along with it", "new", nothing,
		steps{
			func(t *testing.T, dir string) { must(t, os.Rename(dir+"/new", dir+"/old")) },
			func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/new", 0o700)) },
			func(t *testing.T, dir string) { write(t, dir+"/new/m", "x") },
		}},
	{"directory made later", "a path need not exist", "later", nothing,
		steps{
			func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/later", 0o700)) },
			func(t *testing.T, dir string) { write(t, dir+"/later/m", "x") },
		}},
	{"append and truncate", "mbox: delivery and expunge on the same inode", "box",
		func(t *testing.T, dir string) { write(t, dir+"/box", "From a\n") },
		steps{
			func(t *testing.T, dir string) { appendTo(t, dir+"/box") },
			func(t *testing.T, dir string) { must(t, os.Truncate(dir+"/box", 3)) },
		}},
	{"replaced", "a program that writes anew and renames", "box",
		func(t *testing.T, dir string) { write(t, dir+"/box", "From a\n"); write(t, dir+"/tmp", "From b\n") },
		steps{
			func(t *testing.T, dir string) { must(t, os.Rename(dir+"/tmp", dir+"/box")) },
			func(t *testing.T, dir string) { appendTo(t, dir+"/box") },
			func(t *testing.T, dir string) { write(t, dir+"/tmp", "x"); must(t, os.Rename(dir+"/tmp", dir+"/box")) },
			func(t *testing.T, dir string) { appendTo(t, dir+"/box") },
		}},
	{"removed and delivered", "the spool file of a user who has read all", "box",
		func(t *testing.T, dir string) { write(t, dir+"/box", "From a\n") },
		steps{
			func(t *testing.T, dir string) { must(t, os.Remove(dir+"/box")) },
			func(t *testing.T, dir string) { write(t, dir+"/box", "From b\n") },
			func(t *testing.T, dir string) { appendTo(t, dir+"/box") },
		}},
	{"moved away", "a log rotation of a mailbox", "box",
		func(t *testing.T, dir string) { write(t, dir+"/box", "From a\n") },
		steps{
			func(t *testing.T, dir string) { must(t, os.Rename(dir+"/box", dir+"/old")) },
			func(t *testing.T, dir string) { write(t, dir+"/box", "From b\n") },
		}},
	{"permissions", "what could not be read now can", "box",
		func(t *testing.T, dir string) { write(t, dir+"/box", "From a\n") },
		steps{func(t *testing.T, dir string) { must(t, os.Chmod(dir+"/box", 0o640)) }}},
	{"two names", "a hard link: written to under its other name", "box",
		func(t *testing.T, dir string) {
			write(t, dir+"/other", "From a\n")
			must(t, os.Link(dir+"/other", dir+"/box"))
		},
		steps{func(t *testing.T, dir string) { appendTo(t, dir+"/other") }}},
	{"through a symbolic link", "a mailbox on another disk", "box",
		func(t *testing.T, dir string) {
			write(t, dir+"/real", "From a\n")
			must(t, os.Symlink(dir+"/real", dir+"/box"))
		},
		steps{func(t *testing.T, dir string) { appendTo(t, dir+"/real") }}},
}

type steps = []func(t *testing.T, dir string)

func nothing(*testing.T, string) {}

func TestKernelTells(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.Mkdir(dir+"/new", 0o700))
			c.prepare(t, dir)
			w, b := kernelOnly(t), newBell()
			w.Watch([]string{filepath.Join(dir, c.watch)}, b.ring)
			for i, step := range c.steps {
				quiet(t, w, b)
				step(t, dir)
				b.wait(t, fmt.Sprintf("step %d: %s", i, c.why))
			}
		})
	}
}

// quiet waits until all that happened before is told and hooked: until an event
// that was made after it has gone the whole way, twice, since what the poller
// finds comes one call later. Then it empties the bell.
func quiet(t *testing.T, w *Watcher, b bell) {
	t.Helper()
	dir := t.TempDir()
	mark := newBell()
	stop := w.Watch([]string{dir}, mark.ring)
	for i := range 3 {
		write(t, fmt.Sprint(dir, "/", i), "")
		mark.wait(t, "the mark")
		eventually(t, "the poller is done", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, target := range w.targets {
				if !target.arming.TryLock() {
					return false
				}
				target.arming.Unlock()
			}
			return len(w.verify) == 0 && len(w.dirty) == 0
		})
	}
	stop()
	select {
	case <-b:
	default:
	}
}

// Without a kernel the same is seen, by looking.
func TestPollingSees(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.Mkdir(dir+"/new", 0o700))
			c.prepare(t, dir)
			synctest.Test(t, func(t *testing.T) {
				x := newWorld()
				x.refuse(unix.EMFILE)
				w := x.watcher(t, Options{})
				w.look = look
				var n counter
				w.Watch([]string{filepath.Join(dir, c.watch)}, n.call)
				for i, step := range c.steps {
					age(filepath.Join(dir, c.watch))
					rest(&n)
					step(t, dir)
					time.Sleep(DefaultPollInterval + soon)
					n.expect(t, true, fmt.Sprintf("step %d: %s", i, c.why))
				}
			})
		})
	}
}

// age makes a path old, so that a coarse clock shows the next change.
func age(path string) {
	old := time.Now().Add(-time.Hour)
	_ = os.Chtimes(path, old, old) // it may not exist
}

// What is not asked for is not told.
func TestKernelIsSilent(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/new", 0o700))
	write(t, dir+"/new/m", "x")
	write(t, dir+"/box", "x")
	for _, c := range []struct {
		name, watch string
		do          func()
	}{
		{"a neighbour of the file", "box", func() { write(t, dir+"/bert", "x") }},
		{"its lock", "box", func() { write(t, dir+"/box.lock", "x"); must(t, os.Remove(dir+"/box.lock")) }},
		{"reading it", "box", func() { _, err := os.ReadFile(dir + "/box"); must(t, err) }},
		{"writing into a file of the directory", "new", func() { appendTo(t, dir+"/new/m") }},
		{"listing the directory", "new", func() { _, err := os.ReadDir(dir + "/new"); must(t, err) }},
		{"something beside the directory", "new", func() { write(t, dir+"/tmp", "x") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := kernelOnly(t)
			var calls atomic.Int64
			w.Watch([]string{dir + "/" + c.watch}, func() { calls.Add(1) })
			c.do()
			quiet(t, w, nil)
			if n := calls.Load(); n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
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

// TestFollow holds the law that the package is for: who looks once after Watch
// and again after each call has the right picture in the end, whatever happens
// meanwhile, and nobody else's coming and going disturbs it.
func TestFollow(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { follow(t, seed) })
	}
}

func follow(t *testing.T, seed uint64) {
	root := t.TempDir()
	dirs := []string{root + "/a", root + "/b", root + "/c"}
	for _, d := range dirs {
		must(t, os.Mkdir(d, 0o700))
	}
	w := New(Options{PollInterval: 20 * time.Millisecond, SweepInterval: 24 * time.Hour})
	defer w.Close()
	quit, workers := make(chan struct{}), sync.WaitGroup{}
	background := func(number uint64, work func(r *rand.Rand)) {
		workers.Go(func() {
			for r := rand.New(rand.NewPCG(seed, number)); ; {
				select {
				case <-quit:
					return
				default:
					work(r)
				}
			}
		})
	}
	for i := range uint64(4) { // watches that come and go
		background(i, func(r *rand.Rand) {
			stop := w.Watch([]string{dirs[r.IntN(3)], dirs[r.IntN(3)] + "/box"}, func() {})
			runtime.Gosched()
			stop()
		})
	}
	background(4, func(*rand.Rand) { // and the kernel's queue runs over
		w.take(w.currentKernel(), []event{{wd: -1, kind: eventOverflow}}, nil)
		time.Sleep(5 * time.Millisecond)
	})
	followers := []*follower{}
	for _, d := range dirs {
		followers = append(followers, newFollower(w, d), newFollower(w, d+"/box"))
	}
	r := rand.New(rand.NewPCG(seed, 5))
	for range 2000 {
		disturb(r, dirs[r.IntN(3)])
	}
	close(quit)
	workers.Wait()
	for _, f := range followers {
		eventually(t, "the picture of "+f.path+" is right", func() bool { return f.has(picture(f.path)) })
		f.end()
	}
	if n := kernelWatches(t, w); n != 0 {
		t.Errorf("%d kernel watches without a watch", n)
	}
}

// disturb does something to a directory or to the file box in it.
func disturb(r *rand.Rand, dir string) {
	name := fmt.Sprint(dir, "/", r.IntN(4))
	switch r.IntN(8) {
	case 0, 1:
		_ = os.WriteFile(name, nil, 0o600)
	case 2:
		_ = os.Remove(name)
	case 3:
		_ = os.Rename(name, fmt.Sprint(dir, "/", r.IntN(4)))
	case 4:
		_ = os.WriteFile(dir+"/box", make([]byte, r.IntN(1000)), 0o600)
	case 5:
		_ = os.Rename(name, dir+"/box")
	case 6:
		_ = os.Remove(dir + "/box")
	case 7:
		if r.IntN(10) == 0 {
			_ = os.RemoveAll(dir)
			_ = os.Mkdir(dir, 0o700)
		}
	}
}

// picture is what can be seen of a path.
func picture(path string) string {
	if entries, err := os.ReadDir(path); err == nil {
		return fmt.Sprint(entries)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "nothing"
	}
	return fmt.Sprint(info.Size(), " bytes")
}

// A follower looks when it is told to.
type follower struct {
	path string
	bell bell
	stop func()
	quit chan struct{}
	mu   sync.Mutex
	now  string
}

func newFollower(w *Watcher, path string) *follower {
	f := &follower{path: path, bell: newBell(), quit: make(chan struct{})}
	f.stop = w.Watch([]string{path}, f.bell.ring)
	f.bell.ring() // the look after Watch
	go func() {
		for {
			select {
			case <-f.quit:
				return
			case <-f.bell:
			}
			now := picture(path)
			f.mu.Lock()
			f.now = now
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) has(want string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now == want
}

func (f *follower) end() { f.stop(); close(f.quit) }

func TestDecode(t *testing.T) {
	raw := func(wd int32, mask uint32, name string) []byte {
		b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
		b = binary.NativeEndian.AppendUint32(b, mask)
		b = binary.NativeEndian.AppendUint32(b, 0)
		b = binary.NativeEndian.AppendUint32(b, uint32(len(name)))
		return append(b, name...)
	}
	for _, c := range []struct {
		why  string
		buf  []byte
		want string
	}{
		{"nothing", nil, ""},
		{"a name is filled up with zeros", raw(1, unix.IN_CREATE, "mail\x00\x00\x00\x00"), "1 0 mail;"},
		{"the inode itself", raw(2, unix.IN_MODIFY, ""), "2 0 ;"},
		{"it moved", raw(2, unix.IN_MOVE_SELF, ""), "2 1 ;"},
		{"links or permissions", raw(2, unix.IN_ATTRIB, ""), "2 1 ;"},
		{"watched no longer", raw(3, unix.IN_IGNORED, ""), "3 2 ;"},
		{"ran over", raw(-1, unix.IN_Q_OVERFLOW, ""), "-1 3 ;"},
		{"several", slices.Concat(raw(1, unix.IN_DELETE, "a\x00"), raw(2, unix.IN_MODIFY, "")), "1 0 a;2 0 ;"},
		{"cut in the head", raw(1, unix.IN_MODIFY, "")[:15], ""},
		{"cut in the name", raw(1, unix.IN_CREATE, "mail")[:18], ""},
	} {
		got := ""
		for _, e := range decode(nil, c.buf) {
			got += fmt.Sprintf("%d %d %s;", e.wd, e.kind, e.name)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

// FuzzDecode: whatever stands in the buffer, names lie in it and are no longer
// than it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00ab\x00\x00"))
	f.Add(bytes.Repeat([]byte{0xff}, 32))
	f.Fuzz(func(t *testing.T, buf []byte) {
		used := 0
		for _, e := range decode(nil, buf) {
			used += unix.SizeofInotifyEvent + len(e.name)
			if n := len(e.name); n > 0 && e.name[n-1] == 0 {
				t.Errorf("the name %q ends in zero", e.name)
			}
		}
		if used > len(buf) {
			t.Errorf("%d bytes of events in %d", used, len(buf))
		}
	})
}
