package mbox

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"restante/fsys/faultfs"
)

// enclosed is a mail in a mail, which Content-Length protects.
const enclosed = "see\n\nFrom x@y.example Thu Jan  1 00:00:01 2015\nSubject: enclosed\n\ntext\n"

// TestToldTextChanged: what was appended and told, and is changed by others before the journal
// could say that it is complete, stays, whatever stands in it.
func TestToldTextChanged(t *testing.T) {
	pad := strings.Repeat("pad pad pad\n", maxAppendData/12)
	fields := strings.Repeat("X-Long: and long\n", 60)
	flag := func(b *killed) { b.read("b") }
	noLength := func(b *killed) {
		before, after, _ := strings.Cut(string(b.content()), "Subject: b\n")
		i := strings.Index(after, "Content-Length:")
		b.write(before + "Subject: b\n" + after[:i] + after[i+strings.Index(after[i:], "\n")+1:])
	}
	for _, c := range []struct {
		why, text string
		others    func(b *killed)
	}{
		{"a mail in it", "Subject: b\n\n" + enclosed, flag},
		{"a mail in it, and it is large", "Subject: b\n\n" + enclosed + pad, flag},
		{"a mail in it, it is large, and so is its header", "Subject: b\n" + fields + "\n" + enclosed + pad, flag},
		{"a NUL in it, and it is large", "Subject: b\n\nbin\x00ary\n" + pad, flag},
		{"no body", "Subject: b\n\n", flag},
		{"no end of the header", "Subject: b\n", flag},
		{"its length goes", "Subject: b\n\nb\n", noLength},
		{"its length goes, and it is large", "Subject: b\n\n" + pad, noLength},
	} {
		for _, delivery := range []bool{false, true} {
			t.Run(c.why, func(t *testing.T) {
				b := newKilled(t, "")
				b.unended(0, c.text, "Subject: c\n\n"+enclosed)
				c.others(b)
				if delivery {
					b.deliver("y")
				}
				want := string(b.content())
				b.open()
				if got := string(b.content()); got != want {
					t.Errorf("of %d octets there are %d", len(want), len(got))
				}
			})
		}
	}
}

// TestAppendRemains: what an append has left that broke off goes, also when the mail behind it
// bears a UID.
func TestAppendRemains(t *testing.T) {
	for _, field := range []string{"", "X-UID: 1\n", "X-UID: 2\n"} {
		b := newKilled(t, "")
		old := string(b.content())
		written := false
		b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
			if written {
				return syscall.EIO
			}
			written = op == faultfs.Write && path == "/mail/inbox"
			return nil
		})
		if appendText(t, b.m, "Subject: b\n\n"+strings.Repeat("b and more\n", 30)) == nil {
			t.Fatal("it did not fail")
		}
		_ = b.m.Close() // it would write to a dead disk
		b.fs.Inject(nil)
		b.fs.Settle()
		b.fs.Crash(nil)
		b.write(string(b.content())[:len(b.content())-105])
		b.deliver("y")
		b.edit("Subject: y\n", "Subject: y\n"+field)
		_, mail, _ := strings.Cut(string(b.content()), mailOf("y")[:20])
		b.open()
		if got := string(b.content()); got != old+mailOf("y")[:20]+mail {
			t.Errorf("with %q there is\n%s", field, got)
		}
	}
}

// TestRefusedAppend: what an append has left that was refused goes, however much of it that is.
func TestRefusedAppend(t *testing.T) {
	b := newKilled(t, "")
	b.fs.Settle()
	old := len(b.content())
	writes := 0
	b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
		if path == "/mail/inbox" && op == faultfs.Write {
			if writes++; writes == 3 {
				return syscall.ENOSPC
			}
		}
		if path == "/mail/inbox" && op == faultfs.Truncate {
			return syscall.EIO
		}
		return nil
	})
	if appendText(t, b.m, "Subject: b\n\n"+strings.Repeat("b and more of it\n", 3<<16)) == nil {
		t.Fatal("it did not fail")
	}
	b.fs.Inject(nil)
	b.write(string(b.content()[:300<<10])) // which ends a page, and no block of the append
	b.refresh()
	if now := len(b.content()); now != old {
		t.Errorf("%d octets of a refused append stay: %q", now-old, subjectsOf(t, b.m))
	}
}

// TestJournalSyncFails: a header that is durable is not written over before another one is.
func TestJournalSyncFails(t *testing.T) {
	for seed := range uint64(100) {
		b := newKilled(t, "/index")
		b.append("b", "c")
		b.noted()
		b.refresh() // when the committer has ended
		b.fs.Settle()
		syncs := 0
		b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
			if op == faultfs.Sync && strings.HasSuffix(path, "journal") {
				if syncs++; syncs == 1 {
					return syscall.EIO
				}
			}
			if syncs > 1 {
				return faultfs.ErrPowerCut
			}
			return nil
		})
		_ = appendText(t, b.m, "Subject: d\n\nd\n")
		_ = b.m.Close()
		b.fs.Inject(nil)
		b.fs.Crash(rand.New(rand.NewPCG(seed, 106)))
		b.remove("c")
		b.deliver("y")
		b.open()
		b.kept()
	}
}

// TestToldWithoutState: what was appended keeps its UID, and what was delivered in front of it,
// when the state file has no room.
func TestToldWithoutState(t *testing.T) {
	b := newKilled(t, "")
	b.fs.Settle()
	synced := false
	b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
		if op == faultfs.Write && strings.HasSuffix(path, "/restante.uids") {
			return syscall.ENOSPC
		}
		if synced {
			return syscall.EIO
		}
		j := b.m.(*Mailbox).j
		synced = j != nil && j.h.kind == journalAppend && op == faultfs.Sync && path == "/mail/inbox"
		return nil
	})
	b.deliver("b")
	b.refresh()
	b.append("c")
	b.noted()
	_ = b.m.Close()
	b.fs.Inject(nil)
	b.fs.Crash(nil)
	b.open()
	b.complete()
}

// TestLostWhileGrown: what others removed from the end of a large mbox while the server was down
// is known to have gone.
func TestLostWhileGrown(t *testing.T) {
	b := newIndexed(t, strings.Replace(mailOf("big"), "body of big", strings.Repeat("0123456789012345678901234567890\n", fullSize/32), 1))
	_, err := b.m.ClaimRecent(t.Context())
	b.ok(err)
	b.reopen() // with notes
	b.reopen()
	b.ok(appendText(t, b.m, "Subject: b\n\nb\n"))
	b.ok(appendText(t, b.m, "Subject: c\n\nc\n"))
	b.ok(b.m.Refresh(t.Context()))
	b.m.(*Mailbox).disk.Abandon() // no Close: it was killed
	text, err := os.ReadFile(b.file())
	b.ok(err)
	parts := strings.SplitAfter(string(text), "\n\nFrom ")
	n := len(parts)
	b.ok(os.WriteFile(b.file(), []byte(strings.Join(slices.Delete(parts, n-2, n-1), "")), 0o600))
	b.open()
	b.ok(appendText(t, b.m, "Subject: d\n\nd\n"))
	want := subjectsOf(t, b.m)
	if !slices.Equal(want, []string{"1 big", "3 c", "4 d"}) {
		t.Errorf("there is %q", want)
	}
	text, err = os.ReadFile(b.file())
	b.ok(err)
	if got := subjectsOf(t, newIndexed(t, string(text)).m); !slices.Equal(got, want) {
		t.Errorf("others see %q, want %q", got, want)
	}
}

// TestReplacedOnFullDisk: a journal that does not fit its file any more does not keep the mailbox
// from being opened when there is no room to keep it.
func TestReplacedOnFullDisk(t *testing.T) {
	b := newKilled(t, "")
	b.unended(0, "Subject: b\n\nb\n")
	text := b.content()
	if err := b.fs.Rename("/mail/inbox", "/mail/old"); err != nil {
		t.Fatal(err)
	}
	f, err := b.fs.OpenFile("/mail/inbox", os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt(text, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.fs.FillAt(1)
	b.open()
	b.complete()
}

// TestTornAppend: wherever an append was broken off that nobody was told of, and whatever stands
// in front of it, it goes, and the mail that was delivered behind it stays.
func TestTornAppend(t *testing.T) {
	for _, front := range []string{"", "\n\n", "\xef\xbb\xbf", "a message"} {
		base := newKilled(t, "")
		if front == "a message" {
			front = string(base.content())
		}
		base.write(front)
		base.refresh()
		base.unended(0, "Subject: b\n\nb\nand more\n")
		whole := string(base.content())
		if !strings.HasPrefix(whole, front) {
			t.Fatalf("%q has become %q", front, whole)
		}
		for _, mail := range []string{"", mailOf("y")} {
			for n := len(front); n < len(whole)-len("\n"); n++ { // with all of its text it may stay
				b := &killed{T: t, fs: base.fs.Clone(), names: map[string]string{}}
				b.write(whole[:n] + mail)
				b.open()
				if got, want := string(b.content()), front+mail; got != want {
					t.Fatalf("of %d octets behind %q, %q behind them, there is %q", n-len(front), front, mail, got)
				}
				b.append("c")
				if err := b.m.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
