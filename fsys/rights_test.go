package fsys_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"restante/fsys"
)

// TestDropRights runs in a process of its own, since what is given up is gone.
func TestDropRights(t *testing.T) {
	if os.Getenv("TEST_RIGHTS") == "" {
		if !fsys.CanBecome() {
			t.Skip("only root has rights to give up")
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestDropRights$", "-test.v")
		cmd.Env = append(os.Environ(), "TEST_RIGHTS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		} else if bytes.Contains(out, []byte("SKIP")) {
			t.Skip("this test program is linked with C")
		}
		return
	}
	dir := openDir(t)
	home(t, filepath.Join(dir, "ana"), ana)
	for range 2 { // the second time there is nothing left to give up
		if err := fsys.DropRights(); errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	must(t, err)
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		must(t, err)
		for _, line := range []string{"CapInh:\t0000000000000000\n", "CapPrm:\t00000000000004cf\n", "CapEff:\t00000000000004cf\n"} {
			if !bytes.Contains(status, []byte(line)) {
				t.Errorf("%s lacks %q:\n%s", task, line, status)
			}
		}
	}
	if len(tasks) < 2 || !fsys.CanBecome() {
		t.Fatalf("%d threads, can become others: %v", len(tasks), fsys.CanBecome())
	}
	// What a server does still goes.
	must(t, fsys.WriteFile(as(t, ana), filepath.Join(dir, "ana/file"), nil, 0o600))
	wantOwner(t, filepath.Join(dir, "ana/file"), ana)
	must(t, fsys.MkdirFor(fsys.OS{}, ana, filepath.Join(dir, "new/home")))
	wantOwner(t, filepath.Join(dir, "new/home"), ana)
	must(t, errors.Join(os.Chmod(filepath.Join(dir, "ana/file"), 0), os.Remove(filepath.Join(dir, "ana/file"))))
	_, err = os.Stat(filepath.Join(dir, "ana"))
	must(t, err)
}
