package maildir_test

import (
	"syscall"
	"testing"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestSmallFileRetry: a list of rights or annotations whose directory could not be
// synced is changed already when it is tried again at once; it is durable all the
// same when that is acknowledged.
func TestSmallFileRetry(t *testing.T) {
	const key = "/private/comment"
	changes := map[string]func(mailstore.Account) error{
		"rights": func(a mailstore.Account) error {
			return a.ChangeACL(t.Context(), mailstore.Inbox, func(l *mailstore.ACL) error {
				l.Put(mailstore.ACLAnyone, false, mailstore.RightLookup)
				return nil
			})
		},
		"annotations": func(a mailstore.Account) error {
			return a.ChangeAnnotations(t.Context(), mailstore.Inbox, func(n mailstore.Annotations) error {
				n[key] = "x"
				return nil
			})
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			disk := faultfs.New()
			open := func() mailstore.Account { return openWith(t, maildir.Options{FS: disk, Root: "/mail"}) }
			acct := open()
			openBox(t, acct, mailstore.Inbox)
			disk.Settle()
			failed := false
			disk.Inject(func(_ int, op faultfs.Op, _ string) error {
				if op != faultfs.SyncDir || failed {
					return nil
				}
				failed = true
				return syscall.EIO
			})
			if err := change(acct); err == nil {
				t.Fatal("the disk did not fail")
			}
			if err := change(acct); err != nil {
				t.Fatal(err)
			}
			disk.Crash(nil)
			again := open()
			rights, err := again.ACL(t.Context(), mailstore.Inbox)
			if err != nil {
				t.Fatal(err)
			}
			notes, err := again.Annotations(t.Context(), mailstore.Inbox)
			if err != nil {
				t.Fatal(err)
			}
			if len(rights)+len(notes) != 1 {
				t.Errorf("acknowledged and not there: %v, %v", rights, notes)
			}
		})
	}
}
