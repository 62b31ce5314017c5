package imapd

import (
	"errors"
	"time"

	"restante/imap"
)

// cmdIdle is IDLE (RFC 9051 section 6.3.13). The reader may have the command behind
// DONE already; it is read next.
//
// QUIRK: Outlook idles with no mailbox selected; then there is nothing to tell.
// iOS Mail sends the next command in the same packet as DONE.
func (s *session) cmdIdle(*imap.Command) (reply, error) {
	if err := s.refresh(); err != nil {
		return reply{}, err
	}
	if s.view != nil {
		defer s.view.box.Watch()()
	}
	s.w.Continue("idling")
	if err := s.idleNews(); err != nil {
		return reply{}, err
	}
	t := teller{s: s, expunge: true, keepAlive: s.srv.opt.Timeouts.KeepAlive}
	return s.idleEnded(t.tellWhile(s.r.ReadDone, time.Now().Add(s.srv.opt.Timeouts.Idle)))
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
