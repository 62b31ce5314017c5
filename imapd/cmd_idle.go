package imapd

import (
	"errors"
	"time"

	"restante/imap"
)

// idling is an IDLE that goes on.
type idling struct {
	teller
	cmd     *imap.Command
	unwatch func() // nil when no mailbox is selected
}

// errIdling is what IDLE returns when it has begun. The session waits for its end
// where it waits for commands, and not from within dispatch: most connections idle
// most of the time, and have the smaller stack for it.
var errIdling = errors.New("idling")

// cmdIdle begins IDLE (RFC 9051 section 6.3.13).
//
// QUIRK: Outlook idles with no mailbox selected; then there is nothing to tell.
func (s *session) cmdIdle(cmd *imap.Command) (reply, error) {
	if err := s.refresh(); err != nil {
		return reply{}, err
	}
	t := &s.srv.opt.Timeouts
	s.idle = &idling{cmd: cmd, teller: teller{s: s, expunge: true, keepAlive: t.KeepAlive, deadline: time.Now().Add(t.Idle)}}
	if s.view != nil {
		s.idle.unwatch = s.view.box.Watch()
	}
	s.w.Continue("idling")
	if err := s.idleNews(); err != nil {
		s.stopIdling()
		return reply{}, err
	}
	return reply{}, errIdling
}

// awaitDone waits for the end of IDLE, and tells news meanwhile. The reader may have
// the command behind DONE already; it is read next.
//
// QUIRK: iOS Mail sends the next command in the same packet as DONE.
func (s *session) awaitDone() error {
	if err := s.idle.tellWhile(s.r.Await); err != nil {
		return err
	}
	return s.r.ReadDone()
}

// idleOver answers IDLE.
func (s *session) idleOver(err error) {
	cmd := s.idle.cmd
	s.stopIdling()
	r, err := s.idleEnded(err)
	s.answer(s.srv.commands[cmd.Name], cmd, r, err)
}

// stopIdling ends an IDLE, if there is one.
func (s *session) stopIdling() {
	if s.idle != nil && s.idle.unwatch != nil {
		s.idle.unwatch()
	}
	s.idle = nil
}

// idleEnded tells DONE from what else can end IDLE.
func (s *session) idleEnded(err error) (reply, error) {
	var own *idleFailure
	var syntax *imap.Error
	switch {
	case err == nil:
		return reply{}, nil
	case errors.As(err, &own):
		return reply{}, own.err
	case errors.As(err, &syntax):
		return syntaxReply(syntax), nil
	}
	s.readFailed(err)
	return reply{}, errAnswered
}

// An idleFailure ends IDLE from our side.
type idleFailure struct{ err error }

func (f *idleFailure) Error() string { return f.err.Error() }

// idleNews tells what happened. A mailbox that is gone ends IDLE, and with it the
// session.
func (s *session) idleNews() error {
	if s.view == nil {
		return nil
	}
	s.sendNews(true, false)
	return s.view.cursor.Err()
}
