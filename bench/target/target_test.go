package target

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/bench/mail"
	"restante/bench/workload"
)

// place makes mail, a certificate and a server's directory, below a short path.
func place(t *testing.T, s mail.Spec, a *Accounting) Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "target-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	o := Options{Dir: filepath.Join(dir, "s"), Mail: filepath.Join(dir, "mail"), Spec: s, Owner: MailOwner(), Accounting: a}
	made := filepath.Join(dir, "made")
	if err := mail.Make(t.Context(), made, s); err != nil {
		t.Fatal(err)
	}
	if err := o.Owner.Give(made); err != nil {
		t.Fatal(err)
	}
	if err := Copy(made, o.Mail, o.Owner); err != nil {
		t.Fatal(err)
	}
	if err := reachable(dir); err != nil {
		t.Fatal(err)
	}
	if o.Certificate, err = MakeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	return o
}

type starter interface {
	Start(ctx context.Context, o Options) (*Server, error)
}

// TestServers starts each server on a Maildir and an mbox, once with each kind of
// accounting, and has it serve, restart, forget and end.
func TestServers(t *testing.T) {
	kinds := []starter{Restante{}}
	for _, i := range dovecots(t) {
		kinds = append(kinds, NewDovecot(workload.Packaged, i), NewDovecot(workload.Reused, i), NewDovecot(workload.Hibernate, i))
	}
	methods := []*Accounting{{}, NewAccounting()}
	if methods[1].Why != nil {
		t.Logf("no control groups, so only /proc is tried: %v", methods[1].Why)
	}
	for _, kind := range kinds {
		for i, s := range []mail.Spec{{Format: mail.Maildir, Users: 3, Messages: 20}, {Format: mail.Mbox, Users: 3, Messages: 20}} {
			t.Run(fmt.Sprintf("%s %s", describe(kind), s.Format), func(t *testing.T) {
				if _, ok := kind.(Restante); ok {
					ours, err := Build(t.Context(), t.TempDir())
					if err != nil {
						t.Fatal(err)
					}
					kind = ours
				}
				testServer(t, kind, place(t, s, methods[i]))
			})
		}
	}
}

// dovecots are that of the machine and the one in the tree $RESTANTE_DOVECOT.
func dovecots(t *testing.T) (list []Installation) {
	t.Helper()
	roots := []string{""}
	if root := os.Getenv("RESTANTE_DOVECOT"); root != "" {
		roots = append(roots, root)
	}
	for _, root := range roots {
		i, err := FindDovecot(t.Context(), root)
		switch {
		case err == nil:
			list = append(list, i)
		case root != "":
			t.Errorf("$RESTANTE_DOVECOT: %v", err)
		default:
			t.Logf("no Dovecot, so it is not tried: %v", err)
		}
	}
	return list
}

func describe(kind starter) string {
	if d, ok := kind.(*Dovecot); ok {
		return string(d.Peer) + " " + d.Installed.release()
	}
	return kind.(engine).name()
}

func testServer(t *testing.T, kind starter, o Options) {
	s, err := kind.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for _, svc := range []workload.Service{workload.IMAP, workload.IMAPS, workload.POP3, workload.POP3S} {
		for i := range 3 {
			visit(t, s, svc, mail.User(i))
		}
	}
	used, err := s.CPU()
	if err != nil || used <= 0 && o.Accounting.groups != nil {
		t.Errorf("twelve sessions have cost %v, %v", used, err)
	}
	if m, err := s.Memory(); err != nil || m.Processes < 1 || m.PSS < 1<<20 {
		t.Errorf("memory: %+v, %v", m, err)
	}
	if _, err := os.Stat(s.Path(mail.User(0), "INBOX")); err != nil {
		t.Error(err)
	}
	before := messages(t, o.Mail)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	visit(t, s, workload.IMAP, mail.User(1))
	if err := s.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := notes(t, o.Mail); len(list) > 0 {
		t.Errorf("after Forget there are %v", list)
	}
	if after := messages(t, o.Mail); !slices.Equal(before, after) {
		t.Errorf("Forget has changed the mail: %d files before, %d after", len(before), len(after))
	}
	visit(t, s, workload.IMAP, mail.User(2))
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.Log())
	}
	if _, err := s.CPU(); err == nil || s.Alive() {
		t.Error("a server that was stopped is said to run")
	}
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "Panic: ") || strings.Contains(line, "Fatal: ") || strings.Contains(line, "level=ERROR") {
			t.Errorf("the log says: %s", line)
		}
	}
}

// visit logs in, looks how many messages there are, and goes.
func visit(t *testing.T, s *Server, svc workload.Service, user string) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", s.Addr(svc))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if svc == workload.IMAPS || svc == workload.POP3S {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // made a moment ago, for this machine
	}
	dialogue := []string{"", "* OK", "a LOGIN " + user + " " + mail.Password, "a OK", "b SELECT INBOX", "* 20 EXISTS", "c LOGOUT", "c OK"}
	if svc == workload.POP3 || svc == workload.POP3S {
		dialogue = []string{"", "+OK", "USER " + user, "+OK", "PASS " + mail.Password, "+OK", "STAT", "+OK 20 ", "QUIT", "+OK"}
	}
	in := bufio.NewReader(c)
	for i := 0; i < len(dialogue); i += 2 {
		if dialogue[i] != "" {
			if _, err := fmt.Fprintf(c, "%s\r\n", dialogue[i]); err != nil {
				t.Fatal(err)
			}
		}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("%s, after %q: %v\n%s", s.Name(), dialogue[i], err, s.Log())
			}
			if strings.HasPrefix(line, dialogue[i+1]) {
				break
			}
		}
	}
}

// messages are the names of all files of mail, without the flags that a server may
// have set.
func messages(t *testing.T, dir string) (list []string) {
	t.Helper()
	each(t, dir, func(path string, e fs.DirEntry) {
		if isMessage(path) || e.Name() == "inbox" {
			name, _, _ := strings.Cut(filepath.Base(path), ":")
			list = append(list, name)
		}
	})
	slices.Sort(list)
	if len(list) == 0 {
		t.Fatal("no mail in ", dir)
	}
	return list
}

func notes(t *testing.T, dir string) (list []string) {
	t.Helper()
	each(t, dir, func(path string, e fs.DirEntry) {
		if strings.Contains(e.Name(), "index") || strings.Contains(e.Name(), "uidlist") || strings.Contains(e.Name(), "uids") {
			list = append(list, path)
		}
	})
	return list
}

func each(t *testing.T, dir string, f func(path string, e fs.DirEntry)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			f(path, e)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCopyTimes: directories are as old as they were, so that no server takes them for
// some that are just being changed.
func TestCopyTimes(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	if err := mail.Make(t.Context(), from, mail.Spec{Format: mail.Maildir, Users: 2, Messages: 5}); err != nil {
		t.Fatal(err)
	}
	dirs := []string{"", "user0", "user0/Maildir", "user0/Maildir/cur", "user1/Maildir/new"}
	old := time.Unix(1e9, 0)
	for i, dir := range dirs {
		if err := os.Chtimes(filepath.Join(from, dir), old, old.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Copy(from, to, MailOwner()); err != nil {
		t.Fatal(err)
	}
	for i, dir := range dirs {
		info, err := os.Stat(filepath.Join(to, dir))
		if want := old.Add(time.Duration(i) * time.Minute); err != nil || !info.ModTime().Equal(want) {
			t.Errorf("%q: %v, %v, want %v", dir, info.ModTime(), err, want)
		}
	}
}

// TestCopy: messages are shared, and what servers change is not.
func TestCopy(t *testing.T) {
	for _, f := range []mail.Format{mail.Maildir, mail.Mbox} {
		from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
		if err := mail.Make(t.Context(), from, mail.Spec{Format: f, Users: 2, Messages: 5}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time over the first
			if err := Copy(from, to, MailOwner()); err != nil {
				t.Fatal(err)
			}
		}
		each(t, from, func(path string, _ fs.DirEntry) {
			rel, _ := filepath.Rel(from, path)
			a, err := os.Stat(path)
			b, berr := os.Stat(filepath.Join(to, rel))
			if err != nil || berr != nil {
				t.Fatal(err, berr)
			}
			if os.SameFile(a, b) != isMessage(path) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) {
				t.Errorf("%s: shared %t, %d and %d octets, of %v and %v", rel, os.SameFile(a, b), a.Size(), b.Size(), a.ModTime(), b.ModTime())
			}
		})
	}
}

func TestInstallation(t *testing.T) {
	for version, want := range map[string]struct {
		release string
		old     bool
	}{
		"2.3.19.1 (9b53102964)": {"2.3.19.1", true},
		"2.4.1-4 (7d8c0e5759)":  {"2.4.1", false},
		"2.4.0":                 {"2.4.0", false},
		"":                      {"", true},
	} {
		i := Installation{Version: version}
		if i.release() != want.release || i.old() != want.old {
			t.Errorf("%q: release %q, old %v; want %q, %v", version, i.release(), i.old(), want.release, want.old)
		}
	}
	a, b, c := Installation{Version: "2.3.19.1"}, Installation{Version: "2.4.1-4"}, Installation{Version: "3.0"}
	if !b.Newer(a) || a.Newer(b) || a.Newer(a) || !c.Newer(b) {
		t.Error("the order of releases is wrong")
	}
}
