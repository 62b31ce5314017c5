package mbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// box is a mailbox on a real file system that other programs change.
type box struct {
	*testing.T
	root, file string
	acct       mailstore.Account
	m          mailstore.Mailbox
}

func newBox(t *testing.T, content string) *box {
	root := t.TempDir()
	b := &box{T: t, root: root, file: filepath.Join(root, "inbox")}
	b.write(content)
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *box) open() {
	b.Helper()
	b.acct = openAccount(b.T, Options{Root: b.root, Zone: time.UTC, LockTimeout: 200 * time.Millisecond})
	m, err := b.acct.Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
}

func (b *box) close() {
	b.Helper()
	if b.m != nil {
		if err := b.m.Close(); err != nil {
			b.Error(err)
		}
	}
	b.m = nil
}

func (b *box) reopen() {
	b.Helper()
	b.close()
	b.open()
}

// write replaces the file's content on the same inode, as mutt does.
func (b *box) write(content string) {
	b.Helper()
	if err := os.WriteFile(b.file, []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *box) read() string {
	b.Helper()
	data, err := os.ReadFile(b.file)
	if err != nil {
		b.Fatal(err)
	}
	return string(data)
}

func (b *box) deliver(content string) { b.write(b.read() + content) }

func (b *box) refresh() {
	b.Helper()
	if err := b.m.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// has checks what the mailbox holds: `UID flags subject` each.
func (b *box) has(want ...string) {
	b.Helper()
	var got []string
	for _, r := range b.m.Records(make([]mailstore.Record, 0, 100), 1) {
		text := string(readWire(b.T, b.m, r.UID))
		_, subject, _ := strings.Cut(text, "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		got = append(got, fmt.Sprintf("%d (%s) %s", r.UID, flagText(r.Flags), subject))
	}
	if !slices.Equal(got, want) {
		b.Errorf("the mailbox holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (b *box) claim() {
	b.Helper()
	if _, err := b.m.ClaimRecent(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func (b *box) setFlags(op mailstore.FlagOp, f mailstore.Flags, uids ...mailstore.UID) {
	b.Helper()
	if _, err := b.m.SetFlags(b.Context(), mailstore.NewUIDSet(uids...), op, f, mailstore.SetFlagsOptions{}); err != nil {
		b.Fatal(err)
	}
}

func mailOf(subject string, fields ...string) string {
	return dated + "Subject: " + subject + "\n" + strings.Join(fields, "") + "\nbody of " + subject + "\n\n"
}

const recent = `\Recent`

func TestDelivery(t *testing.T) {
	b := newBox(t, mailOf("a"))
	b.has("1 (" + recent + ") a")
	b.deliver(mailOf("b") + mailOf("c"))
	b.refresh()
	b.has("1 ("+recent+") a", "2 ("+recent+") b", "3 ("+recent+") c")
	if b.read() != mailOf("a")+mailOf("b")+mailOf("c") {
		t.Error("reading has changed the file")
	}
}

// TestUIDsBeforeTheyAreWritten: nothing has been written to the mbox yet, and
// mail comes and goes while nobody looks.
func TestUIDsBeforeTheyAreWritten(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b")+mailOf("c"))
	validity := b.m.UIDValidity()
	b.close()
	b.write(mailOf("a") + mailOf("c", "Status: RO\n", "Lines: 1\n", "Content-Length: 10\n") + mailOf("d"))
	b.open()
	b.has("1 ("+recent+") a", `3 (\Seen) c`, "4 ("+recent+") d")
	if b.m.UIDValidity() != validity {
		t.Error("another UIDVALIDITY")
	}
	b.close()
	b.write("")
	b.open()
	b.has()
	b.close()
	b.write(mailOf("a"))
	b.open()
	b.has("5 (" + recent + ") a")
}

// TestWithoutState: once the mbox holds its notes, our own files may be lost.
func TestWithoutState(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b")+mailOf("c"))
	validity := b.m.UIDValidity()
	b.claim()
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "work"), 2)
	if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(3), false); err != nil {
		t.Fatal(err)
	}
	b.close()
	if err := os.RemoveAll(filepath.Join(b.root, notesDir)); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.has("1 () a", `2 (\Flagged work) b`)
	if s := b.m.Status(); b.m.UIDValidity() != validity || s.UIDNext != 4 {
		t.Errorf("UIDVALIDITY %d, was %d; status %+v", b.m.UIDValidity(), validity, s)
	}
}

func TestForgedFields(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b")+mailOf("c"))
	b.claim()
	if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(2, 3), false); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	b.deliver(mailOf("an old UID", "X-UID: 2\n") + mailOf("a large one", "X-UID: 4000000000\n") +
		mailOf("a base", "X-IMAPbase: 77 99\n", "X-IMAP: 77 99\n") + mailOf("keywords", "X-Keywords: forged\n"))
	b.refresh()
	want := []string{"1 () a", "4 (" + recent + ") an old UID", "5 (" + recent + ") a large one", "6 (" + recent + ") a base", "7 (" + recent + ") keywords"}
	b.has(want...)
	b.reopen()
	b.has(want...)
	b.claim()
	b.reopen()
	b.has("1 () a", "4 () an old UID", "5 () a large one", "6 () a base", "7 () keywords")
	if text := b.read(); strings.Contains(text, "forged") || strings.Contains(text, "4000000000") || strings.Contains(text, "77 99") {
		t.Errorf("forged fields are still in the file:\n%s", text)
	}
}

// TestRewrittenByOthers: another program writes the file anew, on the same inode
// or as a new file.
func TestRewrittenByOthers(t *testing.T) {
	for _, replace := range []bool{false, true} {
		b := newBox(t, mailOf("a")+mailOf("b")+mailOf("c")+mailOf("d"))
		b.claim()
		b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), 4)
		b.reopen()
		_, list, err := parseText(b.read())
		if err != nil || len(list) != 4 {
			t.Fatal(list, err)
		}
		old := b.read()
		part := func(i int) string { return old[list[i].off:list[i].end()] }
		// The second is gone, the third has other flags, the fourth was edited.
		text := part(0) + strings.Replace(part(2), "Status: ", "X-Status: AF\nStatus: R", 1) + strings.Replace(part(3), "body of d", "other text", 1) + mailOf("e")
		if replace {
			if err := os.WriteFile(b.file+".new", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(b.file+".new", b.file); err != nil {
				t.Fatal(err)
			}
		} else {
			b.write(text)
		}
		_, c := b.m.Follow()
		b.refresh()
		want := []string{"1 () a", `3 (\Answered \Flagged \Seen) c`, `5 (\Seen k) d`, "6 (" + recent + ") e"}
		b.has(want...)
		changes, _ := c.Next()
		c.Close()
		if len(changes) != 5 {
			t.Errorf("changes %v, want two expunged, one changed, two added", changes)
		}
		b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), 3)
		want[1] = `3 (\Answered \Deleted \Flagged \Seen) c`
		b.has(want...)
		b.reopen()
		b.has(want...)
	}
}

// TestEmptiedByOthers: UIDs are not given again.
func TestEmptiedByOthers(t *testing.T) {
	b := newBox(t, mailOf("a")+mailOf("b"))
	b.claim()
	b.reopen()
	b.write("")
	b.refresh()
	b.has()
	b.deliver(mailOf("c"))
	b.refresh()
	b.has("3 (" + recent + ") c")
	b.reopen()
	b.has("3 (" + recent + ") c")
}

// TestOtherValidity: a program that knows better has given the mailbox another
// UIDVALIDITY.
func TestOtherValidity(t *testing.T) {
	b := newBox(t, mailOf("a"))
	b.write(mailOf("a", "X-IMAPbase: 12345 0000000009\n", "X-UID: 9\n"))
	if err := b.m.Refresh(t.Context()); !errors.Is(err, mailstore.ErrGone) {
		t.Errorf("refresh: %v, want ErrGone", err)
	}
	b.reopen()
	b.has("9 (" + recent + ") a")
	if v := b.m.UIDValidity(); v != 12345 {
		t.Errorf("UIDVALIDITY %d", v)
	}
}

func TestUWPseudoMessage(t *testing.T) {
	pseudo := "From MAILER-DAEMON Thu Nov 29 22:33:52 2001\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1095270044 0000000007 NonJunk\nStatus: RO\n\nThis text is part of the internal format of your mail folder.\n\n"
	b := newBox(t, pseudo+mailOf("a", "Status: RO\n", "X-Status: \n", "X-Keywords: NonJunk        \n", "X-UID: 5\n"))
	b.has(`5 (NonJunk \Seen) a`)
	if s := b.m.Status(); s.UIDNext != 8 || s.UIDValidity != 1095270044 {
		t.Errorf("status %+v", s)
	}
	b.setFlags(mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "new-word"), 5)
	b.deliver(mailOf("b"))
	b.refresh()
	b.claim()
	b.reopen()
	b.has(`5 (NonJunk \Flagged \Seen new-word) a`, "8 () b")
	if _, err := b.m.Expunge(t.Context(), mailstore.AllUIDs(), false); err != nil {
		t.Fatal(err)
	}
	b.close()
	if err := os.RemoveAll(filepath.Join(b.root, notesDir)); err != nil {
		t.Fatal(err)
	}
	b.open()
	if s := b.m.Status(); s.UIDNext != 9 || s.UIDValidity != 1095270044 || s.Messages != 0 {
		t.Errorf("after all were expunged and our notes lost: %+v\n%s", s, b.read())
	}
	if !strings.Contains(b.read(), "X-IMAP: 1095270044 0000000008 NonJunk new-word") {
		t.Errorf("the pseudo message reads\n%s", b.read())
	}
}
