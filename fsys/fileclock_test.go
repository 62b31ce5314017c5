package fsys_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"restante/fsys"
)

// TestSameTick: what SameTick says can be built upon. Kernels that stamp by ticks are
// before Linux 6.13; ramfs does so on all of them. The times of files in /dev/shm then hurry
// ahead of that clock, and with them it.
func TestSameTick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := os.CreateTemp("/dev/shm", "restante")
	if err != nil {
		t.Log(err)
	} else {
		defer os.Remove(other.Name())
		defer other.Close()
	}
	hurry := func() {
		if other == nil {
			return
		}
		if _, err := other.WriteAt([]byte("a"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Stat(); err != nil {
			t.Fatal(err)
		}
	}
	times := func() (mtime, ctime time.Time) {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi.ModTime(), time.Unix(fi.Sys().(*syscall.Stat_t).Ctim.Unix())
	}
	write := func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("b"), 0); err != nil {
			t.Fatal(err)
		}
	}
	clock, same := fsys.FileClockOf(fsys.OS{}, path), 0
	for i := range 20_000 {
		if i%50 == 0 {
			hurry()
		}
		_, before := times()
		sure := !clock.SameTick(before)
		write()
		switch mtime, after := times(); {
		case after.Equal(before) && sure:
			t.Fatalf("a change at %v got the time of the one before", after)
		case after.Equal(before):
			same++
		case mtime.Before(before):
			t.Fatalf("a change at %v is before one at %v", mtime, before)
		}
	}
	t.Logf("%d of 20000 changes did not show in the times", same)
}
