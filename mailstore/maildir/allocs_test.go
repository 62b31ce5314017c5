package maildir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestStoreLooks: a flag of a message in cur/ costs one look at cur/ before the change
// and one behind it; new/ matters only to a message that leaves it.
func TestStoreLooks(t *testing.T) {
	root := t.TempDir()
	deliver(t, root, "cur/1.old:2,", "x")
	deliver(t, root, "new/2.new", "y")
	fsys := &countingFS{}
	acct, err := maildir.Open(t.Context(), maildir.Options{Root: root, FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	defer acct.Close()
	m := openBox(t, acct, "INBOX")
	for _, c := range []struct {
		uid  mailstore.UID
		want int64
	}{{1, 2}, {2, 4}, {2, 2}} {
		fsys.stats.Store(0)
		op := mailstore.AddFlags
		if r, _ := m.Record(c.uid); r.Flags.Has(mailstore.Flagged) {
			op = mailstore.RemoveFlags
		}
		m.set(op, mailstore.NewFlags(mailstore.Flagged), c.uid)
		if n := fsys.stats.Load(); n != c.want {
			t.Errorf("message %d: %d looks, want %d", c.uid, n, c.want)
		}
	}
}

// TestOpenAllocs: a mailbox is opened without an allocation for each message, with a
// UID list and without.
func TestOpenAllocs(t *testing.T) {
	const messages = 2000
	root := t.TempDir()
	deliver(t, root, "cur/1.first:2,", "x")
	for i := range messages - 1 {
		write(t, filepath.Join(root, "cur", fmt.Sprintf("%d.M%dP1Q%d.host,S=2,W=3:2,FS", 1_700_000_000+i, i, i)), "x\n")
	}
	acct, err := maildir.Open(t.Context(), maildir.Options{Root: root, KeepMessages: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer acct.Close()
	open := func() {
		m, err := acct.Open(t.Context(), "INBOX")
		if err != nil || m.Status().Messages != messages {
			t.Fatal(m, err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const most = messages / 4 // a piece of the index for some hundred messages, and what does not depend on their number
	if n := testing.AllocsPerRun(5, open); n > most {
		t.Errorf("%v allocations to open %d messages", n, messages)
	}
	n := testing.AllocsPerRun(5, func() {
		if err := os.Remove(filepath.Join(root, "dovecot-uidlist")); err != nil {
			t.Fatal(err)
		}
		open()
	})
	if n > most {
		t.Errorf("%v allocations to open %d messages that have no UIDs", n, messages)
	}
}

// TestStoreAllocs: a flag of all messages costs, for each, its new name and both names
// for the kernel.
func TestStoreAllocs(t *testing.T) {
	const messages = 2000
	root := t.TempDir()
	deliver(t, root, "cur/1.first:2,", "x")
	for i := range messages - 1 {
		write(t, filepath.Join(root, "cur", fmt.Sprintf("%d.M%dP1Q%d.host,S=2,W=3:2,S", 1_700_000_000+i, i, i)), "x\n")
	}
	acct, err := maildir.Open(t.Context(), maildir.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer acct.Close()
	m := openBox(t, acct, "INBOX")
	n := testing.AllocsPerRun(2, func() {
		for _, op := range []mailstore.FlagOp{mailstore.AddFlags, mailstore.RemoveFlags} {
			res, err := m.SetFlags(t.Context(), mailstore.AllUIDs(), op, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
			if err != nil || res.Changed.Len() != messages {
				t.Fatal(res, err)
			}
		}
	}) / (2 * messages)
	if n > 3.2 {
		t.Errorf("%v allocations to change a message's flags", n)
	}
}
