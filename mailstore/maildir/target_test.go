package maildir_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestOpenTarget: who only adds to a mailbox does not wait until its directory is read
// again because something might hide behind our own last change; a change that its time
// tells of is folded in, and what is added has a UID above all.
func TestOpenTarget(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	deliver(t, root, "cur/1.a:2,", "a")
	ahead := time.Now().Add(time.Hour) // and so never certain by its age
	at := func(when time.Time) {
		t.Helper()
		if err := os.Chtimes(filepath.Join(root, "cur"), when, when); err != nil {
			t.Fatal(err)
		}
	}
	at(ahead)
	m := openBox(t, acct, mailstore.Inbox)
	m.refresh()
	target := func(want int) mailstore.Mailbox {
		t.Helper()
		box, err := mailstore.OpenTarget(t.Context(), acct, mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		if n := m.Status().Messages; int(n) != want {
			t.Errorf("%d messages are known, want %d", n, want)
		}
		return box
	}
	closed := func(box mailstore.Mailbox) {
		t.Helper()
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}
	deliver(t, root, "cur/2.hidden:2,S", "hidden")
	at(ahead)
	closed(target(1))
	deliver(t, root, "cur/3.told:2,S", "told")
	at(ahead.Add(time.Second))
	box := target(3)
	deliver(t, root, "cur/4.hidden:2,S", "hidden")
	at(ahead.Add(time.Second))
	uids, err := appendTo(t, box, mailstore.Flags{}, "added")
	if err != nil || len(uids) != 1 || uids[0] != 4 {
		t.Errorf("what was added has UID %d, %v, want 4", uids, err)
	}
	closed(box)
	closed(target(4))
	at(ahead.Add(2 * time.Second))
	m.refresh()
	m.want("1 [] a", "2 [S] hidden", "3 [S] told", "4 [] added", "5 [S] hidden")
}
