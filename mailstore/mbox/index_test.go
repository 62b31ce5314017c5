package mbox

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// readingFS counts the octets that are read from mbox files.
type readingFS struct {
	fsys.OS
	read atomic.Int64
}

func (r *readingFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	f, err := r.OS.OpenFile(name, flag, perm)
	if err != nil || strings.Contains(name, notesDir) || strings.Contains(name, "index") {
		return f, err
	}
	return readingFile{f, r}, nil
}

type readingFile struct {
	fsys.File
	fs *readingFS
}

func (f readingFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	f.fs.read.Add(int64(n))
	return n, err
}

// indexed is an mbox account with an index, opened anew by open.
type indexed struct {
	testing.TB
	fs   readingFS
	root string
	acct mailstore.Account
	m    mailstore.Mailbox
}

func newIndexed(t testing.TB, content string) *indexed {
	b := &indexed{TB: t, root: filepath.Join(t.TempDir(), "mail")}
	if err := os.Mkdir(b.root, 0o700); err != nil {
		t.Fatal(err)
	}
	b.ok(os.WriteFile(b.file(), []byte(content), 0o600))
	b.open()
	t.Cleanup(func() { b.ok(b.m.Close()) })
	return b
}

func (b *indexed) file() string  { return filepath.Join(b.root, "inbox") }
func (b *indexed) index() string { return filepath.Join(b.root+".idx", "INBOX", "index") }

func (b *indexed) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *indexed) open() {
	b.Helper()
	b.acct = openAccount(b.TB, Options{FS: &b.fs, Root: b.root, Zone: time.UTC, IndexDir: b.root + ".idx"})
	m, err := b.acct.Open(b.Context(), mailstore.Inbox)
	b.ok(err)
	b.m = m
}

// reopen closes and opens, and returns how much of the mbox that has read.
func (b *indexed) reopen() int64 {
	b.Helper()
	b.ok(b.m.Close())
	before := b.fs.read.Load()
	b.open()
	return b.fs.read.Load() - before
}

func (b *indexed) set(f mailstore.Flags, uids ...mailstore.UID) {
	b.Helper()
	_, err := b.m.SetFlags(b.Context(), mailstore.NewUIDSet(uids...), mailstore.AddFlags, f, mailstore.SetFlagsOptions{})
	b.ok(err)
}

func (b *indexed) expunge(uids ...mailstore.UID) {
	b.Helper()
	_, err := b.m.Expunge(b.Context(), mailstore.NewUIDSet(uids...), false)
	b.ok(err)
}

func (b *indexed) deliver(text string) {
	b.Helper()
	f, err := os.OpenFile(b.file(), os.O_WRONLY|os.O_APPEND, 0)
	b.ok(err)
	_, err = f.WriteString(text)
	b.ok(err)
	b.ok(f.Close())
}

// everything is what a client may rely on.
func (b *indexed) everything() string {
	b.Helper()
	s := b.m.Status()
	text := fmt.Sprintf("UIDVALIDITY %d UIDNEXT %d\n", s.UIDValidity, s.UIDNext)
	for _, r := range b.records() {
		text += fmt.Sprintf("%d (%s) %d %d %q\n", r.UID, flagText(r.Flags), r.Date, r.Size, readWire(b.TB, b.m, r.UID))
	}
	return text
}

func (b *indexed) records() []mailstore.Record {
	return b.m.Records(make([]mailstore.Record, 0, 1000), 1)
}

// someMail is an inbox in all states: with notes, delivered, flagged, recent.
func someMail(t testing.TB) *indexed {
	b := newIndexed(t, mailOf("a")+mailOf("b")+mailOf("c"))
	_, err := b.m.ClaimRecent(b.Context())
	b.ok(err)
	b.set(mailstore.NewFlags(mailstore.Seen, "word"), 1, 3)
	b.ok(appendText(t, b.m, "Subject: d\r\n\r\nd\r\n"))
	b.expunge(2)
	b.deliver(mailOf("e"))
	b.ok(b.m.Refresh(b.Context()))
	for _, r := range b.records() {
		b.m.PutSummary(r.UID, fmt.Append(nil, "summary ", r.UID))
	}
	b.reopen()
	return b
}

// TestWarmOpen: an mbox that has not changed is not read, but for its ends.
func TestWarmOpen(t *testing.T) {
	b := someMail(t)
	want := b.everything()
	if n := b.reopen(); n > 2*edgeSize {
		t.Errorf("opening an unchanged mbox has read %d octets of it", n)
	}
	if got := b.everything(); got != want {
		t.Errorf("there is\n%s\nwant\n%s", got, want)
	}
	// Nor when the modification time was set into the future, for mutt's sake.
	b.set(mailstore.NewFlags(mailstore.Answered), 1)
	b.reopen()
	if n := b.reopen(); n > 2*edgeSize {
		t.Errorf("opening it after a flag was set has read %d octets", n)
	}
	sums := b.m.Summaries()
	for _, r := range b.records() {
		if s, ok := sums.Get(r.UID); !ok || string(s) != fmt.Sprint("summary ", r.UID) {
			t.Errorf("summary of %d: %q, %v", r.UID, s, ok)
		}
	}
	if claimed, err := b.m.ClaimRecent(t.Context()); err != nil || !slices.Equal(claimed, mailstore.NewUIDSet(4, 5)) {
		t.Errorf("recent are %v, %v", claimed, err)
	}
}

// TestGrownWhileClosed: of a large mbox that has grown only the end is read.
func TestGrownWhileClosed(t *testing.T) {
	big := strings.Replace(mailOf("big"), "body of big", strings.Repeat("0123456789012345678901234567890\n", fullSize/32), 1)
	b := newIndexed(t, big+mailOf("a", "Status: O \n"))
	b.reopen()
	b.deliver(mailOf("b"))
	if n := b.reopen(); n > 1<<20 {
		t.Errorf("after a delivery %d octets were read", n)
	}
	if got := subjectsOf(t, b.m); !slices.Equal(got, []string{"1 big", "2 a", "3 b"}) {
		t.Errorf("there is %q", got)
	}
	if n := b.reopen(); n > 1<<20 {
		t.Errorf("of what was not read as a whole %d octets were read at once", n)
	}
	m := b.m.(*Mailbox)
	m.parsedAt = m.parsedAt.Add(-2 * fullAfter)
	if n := b.reopen(); n < fullSize {
		t.Errorf("what others may have changed was not looked for: %d octets were read", n)
	}
	// The same length and another text in front: not a file that has grown.
	text, err := os.ReadFile(b.file())
	b.ok(err)
	b.ok(b.m.Close())
	changed := strings.Replace(string(text), "Status: O ", "Status: RO", 1)
	b.ok(os.WriteFile(b.file(), []byte(changed), 0o600))
	b.open()
	if f := b.records()[1].Flags; !f.Has(mailstore.Seen) {
		t.Error("a flag that another program set while the mailbox was closed is not seen")
	}
}

// TestGrownBeforeKill: so it is after a kill, whatever UIDs were told of the end since.
func TestGrownBeforeKill(t *testing.T) {
	big := strings.Replace(mailOf("big"), "body of big", strings.Repeat("0123456789012345678901234567890\n", fullSize/32), 1)
	b := newIndexed(t, big+mailOf("a", "Status: O \n"))
	_, err := b.m.ClaimRecent(t.Context())
	b.ok(err)
	b.reopen() // with notes
	b.reopen()
	b.deliver(mailOf("b"))
	b.ok(b.m.Refresh(t.Context()))
	b.ok(appendText(t, b.m, "Subject: c\n\nc\n"))
	want := subjectsOf(t, b.m)
	b.m.(*Mailbox).disk.Abandon() // no Close: it was killed
	b.fs.read.Store(0)
	b.open()
	if n := b.fs.read.Load(); n > 1<<20 {
		t.Errorf("%d octets were read", n)
	}
	if got := subjectsOf(t, b.m); !slices.Equal(got, want) {
		t.Errorf("there is %q, and was %q", got, want)
	}
}

func subjectsOf(t testing.TB, m mailstore.Mailbox) (list []string) {
	t.Helper()
	uids, c := m.Follow()
	c.Close()
	for _, uid := range uids {
		id, err := subjectOf(t.Context(), m, uid)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprint(uid, " ", id))
	}
	return list
}

// TestModSeqsSurvive: mod-sequences and expunged UIDs are the same after a
// restart, and HIGHESTMODSEQ does not fall.
func TestModSeqsSurvive(t *testing.T) {
	b := newIndexed(t, mailOf("a")+mailOf("b")+mailOf("c"))
	_, err := b.m.ClaimRecent(t.Context())
	b.ok(err)
	left := b.m.Status().HighestModSeq
	b.set(mailstore.NewFlags(mailstore.Seen), 1)
	b.expunge(2)
	before, highest := b.records(), b.m.Status().HighestModSeq
	b.reopen()
	if now := b.records(); !slices.Equal(now, before) {
		t.Errorf("records\n%v\nhave become\n%v", before, now)
	}
	if now := b.m.Status().HighestModSeq; now < highest {
		t.Errorf("HIGHESTMODSEQ was %d and is %d", highest, now)
	}
	if got := b.m.ChangedSince(make([]mailstore.Record, 0, 9), left, 1); len(got) != 1 || got[0].UID != 1 {
		t.Errorf("changed since %d: %v, want only UID 1", left, got)
	}
	if gone, complete := b.m.Vanished(left); !complete || !slices.Equal(gone, mailstore.NewUIDSet(2)) {
		t.Errorf("vanished since %d: %v, %v; want 2 and nothing else", left, gone, complete)
	}
	// A delivery that comes while the mailbox is closed changes nothing of that.
	b.ok(b.m.Close())
	b.deliver(mailOf("d"))
	b.open()
	if got := b.m.ChangedSince(make([]mailstore.Record, 0, 9), highest, 1); len(got) != 1 || got[0].UID != 4 {
		t.Errorf("changed since %d: %v, want only what was delivered", highest, got)
	}
}

// TestOtherThanIndexed: an index is not believed against the file.
func TestOtherThanIndexed(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(b *indexed)
		want   []string
	}{
		{"a message is gone", func(b *indexed) {
			text, err := os.ReadFile(b.file())
			b.ok(err)
			i := strings.LastIndex(string(text), "\nFrom ")
			b.ok(os.WriteFile(b.file(), text[:i+1], 0o600))
		}, []string{"1 a", "3 c", "4 d"}},
		{"another UIDVALIDITY stands in the file", func(b *indexed) {
			b.ok(os.WriteFile(b.file(), []byte(mailOf("x", "X-IMAPbase: 77 0000000009\n", "X-UID: 9\n")+mailOf("y")), 0o600))
		}, []string{"9 x", "10 y"}},
		{"the state file is gone", func(b *indexed) {
			b.ok(os.RemoveAll(filepath.Join(b.root, notesDir)))
		}, []string{"1 a", "3 c", "4 d", "5 e"}},
		{"another file with the same size and times", func(b *indexed) {
			fi, err := os.Stat(b.file())
			b.ok(err)
			text, err := os.ReadFile(b.file())
			b.ok(err)
			b.ok(os.Remove(b.file()))
			b.ok(os.WriteFile(b.file(), []byte(strings.Replace(string(text), "Subject: c", "Subject: z", 1)), 0o600))
			b.ok(os.Chtimes(b.file(), fi.ModTime(), fi.ModTime()))
		}, []string{"1 a", "6 z", "7 d", "8 e"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := someMail(t)
			b.ok(b.m.Close())
			c.change(b)
			b.open()
			if got := subjectsOf(t, b.m); !slices.Equal(got, c.want) {
				t.Errorf("there is %q, want %q", got, c.want)
			}
		})
	}
}

// TestDamagedIndex cuts the index of a small mailbox at every octet, and changes
// octets at random: nothing that a client may rely on becomes another.
func TestDamagedIndex(t *testing.T) {
	b := someMail(t)
	want := b.everything()
	b.ok(b.m.Close())
	whole, err := os.ReadFile(b.index())
	b.ok(err)
	look := func(why string, data []byte) {
		b.ok(os.WriteFile(b.index(), data, 0o600))
		b.open()
		if got := b.everything(); got != want {
			t.Fatalf("%s: there is\n%s\nwant\n%s", why, got, want)
		}
		sums := b.m.Summaries()
		for _, r := range b.records() {
			if s, ok := sums.Get(r.UID); ok && string(s) != fmt.Sprint("summary ", r.UID) {
				t.Fatalf("%s: summary of %d: %q", why, r.UID, s)
			}
		}
		b.ok(b.m.Close())
	}
	for n := range whole {
		look(fmt.Sprint("cut at ", n), whole[:n])
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		data := slices.Clone(whole)
		i := rnd.IntN(len(data))
		data[i] ^= byte(1 + rnd.IntN(255))
		look(fmt.Sprint("changed at ", i), data)
	}
	b.open()
}

// TestIndexDeletedInUse deletes and damages the index at random while the
// mailbox is worked with and opened again: what is told stays right.
func TestIndexDeletedInUse(t *testing.T) {
	b := newIndexed(t, mailOf("0"))
	rnd := rand.New(rand.NewPCG(3, 4))
	want := []string{"1 0"}
	modSeq := uint64(0)
	for i := 1; i <= 200; i++ {
		switch rnd.IntN(4) {
		case 0:
			_ = os.RemoveAll(filepath.Dir(b.index()))
		case 1:
			if fi, err := os.Stat(b.index()); err == nil {
				b.ok(os.Truncate(b.index(), rnd.Int64N(fi.Size()+1)))
			}
		}
		b.ok(appendText(t, b.m, fmt.Sprintf("Subject: %d\n\nx\n", i)))
		want = append(want, fmt.Sprintf("%d %d", i+1, i))
		if k := rnd.IntN(len(want)); rnd.IntN(3) == 0 && len(want) > 1 {
			var uid mailstore.UID
			fmt.Sscan(want[k], &uid)
			b.expunge(uid)
			want = slices.Delete(want, k, k+1)
		}
		if rnd.IntN(5) == 0 {
			b.m.(*Mailbox).saveIndex()
		}
		if rnd.IntN(4) == 0 {
			b.reopen()
		}
		if got := subjectsOf(t, b.m); !slices.Equal(got, want) {
			t.Fatalf("round %d: there is %q, want %q", i, got, want)
		}
		now := b.m.Status().HighestModSeq
		if now < modSeq {
			t.Fatalf("round %d: HIGHESTMODSEQ was %d and is %d", i, modSeq, now)
		}
		modSeq = now
	}
}

// TestIndexFollows: an index goes with its mailbox when that is renamed, and with
// it when it is deleted.
func TestIndexFollows(t *testing.T) {
	for _, inUse := range []bool{true, false} {
		t.Run(fmt.Sprint("in use ", inUse), func(t *testing.T) {
			b := newIndexed(t, "")
			for _, name := range []string{"dir/box", "dir.box"} {
				b.ok(b.acct.Create(t.Context(), name))
				m, err := b.acct.Open(t.Context(), name)
				b.ok(err)
				b.ok(appendText(t, m, "Subject: x\n\nx\n"))
				m.PutSummary(1, []byte(name))
				if !inUse {
					b.ok(m.Close())
					continue
				}
				defer m.Close()
			}
			b.ok(b.acct.Rename(t.Context(), "dir", "other"))
			if inUse {
				b.acct.(*account).slots["other/box"].m.saveIndex()
			}
			again := openAccount(t, Options{Root: b.root, Zone: time.UTC, IndexDir: b.root + ".idx"})
			for name, want := range map[string]string{"other/box": "dir/box", "dir.box": "dir.box"} {
				if inUse {
					again = b.acct
				}
				m, err := again.Open(t.Context(), name)
				b.ok(err)
				if s, ok := m.Summaries().Get(1); !ok || string(s) != want {
					t.Errorf("summary in %s: %q, %v", name, s, ok)
				}
				b.ok(m.Close())
				b.ok(again.Delete(t.Context(), name))
			}
			left, err := filepath.Glob(filepath.Join(b.root+".idx", "*box*", "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("deleted mailboxes have left %q, %v", left, err)
			}
		})
	}
}

// TestUnreadableIndexDir: without a place for the index all works as without one.
func TestUnreadableIndexDir(t *testing.T) {
	b := newIndexed(t, mailOf("a"))
	b.ok(b.m.Close())
	b.ok(os.RemoveAll(b.root + ".idx"))
	b.ok(os.WriteFile(b.root+".idx", nil, 0o600))
	b.open()
	b.set(mailstore.NewFlags(mailstore.Seen), 1)
	b.expunge(1)
	b.ok(appendText(t, b.m, "Subject: b\n\nb\n"))
	b.reopen()
	if got := subjectsOf(t, b.m); !slices.Equal(got, []string{"2 b"}) {
		t.Errorf("there is %q", got)
	}
}
