package mbox

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"restante/fsys/faultfs"
	"restante/mailstore"
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
	for _, front := range []string{"", "\n\n", "\xef\xbb\xbf", "a message", "a message without its last line end"} {
		base, lineEnd := newKilled(t, ""), ""
		switch front {
		case "a message":
			front = string(base.content())
		case "\xef\xbb\xbf":
			lineEnd = "\n"
		case "a message without its last line end":
			front, lineEnd = strings.TrimRight(string(base.content()), "\n"), "\n"
		}
		base.write(front)
		base.refresh()
		base.unended(0, "Subject: b\n\nb\nand more\n")
		whole := string(base.content())
		if !strings.HasPrefix(whole, front) {
			t.Fatalf("%q has become %q", front, whole)
		}
		for _, mail := range []string{"", mailOf("y"), "\n" + mailOf("y")} {
			for n := len(front); n < len(whole)-len("\n"); n++ { // with all of its text it may stay
				b := &killed{T: t, fs: base.fs.Clone(), names: map[string]string{}}
				b.write(whole[:n] + mail)
				b.open()
				want := front + mail
				if n > len(front) && mail != "" {
					want = front + lineEnd + mail // it must not become the end of a line
				}
				got, delivered := string(b.content()), strings.TrimLeft(mail, "\n")
				if delivered != mail && strings.HasPrefix(got, front) && strings.HasSuffix(got, delivered) {
					// A line end in front of it may have made a message of what was ours.
					got = want
					if list := subjectsOf(t, b.m); !strings.HasSuffix(list[len(list)-1], " y") {
						t.Fatalf("of %d octets behind %q, %q behind them, there are %q", n-len(front), front, mail, list)
					}
				}
				if got != want {
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

// TestRefusedWhole: of an append that was reported as failed also what reads as messages goes.
func TestRefusedWhole(t *testing.T) {
	b := newKilled(t, "")
	old := string(b.content())
	b.failAppend("Subject: b\n\nb\n", "Subject: c\n\nc\n")
	b.remove("c")
	b.refresh()
	if got := string(b.content()); got != old {
		t.Errorf("of a refused append there is %q", strings.TrimPrefix(got, old))
	}
}

// TestRefusedMoved: what stands where an append was refused is mail of others, who have taken out
// messages in front of it.
func TestRefusedMoved(t *testing.T) {
	for _, more := range []string{"", mailOf("z")} {
		b := newKilled(t, "")
		b.append("big")
		b.failAppend("Subject: b\n\nb and more\n")
		b.remove("b")
		b.remove("big")
		b.deliver("y")
		b.edit("body of y", strings.Repeat("body of y, long\n", 60)+"end of y")
		b.write(string(b.content()) + more)
		want := string(b.content())
		b.refresh()
		if got := string(b.content()); got != want {
			t.Errorf("of %q there is\n%s", want, got)
		}
	}
}

// failAppend lets an append fail, and what it has written stay.
func (b *killed) failAppend(texts ...string) {
	b.Helper()
	b.fs.Settle()
	b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
		if path == "/mail/inbox" && (op == faultfs.Sync || op == faultfs.Truncate) {
			return syscall.EIO
		}
		return nil
	})
	a, err := b.m.NewAppend(b.Context())
	b.ok(err)
	for _, text := range texts {
		b.ok(a.Add(mailstore.AppendOptions{}, strings.NewReader(text)))
	}
	if _, _, err := a.Commit(b.Context()); err == nil {
		b.Fatal("it did not fail")
	}
	b.fs.Inject(nil)
}

// TestToldBeforeLineEnds: a message that was told stays when another program takes out the one
// behind it and leaves line ends.
func TestToldBeforeLineEnds(t *testing.T) {
	pad := strings.Repeat("pad pad pad\n", maxAppendData/12)
	for _, body := range []string{"b and more\n", enclosed, pad, enclosed + pad} {
		for _, behind := range []string{"\n", "\n\n", "\n" + mailOf("y")} {
			b := newKilled(t, "")
			b.unended(0, "Subject: b\n\n"+body, "Subject: c\n\nc\n")
			text := string(b.content())
			b.write(text[:strings.Index(text, "\nFrom MAILER-DAEMON  Sun Sep  9 01:46:40 2001\nSubject: c\n")+1] + behind)
			want := string(b.content())
			b.open()
			if got := string(b.content()); got != want {
				t.Errorf("with %q behind %.20q of %d octets there are %d", behind, body, len(want), len(got))
			}
		}
	}
}

// TestToldBinary: a large message of NULs that was told stays when it gets a flag.
func TestToldBinary(t *testing.T) {
	nuls := strings.Repeat("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\n", maxAppendData/12)
	for k := range 40 {
		b := newKilled(t, "")
		b.unended(0, "Subject: b\n"+strings.Repeat("X-Long: and long\n", k)+"\n"+nuls)
		before, after, _ := strings.Cut(string(b.content()), "Subject: b\n")
		b.write(before + "Subject: b\n" + strings.Replace(after, "X-Status:  ", "X-Status: F", 1))
		want := len(b.content())
		b.open()
		if got := len(b.content()); got != want {
			t.Errorf("with %d fields, of %d octets there are %d", k, want, got)
		}
	}
}

// TestHoles: an append of which parts were never written goes, wherever they are.
func TestHoles(t *testing.T) {
	for _, size := range []int{3000, maxAppendData + 3000} {
		base := newKilled(t, "")
		old := len(base.content())
		base.unended(0, "Subject: b\n\n"+strings.Repeat("b and more of it\n", size/17))
		whole := base.content()
		first := old / holeSize
		last := (len(whole) - 1) / holeSize
		for _, sector := range []int{first, first + 1, first + 2, last - 1, last} {
			b := &killed{T: t, fs: base.fs.Clone(), names: map[string]string{}}
			text := slices.Clone(whole)
			clear(text[max(old, sector*holeSize):min(len(text), (sector+1)*holeSize)])
			b.write(string(text))
			b.open()
			if got := len(b.content()); got != old {
				t.Errorf("of %d octets, sector %d of them not written, there are %d", len(whole)-old, sector-first, got-old)
			}
		}
	}
}

// TestKeptIsDurable: an append that is found whole after a kill is so after a loss of power.
func TestKeptIsDurable(t *testing.T) {
	b := newKilled(t, "")
	b.fs.Settle()
	written := false
	b.fs.Inject(func(_ int, op faultfs.Op, path string) error {
		if written {
			return syscall.EIO
		}
		written = op == faultfs.Write && path == "/mail/inbox"
		return nil
	})
	if appendText(t, b.m, "Subject: b\n\nb\n") == nil {
		t.Fatal("it did not fail")
	}
	_ = b.m.Close() // of a process that was killed
	b.fs.Inject(nil)
	b.ok(b.fs.Remove("/mail/inbox.lock"))
	b.open()
	want := subjectsOf(t, b.m)
	_ = b.m.Close()
	b.fs.Crash(nil)
	b.open()
	if got := subjectsOf(t, b.m); !slices.Equal(got, want) {
		t.Errorf("there were %q, and are %q", want, got)
	}
}

// TestKilledThenPowerCut: a header that was only in memory when the process was killed is made
// durable before the one that is so is written over.
func TestKilledThenPowerCut(t *testing.T) {
	for _, kind := range []journalKind{journalAppend, journalClean} {
		for cut := 1; cut < 14; cut++ {
			for seed := range uint64(60) {
				b := newKilled(t, "")
				b.append("b", "c")
				b.noted()
				b.refresh()
				b.fs.Settle()
				j, err := openJournal(b.fs, "/mail/.imap/INBOX/restante.journal", false)
				b.ok(err)
				fi, err := b.fs.Stat("/mail/inbox")
				b.ok(err)
				h := journalHeader{kind: kind, litLen: 10, oldSize: fi.Size(), newSize: fi.Size() + 10}
				h.dev, h.ino = fileID(fi)
				b.ok(j.sync())
				b.ok(j.put(h))
				b.fs.CutAt(cut)
				m, err := openAccount(t, Options{FS: b.fs, Root: "/mail", Zone: time.UTC}).Open(t.Context(), mailstore.Inbox)
				if err == nil {
					_ = appendText(t, m, "Subject: d\n\nd\n")
					_ = m.Close()
				}
				b.fs.Crash(rand.New(rand.NewPCG(seed, 106)))
				b.remove("c")
				b.remove("d")
				b.deliver("y")
				b.open()
				b.notReused()
				if t.Failed() {
					t.Fatalf("cut at %d, seed %d", cut, seed)
				}
			}
		}
	}
}

// TestKilledRewriteThenPowerCut: what a killed process did and did not make durable is made so
// before the next one takes it for done; a loss of power must not bring back a part of it.
func TestKilledRewriteThenPowerCut(t *testing.T) {
	for _, delivery := range []bool{false, true} {
		for n, finished := 1, false; !finished; n++ {
			b := newKilled(t, "")
			b.append("b", "c", "d")
			b.fs.Settle()
			b.fs.Inject(faultfs.FailFrom(n, syscall.EIO))
			_, _ = b.m.Expunge(b.Context(), mailstore.NewUIDSet(2), false)
			_ = b.m.Close()
			finished = b.fs.Ops() < n
			b.fs.Inject(nil)
			_ = b.fs.Remove("/mail/inbox.lock")

			b.open()
			want := subjectsOf(t, b.m)
			b.fs.Crash(nil)
			if delivery {
				b.deliver("y")
				want = append(want, "5 y")
			}
			b.open()
			if got := subjectsOf(t, b.m); !slices.Equal(got, want) {
				t.Fatalf("killed at %d, delivery %v: there were %q, and there are %q", n, delivery, want, got)
			}
		}
	}
}
