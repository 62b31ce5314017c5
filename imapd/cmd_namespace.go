package imapd

import "restante/imap"

// cmdNamespace is NAMESPACE (RFC 9051 section 6.3.10): one personal namespace
// without a prefix.
func (s *session) cmdNamespace(*imap.Command) (reply, error) {
	s.w.Untagged().Raw(`NAMESPACE (("" `).String(s.delimiter()).Raw(")) NIL NIL").CRLF()
	return reply{}, nil
}

func (s *session) delimiter() string { return string(s.account.Delimiter()) }
