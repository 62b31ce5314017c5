package pop3d

import (
	"errors"
	"io"

	"restante/mailstore"
	"restante/message"
	"restante/pop3"
)

// cmdRetr is RETR (RFC 1939 section 5).
func (s *session) cmdRetr(cmd *pop3.Command) error {
	m, err := s.find(cmd.Message)
	if err != nil {
		return err
	}
	msg, err := s.drop.box.OpenMessage(s.ctx, m.uid)
	if err != nil {
		return err
	}
	defer s.closeQuietly("message", msg.Close)
	if err := s.drop.fillSize(s.ctx, m); err != nil {
		return err
	}
	s.w.Raw("+OK ").Number(m.size).Raw(" octets").CRLF()
	if err := s.sendMessage(msg, pop3.AllLines); err != nil {
		return err
	}
	m.mark |= markRetrieved
	s.retrieved++
	return nil
}

// cmdTop is TOP (RFC 1939 section 7).
func (s *session) cmdTop(cmd *pop3.Command) error {
	m, err := s.find(cmd.Message)
	if err != nil {
		return err
	}
	msg, err := s.drop.box.OpenMessage(s.ctx, m.uid)
	if err != nil {
		return err
	}
	defer s.closeQuietly("message", msg.Close)
	s.w.OK("Here is the top of it")
	return s.sendMessage(msg, cmd.Lines)
}

// sendMessage sends a message behind its +OK, in CRLF form.
//
// QUIRK: Outlook hangs at NUL; message.ToWire replaces it (Dovecot's work-around outlook-no-nuls).
func (s *session) sendMessage(msg mailstore.Message, lines int) error {
	out := s.w.Message(lines)
	_, err := io.Copy(out, message.ToWire(io.NewSectionReader(msg, 0, msg.Len())))
	if err != nil && !errors.Is(err, pop3.ErrEnough) {
		return &broken{err}
	}
	if err := out.Close(); err != nil {
		return &broken{err}
	}
	return nil
}
