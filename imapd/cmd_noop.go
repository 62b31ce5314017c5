package imapd

import (
	"errors"
	"log/slog"

	"restante/imap"
	"restante/mailstore"
)

// cmdNoop is NOOP (RFC 9051 section 6.1.2): what other programs did is folded in
// and told.
func (s *session) cmdNoop(*imap.Command) (reply, error) {
	return reply{}, s.refresh()
}

// cmdCheck is CHECK (RFC 3501 section 6.4.1). Everything is on disk before it is
// acknowledged, so it is NOOP.
func (s *session) cmdCheck(*imap.Command) (reply, error) {
	return reply{}, s.refresh()
}

// refresh folds into the selected mailbox, if any, what other programs did. Only
// that it is gone is an error: if it is locked at the moment, the session goes
// on with what it knows.
func (s *session) refresh() error {
	if s.view == nil {
		return nil
	}
	err := s.long(s.view.box.Refresh)
	if err == nil || errors.Is(err, mailstore.ErrGone) {
		return err
	}
	s.log().Warn("mailbox cannot be refreshed", slog.String("mailbox", s.view.box.Name()), slog.Any("err", err))
	return nil
}
