package maildir_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestOpenTellsDate: who opens a message knows its date, and clients are told nothing
// of that.
func TestOpenTellsDate(t *testing.T) {
	acct, root := newAccount(t, maildir.MaildirPP)
	deliver(t, root, "new/1.a.host", "a")
	then := time.Unix(1234567890, 5e8)
	if err := os.Chtimes(filepath.Join(root, "new/1.a.host"), then, then); err != nil {
		t.Fatal(err)
	}
	m := openBox(t, acct, mailstore.Inbox)
	uid := uidsOf(m)[0]
	before, _ := m.Record(uid)
	if before.Date != mailstore.Unknown {
		t.Fatalf("the date is %d before anybody has looked", before.Date)
	}
	msg, err := m.OpenMessage(t.Context(), uid)
	m.ok(err)
	m.ok(msg.Close())
	want := before
	want.Date = then.Unix()
	if got, _ := m.Record(uid); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
