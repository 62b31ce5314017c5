package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"restante/bench/mail"
	"restante/bench/workload"
)

// Options say what a server works on.
type Options struct {
	// Dir is a directory for the server's settings, indexes, sockets and log. Its
	// path must be short, as sockets stand in it.
	Dir string
	// Mail is the server's own copy of the mail of Spec.
	Mail string
	Spec mail.Spec
	// Owner is whose the mail is.
	Owner       Owner
	Certificate Certificate
	Accounting  *Accounting
	// FullText has restante use full-text indexes.
	FullText bool
	// Profile has restante serve profiles.
	Profile bool
}

// Server is a server that runs, as the workloads see it.
type Server struct {
	o      Options
	engine engine
	run    *running
	broken error // of a start that failed after a stop
}

var _ workload.Target = (*Server)(nil)

// running is a server from its start to its end.
type running struct {
	acct *account
	cmd  *exec.Cmd
	done chan struct{} // closed when the first process has ended
	addr map[workload.Service]string
	prof string
}

// An engine knows how one kind of server is set up.
type engine interface {
	name() string
	// configure writes the settings and tells how the server is started.
	configure(o Options) (*exec.Cmd, error)
	// addresses tells where it listens, false as long as that is not known.
	addresses(o Options) (addr map[workload.Service]string, prof string, ok bool)
	// logs are the files in which it tells what is wrong.
	logs(o Options) []string
	// forget removes what it keeps outside of the mail.
	forget(o Options) error
}

// startTime is how long a server may take until it answers. Removing what an
// earlier run left and a cold disk take the most of it.
const startTime = time.Minute

func start(ctx context.Context, e engine, o Options) (*Server, error) {
	if err := reachable(o.Dir); err != nil {
		return nil, err
	}
	s := &Server{o: o, engine: e}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// begin starts the server and waits until all its services answer.
func (s *Server) begin(ctx context.Context) (err error) {
	defer func() { s.broken = err }()
	cmd, err := s.engine.configure(s.o)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.o.Dir, "output"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	r := &running{cmd: cmd, done: make(chan struct{})}
	if r.acct, err = s.o.Accounting.start(cmd); err != nil {
		return fmt.Errorf("%s: %w", s.Name(), err)
	}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(r.done)
	}()
	s.run = r
	if err := s.await(ctx); err != nil {
		return errors.Join(fmt.Errorf("%s does not start: %w\n%s", s.Name(), err, s.Log()), s.end())
	}
	return nil
}

// await waits for the greetings of all services.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		addr, prof, ok := s.engine.addresses(s.o)
		if ok && answers(addr) {
			s.run.addr, s.run.prof = addr, prof
			return nil
		}
		select {
		case <-s.run.done:
			return errors.New("it has ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// answers is whether all services take connections, and those without TLS greet.
func answers(addr map[workload.Service]string) bool {
	for svc, a := range addr {
		c, err := net.DialTimeout("tcp", a, time.Second)
		if err != nil {
			return false
		}
		if svc == workload.IMAP || svc == workload.POP3 {
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, err = c.Read(make([]byte, 512))
		}
		if err = errors.Join(err, c.Close()); err != nil {
			return false
		}
	}
	return true
}

// end stops the server, if it runs, and waits until all its processes have ended.
func (s *Server) end() error {
	r := s.run
	if r == nil {
		return nil
	}
	s.run = nil
	pids, err := r.acct.pids()
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		err = errors.Join(err, fmt.Errorf("%s did not end within 30 seconds and was killed", s.Name()))
		_ = r.cmd.Process.Kill()
		<-r.done
	}
	awaitEnd(pids)
	return errors.Join(err, r.acct.end())
}

// awaitEnd gives the processes some time after their first one has gone: they may be
// writing an index, and nothing is to be removed below them.
func awaitEnd(pids []int) {
	for range 500 {
		if !slices.ContainsFunc(pids, func(pid int) bool { return syscall.Kill(pid, 0) == nil }) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Name is the name of the server and its configuration.
func (s *Server) Name() string { return s.engine.name() }

// Addr is where a service listens.
func (s *Server) Addr(svc workload.Service) string {
	if s.run == nil {
		return ""
	}
	return s.run.addr[svc]
}

// Profiles is where restante serves profiles, and empty if nowhere.
func (s *Server) Profiles() string {
	if s.run == nil {
		return ""
	}
	return s.run.prof
}

// CPU is what all processes have used since the last start.
func (s *Server) CPU() (time.Duration, error) {
	if s.run == nil {
		return 0, s.stopped()
	}
	return s.run.acct.cpu()
}

// Memory is what they hold now.
func (s *Server) Memory() (workload.Memory, error) {
	if s.run == nil {
		return workload.Memory{}, s.stopped()
	}
	return s.run.acct.memory()
}

func (s *Server) stopped() error {
	return errors.Join(fmt.Errorf("%s does not run", s.Name()), s.broken)
}

// Path is where a mailbox of a user stands on disk.
func (s *Server) Path(user, mailbox string) string {
	home := filepath.Join(s.o.Mail, user)
	switch {
	case s.o.Spec.Format == mail.Mbox && mailbox == "INBOX":
		return filepath.Join(home, "mail", "inbox")
	case s.o.Spec.Format == mail.Mbox:
		return filepath.Join(home, "mail", mailbox)
	case mailbox == "INBOX":
		return filepath.Join(home, "Maildir")
	}
	return filepath.Join(home, "Maildir", "."+mailbox)
}

// Restart stops the server and starts it again.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.end(); err != nil {
		return err
	}
	return s.begin(ctx)
}

// Forget stops the server, removes what it could make again from the mail, and
// starts it.
func (s *Server) Forget(ctx context.Context) error {
	if err := errors.Join(s.end(), forget(s.o.Mail), s.engine.forget(s.o)); err != nil {
		return err
	}
	return s.begin(ctx)
}

// Alive is whether the first process of the server runs.
func (s *Server) Alive() bool {
	if s.run == nil {
		return false
	}
	select {
	case <-s.run.done:
		return false
	default:
		return true
	}
}

// Stop ends the server. It may be started again by Restart.
func (s *Server) Stop() error { return s.end() }

// Log is the end of what the server has said about itself.
func (s *Server) Log() string {
	var b strings.Builder
	for _, name := range append([]string{filepath.Join(s.o.Dir, "output")}, s.engine.logs(s.o)...) {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		b.Write(text[max(0, len(text)-4000):])
	}
	return b.String()
}

// users writes the passwd-file that all servers read, and returns its name.
func users(o Options) (string, error) {
	var b strings.Builder
	for i := range o.Spec.Users {
		name := mail.User(i)
		fmt.Fprintf(&b, "%s:{PLAIN}%s:%d:%d::%s::\n", name, mail.Password, o.Owner.UID, o.Owner.GID, filepath.Join(o.Mail, name))
	}
	file := filepath.Join(o.Dir, "users")
	return file, os.WriteFile(file, []byte(b.String()), 0o644)
}

// location is where the mail of each user stands, in the words that both know.
func location(s mail.Spec) string {
	if s.Format == mail.Mbox {
		return "mbox:~/mail:INBOX=~/mail/inbox"
	}
	return "maildir:~/Maildir"
}
