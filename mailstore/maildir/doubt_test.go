package maildir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// renamed lets another program give message 2 of known other flags.
func renamed(t *testing.T, root, from, to string) {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(root, "cur", "2.b:2,*"))
	if err != nil || len(old) != 1 || !strings.Contains(old[0], from) {
		t.Fatal(old, err)
	}
	if err := os.Rename(old[0], strings.Replace(old[0], from, to, 1)); err != nil {
		t.Fatal(err)
	}
}

// TestForeignFlagsBehindDamage: flags that another program sets are told, and stay,
// whether the index can still say which name a file had or not.
func TestForeignFlagsBehindDamage(t *testing.T) {
	for what, use := range map[string]func(m box){
		"a look at the directory": func(m box) { m.refresh() },
		"a name that is asked for first": func(m box) {
			msg, err := m.OpenMessage(m.t.Context(), 2)
			m.ok(err)
			m.ok(msg.Close())
			m.refresh()
		},
		"a flag of ours": func(m box) { m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Draft), 2) },
	} {
		t.Run(what, func(t *testing.T) {
			root, _, m, _, closeAll := spoiled(t)
			renamed(t, root, ":2,F", ":2,FS")
			use(m)
			if r, _ := m.Record(2); !r.Flags.Has(mailstore.Seen) {
				t.Errorf("flags %v, \\Seen is not told", r.Flags)
			}
			closeAll()
			acct := openAccount(t, maildir.Options{Root: root})
			defer acct.Close()
			if r, _ := openBox(t, acct, "INBOX").Record(2); !r.Flags.Has(mailstore.Seen) {
				t.Errorf("flags %v when it is opened again", r.Flags)
			}
		})
	}
}

// TestForeignFlagsBehindTornData: the same where names in the index were torn, and
// flags set, while nobody had the mailbox open.
func TestForeignFlagsBehindTornData(t *testing.T) {
	root, _ := known(t)
	path := filepath.Join(indexOf(root), "INBOX", "index")
	b := []byte(read(t, path))
	b[40] ^= 0xff // a name; the frames are whole
	write(t, path, string(b))
	renamed(t, root, ":2,F", ":2,FS")
	acct := openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	m := openBox(t, acct, "INBOX")
	m.refresh()
	if r, _ := m.Record(2); !r.Flags.Has(mailstore.Seen) {
		t.Errorf("flags %v, \\Seen is not told", r.Flags)
	}
}

// TestExpungeBehindDamage: a message from which another program has taken \Deleted
// stays, whether the index can say which name it had or not.
func TestExpungeBehindDamage(t *testing.T) {
	for _, damage := range []bool{false, true} {
		root := filepath.Join(t.TempDir(), "Maildir")
		deliver(t, root, "cur/1.a:2,T", "a")
		deliver(t, root, "cur/2.b:2,T", "b")
		for range 2 {
			acct := openAccount(t, maildir.Options{Root: root})
			m := openBox(t, acct, "INBOX")
			m.ok(errors.Join(m.Close(), acct.Close()))
			letLie(t, root)
		}
		acct := openAccount(t, maildir.Options{Root: root})
		m := openBox(t, acct, "INBOX")
		if damage {
			path := filepath.Join(indexOf(root), "INBOX", "index")
			write(t, path, strings.Repeat("damage", len(read(t, path))/6))
		}
		m.ok(os.Rename(filepath.Join(root, "cur/1.a:2,T"), filepath.Join(root, "cur/1.a:2,")))
		removed, err := m.Expunge(t.Context(), mailstore.AllUIDs(), true)
		m.ok(err)
		if _, err := os.Stat(filepath.Join(root, "cur/1.a:2,")); err != nil || removed.Contains(1) {
			t.Errorf("damage %v: %v were removed, of which 1 was not \\Deleted: %v", damage, removed, err)
		}
		m.ok(errors.Join(m.Close(), acct.Close()))
	}
}

// fewFiles cannot open the UID list as often as is said.
type fewFiles struct {
	fsys.OS
	fail atomic.Int64
}

func (f *fewFiles) OpenFile(name string, flag int, perm os.FileMode) (fsys.File, error) {
	if filepath.Base(name) == "dovecot-uidlist" && f.fail.Add(-1) >= 0 {
		return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return f.OS.OpenFile(name, flag, perm)
}

// TestListUnreadableBehindDamage: where neither index nor UID list can be read for a
// moment, nobody is told that messages are gone, and they keep their UIDs.
func TestListUnreadableBehindDamage(t *testing.T) {
	root, want := known(t)
	f := &fewFiles{}
	acct := openAccount(t, maildir.Options{Root: root, FS: f})
	m := openBox(t, acct, "INBOX")
	_, c := m.Follow()
	path := filepath.Join(indexOf(root), "INBOX", "index")
	write(t, path, strings.Repeat("damage", len(read(t, path))/6))
	f.fail.Store(1)
	deliver(t, root, "cur/9.z:2,", "z")
	if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("Refresh: %v, want that the mailbox has to be opened again", err)
	}
	changes, _ := c.Next()
	for _, change := range changes {
		if change.Kind == mailstore.Expunged {
			t.Errorf("message %d was told to be gone", change.UID)
		}
	}
	c.Close()
	m.ok(errors.Join(m.Close(), acct.Close()))
	acct = openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	got := openBox(t, acct, "INBOX").contents()
	if len(got) != len(want)+1 || strings.Join(got[:len(want)], "\n") != strings.Join(want, "\n") {
		t.Errorf("%v, want one more than %v", got, want)
	}
}

// TestFewFilesOpen: mailboxes that nobody has open keep no file open, whatever was read
// of them, and can be read when they are opened again.
func TestFewFilesOpen(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	const n = 50
	deliver(t, root, "cur/1.a:2,S", "a")
	for i := range n {
		deliver(t, filepath.Join(root, fmt.Sprintf(".b%d", i)), "cur/1.a:2,S", "a")
	}
	visit := func(acct mailstore.Account, read bool) {
		for i := range n {
			m := openBox(t, acct, fmt.Sprint("b", i))
			if read {
				msg, err := m.OpenMessage(t.Context(), 1)
				m.ok(err)
				m.ok(msg.Close())
				m.PutSummary(1, []byte("summary"))
				if _, ok := m.Summaries().Get(1); !ok {
					t.Error("a summary is not there")
				}
			}
			m.ok(m.Close())
		}
	}
	for range 3 { // so that all have an index that is believed
		acct := openAccount(t, maildir.Options{Root: root})
		visit(acct, false)
		visit(acct, true)
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		for _, e := range list {
			if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasPrefix(to, indexOf(root)) {
				t.Errorf("%s is open", to)
			}
		}
		visit(acct, true)
		if err := acct.Close(); err != nil {
			t.Fatal(err)
		}
		letLie(t, root)
	}
}
