package test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// owner is who owns the mail that several programs share: nobody where the
// tests run as root, whom Dovecot refuses; else the one who runs the tests.
var owner = func() (o struct{ uid, gid int }) {
	o.uid, o.gid = os.Getuid(), os.Getgid()
	if o.uid == 0 {
		o.uid, o.gid = 65534, 65534
	}
	return o
}()

// asOwner makes a program run as the owner of the mail.
func asOwner(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(owner.uid), Gid: uint32(owner.gid)}}
	}
}

// newPlace makes a directory with a short path, since sockets are made in it,
// and in it a home of the owner for the mail.
func newPlace(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "place-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "home"), 0o700)); err != nil {
		t.Fatal(err)
	}
	giveAway(t, filepath.Join(dir, "home"))
	return dir
}

// giveAway makes everything below dir the owner's.
func giveAway(t testing.TB, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, owner.uid, owner.gid)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file, gone meanwhile
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// timeZone is where the servers stand: somewhere with a summer time, as an mbox
// has its dates in local time.
const timeZone = "TZ=Europe/Vienna"

// startAsOwner starts the server as start does, as the owner of the mail.
func startAsOwner(t testing.TB, data string) *server {
	t.Helper()
	return startProgram(t, program, data)
}

// startProgram is startAsOwner for a program that was built otherwise.
func startProgram(t testing.TB, program func() (string, error), data string) *server {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	giveAway(t, data)
	ready := filepath.Join(data, "ready.json")
	os.Remove(ready)
	s := &server{t: t, data: data, log: new(lockedBuffer), done: make(chan error, 1)}
	s.cmd = exec.Command(bin, "serve", "--data", data, "--ready-file", ready)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.Env = append(os.Environ(), timeZone)
	asOwner(s.cmd)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(s.stop)
	waitFor(t, "restante to become ready", s.done, s.log.String, func() bool {
		b, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(b, &s.addr) == nil
	})
	return s
}

// waitFor waits until something is there, or the process that should make it
// has ended.
func waitFor(t testing.TB, what string, done chan error, log func() string, there func() bool) {
	t.Helper()
	for range 600 {
		if there() {
			return
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("waiting for %s: %v\n%s", what, err, log())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("waited in vain for %s\n%s", what, log())
}

// newSharedData makes a data directory, of the owner of the mail, with one user
// whose mail stands at location.
func newSharedData(t testing.TB, place, location string) string {
	t.Helper()
	data := filepath.Join(place, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "restante.toml"), []byte(testConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, password+"\n", "user", "add", user, "--data", data, "--location", location, "--password-stdin")
	giveAway(t, data)
	return data
}

// account is the way into the user's mail through a server.
type account struct {
	who        string // the server
	imap, pop3 string // addresses
	pass       string // "" where one is signed in by connecting
}

func (s *server) account() account {
	return account{who: "restante", imap: s.addr["imap"], pop3: s.addr["pop3"], pass: password}
}

// layout is where and how mail stands on disk, for Dovecot and for us: both
// write it alike.
type layout struct {
	name     string
	location string // with PLACE for the directory
	delim    string
}

func (l layout) at(place string) string { return strings.ReplaceAll(l.location, "PLACE", place) }
