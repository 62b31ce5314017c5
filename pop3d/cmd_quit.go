package pop3d

import (
	"fmt"
	"log/slog"

	"restante/mailstore"
	"restante/pop3"
)

// cmdDele is DELE (RFC 1939 section 5). Nothing happens before QUIT.
func (s *session) cmdDele(cmd *pop3.Command) error {
	m, err := s.find(cmd.Message)
	if err != nil {
		return err
	}
	m.mark |= markDeleted
	s.w.OK(fmt.Sprintf("Message %d will be deleted by QUIT", cmd.Message))
	return nil
}

// cmdRset is RSET (RFC 1939 section 5).
func (s *session) cmdRset(*pop3.Command) error {
	for i := range s.drop.messages {
		s.drop.messages[i].mark &^= markDeleted
	}
	s.w.OK("Nothing is deleted")
	return nil
}

// cmdQuit is QUIT (RFC 1939 sections 4 and 6). The session ends whether the deletions succeed or not.
func (s *session) cmdQuit(*pop3.Command) error {
	defer s.leave("QUIT")
	if s.state == transaction {
		if err := s.update(); err != nil {
			return err
		}
	}
	if s.deleted > 0 {
		s.w.OK(fmt.Sprintf("Good bye, %d messages deleted", s.deleted))
		return nil
	}
	s.w.OK("Good bye")
	return nil
}

// update is the UPDATE state: what was marked is done now, and only now. What was retrieved and stays becomes
// \Seen, as with Dovecot; that it could not is no reason to tell the client that QUIT failed.
func (s *session) update() error {
	box := s.drop.box
	if seen := s.drop.marked(markRetrieved, markDeleted); !seen.Empty() && !s.opt.KeepUnseen && !box.ReadOnly() {
		flags := mailstore.NewFlags(mailstore.Seen)
		if _, err := box.SetFlags(s.ctx, seen, mailstore.AddFlags, flags, mailstore.SetFlagsOptions{}); err != nil {
			s.log.Warn("retrieved messages could not be marked as seen", slog.Any("err", err))
		}
	}
	doomed := s.drop.marked(markDeleted, 0)
	if doomed.Empty() {
		return nil
	}
	gone, err := box.Expunge(s.ctx, doomed, false)
	s.deleted = int(gone.Len())
	return err
}
