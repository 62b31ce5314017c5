package maildir_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
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
		"after a second":              {then: func(mailstore.Account) { time.Sleep(fsys.LateAfter); synctest.Wait() }, keeps: true},
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

// TestTornFlags: after a loss of power the file names are what counts, whether or not
// they, the times of their directory and the index have reached the disk.
func TestTornFlags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := 0
		const times = 200
		for i := range times {
			b := newLateBox(t)
			b.reopened()
			if i%2 == 0 {
				b.disk.CutAt(1 + i/2%6) // while it is set; else afterwards
			}
			b.see()
			if i%4 == 1 {
				time.Sleep(11 * time.Second) // a save of the index, which is open
			}
			b.crash(rand.New(rand.NewPCG(1, uint64(i))))
			named := b.named()
			if b.seen() != named {
				t.Errorf("case %d: in the directory seen is %v, for clients %v", i, named, b.seen())
			}
			if named {
				kept++
			}
			b.close()
		}
		if kept == 0 || kept == times {
			t.Errorf("of %d flags %d were kept: the test sees one side alone", times, kept)
		}
	})
}

// TestLateFlagsFail: what the disk does not take is tried again, and an index that
// says that all is in the directories is not written before it has.
func TestLateFlagsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLateBox(t)
		b.reopened()
		b.see()
		b.disk.Inject(faultfs.FailFrom(1, os.ErrDeadlineExceeded, faultfs.SyncDir))
		time.Sleep(3 * fsys.LateAfter)
		synctest.Wait()
		b.disk.Inject(nil)
		time.Sleep(fsys.LateAfter)
		synctest.Wait()
		b.crash(nil)
		if !b.seen() {
			t.Error("it was not tried again")
		}
		b.close()
	})
}

// lateBox is INBOX with one message, on a disk that can lose its power.
type lateBox struct {
	*testing.T
	disk *faultfs.FS
	acct mailstore.Account
	m    mailstore.Mailbox
}

func newLateBox(t *testing.T) *lateBox {
	b := &lateBox{T: t, disk: faultfs.New()}
	b.open()
	box{b.m, t}.add(mailstore.NewFlags(mailstore.Flagged), "x")
	return b
}

func (b *lateBox) open() {
	b.Helper()
	var err error
	if b.acct, err = maildir.Open(b.Context(), maildir.Options{FS: b.disk, Root: "/mail", IndexDir: "/index"}); err == nil {
		b.m, err = b.acct.Open(b.Context(), mailstore.Inbox)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (b *lateBox) close() {
	_ = b.m.Close()
	_ = b.acct.Close()
}

// reopened leaves a closed index behind that is certain of the directories.
func (b *lateBox) reopened() {
	b.Helper()
	for range 2 {
		b.close()
		time.Sleep(time.Minute)
		b.open()
	}
	b.disk.Settle()
}

// crash cuts the power. What the process before it does from then on is done to a disk
// that nobody looks at.
func (b *lateBox) crash(rnd *rand.Rand) {
	b.Helper()
	old := *b
	b.disk.Crash(rnd)
	b.disk = b.disk.Clone()
	old.close()
	b.open()
}

// see sets \Seen, and may fail.
func (b *lateBox) see() {
	_, _ = b.m.SetFlags(b.Context(), mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
}

func (b *lateBox) seen() bool {
	r, _ := b.m.Record(1)
	return r.Flags.Has(mailstore.Seen)
}

// named reports whether the message's name has \Seen.
func (b *lateBox) named() bool {
	list, err := b.disk.ReadDir("/mail/cur")
	if err != nil || len(list) != 1 {
		b.Fatal(list, err)
	}
	return strings.HasSuffix(list[0].Name, "FS")
}
