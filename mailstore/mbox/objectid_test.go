package mbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// idBox is an account over real files whose mailboxes are asked for their names.
type idBox struct {
	*testing.T
	root string
}

func newIDBox(t *testing.T, names ...string) *idBox {
	b := &idBox{T: t, root: filepath.Join(t.TempDir(), "mail")}
	acct := openAccount(t, b.options())
	for _, name := range names {
		if err := acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.path(name), []byte(mailOf(name)), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := acct.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.ClaimRecent(t.Context()); err != nil { // so that the file gets its notes
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *idBox) options() Options { return Options{Root: b.root, IndexDir: b.root + ".index"} }

func (b *idBox) path(elem ...string) string {
	return filepath.Join(append([]string{b.root}, elem...)...)
}

// id opens the account anew and asks for a mailbox's name for ever, of the open mailbox
// and of one that is not.
func (b *idBox) id(name string) string {
	b.Helper()
	acct := openAccount(b, b.options())
	m, err := acct.Open(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	id, err := m.ObjectID(b.Context())
	if err = errors.Join(err, m.Close()); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	s, err := acct.Status(b.Context(), name, mailstore.WantObjectID)
	if err != nil || s.ObjectID != id {
		b.Errorf("%s is %q, and by Status %q, %v", name, id, s.ObjectID, err)
	}
	return id
}

func (b *idBox) same(name, want, when string) {
	b.Helper()
	for range 2 {
		if id := b.id(name); id != want {
			b.Errorf("%s: %s is %s, was %s", when, name, id, want)
		}
	}
}

func (b *idBox) copy(from, to string) {
	b.Helper()
	if out, err := exec.Command("cp", "-a", b.path(from), b.path(to)).CombinedOutput(); err != nil {
		b.Fatalf("cp: %v, %s", err, out)
	}
}

// TestObjectIDFollows: it follows the notes, which follow the mailbox, and needs no
// index.
func TestObjectIDFollows(t *testing.T) {
	b := newIDBox(t, "box")
	id, inbox := b.id("box"), b.id(mailstore.Inbox)
	for _, name := range []string{"box", ".imap/box"} { // as Dovecot renames it
		if err := os.Rename(b.path(name), b.path(filepath.Dir(name), "new")); err != nil {
			t.Fatal(err)
		}
	}
	b.same("new", id, "renamed by Dovecot")
	data, err := os.ReadFile(b.path("new"))
	if err == nil {
		err = errors.Join(os.Remove(b.path("new")), os.WriteFile(b.path("new"), append(data, mailOf("more")...), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.same("new", id, "written anew by another program")
	if err := os.RemoveAll(b.root + ".index"); err != nil {
		t.Fatal(err)
	}
	b.same("new", id, "without the index")
	old := b.root
	b.root = filepath.Join(t.TempDir(), "mail")
	if out, err := exec.Command("cp", "-a", old, b.root).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v, %s", err, out)
	}
	b.same("new", id, "on another machine")
	b.same(mailstore.Inbox, inbox, "on another machine")
}

// TestObjectIDOfAnother: a file that took the place, or is a copy, is another mailbox.
func TestObjectIDOfAnother(t *testing.T) {
	t.Run("the file is another's", func(t *testing.T) {
		b := newIDBox(t, "a", "b")
		first, second := b.id("a"), b.id("b")
		if err := os.Rename(b.path("a"), b.path("b")); err != nil {
			t.Fatal(err)
		}
		if id := b.id("b"); id == second || id == first {
			t.Errorf("what was a stands at b, where its notes are not, and is %s; a was %s, b was %s", id, first, second)
		}
	})
	for _, tt := range []struct {
		why, copy string
		copyFirst bool
	}{
		{"a copy with its notes, the original is asked first", "z", false},
		{"the copy is asked first", "z", true},
		{"the copy comes first by name", "a", true},
	} {
		t.Run(tt.why, func(t *testing.T) {
			b := newIDBox(t, "m", "other")
			id := b.id("m")
			b.copy("m", tt.copy)
			b.copy(".imap/m", ".imap/"+tt.copy)
			if !tt.copyFirst {
				b.same("m", id, "copied")
			}
			other := b.id(tt.copy)
			if other == id {
				t.Errorf("the copy is %s, too", id)
			}
			b.same("m", id, "copied")
			b.same(tt.copy, other, "a copy")
		})
	}
	t.Run("the notes are damaged", func(t *testing.T) {
		b := newIDBox(t, "box")
		b.id("box")
		if err := os.WriteFile(b.path(".imap", "box", "restante.id"), []byte("../../etc 1 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		b.same("box", b.id("box"), "damaged")
	})
}

// TestObjectIDCannotBeWritten: what cannot last is not told.
func TestObjectIDCannotBeWritten(t *testing.T) {
	fs := &fullDisk{FS: faultfs.New()}
	opt := Options{FS: fs, Root: "/mail"}
	m, err := openAccount(t, opt).Open(t.Context(), mailstore.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fs.full = true
	if id, err := m.ObjectID(t.Context()); id != "" || !errors.Is(err, mailstore.ErrOverQuota) {
		t.Errorf("on a full disk the object id is %q, %v", id, err)
	}
	fs.full = false
	id, err := m.ObjectID(t.Context())
	if err != nil || id == "" {
		t.Fatalf("with room again the object id is %q, %v", id, err)
	}
	fs.full = true
	again, err := m.ObjectID(t.Context())
	if err != nil || again != id {
		t.Errorf("it was %s and is %s, %v", id, again, err)
	}
}
