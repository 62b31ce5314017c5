package imapd

import "restante/imap"

// cmdCapability is CAPABILITY (RFC 9051 section 6.1.1). Classic Outlook sends it
// again after login.
func (s *session) cmdCapability(*imap.Command) (reply, error) {
	s.w.Untagged().Raw("CAPABILITY ").Raw(s.capabilities()).CRLF()
	return reply{}, nil
}
