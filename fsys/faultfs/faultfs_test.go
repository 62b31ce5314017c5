package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/fsys"
)

// step is an operation on a file system; it returns what a program sees of it.
type step func(f fsys.FS, root string) string

// outcome names the kind of an error, which must be the same on every FS.
func outcome(err error) string {
	var no syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &no):
		return no.Error()
	case errors.Is(err, io.EOF):
		return "EOF"
	}
	return err.Error()
}

// describe lists what is below a directory, as `d/ d/x=content*2` where 2 is the
// number of links, if more than one.
func describe(f fsys.FS, dir string) string {
	lines, err := list(f, dir, "")
	if err != nil {
		return outcome(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func list(f fsys.FS, dir, prefix string) ([]string, error) {
	entries, err := f.ReadDir(dir)
	var lines []string
	for _, e := range entries {
		path, line := filepath.Join(dir, e.Name), prefix+e.Name
		fi, err := f.Lstat(path)
		if err != nil || fi.Mode().Type() != e.Type {
			return nil, fmt.Errorf("%s is of type %v, listed as %v, %w", path, fi.Mode(), e.Type, err)
		}
		switch e.Type {
		case fs.ModeDir:
			below, err := list(f, path, line+"/")
			if err != nil {
				return nil, err
			}
			lines = append(lines, below...)
			line += "/"
		case fs.ModeSymlink:
			target, err := f.Readlink(path)
			line += "->" + target + "," + outcome(err)
		default:
			data, err := fsys.ReadFile(f, path, 1<<20)
			if err != nil || fi.Size() != int64(len(data)) {
				return nil, fmt.Errorf("%s has size %d, content %q, %w", path, fi.Size(), data, err)
			}
			line += "=" + string(data)
			if n := fi.Sys().(*syscall.Stat_t).Nlink; n != 1 {
				line += fmt.Sprint("*", n)
			}
		}
		lines = append(lines, line)
	}
	return lines, err
}

// randomStep makes operations over a few names, so that they meet.
func randomStep(rnd *rand.Rand) (string, step) {
	names := []string{"a", "b", "d", "d/x", "d/y", "d/e", "d/e/z", "link", "link/x", "a/under", "missing/x", "d/../b", "./a"}
	p, q := names[rnd.IntN(len(names))], names[rnd.IntN(len(names))]
	n := rnd.IntN(20)
	text := fmt.Sprintf("<%d>", rnd.IntN(1000))
	flags := []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_WRONLY | os.O_CREATE | os.O_EXCL, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_APPEND}
	flag := flags[rnd.IntN(len(flags))]
	do := map[string]step{
		"rename":  func(f fsys.FS, root string) string { return outcome(f.Rename(root+p, root+q)) },
		"link":    func(f fsys.FS, root string) string { return outcome(f.Link(root+p, root+q)) },
		"symlink": func(f fsys.FS, root string) string { return outcome(f.Symlink("d", root+q)) },
		"remove":  func(f fsys.FS, root string) string { return outcome(f.Remove(root + p)) },
		"mkdir":   func(f fsys.FS, root string) string { return outcome(f.Mkdir(root+p, 0o700)) },
		"syncdir": func(f fsys.FS, root string) string { return outcome(f.SyncDir(root + "d")) },
		"chtimes": func(f fsys.FS, root string) string {
			t := time.Unix(1e9, 5000)
			err := f.Chtimes(root+p, t, t)
			if err != nil {
				return outcome(err)
			}
			fi, err := f.Stat(root + p)
			return outcome(err) + fi.ModTime().UTC().String()
		},
		"stat": func(f fsys.FS, root string) string {
			fi, err := f.Stat(root + p)
			if err != nil {
				return outcome(err)
			}
			return fi.Mode().Type().String()
		},
		"open": func(f fsys.FS, root string) string {
			file, err := f.OpenFile(root+p, flag, 0o600)
			if err != nil {
				return outcome(err)
			}
			defer file.Close()
			return useFile(file, flag, text, n)
		},
	}
	kinds := []string{"open", "open", "open", "rename", "rename", "link", "symlink", "remove", "mkdir", "mkdir", "syncdir", "chtimes", "stat"}
	kind := kinds[rnd.IntN(len(kinds))]
	return fmt.Sprintf("%s %s %s (%#x, %d)", kind, p, q, flag, n), do[kind]
}

func useFile(file fsys.File, flag int, text string, n int) string {
	fi, err := file.Stat()
	if err != nil || fi.IsDir() {
		return outcome(err) + " directory"
	}
	var seen []string
	note := func(n int, err error) { seen = append(seen, fmt.Sprint(n, outcome(err))) }
	note(file.Write([]byte(text)))
	if flag&os.O_APPEND == 0 {
		note(file.WriteAt([]byte(text), int64(n)))
	}
	if n%3 == 0 {
		note(0, file.Truncate(int64(n)))
	}
	pos, err := file.Seek(int64(n/2), n%3)
	note(int(pos), err)
	buf := make([]byte, 10)
	m, err := file.Read(buf)
	note(m, err)
	seen = append(seen, string(buf[:m]))
	m, err = file.ReadAt(buf, int64(n))
	note(m, err)
	seen = append(seen, string(buf[:m]))
	note(0, file.Sync())
	return strings.Join(seen, ",")
}

// TestLikeTheRealOne does the same random operations on both file systems.
func TestLikeTheRealOne(t *testing.T) {
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		mem, root := New(), t.TempDir()+"/"
		if err := fsys.MkdirAll(mem, root, 0o700); err != nil {
			t.Fatal(err)
		}
		var trace []string
		for range 60 {
			name, do := randomStep(rnd)
			trace = append(trace, name)
			got, want := do(mem, root), do(fsys.OS{}, root)
			if got == want {
				got, want = describe(mem, root), describe(fsys.OS{}, root)
			}
			if got != want {
				t.Fatalf("seed %d: got\n%s\nwant\n%s\nafter\n%s", seed, got, want, strings.Join(trace, "\n"))
			}
		}
	}
}

func write1(t *testing.T, f *FS, path, text string, sync bool) {
	t.Helper()
	file, err := f.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	file.Close()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCrash(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, f *FS)
		want string // what describe gives after the crash
	}{
		{"a file and its directory were synced", func(t *testing.T, f *FS) {
			write1(t, f, "/new", "text", true)
			ok(t, f.SyncDir("/"))
		}, "d/ new=text old=old"},
		{"the name was not", func(t *testing.T, f *FS) {
			write1(t, f, "/new", "text", true)
		}, "d/ old=old"},
		{"the content was not", func(t *testing.T, f *FS) {
			write1(t, f, "/new", "text", false)
			ok(t, f.SyncDir("/"))
		}, "d/ new= old=old"},
		{"overwritten", func(t *testing.T, f *FS) {
			write1(t, f, "/old", "other", false)
		}, "d/ old=old"},
		{"removed", func(t *testing.T, f *FS) {
			ok(t, f.Remove("/old"))
		}, "d/ old=old"},
		{"removed and synced", func(t *testing.T, f *FS) {
			ok(t, f.Remove("/old"))
			ok(t, f.SyncDir("/"))
		}, "d/"},
		{"renamed", func(t *testing.T, f *FS) {
			ok(t, f.Rename("/old", "/d/moved"))
		}, "d/ old=old"},
		{"renamed, only the new directory was synced: two names", func(t *testing.T, f *FS) {
			ok(t, f.Rename("/old", "/d/moved"))
			ok(t, f.SyncDir("/d"))
		}, "d/ d/moved=old*2 old=old*2"},
		{"renamed, only the old directory was synced: the new name comes with it", func(t *testing.T, f *FS) {
			ok(t, f.Rename("/old", "/d/moved"))
			ok(t, f.SyncDir("/"))
		}, "d/ d/moved=old"},
		{"a directory renamed, only the new directory was synced: it has one name", func(t *testing.T, f *FS) {
			ok(t, f.Mkdir("/d2", 0o700))
			f.Settle()
			ok(t, f.Rename("/d2", "/d/moved"))
			ok(t, f.SyncDir("/d"))
		}, "d/ d/moved/ old=old"},
		{"a directory renamed, only the old directory was synced", func(t *testing.T, f *FS) {
			ok(t, f.Mkdir("/d2", 0o700))
			f.Settle()
			ok(t, f.Rename("/d2", "/d/moved"))
			ok(t, f.SyncDir("/"))
		}, "d/ d/moved/ old=old"},
		{"a directory whose own name was not synced", func(t *testing.T, f *FS) {
			ok(t, f.Mkdir("/d2", 0o700))
			write1(t, f, "/d2/x", "text", true)
			ok(t, f.SyncDir("/d2"))
		}, "d/ old=old"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := New()
			write1(t, f, "/old", "old", true)
			ok(t, f.Mkdir("/d", 0o700))
			f.Settle()
			test.do(t, f)
			f.Crash(nil)
			if got := describe(f, "/"); got != test.want {
				t.Errorf("after the crash:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

// TestCrashKeepsSome sees to it that the random part is sometimes nothing,
// sometimes all, and never what cannot be.
func TestCrashKeepsSome(t *testing.T) {
	seen := make(map[string]int)
	for seed := range uint64(300) {
		f := New()
		write1(t, f, "/a", "one", true)
		f.Settle()
		ok(t, f.Rename("/a", "/b"))
		ok(t, f.Rename("/b", "/c"))
		write1(t, f, "/c", "two", false)
		f.Crash(rand.New(rand.NewPCG(seed, 0)))
		entries, err := f.ReadDir("/")
		if err != nil || len(entries) != 1 {
			t.Fatalf("seed %d: a rename in one directory gave %v, %v", seed, entries, err)
		}
		data, err := fsys.ReadFile(f, "/"+entries[0].Name, 10)
		ok(t, err)
		seen[entries[0].Name+" "+string(data)]++
	}
	for _, want := range []string{"a one", "b one", "c one", "a two", "c two", "c tne"} {
		if seen[want] == 0 {
			t.Errorf("never seen: %q in %v", want, seen)
		}
	}
}

func TestCutAndFaults(t *testing.T) {
	f := New()
	write1(t, f, "/a", "one", true)
	f.Settle()
	file, err := f.OpenFile("/a", os.O_RDWR, 0)
	ok(t, err)
	if got, err := file.TryLock(true); !got || err != nil {
		t.Fatalf("TryLock: %v, %v", got, err)
	}
	f.CutAt(2)
	ok(t, f.Mkdir("/d", 0o700))
	for _, err := range []error{f.Mkdir("/e", 0o700), f.Remove("/a"), file.Sync(), f.SyncDir("/")} {
		if !errors.Is(err, ErrPowerCut) {
			t.Errorf("after the cut: %v", err)
		}
	}
	if _, err := f.Stat("/a"); !errors.Is(err, ErrPowerCut) {
		t.Errorf("reading after the cut: %v", err)
	}
	f.Crash(nil)
	if _, err := file.Write([]byte("x")); !errors.Is(err, ErrPowerCut) {
		t.Errorf("writing to a file from before: %v", err)
	}
	ok(t, file.Close())
	file, err = f.OpenFile("/a", os.O_RDWR, 0)
	ok(t, err)
	if got, err := file.TryLock(true); !got || err != nil {
		t.Errorf("a lock has survived: %v, %v", got, err)
	}
	f.Inject(FailFrom(2, syscall.ENOSPC, Write, Create))
	if n, err := file.WriteAt([]byte("1234"), 0); n != 4 || err != nil {
		t.Errorf("first write: %d, %v", n, err)
	}
	if n, err := file.WriteAt([]byte("56789"), 0); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write on a full disk: %d, %v", n, err)
	}
	ok(t, f.Rename("/a", "/b"))
	want := []string{"1 write /a", "2 write /a", "3 rename /a /b"}
	if got := f.Trace(); !slices.Equal(got, want) || f.Ops() != 3 {
		t.Errorf("trace %q, want %q", got, want)
	}
	c := f.Clone()
	write1(t, c, "/b", "clone", true)
	if data, err := fsys.ReadFile(f, "/b", 10); string(data) != "5634" || err != nil {
		t.Errorf("content %q, %v", data, err)
	}
}

func TestLocks(t *testing.T) {
	f := New()
	open := func(flag int) fsys.File {
		file, err := f.OpenFile("/a", flag|os.O_CREATE, 0o600)
		ok(t, err)
		return file
	}
	a, b, c := open(os.O_RDWR), open(os.O_RDWR), open(os.O_RDONLY)
	for _, s := range []struct {
		why       string
		file      fsys.File
		exclusive bool
		want      bool
	}{
		{"free", a, false, true},
		{"two may read", b, false, true},
		{"not write while another reads", a, true, false},
		{"a lock of one's own is no hindrance", b, false, true},
	} {
		if got, err := s.file.TryLock(s.exclusive); got != s.want || err != nil {
			t.Errorf("%s: %v, %v", s.why, got, err)
		}
	}
	ok(t, b.Unlock())
	if got, err := a.TryLock(true); !got || err != nil {
		t.Errorf("to an exclusive lock: %v, %v", got, err)
	}
	if got, err := c.TryLock(false); got || err != nil {
		t.Errorf("reading while another writes: %v, %v", got, err)
	}
	ok(t, a.Close())
	if got, err := c.TryLock(false); !got || err != nil {
		t.Errorf("after Close: %v, %v", got, err)
	}
	if _, err := c.TryLock(true); err == nil {
		t.Error("an exclusive lock on a file open for reading")
	}
}

// TestScenario is WriteFile's promise, and that the helper finds a bad one.
func TestScenario(t *testing.T) {
	s := Scenario{
		Prepare: func(t *testing.T, f *FS) { write1(t, f, "/f", "old", true) },
		Run:     func(t *testing.T, f *FS) error { return fsys.WriteFile(f, "/f", []byte("new content"), 0o600) },
		Check: func(t *testing.T, f *FS, err error) {
			data, readErr := fsys.ReadFile(f, "/f", 100)
			if readErr != nil || string(data) != "new content" && (err == nil || string(data) != "old") {
				t.Errorf("after %v the content is %q, %v", err, data, readErr)
			}
		},
	}
	s.EachFault(t)
	s.EachCut(t, 20)

	bad := 0
	for n := 1; n <= 3; n++ {
		f := s.start(t).Clone()
		f.CutAt(n)
		file, err := f.OpenFile("/f", os.O_WRONLY|os.O_TRUNC, 0o600)
		if err == nil {
			_, err = file.Write([]byte("new content"))
			err = errors.Join(err, file.Sync())
		}
		f.Crash(rand.New(rand.NewPCG(1, 0)))
		if data, _ := fsys.ReadFile(f, "/f", 100); err != nil && string(data) != "old" {
			bad++
		}
	}
	if bad == 0 {
		t.Error("writing in place looks safe")
	}
}

// TestLockUnderFaults lets each operation of a lock's life fail: whoever does
// not get the lock leaves nothing behind, and whoever gets it has it.
func TestLockUnderFaults(t *testing.T) {
	s := Scenario{
		Prepare: func(t *testing.T, f *FS) { write1(t, f, "/left.lock", "1:another.example", true) },
		Run: func(t *testing.T, f *FS) error {
			hour := time.Now().Add(-time.Hour)
			if err := f.Chtimes("/left.lock", hour, hour); err != nil {
				return err
			}
			d, err := fsys.LockDot(t.Context(), f, "/left.lock", fsys.DotlockOptions{NoWait: true})
			if err != nil {
				return err
			}
			if _, err := fsys.LockDot(t.Context(), f, "/left.lock", fsys.DotlockOptions{NoWait: true}); err == nil {
				t.Error("locked twice")
			}
			return errors.Join(d.Touch(), d.Unlock())
		},
		Check: func(t *testing.T, f *FS, err error) {
			// After an error the lock, or a temporary file, may have stayed: what
			// failed may have been its removal. Not more than one of them.
			data, readErr := fsys.ReadFile(f, "/left.lock", 100)
			if err == nil && !errors.Is(readErr, fs.ErrNotExist) {
				t.Errorf("the lock file is still there: %q, %v", data, readErr)
			}
			entries, _ := f.ReadDir("/")
			if len(entries) > 1 {
				t.Errorf("left behind: %v", entries)
			}
		},
	}
	s.EachFault(t, syscall.EIO)
	s.EachFault(t, syscall.ENOSPC)
}

func TestLockOnAFullDisk(t *testing.T) {
	f := New()
	f.Inject(FailFrom(1, syscall.ENOSPC, Write))
	d, err := fsys.LockDot(t.Context(), f, "/x.lock", fsys.DotlockOptions{})
	ok(t, err) // whoever wants to expunge must get it
	ok(t, d.Touch())
	if _, err := fsys.LockDot(t.Context(), f, "/x.lock", fsys.DotlockOptions{NoWait: true}); !errors.Is(err, fsys.ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	ok(t, d.Unlock())
}

// TestFillAt: on a full disk nothing is made and nothing becomes longer; what
// needs no room goes on.
func TestFillAt(t *testing.T) {
	f := New()
	write1(t, f, "/a", "one", true)
	file, err := f.OpenFile("/a", os.O_RDWR, 0)
	ok(t, err)
	f.FillAt(2)
	ok(t, f.Mkdir("/before", 0o700))
	_, appended := file.WriteAt([]byte("more"), 2)
	_, created := f.OpenFile("/b", os.O_RDWR|os.O_CREATE, 0o600)
	_, with := f.CreateWith("/c", []byte("x"), 0o600)
	for _, err := range []error{appended, created, with, f.Mkdir("/d", 0o700), file.Truncate(100)} {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("on a full disk: %v", err)
		}
	}
	_, overwritten := file.WriteAt([]byte("two"), 0)
	for _, err := range []error{overwritten, file.Sync(), f.Rename("/a", "/e"), f.Remove("/before"), file.Truncate(1), f.SyncDir("/")} {
		ok(t, err)
	}
	f.Inject(nil)
	write1(t, f, "/b", "there is room again", true)
}
