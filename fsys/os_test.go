package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestTryLock takes locks through several opens of one file in one process,
// which classic POSIX locks would not tell apart.
func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mbox")
	open := func(flag int) File {
		f, err := OS{}.OpenFile(path, flag|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	a, b, reader := open(os.O_RDWR), open(os.O_RDWR), open(os.O_RDONLY)
	for _, step := range []struct {
		why       string
		file      File
		exclusive bool
		want      bool
	}{
		{"free", a, false, true},
		{"two may read", b, false, true},
		{"not write while another reads", a, true, false},
		{"a lock of one's own is no hindrance", b, false, true},
	} {
		if got, err := step.file.TryLock(step.exclusive); got != step.want || err != nil {
			t.Errorf("%s: %v, %v; want %v", step.why, got, err, step.want)
		}
	}
	if err := b.Unlock(); err != nil {
		t.Fatal(err)
	}
	if got, err := a.TryLock(true); !got || err != nil {
		t.Errorf("from a shared to an exclusive lock: %v, %v", got, err)
	}
	if got, err := reader.TryLock(false); got || err != nil {
		t.Errorf("reading while another writes: %v, %v", got, err)
	}
	// A classic lock of another program meets ours.
	lk := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(b.(osFile).Fd(), syscall.F_SETLK, &lk); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("a POSIX lock against ours: %v", err)
	}
	// Closing another open of the file must not lose the lock.
	c := open(os.O_RDWR)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := reader.TryLock(false); got || err != nil {
		t.Errorf("the lock was lost when another open was closed: %v, %v", got, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := reader.TryLock(false); !got || err != nil {
		t.Errorf("after Close: %v, %v", got, err)
	}
	var pathErr *fs.PathError
	if _, err := reader.TryLock(true); !errors.As(err, &pathErr) || pathErr.Path != path {
		t.Errorf("an exclusive lock on a file open for reading: %v", err)
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "cur"), 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		os.Symlink("cur", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	entries, err := OS{}.ReadDir(dir)
	got := make(map[string]fs.FileMode)
	for _, e := range entries {
		got[e.Name] = e.Type
	}
	want := map[string]fs.FileMode{"cur": fs.ModeDir, "file": 0, "link": fs.ModeSymlink}
	for name, kind := range want {
		// A file system may not tell; then it says so.
		if k, found := got[name]; !found || k != kind && k != fs.ModeIrregular || len(got) != len(want) || err != nil {
			t.Errorf("ReadDir: %v, %v; want %v", got, err, want)
		}
	}
	if _, err := (OS{}).ReadDir(filepath.Join(dir, "file")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("ReadDir of a file: %v", err)
	}
	if err := (OS{}).SyncDir(dir); err != nil {
		t.Errorf("SyncDir: %v", err)
	}
}

// TestCreateWith holds for files without a name at first, and for those of file
// systems that have none.
func TestCreateWith(t *testing.T) {
	for name, create := range map[string]func(string, []byte, fs.FileMode) (File, error){"nameless": OS{}.CreateWith, "renamed": OS{}.createRenamed} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			f, err := create(path, []byte("content"), 0o640)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte("C"), 0); err != nil {
				t.Error(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != "Content" {
				t.Errorf("%q, %v", got, err)
			}
			fi, err := f.Stat()
			if named, statErr := os.Lstat(path); err != nil || statErr != nil || !SameFile(fi, named) || fi.Mode() != 0o640 {
				t.Errorf("%v, %v, %v", fi, err, statErr)
			}
			if _, err := create(path, nil, 0o600); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a second time: %v", err)
			}
			if _, err := create(filepath.Join(dir, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("without a directory: %v", err)
			}
			if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
				t.Errorf("left behind: %v, %v", list, err)
			}
		})
	}
}

// TestRename: a file replaces a file; a directory is not replaced.
func TestRename(t *testing.T) {
	for _, c := range []struct {
		what     string
		from, to string
		want     error
	}{
		{"to a new name", "file", "nothing", nil},
		{"over a file", "file", "other", nil},
		{"to itself", "file", "file", nil},
		{"to another name of its own", "file", "link", nil},
		{"a directory to a new name", "dir", "nothing", nil},
		{"a directory over an empty one, which rename(2) would do", "dir", "empty", fs.ErrExist},
		{"a file over a directory", "file", "empty", fs.ErrExist},
		{"what is not there", "nothing", "other", fs.ErrNotExist},
	} {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		for _, name := range []string{"file", "other"} {
			if err := os.WriteFile(at(name), []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Mkdir(at("dir"), 0o700), os.Mkdir(at("empty"), 0o700), os.Link(at("file"), at("link"))); err != nil {
			t.Fatal(err)
		}
		if err := (OS{}).Rename(at(c.from), at(c.to)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if c.want == nil && c.from == "file" {
			if b, err := os.ReadFile(at(c.to)); string(b) != "file" {
				t.Errorf("%s: there is %q, %v", c.what, b, err)
			}
		}
	}
}
