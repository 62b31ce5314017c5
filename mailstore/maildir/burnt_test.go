package maildir_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/maildir"
)

// brokenFS fails when something of a name is synced, behind a look by others.
type brokenFS struct {
	fsys.OS
	name string
	look func()
}

func (b *brokenFS) sync(path string, sync func() error) error {
	if filepath.Base(path) != b.name {
		return sync()
	}
	b.look()
	return &fs.PathError{Op: "sync", Path: path, Err: syscall.EIO}
}

func (b *brokenFS) SyncDir(path string) error {
	return b.sync(path, func() error { return b.OS.SyncDir(path) })
}

func (b *brokenFS) OpenFile(path string, flag int, perm fs.FileMode) (fsys.File, error) {
	f, err := b.OS.OpenFile(path, flag, perm)
	return brokenFile{f, path, b}, err
}

type brokenFile struct {
	fsys.File
	path string
	disk *brokenFS
}

func (f brokenFile) Sync() error { return f.disk.sync(f.path, f.File.Sync) }

// TestBurntUID: a UID that another process has seen is not given again, though the append
// that took it failed.
func TestBurntUID(t *testing.T) {
	for _, name := range []string{"new", "dovecot-uidlist"} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "Maildir")
			disk := new(brokenFS)
			ours := openBox(t, openAccount(t, maildir.Options{Root: root, FS: disk}), mailstore.Inbox)
			ours.add(mailstore.Flags{}, "one")
			var other box
			var seen []string
			disk.look = func() {
				if seen != nil {
					return // what was placed is taken back
				}
				other = openBox(t, openAccount(t, maildir.Options{Root: root}), mailstore.Inbox)
				seen = other.contents()
			}
			disk.name = name
			if _, err := appendTo(t, ours, mailstore.Flags{}, "lost"); err == nil {
				t.Fatal("the append did not fail")
			}
			disk.name = ""
			if len(seen) != 2 || seen[1] != "2 [] lost" {
				t.Fatalf("the other has seen %q: nothing is tested", seen)
			}
			third := openBox(t, openAccount(t, maildir.Options{Root: root}), mailstore.Inbox)
			third.add(mailstore.Flags{}, "three")
			for _, m := range []box{third, other, ours} {
				m.refresh()
				m.want("1 [] one", "3 [] three")
			}
		})
	}
}
