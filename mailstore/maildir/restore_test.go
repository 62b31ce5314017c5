package maildir_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// spoiled opens a mailbox whose names nobody has asked for yet, and then overwrites
// what the index would read them from.
func spoiled(t *testing.T) (root string, f *readingFS, m box, want []string, closeAll func()) {
	root, want = known(t)
	f = &readingFS{}
	acct := openAccount(t, maildir.Options{Root: root, FS: f})
	m = openBox(t, acct, "INBOX")
	path := filepath.Join(indexOf(root), "INBOX", "index")
	write(t, path, strings.Repeat("damage", len(read(t, path))/6))
	f.dirs.Store(0)
	f.lists.Store(0)
	return root, f, m, want, func() { m.ok(errors.Join(m.Close(), acct.Close())) }
}

// TestIndexOverwrittenWhileOpen: what the index cannot read any more is found out from
// UID list and directories, and nobody sees a difference.
func TestIndexOverwrittenWhileOpen(t *testing.T) {
	flagged := mailstore.NewFlags(mailstore.Flagged)
	for what, use := range map[string]func(root string, m box){
		"nothing": func(string, box) {},
		"flags":   func(_ string, m box) { m.set(mailstore.AddFlags, flagged, 4); m.set(mailstore.RemoveFlags, flagged, 4) },
		"keywords, whose letters must not be those in use": func(_ string, m box) {
			m.set(mailstore.AddFlags, mailstore.NewFlags(0, "fresh"), 4)
			m.set(mailstore.RemoveFlags, mailstore.NewFlags(0, "fresh"), 4)
		},
		"a message that another program renames meanwhile": func(root string, m box) {
			old, err := filepath.Glob(filepath.Join(root, "cur", "2.b:2,*"))
			if err != nil || len(old) != 1 {
				t.Fatal(old, err)
			}
			m.ok(os.Rename(old[0], old[0]+"z"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			root, f, m, want, closeAll := spoiled(t)
			use(root, m)
			m.want(want...)
			if f.lists.Load() == 0 {
				t.Error("the UID list was not asked")
			}
			m.refresh()
			m.want(want...)
			closeAll()
			acct := openAccount(t, maildir.Options{Root: root})
			defer acct.Close()
			openBox(t, acct, "INBOX").want(want...)
		})
	}
}

// TestIndexAndListLostWhileOpen: with nothing to go by, who has the mailbox open has
// to open it again, and then has all messages; no UID is given to another one under
// the same UIDVALIDITY.
func TestIndexAndListLostWhileOpen(t *testing.T) {
	root, _, m, want, closeAll := spoiled(t)
	before := m.Status()
	m.ok(os.Remove(filepath.Join(root, "dovecot-uidlist")))
	if _, err := m.OpenMessage(t.Context(), 4); err == nil {
		t.Error("a message was found though nothing says which file it is")
	}
	if err := m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("Refresh: %v, want that the mailbox is gone", err)
	}
	closeAll()
	acct := openAccount(t, maildir.Options{Root: root})
	defer acct.Close()
	again := openBox(t, acct, "INBOX")
	if got := again.contents(); len(got) != len(want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	if s := again.Status(); s.UIDValidity == before.UIDValidity && !slices.Equal(again.contents(), want) {
		t.Errorf("other messages under the same UIDVALIDITY:\n%s", strings.Join(again.contents(), "\n"))
	}
}
