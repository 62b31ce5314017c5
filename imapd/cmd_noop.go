package imapd

import "restante/imap"

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

// refresh folds into the selected mailbox, if any, what other programs did.
func (s *session) refresh() error {
	if s.view == nil {
		return nil
	}
	return s.view.box.Refresh(s.ctx)
}
