package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"restante/fsys"
)

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

// age makes a path old, so that a coarse clock shows the next change: also one that changes
// nothing but the change time. That clock is a real one.
func age(path string) {
	old := time.Now().Add(-time.Hour)
	if os.Chtimes(path, old, old) != nil {
		return // it does not exist
	}
	clock := fsys.FileClockOf(fsys.OS{}, path)
	var st unix.Stat_t
	for unix.Stat(path, &st) == nil && clock.SameTick(time.Unix(st.Ctim.Unix())) {
	}
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

func appendTo(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString("more\n")
	must(t, err, f.Close())
}
