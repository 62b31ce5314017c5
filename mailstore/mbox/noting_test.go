package mbox

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// heavyBox is an inbox in which much stands behind the first message, and none
// has notes.
type heavyBox struct {
	*testing.T
	root string
	acct mailstore.Account
	m    mailstore.Mailbox
}

func newHeavyBox(t *testing.T) *heavyBox {
	b := &heavyBox{T: t, root: t.TempDir()}
	body := strings.Repeat(strings.Repeat("x", 76)+"\n", (notesAtClose+1<<20)/77)
	text := mailOf("one") + mailOf("two") + dated + "Subject: three\n\n" + body + "\n" + mailOf("four")
	if err := os.WriteFile(b.path(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	if _, err := b.m.ClaimRecent(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *heavyBox) path() string { return filepath.Join(b.root, "inbox") }

func (b *heavyBox) open() {
	b.Helper()
	b.acct = openAccount(b.T, Options{FS: fsys.OS{}, Root: b.root, Zone: time.UTC, IndexDir: b.root + ".index"})
	m, err := b.acct.Open(b.Context(), mailstore.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
}

func (b *heavyBox) close() {
	b.Helper()
	if err := b.m.Close(); err != nil {
		b.Fatal(err)
	}
}

// stamps counts the fields that hold UIDs.
func (b *heavyBox) stamps() (bases, uids int) {
	b.Helper()
	text, err := os.ReadFile(b.path())
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Count(text, []byte("\nX-IMAPbase: ")), bytes.Count(text, []byte("\nX-UID: "))
}

func (b *heavyBox) want(when string, bases, uids int) {
	b.Helper()
	if gotBases, gotUIDs := b.stamps(); gotBases != bases || gotUIDs != uids {
		b.Errorf("%s: %d times X-IMAPbase and %d X-UID, want %d and %d", when, gotBases, gotUIDs, bases, uids)
	}
}

// TestNotesOfMuch: closing a mailbox does not move much; what moves as much
// anyway writes the notes of all.
func TestNotesOfMuch(t *testing.T) {
	b := newHeavyBox(t)
	b.close()
	b.want("closed", 0, 0)
	b.open()
	if r := b.m.Status().Recent; r != 0 {
		t.Errorf("opened again: %d messages are recent", r)
	}
	if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(4), false); err != nil {
		t.Fatal(err)
	}
	b.want("the last is gone, which moves nothing", 0, 0)
	if _, err := b.m.Expunge(t.Context(), mailstore.NewUIDSet(2), false); err != nil {
		t.Fatal(err)
	}
	b.want("one in front of most is gone", 1, 2)
	if err := appendText(t, b.m, "Subject: five\n\nfive\n"); err != nil {
		t.Fatal(err)
	}
	b.close()
	before, err := os.Stat(b.path())
	if err != nil {
		t.Fatal(err)
	}
	b.open()
	uids, c := b.m.Follow()
	c.Close()
	if len(uids) != 3 || uids[0] != 1 || uids[1] != 3 || uids[2] != 5 {
		t.Errorf("UIDs %v, want 1, 3, 5", uids)
	}
	b.close()
	if after, err := os.Stat(b.path()); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("opening and closing changed the file: %v, %v", after, err)
	}
}

// TestRebuildWritesNotes: whoever wants the UIDs in the file gets them there,
// whatever has to be moved; done again it changes nothing.
func TestRebuildWritesNotes(t *testing.T) {
	b := newHeavyBox(t)
	validity := b.m.UIDValidity()
	b.close()
	var times []time.Time
	for range 2 {
		if err := b.acct.(mailstore.Verifier).Rebuild(t.Context(), mailstore.Inbox); err != nil {
			t.Fatal(err)
		}
		b.want("rebuilt", 1, 4)
		fi, err := os.Stat(b.path())
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, fi.ModTime())
	}
	if !times[0].Equal(times[1]) {
		t.Error("the second time has changed the file")
	}
	if err := os.RemoveAll(filepath.Join(b.root, ".imap")); err != nil {
		t.Fatal(err)
	}
	b.open()
	if v := b.m.UIDValidity(); v != validity {
		t.Errorf("without the state file the UIDVALIDITY is %d, want %d", v, validity)
	}
	b.close()
}

// writtenFS counts the octets that are written to mbox files.
type writtenFS struct {
	fsys.OS
	n atomic.Int64
}

func (w *writtenFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	f, err := w.OS.OpenFile(name, flag, perm)
	if err != nil || strings.Contains(name, notesDir) || strings.Contains(name, "index") {
		return f, err
	}
	return writtenFile{f, w}, nil
}

type writtenFile struct {
	fsys.File
	fs *writtenFS
}

func (f writtenFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.n.Add(int64(len(b)))
	return f.File.WriteAt(b, off)
}

// TestStoreWithoutNotes: flags stored one by one in a mailbox that has no notes move
// each octet of it a few times, in whatever order the messages come, and whether or
// not the file says anything of UIDs.
func TestStoreWithoutNotes(t *testing.T) {
	data, n := generate(8 << 20)
	orders := map[string]func(i int) int{
		"from the last to the first": func(i int) int { return n - i },
		"from the first to the last": func(i int) int { return i + 1 },
		"at random":                  func(i int) int { return rand.New(rand.NewPCG(1, 2)).Perm(n)[i] + 1 },
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, "inbox"), data, 0o600); err != nil {
				t.Fatal(err)
			}
			var written writtenFS
			m, err := openAccount(t, Options{FS: &written, Root: root, Zone: time.UTC}).Open(t.Context(), mailstore.Inbox)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for i := range n {
				uid := mailstore.UID(order(i))
				if _, err := m.SetFlags(t.Context(), mailstore.NewUIDSet(uid), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if w, most := written.n.Load(), 4*int64(len(data)); w > most {
				t.Errorf("%d octets were written to a mailbox of %d", w, len(data))
			}
			if s := m.Status(); s.Unseen != 0 || int(s.Messages) != n {
				t.Errorf("of %d messages %d are unseen, there were %d", s.Messages, s.Unseen, n)
			}
		})
	}
}
