package mbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"restante/fsys"
	"restante/fsys/faultfs"
	"restante/mailstore"
)

func TestParseLocks(t *testing.T) {
	for _, c := range []struct {
		why   string
		names []string
		want  []Lock
		err   string
	}{
		{"nothing is the default", nil, nil, ""},
		{"Debian's order", []string{"dotlock", "fcntl"}, []Lock{Dotlock, Fcntl}, ""},
		{"the other order", []string{"fcntl", "dotlock"}, []Lock{Fcntl, Dotlock}, ""},
		{"one alone", []string{"fcntl"}, []Lock{Fcntl}, ""},
		{"a lock of Dovecot that we have not", []string{"flock"}, nil, `"flock" is no lock`},
		{"a name is a name", []string{"Dotlock"}, nil, `"Dotlock" is no lock`},
		{"twice would wait for ourselves", []string{"fcntl", "fcntl"}, nil, `"fcntl" stands twice`},
	} {
		got, err := ParseLocks(c.names)
		if !slices.Equal(got, c.want) || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", c.why, got, err)
		}
	}
}

// strangeLocks is a file system on which locks do not do what they should.
type strangeLocks struct {
	fsys.FS
	noFcntl  error // what locking a file says
	deaf     bool  // every fcntl lock is given
	noExcl   bool  // O_EXCL is passed over
	readOnly bool  // no lock files can be made
}

func (s *strangeLocks) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if strings.HasSuffix(name, ".lock") && s.readOnly {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	if s.noExcl && strings.HasSuffix(name, ".lock") {
		flag &^= os.O_EXCL
	}
	f, err := s.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return strangeFile{f, s}, nil
}

func (s *strangeLocks) CreateWith(name string, content []byte, perm fs.FileMode) (fsys.File, error) {
	f, err := s.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err == nil {
		_, err = f.WriteAt(content, 0)
	}
	return f, err
}

type strangeFile struct {
	fsys.File
	fs *strangeLocks
}

func (f strangeFile) TryLock(exclusive bool) (bool, error) {
	switch {
	case f.fs.noFcntl != nil:
		return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: f.fs.noFcntl}
	case f.fs.deaf:
		return true, nil
	}
	return f.File.TryLock(exclusive)
}

// TestLocksAreTested: what does not work on the file system is found when the
// first mailbox is opened, and what does is used instead.
func TestLocksAreTested(t *testing.T) {
	for _, c := range []struct {
		why     string
		fs      strangeLocks
		locks   []Lock
		want    []Lock
		warning string
	}{
		{"all is well", strangeLocks{}, nil, []Lock{Dotlock, Fcntl}, ""},
		{"NFS without its lock server", strangeLocks{noFcntl: syscall.ENOLCK}, nil, []Lock{Dotlock}, "no locks available"},
		{"a kernel or file system without these locks", strangeLocks{noFcntl: syscall.EINVAL}, []Lock{Fcntl}, []Lock{Dotlock}, "instead=[dotlock]"},
		{"locks that nobody hears of", strangeLocks{deaf: true}, nil, []Lock{Dotlock}, "at the same time"},
		{"O_EXCL that means nothing", strangeLocks{noExcl: true}, nil, []Lock{Fcntl}, "at the same time"},
		{"a spool that is not ours to write", strangeLocks{readOnly: true}, nil, []Lock{Fcntl}, "lock=dotlock"},
		{"a lock that is not wanted is not tested", strangeLocks{noFcntl: syscall.ENOLCK}, []Lock{Dotlock}, []Lock{Dotlock}, ""},
		{"nothing works", strangeLocks{readOnly: true, noFcntl: syscall.ENOLCK}, nil, nil, "instead=[]"},
	} {
		t.Run(c.why, func(t *testing.T) {
			fsx := faultfs.New()
			if err := fsys.MkdirAll(fsx, "/mail", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := fsys.WriteFile(fsx, "/mail/inbox", []byte(mailOf("a")), 0o600); err != nil {
				t.Fatal(err)
			}
			c.fs.FS = fsx
			log, text := logTo()
			acct := openAccount(t, Options{FS: &c.fs, Root: "/mail", Zone: time.UTC, Locks: c.locks, Logger: log})
			m, err := acct.Open(t.Context(), mailstore.Inbox)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if got := acct.(*account).locks.of("/mail/inbox"); !slices.Equal(got, c.want) {
				t.Errorf("locks %v, want %v", got, c.want)
			}
			if (c.warning == "") != (text.String() == "") || !strings.Contains(text.String(), c.warning) {
				t.Errorf("the log says %q, want %q", text, c.warning)
			}
			err = appendText(t, m, "Subject: b\n\nb\n")
			if c.want != nil && err != nil {
				t.Errorf("append: %v", err)
			}
			if c.want == nil && (!errors.Is(err, mailstore.ErrReadOnly) || !strings.Contains(err.Error(), "neither lock files nor fcntl locks") || !m.ReadOnly()) {
				t.Errorf("append without any lock: %v", err)
			}
		})
	}
}

// TestLockHolders: who waits in vain is told for which lock and whom.
func TestLockHolders(t *testing.T) {
	b := newBox(t, mailOf("a"))
	set := func() error {
		_, err := b.m.SetFlags(t.Context(), mailstore.NewUIDSet(1), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
		return err
	}
	pid := lockElsewhere(t, b.file)
	if err := set(); !errors.Is(err, mailstore.ErrInUse) || !strings.Contains(err.Error(), "fcntl lock is held by process "+pid) {
		t.Errorf("a POSIX lock of process %s: %v", pid, err)
	}
}

// lockElsewhere lets another process take a classic POSIX lock on a file until
// the test ends.
func lockElsewhere(t *testing.T, file string) (pid string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockProcess$")
	cmd.Env = append(os.Environ(), lockProcess+"="+file)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the process with the lock: %v", err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the process with the lock says %q, %v", line, err)
	}
	return strconv.Itoa(cmd.Process.Pid)
}

// lockProcess names the file that TestLockProcess locks.
const lockProcess = "RESTANTE_TEST_LOCK"

// TestLockProcess is the process of lockElsewhere.
func TestLockProcess(t *testing.T) {
	file := os.Getenv(lockProcess)
	if file == "" {
		t.Skip("is the other process of TestLockHolders")
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
}

// logTo returns a logger and what it was told.
func logTo() (*slog.Logger, *strings.Builder) {
	var b strings.Builder
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn})), &b
}

// rude is a program that takes both locks in the order given and waits for the
// second, without end, while it holds the first.
func rude(ctx context.Context, file string, dotFirst bool) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	dot := func() error {
		for {
			l, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err == nil {
				return l.Close()
			}
			if !errors.Is(err, fs.ErrExist) || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			time.Sleep(time.Millisecond)
		}
	}
	fcntl := func() error {
		return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK})
	}
	order := []func() error{fcntl, dot}
	if dotFirst {
		slices.Reverse(order)
	}
	for _, lock := range order {
		if err := lock(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return os.Remove(file + ".lock")
}

// TestNoDeadlock: beside a program that waits without end for its second lock,
// in the other order, both get on.
func TestNoDeadlock(t *testing.T) {
	for _, locks := range [][]Lock{{Dotlock, Fcntl}, {Fcntl, Dotlock}} {
		t.Run(locks[0].String()+" first", func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, "inbox")
			if err := os.WriteFile(file, []byte(mailOf("a")), 0o600); err != nil {
				t.Fatal(err)
			}
			acct := openAccount(t, Options{Root: root, Zone: time.UTC, Locks: locks, LockTimeout: time.Minute})
			m, err := acct.Open(t.Context(), mailstore.Inbox)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan error, 1)
			go func() {
				var err error
				for i := 0; i < 30 && err == nil; i++ {
					err = rude(ctx, file, locks[0] == Fcntl)
				}
				done <- err
			}()
			for i := range 30 {
				op := mailstore.AddFlags
				if i%2 == 1 {
					op = mailstore.RemoveFlags
				}
				if _, err := m.SetFlags(ctx, mailstore.NewUIDSet(1), op, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
