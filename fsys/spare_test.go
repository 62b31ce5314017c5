package fsys

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// countingFS counts the files that are made.
type countingFS struct {
	OS
	made  int
	links error // what Link fails with
	// remote: other machines use the file system.
	remote bool
}

// Booted says that the disk is local, whatever it is that the test runs on.
func (c *countingFS) Booted(string) (time.Time, bool) { return time.Time{}, !c.remote }

func (c *countingFS) CreateWith(name string, content []byte, perm fs.FileMode) (File, error) {
	c.made++
	return c.OS.CreateWith(name, content, perm)
}

func (c *countingFS) Link(oldname, newname string) error {
	if c.links != nil {
		return c.links
	}
	return c.OS.Link(oldname, newname)
}

func spareIn(t *testing.T) (c *countingFS, s *Spare, own, lock string) {
	dir := t.TempDir()
	c = new(countingFS)
	own, lock = filepath.Join(dir, "spare"), filepath.Join(dir, "list.lock")
	return c, NewSpare(c, func() string { return own }), own, lock
}

func lockWith(t *testing.T, c *countingFS, s *Spare, path string) *Dotlock {
	t.Helper()
	d, err := LockDot(context.Background(), c, path, DotlockOptions{Spare: s, NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != string(ownContent()) {
		t.Fatalf("the lock reads %q, %v", content, err)
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSpare: from the third lock on no file is made, and every lock excludes, is young
// and goes when it is given back.
func TestSpare(t *testing.T) {
	c, s, own, path := spareIn(t)
	for i := range 10 {
		if i > spareAfter {
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(own, old, old); err != nil {
				t.Fatal(err)
			}
			late := time.Duration(i) * spareYoung
			if i%2 == 0 {
				late = -late // the clock was set
			}
			s.now = func() time.Time { return time.Now().Add(late) }
		}
		d := lockWith(t, c, s, path)
		if _, err := LockDot(context.Background(), c, path, DotlockOptions{NoWait: true}); !errors.Is(err, ErrLocked) {
			t.Fatalf("somebody else gets the lock: %v", err)
		}
		if fi, err := os.Stat(path); err != nil || time.Since(fi.ModTime()) > time.Minute {
			t.Fatalf("lock %d seems to be of %v", i, fi.ModTime())
		}
		if err := d.Touch(); err != nil {
			t.Fatal(err)
		}
		if err := d.Unlock(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("it is given back, and there: %v", err)
		}
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the spare is there: %v", err)
	}
	if err := s.Remove(); err != nil {
		t.Error(err)
	}
	lockWith(t, c, s, path).Unlock()
}

// TestSpareMakesFewFiles: that is what it is for.
func TestSpareMakesFewFiles(t *testing.T) {
	c, s, _, path := spareIn(t)
	for range 100 {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if c.made != spareAfter+1 {
		t.Errorf("%d files were made for 100 locks", c.made)
	}
}

// TestSpareStaysYoung: a spare that was written a moment ago is not written again.
func TestSpareStaysYoung(t *testing.T) {
	c, s, own, path := spareIn(t)
	for range spareAfter + 1 {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	before := s.written
	mark := before.Add(-time.Second).Truncate(time.Second)
	if err := os.Chtimes(own, mark, mark); err != nil {
		t.Fatal(err)
	}
	for _, late := range []time.Duration{0, spareYoung / 2, spareYoung - 1} {
		s.now = func() time.Time { return before.Add(late) }
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if fi, err := os.Stat(own); err != nil || !fi.ModTime().Equal(mark) {
		t.Errorf("it was written again: %v, %v", fi.ModTime(), err)
	}
}

// TestSpareIsLocal: on a file system of many machines each lock is a new file.
func TestSpareIsLocal(t *testing.T) {
	c, s, own, path := spareIn(t)
	c.remote = true
	for range 10 {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("there is a spare: %v", err)
		}
	}
}

// TestSpareLost: a lock can be had whatever happened to the spare, and to the lock.
func TestSpareLost(t *testing.T) {
	ready := func(t *testing.T) (c *countingFS, s *Spare, own, path string) {
		c, s, own, path = spareIn(t)
		for range spareAfter + 1 {
			if err := lockWith(t, c, s, path).Unlock(); err != nil {
				t.Fatal(err)
			}
		}
		return c, s, own, path
	}
	t.Run("the spare was cleaned away", func(t *testing.T) {
		c, s, own, path := ready(t)
		if err := os.Remove(own); err != nil {
			t.Fatal(err)
		}
		for range spareAgain + 2 {
			if err := lockWith(t, c, s, path).Unlock(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(own); err != nil {
			t.Errorf("there is no new one: %v", err)
		}
	})
	t.Run("no links can be made", func(t *testing.T) {
		c, s, own, path := ready(t)
		c.links = fs.ErrPermission
		for range 10 {
			if err := lockWith(t, c, s, path).Unlock(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the spare stays: %v", err)
		}
	})
	t.Run("the lock was not given back", func(t *testing.T) {
		c, s, own, path := ready(t)
		if err := os.Link(own, path); err != nil {
			t.Fatal(err)
		}
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the lock was taken away", func(t *testing.T) {
		c, s, _, path := ready(t)
		d := lockWith(t, c, s, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1:elsewhere"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Unlock(); !errors.Is(err, ErrLockLost) {
			t.Errorf("unlocked: %v", err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the other's lock is gone: %v", err)
		}
		if _, err := LockDot(context.Background(), c, path, DotlockOptions{Spare: s, NoWait: true}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("locked twice: %v", err)
		}
	})
}
