package maildir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// makeBox makes an empty mailbox directory.
func makeBox(t *testing.T, dir string) {
	t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func namesOf(t *testing.T, a mailstore.Account) (names []string) {
	t.Helper()
	list, err := a.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		names = append(names, in.Name)
	}
	return names
}

// TestLinksToEachOther: N mailboxes with links to each other have N! paths.
func TestLinksToEachOther(t *testing.T) {
	root, dirs := t.TempDir(), strings.Split("abcdefgh", "")
	for _, in := range dirs {
		makeBox(t, filepath.Join(root, in))
		for _, to := range dirs {
			if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, in, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, err := maildir.Open(t.Context(), maildir.Options{Root: root, Layout: maildir.FS})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	names := namesOf(t, a)
	if len(names) < 50 || len(names) > 2000 {
		t.Errorf("%d mailboxes", len(names))
	}
	for _, want := range []string{"a", "b", "g", "h"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// closedFS lets nobody look at what is below a directory.
type closedFS struct {
	fsys.OS
	dir string
}

func (c closedFS) refuse(name string) error {
	if strings.HasPrefix(name, c.dir+"/") {
		return &fs.PathError{Op: "stat", Path: name, Err: syscall.EACCES}
	}
	return nil
}

func (c closedFS) Stat(name string) (fs.FileInfo, error) {
	if err := c.refuse(name); err != nil {
		return nil, err
	}
	return c.OS.Stat(name)
}

func (c closedFS) ReadDir(name string) ([]fsys.Entry, error) {
	if err := c.refuse(name + "/"); err != nil {
		return nil, err
	}
	return c.OS.ReadDir(name)
}

// TestClosedDirectory: one directory that may not be looked at, as what a link of
// somebody else's mail leads to, does not hide all others.
func TestClosedDirectory(t *testing.T) {
	for name, layout := range map[string]maildir.Layout{".closed": maildir.MaildirPP, "closed": maildir.FS} {
		root := t.TempDir()
		makeBox(t, filepath.Join(root, name))
		makeBox(t, filepath.Join(root, strings.Replace(name, "closed", "open", 1)))
		a, err := maildir.Open(t.Context(), maildir.Options{Root: root, Layout: layout, FS: closedFS{dir: filepath.Join(root, name)}})
		if err != nil {
			t.Fatal(err)
		}
		if names := namesOf(t, a); !slices.Equal(names, []string{"INBOX", "open"}) {
			t.Errorf("%s: %q", name, names)
		}
		if _, err := a.Open(t.Context(), "closed"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: opened: %v", name, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// unreadableFS lets nobody open a file.
type unreadableFS struct {
	fsys.OS
	name string
}

func (u unreadableFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if strings.HasPrefix(filepath.Base(name), u.name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	return u.OS.OpenFile(name, flag, perm)
}

// TestUnreadableMessage: a file that root has copied into somebody's Maildir and
// not given to him is no reason to tell nothing of the others.
func TestUnreadableMessage(t *testing.T) {
	root := t.TempDir()
	makeBox(t, root)
	for _, name := range []string{"1.a.h:2,", "2.closed.h:2,", "3.b.h:2,"} {
		if err := os.WriteFile(filepath.Join(root, "cur", name), []byte(text(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := maildir.Open(t.Context(), maildir.Options{Root: root, FS: unreadableFS{name: "2.closed"}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b := openBox(t, a, mailstore.Inbox)
	b.ok(b.Fill(t.Context(), mailstore.AllUIDs(), mailstore.AttrSize|mailstore.AttrDate))
	for uid := mailstore.UID(1); uid <= 3; uid++ {
		if r, found := b.Record(uid); !found || (r.Size == mailstore.Unknown) != (uid == 2) {
			t.Errorf("UID %d: size %d, %v", uid, r.Size, found)
		}
	}
	st, err := a.Status(t.Context(), mailstore.Inbox, mailstore.WantSize)
	one, _ := b.Record(1)
	if three, _ := b.Record(3); err != nil || st.Messages != 3 || st.Size != one.Size+three.Size {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := b.OpenMessage(t.Context(), 2); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("opened: %v", err)
	}
}
