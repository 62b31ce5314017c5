package fsys_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"restante/fsys"
)

// TestDir: files of a directory that is open, and nothing else.
func TestDir(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "cur")
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, errors.Join(
		os.Mkdir(dir, 0o700), os.Mkdir(at("dir"), 0o700),
		os.WriteFile(at("file"), []byte("text"), 0o600), os.WriteFile(at("dir/file"), nil, 0o600), os.WriteFile(filepath.Join(top, "outside"), nil, 0o600),
		os.Symlink("file", at("link")), unix.Mkfifo(at("pipe"), 0o600),
	))
	d, err := fsys.OpenDir(fsys.NewDebts(fsys.OS{}), dir)
	must(t, err)
	for _, c := range []struct {
		name, why string
		want      error
	}{
		{"file", "a message", nil},
		{"none", "no such file", fs.ErrNotExist},
		{"link", "a link may lead anywhere", unix.ELOOP},
		{"pipe", "it would wait for a writer", fsys.ErrNotFile},
		{"dir", "it has no content", fsys.ErrNotFile},
		{"dir/file", "no name, and nobody knows who may pass through dir", unix.EINVAL},
		{"../outside", "it is elsewhere", unix.EINVAL},
		{"..", "it has no content", fsys.ErrNotFile},
		{"", "no name", unix.EINVAL},
	} {
		f, err := d.Open(c.name)
		if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), at(c.name)) {
			t.Errorf("%q gives %v, want %v: %s", c.name, err, c.want, c.why)
		}
		if err != nil {
			continue
		}
		if got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30)); err != nil || string(got) != "text" || f.Size() != 4 {
			t.Errorf("%q has %q, %d octets, %v", c.name, got, f.Size(), err)
		}
		must(t, f.Close())
		if _, err := f.ReadAt(make([]byte, 1), 0); !strings.Contains(err.Error(), at(c.name)) {
			t.Errorf("an error without its path: %v", err)
		}
	}

	moved := filepath.Join(top, "moved")
	must(t, os.Rename(dir, moved))
	if f, err := d.Open("file"); err != nil {
		t.Error("when it has moved: ", err)
	} else {
		must(t, f.Close())
	}
	must(t, d.Close())
	if _, err := d.Open("file"); !errors.Is(err, fsys.ErrNoDir) {
		t.Errorf("closed, it gives %v", err)
	}
	if err := d.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed again: %v", err)
	}
}

// TestDirModTime: a directory that is open tells when it was changed, wherever it stands,
// and that it has been removed.
func TestDirModTime(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "cur")
	must(t, os.Mkdir(dir, 0o700))
	d, err := fsys.OpenDir(fsys.OS{}, dir)
	must(t, err)
	same := func(at string, mtime time.Time) {
		t.Helper()
		must(t, os.Chtimes(at, time.Time{}, mtime))
		if got, err := d.ModTime(); err != nil || !got.Equal(mtime) {
			t.Errorf("changed at %v, it tells %v, %v", mtime, got, err)
		}
	}
	same(dir, time.Unix(1e9, 1))
	moved := filepath.Join(top, "moved")
	must(t, os.Rename(dir, moved))
	same(moved, time.Unix(1e9, 2))
	if n := testing.AllocsPerRun(10, func() { _, _ = d.ModTime() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	must(t, os.Remove(moved))
	if _, err := d.ModTime(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("removed, it gives %v", err)
	}
	must(t, d.Close())
	if _, err := d.ModTime(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed, it gives %v", err)
	}
}

// TestDirRefuses: what cannot be opened, or must be opened by its path.
func TestDirRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		name string
		sys  fsys.FS
		path string
		want error
	}{
		{"another file system", otherFS{fsys.OS{}}, dir, fsys.ErrNoDir},
		{"no directory", fsys.OS{}, file, unix.ENOTDIR},
		{"nothing", fsys.OS{}, dir + "/none", fs.ErrNotExist},
	} {
		if _, err := fsys.OpenDir(c.sys, c.path); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestDirOfOwner: with the process's rights no file is read that the owner could not
// read himself by its path; what he can read in another way than as its owner is
// refused with ErrNoDir, and no thread's rights change.
func TestDirOfOwner(t *testing.T) {
	top := openDir(t)
	dir := home(t, top+"/cur", ana)
	put := func(name string, o fsys.Owner, perm fs.FileMode) {
		t.Helper()
		must(t, errors.Join(os.WriteFile(name, []byte("text"), 0o600), os.Lchown(name, o.UID, o.GID), os.Chmod(name, perm)))
	}
	put(dir+"/own", ana, 0o600)
	put(dir+"/closed", ana, 0o040)
	put(dir+"/shared", fsys.Owner{UID: bob.UID, GID: ana.GID}, 0o640)
	put(dir+"/others", bob, 0o600)
	put(dir+"/public", bob, 0o644)
	must(t, errors.Join(os.WriteFile(top+"/secret", nil, 0o600), os.Link(top+"/secret", dir+"/linked")))
	d, err := fsys.OpenDir(as(t, ana), dir)
	must(t, err)
	defer d.Close()
	for name, want := range map[string]error{
		"own":    nil,
		"closed": fsys.ErrNoDir, // he has taken the right from himself
		"shared": fsys.ErrNoDir, // by his group
		"others": fsys.ErrNoDir,
		"public": fsys.ErrNoDir, // as anybody
		"linked": fsys.ErrNoDir, // a hard link to what is root's
	} {
		f, err := d.Open(name)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err == nil {
			must(t, f.Close())
		}
	}
	for name, change := range map[string]func() error{
		"he may not pass through it": func() error { return os.Chmod(dir, 0o600) },
		"he may not list it":         func() error { return os.Chmod(dir, 0o300) },
		"it is another's":            func() error { return errors.Join(os.Chmod(dir, 0o755), os.Lchown(dir, bob.UID, bob.GID)) },
		"he cannot get there":        func() error { return errors.Join(os.Lchown(dir, ana.UID, ana.GID), os.Chmod(top, 0o700)) },
	} {
		must(t, errors.Join(os.Chmod(top, 0o755), os.Lchown(dir, ana.UID, ana.GID), os.Chmod(dir, 0o700), change()))
		if d, err := fsys.OpenDir(as(t, ana), dir); err == nil {
			t.Errorf("%s, and it is opened", name)
			must(t, d.Close())
		}
	}
}

// TestDirInParallel: a directory may be closed while others open files in it.
func TestDirInParallel(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/file", []byte("text"), 0o600))
	d, err := fsys.OpenDir(fsys.OS{}, dir)
	must(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				f, err := d.Open("file")
				if err != nil {
					if !errors.Is(err, fsys.ErrNoDir) {
						t.Error(err)
					}
					return
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	time.Sleep(time.Millisecond)
	must(t, d.Close())
	all.Wait()
}
