package mbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

// TestUIDsAfterKill: UIDs that were told are the same when the process is killed
// and started again, whatever of them the mbox and the state file hold.
func TestUIDsAfterKill(t *testing.T) {
	for _, c := range []struct {
		why string
		do  func(b *killed)
	}{
		{"appended, then delivered", func(b *killed) { b.append("b", "c"); b.deliver("d"); b.refresh() }},
		{"delivered, then appended", func(b *killed) { b.deliver("b"); b.refresh(); b.append("c") }},
		{"expunged in between", func(b *killed) { b.append("b", "c", "d"); b.expunge(3) }},
		{"the last expunged", func(b *killed) { b.append("b", "c"); b.expunge(3) }},
		{"expunged in between, then delivered", func(b *killed) { b.append("b", "c", "d"); b.expunge(3); b.deliver("e"); b.refresh() }},
		{"delivered and expunged, then appended", func(b *killed) { b.deliver("b", "c"); b.refresh(); b.expunge(2); b.append("d"); b.expunge(3) }},
		{"all expunged, then appended", func(b *killed) { b.append("b"); b.expunge(1, 2); b.append("c", "d"); b.expunge(3) }},
	} {
		for _, index := range []string{"", "/index"} {
			t.Run(c.why+index, func(t *testing.T) {
				b := newKilled(t, index)
				c.do(b)
				want, next := subjectsOf(t, b.m), b.m.Status().UIDNext
				b.open() // without Close, as after kill -9
				if got := subjectsOf(t, b.m); !slices.Equal(got, want) {
					t.Errorf("after a kill there is %q, want %q", got, want)
				}
				if got := b.m.Status().UIDNext; got < next {
					t.Errorf("UIDNEXT was %d and is %d", next, got)
				}
			})
		}
	}
}

// TestUIDsForOthers: behind an append who reads the file alone gives each message the UID
// that was told here, whatever was delivered and removed before.
func TestUIDsForOthers(t *testing.T) {
	for _, c := range []struct {
		why string
		do  func(b *killed)
	}{
		{"delivered", func(b *killed) { b.deliver("b", "c"); b.refresh() }},
		{"delivered, and the first of it removed", func(b *killed) { b.deliver("b", "c"); b.refresh(); b.remove("b"); b.refresh() }},
		{"delivered, and all of it removed", func(b *killed) { b.deliver("b", "c"); b.refresh(); b.remove("b"); b.remove("c"); b.refresh() }},
		{"appended, and removed", func(b *killed) { b.append("b"); b.remove("b"); b.refresh() }},
		{"appended, and the first of it removed", func(b *killed) { b.append("b", "c"); b.remove("b"); b.refresh() }},
		{"the first removed", func(b *killed) { b.append("b", "c"); b.remove("a"); b.refresh() }},
		{"the first removed, and then another", func(b *killed) { b.append("b", "c"); b.remove("a"); b.refresh(); b.append("d"); b.remove("c") }},
		{"removed while nobody looked", func(b *killed) { b.append("b", "c"); b.deliver("d"); b.refresh(); b.remove("c"); b.remove("d") }},
		{"all removed", func(b *killed) { b.deliver("b"); b.refresh(); b.remove("a"); b.remove("b"); b.refresh() }},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := newKilled(t, "/index")
			c.do(b)
			b.append("x", "y")
			want, next := subjectsOf(t, b.m), b.m.Status().UIDNext
			text := b.content()
			m := b.alone()
			if got := m.UIDValidity(); got != b.m.UIDValidity() {
				t.Errorf("others see UIDVALIDITY %d, want %d", got, b.m.UIDValidity())
			}
			if got := subjectsOf(t, m); !slices.Equal(got, want) || m.Status().UIDNext < next {
				t.Errorf("others see %q and UIDNEXT %d, want %q and %d of\n%s", got, m.Status().UIDNext, want, next, text)
			}
		})
	}
}

// TestUIDsOfTwoServers: another server gives UIDs as well, writes them into the file after
// they were told here for other messages, and leaves messages in front of them without. No
// UID that was told here names another message, and in the end, where something was claimed
// after that, the file says what was told.
func TestUIDsOfTwoServers(t *testing.T) {
	for _, c := range []struct {
		why  string
		do   func(b *killed)
		want []string // nil where any will do
	}{
		{"it has not seen a message that was removed", func(b *killed) {
			b.deliver("b", "c")
			b.told()
			b.remove("b")
			b.number("c", 2)
			b.deliver("d")
			b.number("d", 3)
		}, nil},
		{"only it has seen a message that was removed", func(b *killed) {
			b.deliver("b", "c")
			b.remove("b")
			b.told()
			b.deliver("d")
			b.number("d", 4)
		}, []string{"1 a", "2 c", "3 d"}},
		{"it has not written the UIDs of those in front", func(b *killed) {
			b.deliver("b", "c", "d", "e")
			b.number("d", 6)
			b.number("e", 9)
			b.used(25)
			b.told()
			b.deliver("f")
			b.number("f", 26)
			b.used(26)
		}, nil},
		{"it writes them after others were told", func(b *killed) {
			b.deliver("b", "c")
			b.told()
			b.deliver("d")
			b.number("d", 9)
			b.used(9)
			b.told()
			b.number("b", 7)
			b.number("c", 8)
		}, nil},
		{"it gives a message here the UID of one that has gone, and nothing is recent", func(b *killed) {
			b.deliver("b", "c")
			b.told()
			b.reopen()
			b.told()
			b.remove("b")
			b.told()
			b.edit("X-UID: 3\n", "X-UID: 2\n")
		}, nil},
		{"it takes a UID out, and those in front of it", func(b *killed) {
			b.deliver("b", "c", "d")
			b.told()
			b.reopen()
			b.remove("b")
			b.edit("X-UID: 3\n", "")
		}, nil},
		{"it takes a UID out while nobody looks", func(b *killed) {
			b.deliver("b", "c", "d")
			b.told()
			if err := b.m.Close(); err != nil {
				b.Fatal(err)
			}
			b.remove("b")
			b.edit("X-UID: 3\n", "")
			b.open()
		}, nil},
		{"it was seen by one who only read", func(b *killed) {
			b.deliver("b", "c")
			b.told()
			b.reopen()
			b.remove("b")
			b.edit("X-UID: 3\n", "X-UID: 2\n")
			b.refresh()
			b.reopen()
		}, nil},
		{"a message takes a UID of its, which is believed", func(b *killed) {
			b.deliver("b")
			b.told()
			b.deliver("c")
			b.number("b", 7)
			b.number("c", 8)
			b.used(8)
		}, []string{"1 a", "7 b", "8 c"}},
		{"one that only it has told is not there any more", func(b *killed) {
			b.deliver("b", "c")
			b.number("b", 5)
			b.number("c", 6)
			b.used(6)
			b.told()
			b.remove("b")
			b.used(8)
			b.deliver("d")
			b.number("d", 5)
		}, nil},
	} {
		for _, index := range []string{"", "/index"} {
			t.Run(c.why+index, func(t *testing.T) {
				b := newKilled(t, index)
				c.do(b)
				want := b.told()
				if c.want != nil && !slices.Equal(want, c.want) {
					t.Errorf("there is %q, want %q", want, c.want)
				}
				if err := b.m.Close(); err != nil {
					t.Fatal(err)
				}
				if got := subjectsOf(t, b.alone()); !slices.Equal(got, want) {
					t.Errorf("others see %q, want %q of\n%s", got, want, b.content())
				}
			})
		}
	}
}

// TestExamineLeavesUIDs: who only looks at a mailbox changes nothing, whatever others have
// written into it.
func TestExamineLeavesUIDs(t *testing.T) {
	b := newKilled(t, "/index")
	b.deliver("b", "c")
	b.told()
	b.reopen()
	b.edit("X-UID: 3\n", "X-UID: 2\n")
	b.remove("b")
	before := string(b.content())
	b.refresh()
	b.reopen()
	b.reopen()
	if now := string(b.content()); now != before {
		t.Errorf("there was\n%s\nand is\n%s", before, now)
	}
}

// TestNotesBeforeAppend: that messages get their notes before an append neither makes it
// fail nor takes away what is known of changes.
func TestNotesBeforeAppend(t *testing.T) {
	t.Run("a header that cannot be changed", func(t *testing.T) {
		root := t.TempDir()
		long := dated + strings.Repeat("X-Long: "+strings.Repeat("y", 1000)+"\n", maxHeader/1000) + "\nbody\n"
		if err := os.WriteFile(filepath.Join(root, "inbox"), []byte(long), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := openAccount(t, Options{FS: fsys.OS{}, Root: root, Zone: time.UTC}).Open(t.Context(), mailstore.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		if err := appendText(t, m, "Subject: x\n\nx\n"); err != nil {
			t.Error(err)
		}
	})
	t.Run("mod-sequences are believed after a kill", func(t *testing.T) {
		b := newKilled(t, "/index")
		if _, err := b.m.ClaimRecent(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.m.Close(); err != nil {
			t.Fatal(err)
		}
		b.open()
		before, _ := b.m.Record(1)
		b.deliver("b")
		b.refresh()
		b.append("c")
		if text := string(b.content()); strings.Count(text, "\nX-UID: ") != 3 {
			t.Fatalf("not all have notes:\n%s", text)
		}
		b.open()
		if after, _ := b.m.Record(1); after.ModSeq != before.ModSeq {
			t.Errorf("mod-sequence %d, was %d", after.ModSeq, before.ModSeq)
		}
	})
}

// killed is an inbox with one message and a process that will be killed.
type killed struct {
	*testing.T
	fs    *faultfs.FS
	index string
	m     mailstore.Mailbox
	names map[string]string // by UIDs that were told, here or, first of all, elsewhere
}

func newKilled(t *testing.T, index string) *killed {
	b := &killed{T: t, fs: faultfs.New(), index: index, names: map[string]string{"1": "a"}}
	if err := fsys.MkdirAll(b.fs, "/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsys.WriteFile(b.fs, "/mail/inbox", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.append("a")
	if err := b.m.Close(); err != nil {
		t.Fatal(err)
	}
	b.open()
	return b
}

func (b *killed) open() {
	b.Helper()
	m, err := openAccount(b.T, Options{FS: b.fs, Root: "/mail", Zone: time.UTC, IndexDir: b.index}).Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
}

func (b *killed) reopen() {
	b.Helper()
	if err := b.m.Close(); err != nil {
		b.Fatal(err)
	}
	b.open()
}

// alone is the mailbox to a reader who has nothing but the file.
func (b *killed) alone() mailstore.Mailbox {
	b.Helper()
	if err := fsys.MkdirAll(b.fs, "/other", 0o700); err != nil {
		b.Fatal(err)
	}
	if err := fsys.WriteFile(b.fs, "/other/inbox", b.content(), 0o600); err != nil {
		b.Fatal(err)
	}
	m, err := openAccount(b.T, Options{FS: b.fs, Root: "/other", Zone: time.UTC}).Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// noted looks at the mailbox as a client does that opens it for reading.
func (b *killed) noted() {
	b.Helper()
	for _, line := range subjectsOf(b.T, b.m) {
		uid, subject, _ := strings.Cut(line, " ")
		b.names[uid] = subject
	}
}

// notReused complains about a UID that was told for another message.
func (b *killed) notReused() {
	b.Helper()
	for _, line := range subjectsOf(b.T, b.m) {
		uid, subject, _ := strings.Cut(line, " ")
		if had := b.names[uid]; had != "" && had != subject {
			b.Errorf("UID %s names %q and named %q", uid, subject, had)
		}
	}
}

// kept is notReused, and complains about a message that had another UID.
func (b *killed) kept() {
	b.Helper()
	b.notReused()
	list := subjectsOf(b.T, b.m)
	for uid, subject := range b.names {
		i := slices.IndexFunc(list, func(line string) bool { return strings.HasSuffix(line, " "+subject) })
		if i >= 0 && list[i] != uid+" "+subject {
			b.Errorf("%q is %q and had UID %s", subject, list[i], uid)
		}
	}
}

// complete is kept, and complains about a message that was told and is not there.
func (b *killed) complete() {
	b.Helper()
	b.kept()
	text := strings.Join(subjectsOf(b.T, b.m), "\n") + "\n"
	for uid, subject := range b.names {
		if !strings.Contains(text, " "+subject+"\n") {
			b.Errorf("%s, %q, is missing of\n%s", uid, subject, text)
		}
	}
}

// read does what another program does that marks a message as read, if it is there.
func (b *killed) read(id string) {
	b.Helper()
	if field := "Subject: " + id + "\n"; strings.Contains(string(b.content()), field) {
		b.edit(field, field+"X-Status: F\n")
	}
}

// told looks at the mailbox as a client does that selects it, and complains about a UID
// that was told for another message.
func (b *killed) told() []string {
	b.Helper()
	b.refresh()
	if _, err := b.m.ClaimRecent(b.Context()); err != nil {
		b.Fatal(err)
	}
	list := subjectsOf(b.T, b.m)
	for _, line := range list {
		uid, subject, _ := strings.Cut(line, " ")
		if had := b.names[uid]; had != "" && had != subject {
			b.Errorf("UID %s names %q and named %q", uid, subject, had)
		}
		b.names[uid] = subject
	}
	return list
}

// number does what another server does that writes the UID of a message into the file.
func (b *killed) number(id string, uid mailstore.UID) {
	b.Helper()
	field := fmt.Sprintf("Subject: %s\n", id)
	b.edit(field, fmt.Sprintf("%sX-UID: %d\n", field, uid))
	if key := fmt.Sprint(uid); b.names[key] == "" {
		b.names[key] = id
	}
}

// used does the same with the last UID.
func (b *killed) used(uid mailstore.UID) {
	b.Helper()
	base := fmt.Sprintf("X-IMAPbase: %d ", b.m.UIDValidity())
	_, rest, found := strings.Cut(string(b.content()), base)
	if !found {
		b.Fatalf("no %s in\n%s", base, b.content())
	}
	b.edit(base+rest[:10], fmt.Sprintf("%s%010d", base, uid))
	for ; uid > 0; uid-- { // what it does not name any more has gone
		if key := fmt.Sprint(uid); b.names[key] == "" {
			b.names[key] = "something else"
		}
	}
}

// edit changes a text that stands in the file once.
func (b *killed) edit(old, new string) {
	b.Helper()
	text := string(b.content())
	if strings.Count(text, old) != 1 {
		b.Fatalf("%q stands %d times in\n%s", old, strings.Count(text, old), text)
	}
	b.write(strings.Replace(text, old, new, 1))
}

// write does what other programs do that change an mbox: the file stays the same.
func (b *killed) write(text string) {
	b.Helper()
	f, err := b.fs.OpenFile("/mail/inbox", os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	_, err = f.WriteAt([]byte(text), 0)
	if err = errors.Join(err, f.Truncate(int64(len(text))), f.Sync(), f.Close()); err != nil {
		b.Fatal(err)
	}
}

func (b *killed) append(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if err := appendText(b.T, b.m, "Subject: "+id+"\n\n"+id+"\n"); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *killed) deliver(ids ...string) {
	b.Helper()
	f, err := b.fs.OpenFile("/mail/inbox", 1, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	at := fi.Size()
	for _, id := range ids {
		n, err := f.WriteAt([]byte(mailOf(id)), at)
		if err != nil {
			b.Fatal(err)
		}
		at += int64(n)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}

func (b *killed) content() []byte {
	b.Helper()
	text, err := fsys.ReadFile(b.fs, "/mail/inbox", 16<<20)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// remove does what another program does that takes a message out.
func (b *killed) remove(id string) {
	b.Helper()
	text := ""
	for _, m := range strings.Split("\n\n"+string(b.content()), "\n\nFrom ")[1:] {
		if !strings.Contains(m, "Subject: "+id+"\n") {
			text += "From " + strings.TrimRight(m, "\n") + "\n\n"
		}
	}
	b.write(text)
}

func (b *killed) refresh() {
	b.Helper()
	if err := b.m.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func (b *killed) expunge(uids ...mailstore.UID) {
	b.Helper()
	if _, err := b.m.Expunge(context.Background(), mailstore.NewUIDSet(uids...), false); err != nil {
		b.Fatal(err)
	}
}
