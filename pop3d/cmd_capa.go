package pop3d

import (
	"strings"

	"restante/auth/sasl"
	"restante/pop3"
)

// cmdCapa is CAPA (RFC 2449 section 5). What depends on login or TLS is listed only where it can be used.
//
// QUIRK: UTF8 (RFC 6856) is not offered without TLS: Outlook gives up on the answer to it there
// (error 0x800CCC90).
func (s *session) cmdCapa(*pop3.Command) error {
	s.w.OK("These are the capabilities")
	lines := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"}
	if s.mayLogin() {
		lines = append(lines, "USER", "SASL "+strings.Join(sasl.Mechanisms(), " "))
	}
	if s.opt.TLS != nil && !s.secure && s.state == authorization {
		lines = append(lines, "STLS")
	}
	if s.secure {
		lines = append(lines, "UTF8")
	}
	for _, line := range append(lines, "IMPLEMENTATION restante") {
		s.w.Raw(line).CRLF()
	}
	s.w.End()
	return nil
}

// cmdUTF8 is UTF8 (RFC 6856 section 2). Messages go out as they are in any case.
//
// QUIRK: Outlook sends it after login, where the RFC does not have it.
func (s *session) cmdUTF8(*pop3.Command) error {
	s.w.OK("UTF-8 it is")
	return nil
}

// cmdStls is STLS (RFC 2595 section 4). Whatever the client, or somebody in between, sent in the clear behind
// it is dropped.
func (s *session) cmdStls(*pop3.Command) error {
	switch {
	case s.secure:
		return refuse("", "TLS is active already")
	case s.opt.TLS == nil:
		return refuse("", "There is no certificate for TLS on this server")
	}
	s.name = "" // knowledge from before TLS does not count
	if err := s.w.OK("Begin TLS negotiation now").Flush(); err != nil {
		return &broken{err}
	}
	if err := s.startTLS(s.opt.TLS); err != nil {
		s.leave("TLS handshake failed: " + err.Error())
	}
	return nil
}

// cmdNoop is NOOP.
func (s *session) cmdNoop(*pop3.Command) error {
	s.w.OK("Still here")
	return nil
}
