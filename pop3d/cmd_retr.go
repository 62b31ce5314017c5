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

// pieceSize is how much of a message is read at once: most are smaller.
const pieceSize = 128 << 10

// sendMessage sends a message behind its +OK.
//
// QUIRK: Outlook hangs at NUL; message.ReplaceNUL replaces it (Dovecot's work-around outlook-no-nuls).
func (s *session) sendMessage(msg mailstore.Message, lines int) error {
	buf := s.srv.borrow()
	defer s.srv.pieces.Put(buf)
	out := s.w.Message(lines)
	for off, size := int64(0), msg.Len(); off < size; {
		piece := buf[:min(size-off, pieceSize)]
		n, err := msg.ReadAt(piece, off)
		if n < len(piece) {
			return &broken{errors.Join(io.ErrUnexpectedEOF, err)}
		}
		off += int64(n)
		if _, err := out.Write(message.ReplaceNUL(piece)); errors.Is(err, pop3.ErrEnough) {
			break
		} else if err != nil {
			return &broken{err}
		}
	}
	if err := out.Close(); err != nil {
		return &broken{err}
	}
	return nil
}
