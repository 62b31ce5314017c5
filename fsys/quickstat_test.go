package fsys

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestQuickStat: it tells what fstat tells, also of what is removed, and is not asked where
// the answer may have to be waited for.
func TestQuickStat(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	same := func() {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		mtime, links, ok := quickStat(fd)
		if !ok {
			t.Skip("the kernel has no statx here")
		}
		if want := time.Unix(st.Mtim.Unix()); !mtime.Equal(want) || uint64(links) != uint64(st.Nlink) {
			t.Errorf("changed at %v with %d names, want %v with %d", mtime, links, want, st.Nlink)
		}
	}
	for _, mtime := range []time.Time{time.Unix(1e9, 123456789), time.Unix(-5, 7), time.Unix(0, 0)} {
		if err := os.Chtimes(name, time.Time{}, mtime); err != nil {
			t.Fatal(err)
		}
		same()
	}
	if err := os.Link(name, name+"2"); err != nil {
		t.Fatal(err)
	}
	same()
	os.Remove(name)
	os.Remove(name + "2")
	same()
	if _, _, ok := quickStat(-1); ok {
		t.Error("a descriptor that is none is told of")
	}
	proc, err := os.Open("/proc")
	if err != nil {
		t.Skip(err)
	}
	defer proc.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(proc.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	st.Dev = unix.Mkdev(8, 1) // its type alone tells it
	if looksAreQuick(int(proc.Fd()), &st) {
		t.Error("/proc is taken for a file system that answers at once")
	}
	st.Dev = 0
	if looksAreQuick(fd, &st) {
		t.Error("what has no device is taken for a file system of this machine")
	}
}
