package mbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

// lateBox is INBOX on a disk that can lose its power, with two messages.
type lateBox struct {
	*testing.T
	disk *faultfs.FS
	acct mailstore.Account
	m    mailstore.Mailbox
}

func newLateBox(t *testing.T, content string) *lateBox {
	b := &lateBox{T: t, disk: faultfs.New()}
	f, err := b.disk.OpenFile("/inbox", os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt([]byte(content), 0)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	b.open()
	return b
}

func (b *lateBox) open() {
	b.Helper()
	b.acct = openAccount(b, Options{FS: b.disk, Root: "/mail", Inbox: "/inbox", Zone: time.UTC, IndexDir: "/index"})
	m, err := b.acct.Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
}

// crash cuts the power. What the process before it does from then on is done to a disk
// that nobody looks at.
func (b *lateBox) crash(rnd *rand.Rand) {
	b.Helper()
	old := b.m
	b.disk.Crash(rnd)
	b.disk = b.disk.Clone()
	_ = old.Close()
	b.open()
}

func (b *lateBox) set(uid mailstore.UID, words ...string) {
	b.Helper()
	f := mailstore.NewFlags(mailstore.Seen, words...)
	if _, err := b.m.SetFlags(b.Context(), mailstore.NewUIDSet(uid), mailstore.AddFlags, f, mailstore.SetFlagsOptions{}); err != nil {
		b.Fatal(err)
	}
}

func (b *lateBox) seen(uid mailstore.UID) bool {
	r, _ := b.m.Record(uid)
	return r.Flags.Has(mailstore.Seen)
}

// noted is messages that have their notes. Those of the second are not near an end of
// the file.
func noted() string {
	text := ""
	for uid := 1; uid <= 3; uid++ {
		base := ""
		if uid == 1 {
			base = "X-IMAPbase: 7 0000000003\n"
		}
		text += mailOf("x", base, fmt.Sprintf("X-UID: %d\nStatus:  O\nX-Status:     \nX-Keywords: \n", uid)) + strings.Repeat("text\n", edgeSize/4) + "\n"
	}
	return text
}

// TestLateFlags: a loss of power takes flags back that are one octet for a second at
// most, and not at all when the mailbox has left the memory or its file was rewritten.
func TestLateFlags(t *testing.T) {
	for name, c := range map[string]struct {
		bare  bool // the messages have no notes
		then  func(b *lateBox)
		keeps bool
	}{
		"at once":                     {},
		"after a second":              {then: func(*lateBox) { time.Sleep(fsys.LateAfter); synctest.Wait() }, keeps: true},
		"after the mailbox is closed": {then: func(b *lateBox) { _ = b.m.Close() }, keeps: true},
		"after another, that moves":   {then: func(b *lateBox) { b.set(3, strings.Repeat("long", 20)) }, keeps: true},
		"after an append":             {then: func(b *lateBox) { _ = appendText(b, b.m, "Subject: c\r\n\r\nc\r\n") }, keeps: true},
		"after an expunge":            {then: func(b *lateBox) { _, _ = b.m.Expunge(b.Context(), mailstore.NewUIDSet(3), false) }, keeps: true},
		"that moved the rest":         {bare: true, keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				content := noted()
				if c.bare {
					content = mailOf("a") + mailOf("b")
				}
				b := newLateBox(t, content)
				b.disk.Settle()
				syncs := countOps(b.disk, faultfs.Sync)
				b.set(2)
				if n := countOps(b.disk, faultfs.Sync) - syncs; !c.bare && n > 0 {
					t.Errorf("it waited for %d syncs", n)
				}
				if !b.seen(2) {
					t.Error("not seen in the process that set it")
				}
				if c.then != nil {
					c.then(b)
				}
				b.crash(nil)
				if b.seen(2) != c.keeps {
					t.Errorf("seen is %v after the loss of power", b.seen(2))
				}
				_ = b.m.Close()
			})
		})
	}
}

func countOps(fs *faultfs.FS, op faultfs.Op) (n int) {
	for _, line := range fs.Trace() {
		if strings.Contains(line, string(op)+" ") {
			n++
		}
	}
	return n
}

// TestTornFlags: after a loss of power the file is what counts, whether or not
// flags, the times of the file and the index have reached the disk.
func TestTornFlags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := 0
		const times = 120
		for i := range times {
			b := newLateBox(t, noted())
			b.reopened()
			time.Sleep(time.Second)
			if i%2 == 0 {
				b.disk.CutAt(1 + i/2%8) // while it is set; else afterwards
			}
			_, _ = b.m.SetFlags(t.Context(), mailstore.NewUIDSet(2), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
			if i%4 == 1 {
				b.m.(*Mailbox).saveIndex()
			}
			b.crash(rand.New(rand.NewPCG(1, uint64(i))))
			inFile := strings.Contains(b.text(), "Status: RO")
			if b.seen(2) != inFile {
				t.Errorf("case %d: in the file seen is %v, for clients %v", i, inFile, b.seen(2))
			}
			if inFile {
				kept++
			}
			_ = b.m.Close()
		}
		if kept == 0 || kept == times {
			t.Errorf("of %d flags %d were kept: the test sees one side alone", times, kept)
		}
	})
}

// reopened leaves a closed index behind.
func (b *lateBox) reopened() {
	b.Helper()
	if err := b.m.Close(); err != nil {
		b.Fatal(err)
	}
	b.disk.Settle()
	b.open()
}

func (b *lateBox) text() string {
	b.Helper()
	f, err := b.disk.OpenFile("/inbox", os.O_RDONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	n, _ := f.ReadAt(buf, 0)
	return string(buf[:n])
}

// TestLateFlagsFail: flags that the disk does not take are tried again, and an index
// that says that all is in the file is not written before they are.
func TestLateFlagsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLateBox(t, noted())
		b.reopened()
		b.set(2)
		b.disk.Inject(faultfs.FailFrom(1, os.ErrDeadlineExceeded, faultfs.Sync))
		time.Sleep(3 * fsys.LateAfter)
		synctest.Wait()
		b.disk.Inject(nil)
		time.Sleep(fsys.LateAfter)
		synctest.Wait()
		b.crash(nil)
		if !b.seen(2) {
			t.Error("it was not tried again")
		}
		b.set(3)
		b.disk.Inject(faultfs.FailFrom(1, os.ErrDeadlineExceeded, faultfs.Sync))
		_ = b.m.Close()
		b.disk.Inject(nil)
		a := b.acct.(*account)
		if _, ok := a.peek(mailstore.Inbox, 0); ok {
			t.Error("the index says that the flags are in the file")
		}
		b.open()
		_ = b.m.Close()
	})
}
