package imapd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"restante/imap"
	"restante/imap/deflate"
	"restante/mailstore"
)

// A state is one of those of RFC 9051 section 3. States are bits, so that the
// table can name several.
type state uint8

const (
	notAuthenticated state = 1 << iota
	authenticated
	selected
	loggedOut

	loggedIn = authenticated | selected
	anyState = notAuthenticated | authenticated | selected
)

// A session is one client's connection. All of it belongs to one goroutine, but
// for conn.stop.
type session struct {
	srv    *Server
	id     string // in the log
	conn   *conn
	r      *imap.Reader
	w      *imap.Writer
	zip    *deflate.Writer // under w after COMPRESS, else nil
	ctx    context.Context // of what has begun: it does not end with the server
	quit   context.Context // ends when the server stops
	unstop func() bool     // has quit no longer stop conn

	state  state
	secure bool // under TLS
	// The client has said that it is one that cannot have UIDONLY.
	misusesUIDOnly bool
	login
	progress progress
	idle     *idling // the IDLE that goes on, or nil

	badInRow, failedLogins int

	info     *SessionInfo // belongs to srv.sessions
	started  time.Time
	since    time.Time // nobody is logged in since then, if nobody is
	commands int
	reason   string // why the session ended, for the log
}

// A login is what a session is and knows from LOGIN on, and forgets with
// UNAUTHENTICATE.
type login struct {
	rev2 bool // ENABLE IMAP4rev2
	utf8 bool // that, or ENABLE UTF8=ACCEPT
	// The client knows mod-sequences, and UIDs for what was expunged (RFC 7162).
	condstore, qresync bool
	uidOnly            bool      // message numbers are not used any more (RFC 9586)
	metadata           bool      // ENABLE METADATA: what others note is told (RFC 5464)
	notify             *notifier // what NOTIFY or ENABLE METADATA asked for, or nil
	user               mailstore.User
	account            mailstore.Account
	view               *view // of the selected mailbox, nil when none is selected
	last               messageCache
	memories           []*boxMemory // that are held, the one used last behind
	transcript         *transcript  // of what is said, usually nil
	mailboxes          mailboxCount
}

// serve greets and then answers commands until the session ends.
func (s *session) serve() {
	s.greet()
	for s.state != loggedOut {
		if s.idle != nil {
			s.idleOver(s.awaitDone())
		} else {
			s.command()
		}
		if s.w.Err() != nil {
			s.leave("connection lost")
		}
	}
	s.flush()
}

func (s *session) greet() {
	s.w.Status("", imap.OK, "CAPABILITY "+s.capabilities(), s.srv.opt.Hostname+" IMAP server ready")
}

// command reads a command and answers it.
func (s *session) command() {
	cmd, err := s.next()
	if err != nil {
		s.readFailed(err)
		return
	}
	s.commands++
	s.dispatch(cmd)
}

// next waits for a command and reads it. What waits to be sent goes out before
// the connection blocks (conn.beforeRead), so that pipelined commands are
// answered together. Each command has its own time, also one of which a part
// came with the command before, whose answer may have taken long to send.
func (s *session) next() (*imap.Command, error) {
	if s.conn.stopped() {
		return nil, errStopping
	}
	if s.r.Buffered() == 0 {
		deadline := s.deadline()
		if err := s.wait(deadline); err != nil {
			return nil, err
		}
	} else if err := s.conn.SetReadDeadline(s.deadline()); err != nil {
		return nil, err
	}
	return s.r.ReadCommand()
}

// wait waits for the first octet of a command, and tells news meanwhile if NOTIFY
// or ENABLE METADATA asks for that.
func (s *session) wait(deadline time.Time) error {
	if !s.notifying() {
		return s.conn.await(s.r.Wait, deadline, deadline)
	}
	t := teller{s: s, deadline: deadline, silent: !s.notify.asked, expunge: s.notify.selected != 0 && !s.notify.delayed}
	return t.tellWhile(s.r.Wait)
}

// errAnswered is what a command returns that has sent its tagged answer itself.
var errAnswered = errors.New("answered already")

var errStopping = &closing{"The server is stopping; connect again later"}

// deadline is until when the next command must have arrived.
func (s *session) deadline() time.Time {
	t := &s.srv.opt.Timeouts
	if s.state != notAuthenticated {
		return time.Now().Add(t.Idle)
	}
	next, all := time.Now().Add(t.Login), s.since.Add(5*t.Login)
	if all.Before(next) {
		return all
	}
	return next
}

// readFailed answers what is no command, and ends the session when there will
// be none any more.
func (s *session) readFailed(err error) {
	var syntax *imap.Error
	var own *idleFailure
	switch {
	case errors.As(err, &own):
		s.idleFailed(own.err)
	case errors.Is(err, errStopping):
		s.bye(errStopping.text, "server stopping")
	case errors.As(err, &syntax):
		r := syntaxReply(syntax)
		if r.cond == imap.BYE {
			s.bye(r.text, "protocol error")
			return
		}
		s.w.Status(syntax.Tag, r.cond, r.code, r.text)
		s.countBad()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		s.leave("connection lost")
	case s.conn.stopped():
		s.bye(errStopping.text, "server stopping")
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("You have been silent for too long", "idle")
	default:
		s.leave(err.Error())
	}
}

// countBad gives up on clients that send nothing but wrong commands: most
// likely something that does not speak IMAP at all.
func (s *session) countBad() {
	s.badInRow++
	if s.badInRow >= s.srv.opt.Limits.BadCommands {
		s.bye("Too many wrong commands", "too many wrong commands")
	}
}

// bye says good-bye and ends the session.
func (s *session) bye(text, reason string) {
	s.w.Status("", imap.BYE, "", text)
	s.leave(reason)
}

// leave ends the session without a word.
func (s *session) leave(reason string) {
	if s.state != loggedOut {
		s.state, s.reason = loggedOut, reason
	}
}

// flush sends what waits. An error is kept by the writer and ends the session.
func (s *session) flush() { s.w.Flush() }

// sendContinue asks for a literal.
func (s *session) sendContinue() error { return s.w.Continue("OK").Flush() }

// dispatch looks a command up, runs it and answers.
func (s *session) dispatch(cmd *imap.Command) {
	c, found := s.srv.commands[cmd.Name]
	if !found || c.states&s.state == 0 {
		s.refuseState(cmd, c.states)
		return
	}
	s.badInRow = 0
	if c.states == selected && s.view.limited != nil && s.view.cursor.Err() != nil {
		s.bye(errGone.text, goneReason)
		return
	}
	s.showRunning(cmd.Name)
	if r, err := s.run(c.command, cmd); !errors.Is(err, errIdling) {
		s.answer(c, cmd, r, err)
	}
}

// answer ends a command with what it has to say, err if it failed, and the news
// that may be told behind it.
func (s *session) answer(c answered, cmd *imap.Command, r reply, err error) {
	defer s.showRunning("")
	if err != nil {
		if s.connectionFailed(err) {
			return
		}
		r = s.replyTo(cmd.Name, err)
	} else {
		s.ownChange(cmd)
	}
	if s.view != nil && c.news != newsNever && s.state != loggedOut {
		s.view.removed = removesItself(cmd.Name)
		s.sendNews(c.news == newsAll, cmd.UID())
		s.view.removed = false
	}
	if r.cond == "" {
		r.cond = imap.OK
	}
	if r.modSeq && s.view != nil {
		r.code = highestModSeq(s.view.modSeq) // after the news, as it stands for them too
	}
	if r.text == "" {
		r.text = c.text
	}
	if s.state == loggedOut && s.reason != logoutReason {
		return // BYE was the last word
	}
	s.w.Status(cmd.Tag, r.cond, r.code, r.text)
	if s.view != nil && s.state != loggedOut && s.view.cursor.Err() != nil {
		s.bye(errGone.text, goneReason)
	}
}

// run runs a command. Of one that takes long the client hears in between, but of
// IDLE, which says more than that it goes on.
func (s *session) run(c command, cmd *imap.Command) (reply, error) {
	if s.uidOnly && takesNumbers(cmd.Name) {
		return reply{}, errUIDRequired
	}
	if s.state&loggedIn != 0 && cmd.Name != "IDLE" {
		s.progress.begin(cmd.Tag)
		defer s.progress.end()
	}
	return c.run(s, cmd)
}

// refuseState answers a command that is unknown or out of place.
func (s *session) refuseState(cmd *imap.Command, states state) {
	text := "Unknown command " + cmd.Name
	switch {
	case states == 0:
	case s.state == notAuthenticated:
		text = "Log in first"
	case states == notAuthenticated:
		text = "You are logged in already"
	case states == selected:
		text = "No mailbox is selected"
	}
	s.w.Status(cmd.Tag, imap.BAD, "", text)
	s.countBad()
}

// connectionFailed ends the session when err is of the connection or closes it.
func (s *session) connectionFailed(err error) bool {
	var c *closing
	var d *desync
	var l *lost
	switch {
	case errors.Is(err, errAnswered):
	case errors.As(err, &d), errors.Is(s.w.Err(), imap.ErrLiteral):
		s.log().Error("message cannot be sent to its end", slog.Any("err", err))
		s.leave("literal broken off")
	case s.w.Err() != nil:
		s.leave("connection lost")
	case errors.As(err, &l):
		s.readFailed(l.err)
	case errors.As(err, &c):
		s.bye(c.text, "closed by the server")
	case errors.Is(err, mailstore.ErrGone) && s.view != nil && s.view.cursor.Err() != nil:
		s.bye(errGone.text, goneReason)
	default:
		return false
	}
	return true
}

// sentenceCase writes `UID FETCH` as `Uid fetch`.
func sentenceCase(name string) string {
	if name == "" {
		return name
	}
	return name[:1] + strings.ToLower(name[1:])
}

// unselect closes the selected mailbox, if any.
func (s *session) unselect() {
	if s.view == nil {
		return
	}
	s.last.forget()
	name := s.view.box.Name()
	s.srv.opt.FullText.HasOpened(s.user, s.view.box) // with what came in meanwhile
	s.closeQuietly("mailbox", s.view.close)
	s.view = nil
	if s.notify != nil {
		s.notify.pending.note(name)
	}
	if s.state == selected {
		s.state = authenticated
	}
}
