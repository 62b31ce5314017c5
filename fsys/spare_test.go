package fsys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// countingFS counts the files that are made.
type countingFS struct {
	OS
	made  int
	links error // what Link fails with
	// before and after, unless nil, are called around Link and Lstat.
	before, after func(op string)
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
	defer c.around("Link")()
	return c.OS.Link(oldname, newname)
}

func (c *countingFS) Lstat(name string) (fs.FileInfo, error) {
	defer c.around("Lstat")()
	return c.OS.Lstat(name)
}

func (c *countingFS) around(op string) (after func()) {
	if c.before != nil {
		c.before(op)
	}
	return func() {
		if c.after != nil {
			c.after(op)
		}
	}
}

func spareIn(t *testing.T) (c *countingFS, s *Spare, own, lock string) {
	dir := t.TempDir()
	c = new(countingFS)
	path := filepath.Join(dir, "spare")
	return c, NewSpare(c, func() string { return path }), path + ".1", filepath.Join(dir, "list.lock")
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
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the spare is there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	made := c.made
	for range spareAfter + 2 {
		lockWith(t, c, s, path).Unlock()
	}
	if _, err := os.Stat(strings.TrimSuffix(own, "1") + "2"); c.made != made+spareAfter+2 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was closed, and is used: %v", err)
	}
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
	before := s.at.written
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
		if _, err := os.Stat(strings.TrimSuffix(own, "1") + "2"); err != nil {
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
		if err := s.Close(); err != nil {
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

// TestSpareForMany: one spare is many locks at the same time, each of which excludes, and they
// outlive it.
func TestSpareForMany(t *testing.T) {
	c, s, own, path := spareIn(t)
	for range spareAfter {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			path := fmt.Sprint(path, i/2)
			for range 100 {
				d, err := LockDot(context.Background(), c, path, DotlockOptions{Spare: s, NoWait: true})
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(d.Touch(), d.Check(), d.Unlock()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if c.made != spareAfter+1 {
		t.Errorf("%d files were made", c.made)
	}

	one, two := lockWith(t, c, s, path+".1"), lockWith(t, c, s, path+".2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the spare is there: %v", err)
	}
	for _, d := range []*Dotlock{one, two} {
		if err := errors.Join(d.Touch(), d.Check(), d.Unlock()); err != nil {
			t.Error(err)
		}
	}
	if err := one.file.(*spareFile).File.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("nobody has a lock, and the file is open: %v", err)
	}
}

// TestSpareOfTwoNames: a lock that is held under another name of its directory is held.
func TestSpareOfTwoNames(t *testing.T) {
	c, s, _, path := spareIn(t)
	for range spareAfter {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Dir(path)
	if err := os.Symlink(dir, dir+".link"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir + ".link") })
	d := lockWith(t, c, s, path)
	other := filepath.Join(dir+".link", filepath.Base(path))
	if _, err := LockDot(context.Background(), c, other, DotlockOptions{Spare: s, NoWait: true}); !errors.Is(err, ErrLocked) {
		t.Fatalf("it can be had twice: %v", err)
	}
	if err := d.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := lockWith(t, c, s, other).Unlock(); err != nil {
		t.Fatal(err)
	}
}

// TestSpareElsewhere: a lock that cannot be a link says nothing of the others.
func TestSpareElsewhere(t *testing.T) {
	c, s, own, path := spareIn(t)
	for range spareAfter + 1 {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	c.links = syscall.EXDEV
	if err := lockWith(t, c, s, path).Unlock(); err != nil {
		t.Fatal(err)
	}
	c.links = nil
	absent := filepath.Join(filepath.Dir(path), "absent", "list.lock")
	if _, err := LockDot(context.Background(), c, absent, DotlockOptions{Spare: s, NoWait: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("in a directory that is not there: %v", err)
	}
	before := c.made
	if err := lockWith(t, c, s, path).Unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(own); err != nil || c.made != before {
		t.Errorf("the spare has gone: %v", err)
	}
}

// TestSpareGivenBack: a lock that is given back while another waits for it is not taken for one
// that could not be.
func TestSpareGivenBack(t *testing.T) {
	c, s, _, path := spareIn(t)
	for range spareAfter {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{"Link", "Lstat"} {
		held := lockWith(t, c, s, path)
		c.after = func(op string) {
			if op == at {
				c.after = nil
				if err := held.Unlock(); err != nil {
					t.Error(err)
				}
			}
		}
		d, err := LockDot(context.Background(), c, path, DotlockOptions{Spare: s, NoWait: true})
		if c.after != nil {
			t.Logf("%s is not asked for", at)
			c.after = nil
			err = errors.Join(err, held.Unlock())
		}
		if errors.Is(err, ErrLocked) {
			continue
		}
		if err := errors.Join(err, d.Check(), d.Unlock()); err != nil {
			t.Errorf("given back behind %s: %v", at, err)
		}
	}
}

// TestSpareReplaced: a lock is the file that it is thought to be, though the Spare gets another
// while it is made.
func TestSpareReplaced(t *testing.T) {
	c, s, own, path := spareIn(t)
	for range spareAfter + 1 {
		if err := lockWith(t, c, s, path).Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	c.before = func(op string) {
		if op != "Link" {
			return
		}
		c.before = nil
		if err := os.Remove(own); err != nil {
			t.Error(err)
		}
		for range spareAgain + 1 {
			lockWith(t, c, s, path+".other").Unlock()
		}
	}
	d := lockWith(t, c, s, path)
	if _, err := LockDot(context.Background(), c, path, DotlockOptions{Spare: s, NoWait: true}); !errors.Is(err, ErrLocked) {
		t.Errorf("it can be had twice: %v", err)
	}
	if err := d.Unlock(); err != nil {
		t.Error(err)
	}
	made := c.made
	lockWith(t, c, s, path).Unlock()
	if c.made != made {
		t.Error("the new spare has gone with the old one")
	}
}

// TestSpareCanBeRead: also by those who may not read the mail, as of a group's folder: whoever
// wants a lock reads whose it is.
func TestSpareCanBeRead(t *testing.T) {
	c, s, own, path := spareIn(t)
	for range spareAfter + 1 {
		d, err := LockDot(context.Background(), c, path, DotlockOptions{Spare: s, NoWait: true, Perm: 0o660})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if fi, err := os.Stat(own); err != nil || fi.Mode().Perm()&0o444 != 0o444 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}
