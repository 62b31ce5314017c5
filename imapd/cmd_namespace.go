package imapd

import "restante/imap"

// cmdNamespace is NAMESPACE (RFC 9051 section 6.3.10): one personal namespace
// without a prefix, and that of other users if mailboxes can be shared.
func (s *session) cmdNamespace(*imap.Command) (reply, error) {
	s.w.Untagged().Raw(`NAMESPACE (("" `).String(s.delimiter()).Raw(")) ")
	if a := s.sharer(); a != nil {
		s.w.Raw("((").String(a.OtherUsers()).SP().String(s.delimiter()).Raw(")) NIL").CRLF()
	} else {
		s.w.Raw("NIL NIL").CRLF()
	}
	return reply{}, nil
}

func (s *session) delimiter() string { return string(s.account.Delimiter()) }
