package faultfs_test

import (
	"os"
	"testing"
	"time"

	"restante/fsys"
	"restante/fsys/faultfs"
)

// TestInherit: what another has written and not synced is durable afterwards, with its name, if it
// was changed lately; what was not costs nothing.
func TestInherit(t *testing.T) {
	for _, c := range []struct {
		age     time.Duration
		durable bool
	}{{0, true}, {59 * time.Minute, true}, {61 * time.Minute, false}, {-time.Hour, true}} {
		disk := faultfs.New()
		if err := fsys.MkdirAll(disk, "/a", 0o700); err != nil {
			t.Fatal(err)
		}
		disk.Settle()
		f, err := disk.OpenFile("/a/b", os.O_RDWR|os.O_CREATE, 0o600)
		if err == nil {
			_, err = f.Write([]byte("text"))
		}
		changed := time.Now().Add(-c.age)
		if err == nil {
			err = disk.Chtimes("/a/b", changed, changed)
		}
		if err != nil {
			t.Fatal(err)
		}
		fi, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		before := disk.Ops()
		if err := fsys.Inherit(disk, "/a/b", f, fi); err != nil {
			t.Error(err)
		}
		if did := disk.Ops() > before; did != c.durable {
			t.Errorf("changed %v ago: something was done: %v", c.age, did)
		}
		disk.Crash(nil)
		text, err := fsys.ReadFile(disk, "/a/b", 100)
		if there := err == nil && string(text) == "text"; there != c.durable {
			t.Errorf("changed %v ago: it is there: %v (%q, %v)", c.age, there, text, err)
		}
	}
}
