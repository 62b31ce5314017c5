package fsys_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"restante/fsys"
)

// TestOpenOnlyFiles puts under a name what somebody may put into his Maildir.
// Opening it neither waits nor gives anything that would wait or never end.
func TestOpenOnlyFiles(t *testing.T) {
	for _, test := range []struct {
		what string
		make func(path string) error
	}{
		{"a pipe, which would wait for its other end", func(path string) error { return unix.Mkfifo(path, 0o600) }},
		{"a link to a device", func(path string) error { return os.Symlink("/dev/zero", path) }},
		{"a link to a terminal", func(path string) error { return os.Symlink(terminal(t), path) }},
	} {
		path := filepath.Join(t.TempDir(), "dovecot-uidlist")
		must(t, test.make(path))
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY, os.O_RDWR | os.O_CREATE} {
			done := make(chan error, 1)
			go func() {
				f, err := fsys.OS{}.OpenFile(path, flag, 0o600)
				if err == nil {
					err = errors.Join(errors.New("it is open"), f.Close())
				}
				done <- err
			}()
			select {
			case err := <-done:
				if !errors.Is(err, fsys.ErrNotFile) && !errors.Is(err, syscall.ENXIO) {
					t.Errorf("%s, flags %#x: %v", test.what, flag, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s, flags %#x: opening it waits", test.what, flag)
			}
		}
		for what, err := range map[string]error{
			"ReadDir": func() error { _, err := fsys.OS{}.ReadDir(path); return err }(),
			"SyncDir": fsys.OS{}.SyncDir(path),
		} {
			if !errors.Is(err, syscall.ENOTDIR) {
				t.Errorf("%s of %s: %v", what, test.what, err)
			}
		}
	}
}

// terminal makes a pseudo terminal and returns the name of its far end.
func terminal(t *testing.T) string {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPTN)
	must(t, errors.Join(err, unix.IoctlSetPointerInt(int(f.Fd()), unix.TIOCSPTLCK, 0)))
	return fmt.Sprint("/dev/pts/", n)
}

// TestOpenTakesNoTerminal runs as a service does, first in its session, so that a
// terminal that it opens can become its own. Whoever has the other end could end
// the service then by a control C.
func TestOpenTakesNoTerminal(t *testing.T) {
	if os.Getenv("TEST_SESSION") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOpenTakesNoTerminal$")
		cmd.Env = append(os.Environ(), "TEST_SESSION=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if _, err := (fsys.OS{}).OpenFile(terminal(t), os.O_RDWR, 0); !errors.Is(err, fsys.ErrNotFile) {
		t.Error(err)
	}
	if f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		t.Error("the process has a terminal")
		must(t, f.Close())
	}
}

// TestOpenOwnDescriptors reaches for a file that this process has open, behind a
// directory that is closed to the owner: no program of his could open it.
func TestOpenOwnDescriptors(t *testing.T) {
	dir := openDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	home(t, at("ana"), ana)
	home(t, at("bob"), bob)
	must(t, errors.Join(os.WriteFile(at("bob/mbox"), []byte("bob's"), 0o644), os.Chmod(at("bob/mbox"), 0o644)))
	open, err := os.Open(at("bob/mbox"))
	must(t, err)
	defer open.Close()
	inside, err := os.Open(at("bob"))
	must(t, err)
	defer inside.Close()
	must(t, os.Chmod(at("bob"), 0o700))
	self := "/proc/self/fd/"
	must(t, errors.Join(
		os.Symlink(self+fmt.Sprint(open.Fd()), at("ana/mbox")),
		os.Symlink(self+fmt.Sprint(inside.Fd()), at("ana/dir"))))
	sys := as(t, ana)
	for _, name := range []string{"ana/mbox", "ana/dir/mbox"} {
		if f, err := sys.OpenFile(at(name), os.O_RDONLY, 0); err == nil {
			t.Errorf("%s opens %s", name, f.Name())
		}
	}
}

// TestOpenWaitsForLease: a file server's client gives a file back when it is
// asked to, a little later.
func TestOpenWaitsForLease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	holder, err := os.Open(path)
	must(t, err)
	defer holder.Close()
	if _, err := unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	given := make(chan error, 1)
	time.AfterFunc(50*time.Millisecond, func() {
		_, err := unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		given <- err
	})
	f, err := fsys.OS{}.OpenFile(path, os.O_RDWR, 0)
	must(t, errors.Join(err, <-given))
	must(t, f.Close())
}

// TestOpenAsAsked: the guards change nothing about files.
func TestOpenAsAsked(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	f, err := fsys.OS{}.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	must(t, err)
	_, err = f.Write([]byte("one"))
	must(t, errors.Join(err, f.Close()))
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o640 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if _, err := (fsys.OS{}).OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made again: %v", err)
	}
	if _, err := (fsys.OS{}).OpenFile(path+"x", os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	f, err = fsys.OS{}.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.Write([]byte("two"))
	must(t, errors.Join(err, f.Close()))
	if text, err := os.ReadFile(path); string(text) != "onetwo" {
		t.Errorf("%q, %v", text, err)
	}
	if d, err := (fsys.OS{}).OpenFile(dir, os.O_RDONLY, 0); err != nil {
		t.Errorf("a directory: %v", err)
	} else {
		must(t, d.Close())
	}
}
