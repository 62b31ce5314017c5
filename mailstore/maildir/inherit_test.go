package maildir_test

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// TestToldFromMemory: a UID that a process has written and not made durable before it was killed is
// made so before the next one tells it; else it would be given again after a loss of power.
func TestToldFromMemory(t *testing.T) {
	for why, c := range map[string]struct {
		opt  maildir.Options
		keep bool // there is a message, so that the list is appended to
	}{
		"a new list":            {maildir.Options{}, false},
		"a record":              {maildir.Options{}, true},
		"a record and an index": {maildir.Options{IndexDir: "/index"}, true},
		"control files":         {maildir.Options{Control: "/control"}, true},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { toldFromMemory(t, c.opt, c.keep) })
		})
	}
}

func toldFromMemory(t *testing.T, opt maildir.Options, keep bool) {
	for n, finished := 1, false; !finished; n++ {
		b := &memoryBox{T: t, disk: faultfs.New(), opt: opt}
		b.opt.FS, b.opt.Root = b.disk, "/mail"
		b.open()
		if keep {
			b.deliver("1.a")
			b.list()
		}
		b.close()
		b.deliver("2.b")
		b.disk.Settle()

		b.disk.Inject(faultfs.FailFrom(n, syscall.EIO))
		if acct, err := maildir.Open(t.Context(), b.opt); err == nil {
			if m, err := acct.Open(t.Context(), mailstore.Inbox); err == nil {
				_ = m.Close()
			}
			_ = acct.Close()
		}
		finished = b.disk.Ops() < n
		b.disk.Inject(nil)
		_ = b.disk.Remove("/mail/dovecot-uidlist.lock") // or it is waited for

		b.open()
		validity, told := b.m.UIDValidity(), b.list()
		b.disk.Crash(nil)
		b.disk = b.disk.Clone() // what the process before does is done to a disk that nobody looks at
		b.opt.FS = b.disk
		if err := b.disk.Remove(b.path("2.b")); err != nil {
			t.Fatal(err)
		}
		b.deliver("3.c")
		b.open()
		now := b.list()
		if b.m.UIDValidity() == validity && now[len(now)-1] <= told[len(told)-1] {
			t.Fatalf("killed at %d: there were %v, and there are %v", n, told, now)
		}
		b.close()
	}
}

// memoryBox is INBOX on a disk that can lose its power.
type memoryBox struct {
	*testing.T
	disk *faultfs.FS
	opt  maildir.Options
	acct mailstore.Account
	m    mailstore.Mailbox
}

func (b *memoryBox) open() {
	b.Helper()
	var err error
	if b.acct, err = maildir.Open(b.Context(), b.opt); err == nil {
		b.m, err = b.acct.Open(b.Context(), mailstore.Inbox)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (b *memoryBox) close() {
	_ = b.m.Close()
	_ = b.acct.Close()
}

func (b *memoryBox) deliver(name string) {
	b.Helper()
	time.Sleep(time.Second) // what changes in one tick is seen later
	if err := deliverTo(b.disk, name, []byte("Subject: "+name+"\n\n")); err != nil {
		b.Fatal(err)
	}
}

// list is the UIDs there are.
func (b *memoryBox) list() []mailstore.UID {
	b.Helper()
	time.Sleep(time.Second)
	if err := b.m.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	uids, c := b.m.Follow()
	c.Close()
	return slices.Clone(uids)
}

// path is where a message is.
func (b *memoryBox) path(name string) string {
	b.Helper()
	for _, path := range []string{"/mail/new/" + name, "/mail/cur/" + name + ":2,"} {
		if _, err := b.disk.Stat(path); err == nil {
			return path
		}
	}
	b.Fatal(os.ErrNotExist, name)
	return ""
}
