package faultfs_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"restante/fsys"
	"restante/fsys/faultfs"
)

// TestDebts: what could not be synced is durable after Settle, and only then.
func TestDebts(t *testing.T) {
	disk := faultfs.New()
	sys := fsys.NewDebts(disk)
	if err := sys.Mkdir("/d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sys.SyncDir("/"), sys.Settle()); err != nil {
		t.Fatal(err)
	}
	f, err := sys.OpenFile("/d/name", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	disk.Inject(faultfs.FailFrom(1, syscall.EIO))
	if err := sys.SyncDir("/d"); err == nil {
		t.Fatal("the disk did not fail")
	}
	if err := sys.Settle(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Settle says %v while the disk fails", err)
	}
	disk.Inject(nil)
	before := disk.Ops()
	if err := errors.Join(sys.Settle(), sys.Settle()); err != nil {
		t.Error(err)
	}
	if n := disk.Ops() - before; n != 1 {
		t.Errorf("%d operations to settle one debt", n)
	}
	disk.Crash(nil)
	if _, err := disk.Stat("/d/name"); err != nil {
		t.Error("not durable after Settle:", err)
	}
}

// TestDebtsOfGone: a directory that was removed owes nothing.
func TestDebtsOfGone(t *testing.T) {
	disk := faultfs.New()
	sys := fsys.NewDebts(disk)
	if err := sys.Mkdir("/d", 0o700); err != nil {
		t.Fatal(err)
	}
	disk.Inject(faultfs.FailFrom(1, syscall.EIO))
	if err := sys.SyncDir("/d"); err == nil {
		t.Fatal("the disk did not fail")
	}
	disk.Inject(nil)
	if err := errors.Join(sys.Remove("/d"), sys.Settle()); err != nil {
		t.Error(err)
	}
}
