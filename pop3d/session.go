package pop3d

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"restante/mailstore"
	"restante/pop3"
)

// A state is one of those of RFC 1939 section 3. States are bits, so that the table can name several.
type state uint8

const (
	authorization state = 1 << iota
	transaction
	closed

	anyState = authorization | transaction
)

// A session is one client's connection. All of it belongs to one goroutine, but for conn.stop.
type session struct {
	srv  *Server
	opt  *Options
	log  *slog.Logger
	conn *conn
	r    *pop3.Reader
	w    *pop3.Writer
	ctx  context.Context

	state   state
	secure  bool   // under TLS
	name    string // of USER
	user    mailstore.User
	account mailstore.Account
	drop    *maildrop

	badInRow, failedLogins int

	started            time.Time
	retrieved, deleted int
	reason             string // why the session ended, for the log
}

// serve greets and then answers commands until the session ends. There is no time stamp in the greeting:
// it would offer APOP.
func (s *session) serve() {
	s.w.OK(s.opt.Hostname + " POP3 server ready")
	for s.state != closed {
		cmd, err := s.next()
		if err != nil {
			s.readFailed(err)
		} else {
			s.dispatch(cmd)
		}
		if s.w.Err() != nil {
			s.leave("connection lost")
		}
	}
	s.flush()
}

// next waits for a command and reads it. Each command has its own time, also one of which a part came with the
// command before, whose answer may have taken long to send.
func (s *session) next() (*pop3.Command, error) {
	if s.r.Buffered() == 0 || s.conn.stopped() {
		if err := s.wait(); err != nil {
			return nil, err
		}
	} else if err := s.conn.SetReadDeadline(s.deadline()); err != nil {
		return nil, err
	}
	return s.r.ReadCommand()
}

// wait blocks until the client has sent something, or should have.
func (s *session) wait() error {
	deadline := s.deadline()
	if !s.conn.beginWait(deadline) {
		return errStopping
	}
	err := s.r.Wait()
	s.conn.endWait(deadline)
	return err
}

var errStopping = errors.New("the server is stopping")

// deadline is until when the next command must have arrived.
func (s *session) deadline() time.Time {
	if s.state != authorization {
		return time.Now().Add(s.opt.IdleTimeout)
	}
	next, all := time.Now().Add(s.opt.LoginTimeout), s.started.Add(5*s.opt.LoginTimeout)
	if all.Before(next) {
		return all
	}
	return next
}

// readFailed answers what is no command, and ends the session when there will be none any more.
func (s *session) readFailed(err error) {
	var syntax *pop3.Error
	switch {
	case errors.As(err, &syntax):
		s.w.Fail("", syntax.Text)
		s.countBad()
	case s.conn.stopped():
		s.bye(pop3.SysTemp, "The server is stopping; connect again later", "server stopping")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		s.leave("connection lost")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("", "You have been silent for too long; nothing was deleted", "idle")
	default:
		s.leave(err.Error())
	}
}

// countBad gives up on clients that send nothing but wrong commands: most likely something that does not
// speak POP3 at all.
func (s *session) countBad() {
	s.badInRow++
	if s.badInRow >= s.opt.BadCommands && s.state != closed {
		s.bye("", "Too many wrong commands", "too many wrong commands")
	}
}

// bye ends the session with a word.
func (s *session) bye(code pop3.Code, text, reason string) {
	s.w.Fail(code, text)
	s.leave(reason)
}

// leave ends the session without a word.
func (s *session) leave(reason string) {
	if s.state != closed {
		s.state, s.reason = closed, reason
	}
}

// flush sends what waits. An error is kept by the writer and ends the session.
func (s *session) flush() {
	if s.w.Buffered() > 0 {
		s.w.Flush()
	}
}

// dispatch looks a command up, runs it and answers. A command answers success by itself and returns what it
// failed with.
func (s *session) dispatch(cmd *pop3.Command) {
	c, found := commands[cmd.Name]
	if !found || c.states&s.state == 0 {
		s.w.Fail("", refusedState(cmd.Name, c.states))
		s.countBad()
		return
	}
	s.badInRow = 0
	if err := c.run(s, cmd); err != nil {
		s.failed(cmd.Name, err)
	}
}

func refusedState(name string, allowed state) string {
	switch allowed {
	case authorization:
		return name + " is possible only before login"
	case transaction:
		return name + " is possible only after login"
	}
	return name + " is not implemented here"
}
