package fsys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func hostname(t *testing.T) string {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// deadPID returns the number of a process that has ended.
func deadPID(t *testing.T) int {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// zombiePID is the number of a process that has ended and was not waited for.
func zombiePID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	for {
		if p, known := processOf(cmd.Process.Pid); !known || p.ended {
			return cmd.Process.Pid
		}
		time.Sleep(time.Millisecond)
	}
}

func TestLockDotJudgesTheHolder(t *testing.T) {
	host, me := hostname(t), os.Getpid()
	for _, test := range []struct {
		name    string
		content string
		age     time.Duration
		stale   time.Duration
		broken  bool
	}{
		{"a process of this host that has ended", fmt.Sprintf("%d:%s", deadPID(t), host), 0, 0, true},
		{"a process that has ended, and whose parent does not care", fmt.Sprintf("%d:%s", zombiePID(t), host), 0, 0, true},
		{"a running process keeps it whatever its age", fmt.Sprintf("%d:%s", me, host), 0, 1, false},
		{"the number was given again: the lock is older than the process", fmt.Sprintf("%d:%s", me, host), 100 * time.Hour, 0, true},
		{"another host, fresh", "1:another.example", time.Second, 0, false},
		{"another host, untouched for more than two minutes", "1:another.example", 3 * time.Minute, 0, true},
		{"another host, mbox time", "1:another.example", 3 * time.Minute, 5 * time.Minute, false},
		{"procmail writes 0", "0", time.Second, 0, false},
		{"procmail writes 0, old", "0", time.Hour, 0, true},
		{"an empty file: it is just being made, or the disk is full", "", time.Second, 0, false},
		{"an empty file, old", "", time.Hour, 0, true},
		{"a number without host says nothing about our processes", fmt.Sprint(deadPID(t)), time.Second, 0, false},
		{"no lock of ours at all", "\x00\xff", time.Hour, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "inbox.lock")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			then := time.Now().Add(-test.age)
			if err := os.Chtimes(path, then, then); err != nil {
				t.Fatal(err)
			}
			var broke []Holder
			d, err := LockDot(t.Context(), OS{}, path, DotlockOptions{
				Stale: test.stale, NoWait: true,
				Broke: func(_ string, h Holder) { broke = append(broke, h) },
			})
			if test.broken {
				if err != nil || len(broke) != 1 {
					t.Fatalf("LockDot: %v, broke %v", err, broke)
				}
				if err := d.Unlock(); err != nil {
					t.Error(err)
				}
				return
			}
			var locked *LockedError
			if !errors.As(err, &locked) || !errors.Is(err, ErrLocked) || len(broke) != 0 {
				t.Fatalf("LockDot: %v, broke %v; want ErrLocked", err, broke)
			}
			left, err := os.ReadFile(path)
			if err != nil || string(left) != test.content {
				t.Errorf("the other's lock is now %q, %v", left, err)
			}
		})
	}
}

// bootedFS is a file system on a machine that was started at some time.
type bootedFS struct {
	OS
	at    time.Time
	local bool
}

func (b bootedFS) Booted(path string) (time.Time, bool) {
	_, err := b.Lstat(path) // it is asked for what is there
	return b.at, b.local && err == nil
}

// TestLockDotAfterReboot: who made a lock before the machine was started does
// not run any more, whoever it was. Elsewhere another machine may hold it.
func TestLockDotAfterReboot(t *testing.T) {
	const age = 30 * time.Second
	for _, test := range []struct {
		name    string
		content string
		boot    time.Duration // before now
		local   bool
		broken  bool
	}{
		{"a loss of power has left an empty file", "", 20 * time.Second, true, true},
		{"half a name", fmt.Sprint(os.Getpid()), 20 * time.Second, true, true},
		{"another host name than now: a container that was made anew", "1:another.example", 20 * time.Second, true, true},
		{"made since the start", "", time.Minute, true, false},
		{"on a file server", "", 20 * time.Second, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "inbox.lock")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
				t.Fatal(err)
			}
			d, err := LockDot(t.Context(), bootedFS{at: now.Add(-test.boot), local: test.local}, path, DotlockOptions{NoWait: true})
			if err == nil {
				err = d.Unlock()
			}
			if broken := err == nil; broken != test.broken {
				t.Errorf("broken is %v (%v), want %v", broken, err, test.broken)
			}
		})
	}
}

// fullFS is a full disk: files can be made, and have no content.
type fullFS struct {
	bootedFS
	noLink bool
}

func (fullFS) CreateWith(string, []byte, fs.FileMode) (File, error) { return nil, syscall.ENOSPC }

func (f fullFS) Link(oldname, newname string) error {
	if f.noLink {
		return syscall.EPERM
	}
	return f.bootedFS.Link(oldname, newname)
}

// Chmod fails where a mark would stand before what it tells of.
func (f fullFS) Chmod(name string, perm fs.FileMode) error {
	other, err := f.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer other.Close()
	if free, err := other.TryLock(true); free || err != nil {
		return fmt.Errorf("%s is marked, and anybody can have it: %v", name, err)
	}
	return f.bootedFS.Chmod(name, perm)
}

// TestLockDotOnFullDisk: a lock that cannot name its process is its own as long as that
// runs, and nobody's as soon as it has ended, where that can be seen.
func TestLockDotOnFullDisk(t *testing.T) {
	for _, test := range []struct {
		name   string
		local  bool
		noLink bool
		keeps  bool // it, however old
		ends   bool // with its process
	}{
		{"a disk of this machine", true, false, true, true},
		{"a file server", false, false, false, false},
		{"no links", true, true, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			disk := fullFS{bootedFS: bootedFS{at: time.Now().Add(-10 * time.Hour), local: test.local}, noLink: test.noLink}
			path := filepath.Join(t.TempDir(), "inbox.lock")
			hold := func() *Dotlock {
				d, err := LockDot(t.Context(), disk, path, DotlockOptions{Perm: 0o600, NoWait: true})
				if err != nil {
					t.Fatal(err)
				}
				fi, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if marked := fi.Mode()&fs.ModeSticky != 0; fi.Mode().Perm() != 0o600 || marked != test.ends {
					t.Errorf("its mode is %v", fi.Mode())
				}
				return d
			}
			isHeld := func(age time.Duration) bool {
				if err := os.Chtimes(path, time.Now(), time.Now().Add(-age)); err != nil {
					t.Fatal(err)
				}
				d, err := LockDot(t.Context(), disk, path, DotlockOptions{NoWait: true})
				if errors.Is(err, ErrLocked) {
					return true
				}
				if err == nil {
					err = d.Unlock()
				}
				if err != nil {
					t.Fatal(err)
				}
				return false
			}
			held := hold()
			if !isHeld(0) {
				t.Error("its process runs, and another gets it")
			}
			if isHeld(time.Hour) != test.keeps {
				t.Errorf("its process runs for long: to be kept is %v", test.keeps)
			}
			if !test.keeps {
				held = hold()
			}
			if err := held.file.Close(); err != nil { // as when the process ends
				t.Fatal(err)
			}
			if isHeld(0) == test.ends {
				t.Errorf("its process has ended: to be had is %v", test.ends)
			}
		})
	}
}

// TestLockDotEmpty: one that cannot name its process is given back like any other, and
// nothing stays beside it.
func TestLockDotEmpty(t *testing.T) {
	disk := fullFS{bootedFS: bootedFS{at: time.Now().Add(-time.Hour), local: true}}
	dir := t.TempDir()
	for range 3 {
		d, err := LockDot(t.Context(), disk, filepath.Join(dir, "inbox.lock"), DotlockOptions{NoWait: true})
		if err != nil {
			t.Fatal(err)
		}
		if d.content != nil {
			t.Fatalf("the disk is not full: %q", d.content)
		}
		if err := errors.Join(d.Touch(), d.Check(), d.Unlock()); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("left is %v, %v", left, err)
		}
	}
}

// realFullFS is OS, on a disk that is full.
type realFullFS struct{ OS }

func (realFullFS) CreateWith(string, []byte, fs.FileMode) (File, error) { return nil, syscall.ENOSPC }

// TestLockDotOnRealDisk: an empty lock file is marked on the disks of this machine.
func TestLockDotOnRealDisk(t *testing.T) {
	dir := t.TempDir()
	if _, local := (OS{}).Booted(dir); !local {
		t.Skip("not a file system that is known to be of this machine alone")
	}
	path := filepath.Join(dir, "inbox.lock")
	d, err := LockDot(t.Context(), realFullFS{}, path, DotlockOptions{NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() != 0 || fi.Mode()&fs.ModeSticky == 0 {
		t.Errorf("its mode is %v, %v", fi, err)
	}
	if err := d.Unlock(); err != nil {
		t.Error(err)
	}
}

// otherFS shows files of another user, who lets us read them, or has file locks that
// do not work.
type otherFS struct {
	bootedFS
	readable, lockless bool
}

func (o otherFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if o.readable && flag == os.O_RDWR {
		return nil, fs.ErrPermission
	}
	f, err := o.bootedFS.OpenFile(name, flag, perm)
	if err == nil && o.lockless {
		f = locklessFile{f}
	}
	return f, err
}

type locklessFile struct{ File }

func (locklessFile) TryLock(bool) (bool, error) { return false, syscall.ENOLCK }

// TestLockDotMarked: a mark counts on an empty file of this machine, and only
// the lock on it tells whether anybody has it.
func TestLockDotMarked(t *testing.T) {
	disk := bootedFS{at: time.Now().Add(-10 * time.Hour), local: true}
	for name, test := range map[string]struct {
		disk    FS
		content string
		mode    fs.FileMode
		held    bool
		age     time.Duration
		broken  bool
	}{
		"nobody has it":                     {otherFS{bootedFS: disk}, "", fs.ModeSticky, false, 0, true},
		"somebody has it":                   {otherFS{bootedFS: disk}, "", fs.ModeSticky, true, 0, false},
		"somebody has it, for long":         {otherFS{bootedFS: disk}, "", fs.ModeSticky, true, time.Hour, false},
		"no mark":                           {otherFS{bootedFS: disk}, "", 0, false, 0, false},
		"with content":                      {otherFS{bootedFS: disk}, "1:another.example", fs.ModeSticky, false, 0, false},
		"on a file server":                  {otherFS{bootedFS: bootedFS{}}, "", fs.ModeSticky, false, 0, false},
		"no locks":                          {otherFS{bootedFS: disk, lockless: true}, "", fs.ModeSticky, false, 0, false},
		"no locks, old":                     {otherFS{bootedFS: disk, lockless: true}, "", fs.ModeSticky, false, time.Hour, true},
		"another user had it":               {otherFS{bootedFS: disk, readable: true}, "", fs.ModeSticky, false, 0, false},
		"another user has it":               {otherFS{bootedFS: disk, readable: true}, "", fs.ModeSticky, true, 0, false},
		"another user has it, for long":     {otherFS{bootedFS: disk, readable: true}, "", fs.ModeSticky, true, time.Hour, false},
		"another user had it, without mark": {otherFS{bootedFS: disk, readable: true}, "", 0, false, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "inbox.lock")
			then := time.Now().Add(-test.age)
			if err := errors.Join(os.WriteFile(path, []byte(test.content), 0o600), os.Chmod(path, 0o600|test.mode), os.Chtimes(path, then, then)); err != nil {
				t.Fatal(err)
			}
			f, err := OS{}.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if test.held {
				if ok, err := f.TryLock(true); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
			d, err := LockDot(t.Context(), test.disk, path, DotlockOptions{NoWait: true})
			if broken := err == nil; broken != test.broken || err != nil && !errors.Is(err, ErrLocked) {
				t.Fatalf("broken is %v (%v), want %v", broken, err, test.broken)
			}
			if err == nil {
				if err := d.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// stubbornFS fails to remove locks so many times.
type stubbornFS struct {
	fullFS
	path  string
	fails int
}

func (s *stubbornFS) Remove(name string) error {
	if name == s.path && s.fails > 0 {
		s.fails--
		return syscall.ENOSPC
	}
	return s.fullFS.Remove(name)
}

// TestUnlockTries: a lock that cannot be removed at first is given back, and one that
// cannot be at all is nobody's as soon as somebody can remove it.
func TestUnlockTries(t *testing.T) {
	for fails := range 5 {
		disk := &stubbornFS{fullFS: fullFS{bootedFS: bootedFS{at: time.Now().Add(-time.Hour), local: true}}, path: filepath.Join(t.TempDir(), "inbox.lock")}
		d, err := LockDot(t.Context(), disk, disk.path, DotlockOptions{NoWait: true})
		if err != nil {
			t.Fatal(err)
		}
		disk.fails = fails
		if err := d.Unlock(); (err == nil) != (fails < 3) {
			t.Errorf("%d failures: %v", fails, err)
		}
		disk.fails = 0
		if d, err = LockDot(t.Context(), disk, disk.path, DotlockOptions{NoWait: true}); err != nil {
			t.Errorf("%d failures: %v", fails, err)
		} else if err := d.Unlock(); err != nil {
			t.Error(err)
		}
	}
}

// TestLockDotLink: a link that leads nowhere is a lock, and nobody waits for it for ever.
func TestLockDotLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inbox.lock")
	if err := os.Symlink("nowhere", path); err != nil {
		t.Fatal(err)
	}
	if _, err := LockDot(t.Context(), OS{}, path, DotlockOptions{NoWait: true}); !errors.Is(err, ErrLocked) {
		t.Errorf("LockDot: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := LockDot(ctx, OS{}, path, DotlockOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("LockDot: %v", err)
	}
	d, err := LockDot(t.Context(), OS{}, path, DotlockOptions{NoWait: true, Stale: time.Nanosecond})
	if err != nil {
		t.Fatalf("an old one: %v", err)
	}
	if err := d.Unlock(); err != nil {
		t.Error(err)
	}
}

// TestBooted: where the machine's own disk is known, it was started before this
// process began, and in this century.
func TestBooted(t *testing.T) {
	at, ok := OS{}.Booted(t.TempDir())
	if !ok {
		t.Skip("not a file system that is known to be of this machine alone")
	}
	p, known := processOf(os.Getpid())
	if !known || p.ended || at.After(time.Now().Add(-p.age)) || at.Year() < 2001 {
		t.Errorf("started at %v; this process runs for %v (%v)", at, p.age, known)
	}
}

func TestLockDotNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	d, err := LockDot(t.Context(), OS{}, path, DotlockOptions{})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if want := fmt.Sprintf("%d:%s", os.Getpid(), hostname(t)); string(content) != want || err != nil {
		t.Errorf("lock file holds %q, %v; want %q", content, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = LockDot(ctx, OS{}, path, DotlockOptions{})
	if !errors.Is(err, ErrLocked) || !errors.Is(err, context.Canceled) {
		t.Errorf("second lock: %v", err)
	}
	if want := fmt.Sprintf("%s is held by process %d on host", path, os.Getpid()); !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
	if err := errors.Join(d.Touch(), d.Unlock()); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if len(entries) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestTouchKeepsALockFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	d, err := LockDot(t.Context(), OS{}, path, DotlockOptions{})
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for _, content := range [][]byte{d.content, nil} { // nil: made on a full disk
		d.content = content
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
		if err := d.Touch(); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(path); err != nil || !fi.ModTime().After(long) {
			t.Errorf("not touched: %v", err)
		}
	}
}

func TestUnlockLeavesTheLockOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	for name, take := range map[string]func() error{
		"removed":  func() error { return os.Remove(path) },
		"replaced": func() error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("1:h"), 0o600)) },
	} {
		d, err := LockDot(t.Context(), OS{}, path, DotlockOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := take(); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		if err := d.Touch(); !errors.Is(err, ErrLockLost) {
			t.Errorf("%s: Touch: %v", name, err)
		}
		if err := d.Unlock(); !errors.Is(err, ErrLockLost) {
			t.Errorf("%s: Unlock: %v", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s: the other's lock changed from %q to %q", name, before, after)
		}
		os.Remove(path)
	}
}

func TestLockDotExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	// A left over lock to begin with: all will want to break it.
	if err := os.WriteFile(path, []byte(fmt.Sprintf("%d:%s", deadPID(t), hostname(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	var inside, broke atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				d, err := LockDot(t.Context(), OS{}, path, DotlockOptions{Broke: func(string, Holder) { broke.Add(1) }})
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				inside.Add(-1)
				if err := d.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if broke.Load() != 1 {
		t.Errorf("broke %d locks, want the one that was left over", broke.Load())
	}
}

func TestLockDotReportsOtherFailures(t *testing.T) {
	_, err := LockDot(t.Context(), OS{}, filepath.Join(t.TempDir(), "no", "x.lock"), DotlockOptions{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that is missing: %v", err)
	}
}
