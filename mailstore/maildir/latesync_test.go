package maildir_test

import (
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestLateFlags: a loss of power takes flags back for a second at most, not at all
// when the mailbox has left the memory, and not from a message that left new/.
func TestLateFlags(t *testing.T) {
	for name, c := range map[string]struct {
		fresh bool // the message is in new/
		then  func(acct mailstore.Account)
		keeps bool
	}{
		"at once":                     {},
		"after a second":              {then: func(mailstore.Account) { time.Sleep(time.Second); synctest.Wait() }, keeps: true},
		"after the account is closed": {then: func(acct mailstore.Account) { _ = acct.Close() }, keeps: true},
		"of a new message, at once":   {fresh: true, keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := faultfs.New()
				open := func() mailstore.Account {
					acct, err := maildir.Open(t.Context(), maildir.Options{FS: disk, Root: "/mail"})
					if err != nil {
						t.Fatal(err)
					}
					return acct
				}
				acct := open()
				m, err := acct.Open(t.Context(), mailstore.Inbox)
				if err != nil {
					t.Fatal(err)
				}
				had := mailstore.NewFlags(mailstore.Flagged)
				if c.fresh {
					had = mailstore.Flags{}
				}
				box{m, t}.add(had, "x")
				disk.Settle()
				if _, err := m.SetFlags(t.Context(), mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
					t.Fatal(err)
				}
				if r, _ := m.Record(1); !r.Flags.Has(mailstore.Seen) {
					t.Error("not seen in the process that set it")
				}
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
				if c.then != nil {
					c.then(acct)
				}
				disk.Crash(nil)
				again := open()
				defer again.Close()
				if m, err = again.Open(t.Context(), mailstore.Inbox); err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				if r, there := m.Record(1); !there || r.Flags.Has(mailstore.Seen) != c.keeps {
					t.Errorf("there: %v, with flags %v", there, r.Flags)
				}
				_ = acct.Close()
			})
		})
	}
}
