package maildir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestUndoFollows: another program renames the destination in the middle of a MOVE, as
// Dovecot does first to what it deletes. The messages come back.
func TestUndoFollows(t *testing.T) {
	const count = 300
	root := t.TempDir()
	for i := range count {
		deliver(t, root, fmt.Sprintf("cur/%d.a:2,S", i+1), fmt.Sprint(i))
	}
	acct := openAccount(t, maildir.Options{Root: root})
	inbox := openBox(t, acct, "INBOX")
	if err := acct.Create(t.Context(), "Archive"); err != nil {
		t.Fatal(err)
	}
	archive := openBox(t, acct, "Archive")
	trashed := filepath.Join(root, "..DOVECOT-TRASHED")
	ctx := mailstore.WithProgress(t.Context(), func(done, _ int64) {
		if _, err := os.Stat(trashed); err != nil && done > count/3 {
			if arrived := files(t, filepath.Join(root, ".Archive")); len(arrived) == 0 {
				return // not that part of the MOVE yet
			}
			rename(t, filepath.Join(root, ".Archive"), trashed)
		}
	})
	if _, err := inbox.Move(ctx, mailstore.AllUIDs(), archive.Mailbox); err == nil {
		t.Fatal("it was moved to a mailbox that is gone")
	}
	if _, err := os.Stat(trashed); err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(filepath.Join(root, "cur"))
	if err != nil || len(there) != count {
		t.Errorf("%d messages are in INBOX, %v", len(there), err)
	}
	left, err := os.ReadDir(filepath.Join(trashed, "cur"))
	if err != nil || len(left) != 0 {
		t.Errorf("%d messages are in the trash, %v", len(left), err)
	}
}
