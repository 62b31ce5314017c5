package imapd

import "restante/imap"

// cmdStartTLS is STARTTLS (RFC 9051 section 6.2.1). It answers by itself, in the
// clear, before the handshake. Whatever the client, or somebody in between, sent
// in the clear behind it is dropped.
func (s *session) cmdStartTLS(cmd *imap.Command) (reply, error) {
	switch {
	case s.secure:
		return reply{}, bad("TLS is active already")
	case s.zip != nil:
		return reply{}, bad("TLS cannot begin within DEFLATE; connect again")
	case s.srv.opt.TLS == nil:
		return reply{}, no("UNAVAILABLE", "There is no certificate for TLS on this server")
	}
	s.w.Status(cmd.Tag, imap.OK, "", "Begin TLS negotiation now")
	if err := s.w.Flush(); err != nil {
		return reply{}, err
	}
	if err := s.startTLS(s.srv.opt.TLS); err != nil {
		s.leave("TLS handshake failed: " + err.Error())
		return reply{}, errAnswered
	}
	return reply{}, errAnswered
}
