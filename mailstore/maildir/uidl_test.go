package maildir_test

import (
	"maps"
	"path/filepath"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestSavedUIDLs: ids that stand in the UID list are told, also when the list
// has not been read and when it was written anew, and only of messages that are
// there under that UID.
func TestSavedUIDLs(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	for _, name := range []string{"1.a", "2.b", "3.c", "4.d"} {
		deliver(t, root, "cur/"+name+":2,S", name)
	}
	write(t, filepath.Join(root, "dovecot-uidlist"), "3 V777 N20 G0123456789abcdef0123456789abcdef\n"+
		"4 Pfirst :1.a\n5 W99 P12-34 Gaa77 :2.b\n6 P\xc3\xa9 G1 :3.c\n7 Pgone :9.x\n8 Pfirst Gaa77 :4.d\n")
	want := map[mailstore.UID]string{4: "first", 5: "12-34"}
	letLie(t, root)
	for _, round := range []string{"first", "again, from the index", "after a change"} {
		acct := openAccount(t, maildir.Options{Root: root})
		m := openBox(t, acct, "INBOX")
		got, err := m.Mailbox.(mailstore.UIDLer).SavedUIDLs(t.Context())
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", round, got, err, want)
		}
		got, err = m.Mailbox.(mailstore.UIDLer).SavedGUIDs(t.Context())
		if want := (map[mailstore.UID]string{5: "aa77", 6: "1"}); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: identities %v, %v; want %v", round, got, err, want)
		}
		if name := m.Mailbox.(mailstore.UIDLer).FileName(5); name != "2.b" {
			t.Errorf("%s: the file of UID 5 is %q", round, name)
		}
		if round != "first" {
			m.set(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), 5)
		}
		m.ok(m.Close())
		m.ok(acct.Close())
	}
}
