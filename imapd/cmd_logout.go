package imapd

import "restante/imap"

const logoutReason = "logout"

// cmdLogout is LOGOUT (RFC 9051 section 6.1.3).
func (s *session) cmdLogout(*imap.Command) (reply, error) {
	s.bye("Good bye", logoutReason)
	return reply{}, nil
}
