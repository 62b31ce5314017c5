package test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRootServes runs the server as root for a user of the machine. What it makes
// is the user's, and a server that runs as him can go on with it.
func TestRootServes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can serve the mail of others")
	}
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			place := newPlace(t)
			data, home := filepath.Join(place, "data"), filepath.Join(place, "home")
			if err := errors.Join(os.Mkdir(data, 0o700), os.WriteFile(filepath.Join(data, "restante.toml"), []byte(testConfig), 0o600)); err != nil {
				t.Fatal(err)
			}
			run(t, password+"\n", "user", "add", user, "--data", data, "--home", home, "--location", l.at(place), "--password-stdin")
			s := start(t, data)
			begin(login(t, s), l)
			change(login(t, s), l, 1)
			before := s.account().take(t)
			s.stop()
			files := 0
			err := filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				fi, err := e.Info()
				if err != nil {
					return err
				}
				files++
				if st := fi.Sys().(*syscall.Stat_t); int(st.Uid) != owner.uid || int(st.Gid) != owner.gid {
					t.Errorf("%s belongs to user id %d, group id %d", path, st.Uid, st.Gid)
				}
				return nil
			})
			if err != nil || files < 10 {
				t.Fatalf("%d files, %v", files, err)
			}
			s = startAsOwner(t, data)
			compare(t, "as the user", before, "restante", s.account().take(t))
		})
	}
}
