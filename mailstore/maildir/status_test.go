package maildir_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// openingFS counts what is opened, but for ends of indexes.
type openingFS struct {
	fsys.OS
	opened atomic.Int64
}

func (f *openingFS) OpenFile(name string, flag int, perm os.FileMode) (fsys.File, error) {
	if flag != os.O_RDONLY || filepath.Base(name) != "index" {
		f.opened.Add(1)
	}
	return f.OS.OpenFile(name, flag, perm)
}

func (f *openingFS) ReadDir(name string) ([]fsys.Entry, error) {
	f.opened.Add(1)
	return f.OS.ReadDir(name)
}

// TestStatusUnopened: STATUS of a mailbox that has not changed since it was open
// reads no directory and none of its files; of one that has, it tells the truth.
func TestStatusUnopened(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(t *testing.T, root string)
		reads  bool
	}{
		{"nothing has changed", func(*testing.T, string) {}, false},
		{"a delivery", func(t *testing.T, root string) { deliver(t, root, "new/9.z", "z") }, true},
		{"another program set a flag", func(t *testing.T, root string) {
			rename(t, filepath.Join(root, "new/3.c"), filepath.Join(root, "cur/3.c:2,S"))
		}, true},
		{"another program removed a message", func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, "new/3.c")); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"another UIDVALIDITY", func(t *testing.T, root string) {
			write(t, filepath.Join(root, "dovecot-uidlist"), "3 V77 N9 G0123456789abcdef0123456789abcdef\n8 :3.c\n")
		}, true},
		{"the index is gone", func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(filepath.Dir(root), ".index-Maildir", "INBOX", "index")); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			root, _ := known(t)
			c.change(t, root)
			f := &openingFS{}
			acct := openAccount(t, maildir.Options{Root: root, FS: f})
			defer acct.Close()
			before := f.opened.Load()
			got, err := acct.Status(t.Context(), "INBOX", 0)
			if err != nil {
				t.Fatal(err)
			}
			if n := f.opened.Load() - before; (n > 0) != c.reads {
				t.Errorf("STATUS has opened %d files and directories", n)
			}
			want := openBox(t, acct, "INBOX").Status()
			want.HighestModSeq, got.HighestModSeq = 0, 0 // of which the contract has a test
			if got != want {
				t.Errorf("STATUS is %+v, opened %+v", got, want)
			}
		})
	}
}

// TestStatusOfNew: a Maildir that gets its UID list from us is known from then on.
func TestStatusOfNew(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	deliver(t, root, "cur/1.a:2,S", "a")
	deliver(t, root, "tmp/x", "x") // makes all three
	deliver(t, root, "new/2.b", "b")
	letLie(t, root)
	f := &openingFS{}
	acct := openAccount(t, maildir.Options{Root: root, FS: f})
	if _, err := acct.Status(t.Context(), "INBOX", 0); err != nil {
		t.Fatal(err)
	}
	if err := acct.Close(); err != nil {
		t.Fatal(err)
	}
	acct = openAccount(t, maildir.Options{Root: root, FS: f})
	defer acct.Close()
	before := f.opened.Load()
	if s, err := acct.Status(t.Context(), "INBOX", 0); err != nil || s.Messages != 2 || s.Unseen != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
	if n := f.opened.Load() - before; n > 0 {
		t.Errorf("the second STATUS has opened %d files and directories", n)
	}
}

// TestStatusOfMissing: an index that is left of a mailbox does not make it exist.
func TestStatusOfMissing(t *testing.T) {
	root, _ := known(t)
	acct := openAccount(t, maildir.Options{Root: root})
	for _, err := range []error{acct.Create(t.Context(), "x"), acct.Close(), os.RemoveAll(filepath.Join(root, ".x"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	acct = openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	for _, name := range []string{"x", "", "..", "a/b"} {
		if s, err := acct.Status(t.Context(), name, mailstore.WantSize); err == nil {
			t.Errorf("status of %q, which does not exist: %+v", name, s)
		}
	}
}
