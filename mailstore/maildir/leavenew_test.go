package maildir_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestClaimLate: who claims Recent does not wait until the file is in cur/. A loss of
// power before that leaves it in new/, with the UID that it had, to be recent once
// more; after it, and after a failure that has passed, it is recent to nobody.
func TestClaimLate(t *testing.T) {
	for name, c := range map[string]struct {
		then   func(b *lateBox)
		recent bool // to who opens the mailbox after the crash
	}{
		"at once":       {func(*lateBox) {}, true},
		"after a while": {func(*lateBox) { pass() }, false},
		"after it could not be moved": {func(b *lateBox) {
			b.disk.Inject(faultfs.FailFrom(1, os.ErrDeadlineExceeded, faultfs.Rename))
			pass()
			b.disk.Inject(nil)
			pass()
		}, false},
		"after cur could not be synced": {func(b *lateBox) {
			b.disk.Inject(faultfs.FailFrom(1, os.ErrDeadlineExceeded, faultfs.SyncDir))
			pass()
			b.disk.Inject(nil)
			if _, err := b.m.ClaimRecent(b.Context()); err != nil {
				b.Error(err)
			}
		}, false},
		"after it was expunged": {func(b *lateBox) {
			if _, err := b.m.Expunge(b.Context(), mailstore.NewUIDSet(2), false); err != nil {
				b.Error(err)
			}
			pass()
		}, false},
		"when the mailbox has left the memory": {(*lateBox).close, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newLateBox(t)
				b.claim(1)
				box{b.m, t}.add(mailstore.Flags{}, "y")
				b.disk.Settle()
				b.claim(2)
				b.claim()
				c.then(b)
				b.crash(nil)
				if c.recent {
					b.claim(2)
				}
				b.claim()
				if uids, want := b.m.Status().UIDNext, mailstore.UID(3); uids != want {
					t.Errorf("the next UID is %d, want %d", uids, want)
				}
				b.close()
			})
		})
	}
}

func pass() {
	time.Sleep(fsys.LateAfter)
	synctest.Wait()
}

func (b *lateBox) claim(want ...mailstore.UID) {
	b.Helper()
	got, err := b.m.ClaimRecent(b.Context())
	if set := mailstore.NewUIDSet(want...); err != nil || len(got) != len(set) || len(want) > 0 && got[0] != set[0] {
		b.Errorf("claimed %v, %v, want %v", got, err, want)
	}
}

// TestClaimWhileFlagsAreSet: who sets flags of a message that is claimed meanwhile does
// not make it recent again.
func TestClaimWhileFlagsAreSet(t *testing.T) {
	acct, _ := newAccount(t, maildir.MaildirPP)
	m := openBox(t, acct, "INBOX")
	const count = 300
	claimed := 0
	claim := func() {
		set, err := m.ClaimRecent(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, r := range set {
			claimed += int(r.Last-r.First) + 1
		}
	}
	var flags sync.WaitGroup
	added := make(chan mailstore.UID, count)
	flags.Go(func() {
		for uid := range added {
			_, err := m.SetFlags(t.Context(), mailstore.NewUIDSet(uid), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for i := range count {
		added <- m.add(mailstore.Flags{}, fmt.Sprint(i))[0]
		claim()
	}
	close(added)
	flags.Wait()
	claim()
	if s := m.Status(); claimed != count || s.Recent != 0 || s.Unseen != 0 {
		t.Errorf("of %d messages %d were claimed, %d are recent and %d unseen", count, claimed, s.Recent, s.Unseen)
	}
}
