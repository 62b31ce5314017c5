package mbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/watch"
	"restante/mailstore/storetest"
)

// countingFS counts how often mbox files are opened for writing.
type countingFS struct {
	fsys.OS
	opened atomic.Int32
}

func (c *countingFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 && !strings.Contains(name, notesDir) && !strings.HasSuffix(name, ".lock") {
		c.opened.Add(1)
	}
	return c.OS.OpenFile(name, flag, perm)
}

// TestWatcher: what others do to a watched mailbox is told, also after it was
// renamed here or replaced by them, and to be told does not make us open it for
// writing, which would be told again.
func TestWatcher(t *testing.T) {
	w := watch.New(watch.Options{})
	defer w.Close()
	fsx := &countingFS{}
	root := t.TempDir()
	acct := openAccount(t, Options{FS: fsx, Root: root, Zone: time.UTC, Watcher: w})
	if err := acct.Create(t.Context(), "lists"); err != nil {
		t.Fatal(err)
	}
	m, err := acct.Open(t.Context(), "lists")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	defer m.Watch()()
	uids, c := m.Follow()
	defer c.Close()
	if len(uids) != 0 {
		t.Fatalf("%d messages in a new mailbox", len(uids))
	}
	signs := storetest.Signs(c)
	wait := func(n uint32) {
		t.Helper()
		for m.Status().Messages != n {
			select {
			case <-signs:
				c.Next()
			case <-time.After(time.Minute):
				t.Fatalf("there are %d messages, want %d", m.Status().Messages, n)
			}
		}
	}
	deliver := func(name, subject string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(root, name), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(mailOf(subject)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	deliver("lists", "a")
	wait(1)
	before := fsx.opened.Load()
	deliver("lists", "b")
	wait(2)
	if n := fsx.opened.Load() - before; n != 0 {
		t.Errorf("a delivery made us open the file %d times for writing", n)
	}
	if err := acct.Rename(t.Context(), "lists", "old"); err != nil {
		t.Fatal(err)
	}
	deliver("old", "c")
	wait(3)
	text, err := os.ReadFile(filepath.Join(root, "old"))
	if err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(root, ".new")
	if err := os.WriteFile(temp, append(text, mailOf("d")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(root, "old")); err != nil {
		t.Fatal(err)
	}
	wait(4)
	before = fsx.opened.Load()
	deliver("old", "e")
	wait(5)
	if n := fsx.opened.Load() - before; n != 0 {
		t.Errorf("a delivery to the replaced file made us open it %d times for writing", n)
	}
}
