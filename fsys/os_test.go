package fsys

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// TestEachName: it tells what ReadDir does, with any buffer and below any layer.
func TestEachName(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		if err := os.WriteFile(filepath.Join(dir, strings.Repeat("n", i%240)+strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("n1", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	want, err := OS{}.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	plain := struct{ FS }{OS{}} // which only has what FS asks for
	for _, c := range []struct {
		sys  FS
		size int
		stop int // after so many
	}{{OS{}, 512, 1000}, {OS{}, 64 << 10, 1000}, {NewDebts(OS{}), 4096, 1000}, {NewDebts(plain), 4096, 1000}, {OS{}, 512, 5}, {plain, 512, 5}} {
		var got []Entry
		err := EachName(c.sys, dir, make([]byte, c.size), func(name []byte, kind fs.FileMode) bool {
			got = append(got, Entry{string(name), kind})
			return len(got) < c.stop
		})
		// A file system may not tell the types, which ReadDir finds out.
		same := func(a, b Entry) bool { return a.Name == b.Name && (a.Type == b.Type || a.Type == fs.ModeIrregular) }
		if err != nil || !slices.EqualFunc(got, want[:min(len(want), c.stop)], same) {
			t.Errorf("%T, a buffer of %d octets: %d names of %d, %v", c.sys, c.size, len(got), len(want), err)
		}
	}
	for _, sys := range []FS{OS{}, NewDebts(OS{}), plain} {
		if err := EachName(sys, filepath.Join(dir, "n1"), make([]byte, 512), nil); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%T, a file: %v", sys, err)
		}
	}
}

// TestReadDirLarge reads directories that fill a buffer once, and both sizes of it.
func TestReadDirLarge(t *testing.T) {
	for _, n := range []int{0, 1, smallDir / 260, smallDir / 100, 3 * largeDir / 200} {
		dir := t.TempDir()
		want := make(map[string]bool)
		for i := range n {
			name := strings.Repeat("n", i%240) + "é:2," + strconv.Itoa(i)
			want[name] = true
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := OS{}.ReadDir(dir)
		if err != nil || len(entries) != n {
			t.Fatalf("%d of %d entries, %v", len(entries), n, err)
		}
		for _, e := range entries {
			if !want[e.Name] || e.Type != 0 {
				t.Errorf("%q of type %v", e.Name, e.Type)
			}
			delete(want, e.Name)
		}
	}
}

// TestReadDirents: what no kernel says is refused, not followed.
func TestReadDirents(t *testing.T) {
	one := func(length uint16, name string) []byte {
		b := make([]byte, direntName, 64)
		binary.NativeEndian.PutUint16(b[direntLength:], length)
		b[direntType] = syscall.DT_REG
		return append(b, name...)
	}
	for _, c := range []struct {
		why  string
		buf  []byte
		want error
	}{
		{"a name without an end", one(direntName+3, "abc"), nil},
		{"longer than what there is", one(direntName+4, "abc"), errBadDirent},
		{"no room for a name", one(direntName, ""), errBadDirent},
		{"would be read for ever", one(0, "abc"), errBadDirent},
		{"half a head", one(direntName+3, "abc")[:10], errBadDirent},
	} {
		var r dirReader
		if err := r.take(c.buf); err != c.want || err == nil && (len(r.list) != 1 || r.list[0] != Entry{Name: "abc"}) {
			t.Errorf("%s: %v, %v", c.why, r.list, err)
		}
	}
}

// TestReadDirAllocs: names are not allocated one by one.
func TestReadDirAllocs(t *testing.T) {
	dir := t.TempDir()
	for i := range 2000 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(1_700_000_000+i)+".M123456P789Q1.host,S=1234:2,S"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := testing.AllocsPerRun(5, func() {
		if list, err := (OS{}).ReadDir(dir); err != nil || len(list) != 2000 {
			t.Errorf("%d entries, %v", len(list), err)
		}
	})
	if n > 60 { // the list and the lengths of the names grow some times
		t.Errorf("%v allocations for 2000 entries", n)
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
