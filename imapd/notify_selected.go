package imapd

import (
	"errors"
	"log/slog"

	"restante/mailstore"
)

// heed lets the view of the selected mailbox, if any, tell what NOTIFY asks for.
func (s *session) heed() {
	v := s.view
	if v == nil {
		return
	}
	quiet := events(0)
	if s.notify != nil && s.notify.asked {
		quiet = (evMessages | evFlags) &^ s.notify.selected
	}
	if v.quiet&evFlags != 0 && quiet&evFlags == 0 {
		v.markSince(v.quietSince)
	}
	if v.quiet&evFlags == 0 {
		v.quietSince = v.modSeq
	}
	v.quiet = quiet
	if v.unwatch != nil {
		v.unwatch()
		v.unwatch = nil
	}
	if s.notify != nil && s.notify.selected != 0 {
		v.unwatch = v.box.Watch()
	}
}

// removesItself reports whether a command removes messages, of which the client is
// told in any case.
func removesItself(command string) bool {
	switch command {
	case "EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE", "REPLACE", "UID REPLACE":
		return true
	}
	return false
}

// fetchNew tells of the messages with these numbers what NOTIFY asks for.
func (s *session) fetchNew(from, to int) {
	if s.notify == nil || s.notify.newMessage == nil || from >= to {
		return
	}
	plan := *s.notify.newMessage
	plan.modSeq = plan.modSeq || s.condstore && plan.flags
	f := fetcher{s: s, plan: &plan}
	_, err := s.view.pages([]span{{from, to}}, f.page)
	if err = errors.Join(err, f.failed); err != nil && s.w.Err() == nil {
		s.log().Warn("new messages cannot be told with NOTIFY", slog.String("mailbox", s.view.box.Name()), slog.Any("err", err))
	}
}

// notifying reports whether something may have to be told while the client is
// silent.
func (s *session) notifying() bool {
	return s.notify != nil && (s.notify.all != 0 || s.notify.selected != 0)
}

// idleFailed ends a session that could not go on telling news.
func (s *session) idleFailed(err error) {
	if errors.Is(err, mailstore.ErrGone) {
		s.bye(errGone.text, goneReason)
		return
	}
	if !s.connectionFailed(err) {
		s.log().Error("news cannot be told", slog.Any("err", err))
		s.leave("news failed")
	}
}
