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
