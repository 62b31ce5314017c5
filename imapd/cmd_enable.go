package imapd

import (
	"slices"

	"restante/imap"
)

// cmdEnable is ENABLE (RFC 9051 section 6.3.1). What is not offered is passed
// over.
//
// UTF8=ACCEPT (RFC 9755, RFC 6855) is part of what IMAP4rev2 is.
//
// QUIRK: mutt and Thunderbird enable UTF8=ACCEPT without having seen it offered.
func (s *session) cmdEnable(cmd *imap.Command) (reply, error) {
	wanted := cmd.Args.(*imap.Enable).Capabilities
	qresync := slices.Contains(wanted, "QRESYNC")
	condstore := qresync || slices.Contains(wanted, "CONDSTORE")
	metadata := slices.Contains(wanted, "METADATA") && s.enableMetadata()
	s.w.Untagged().Raw("ENABLED")
	if slices.Contains(wanted, "IMAP4REV2") {
		s.rev2, s.utf8 = true, true
		s.w.Raw(" IMAP4rev2")
	}
	if slices.Contains(wanted, "UTF8=ACCEPT") {
		s.utf8 = true
		s.w.Raw(" UTF8=ACCEPT")
	}
	if condstore {
		s.w.Raw(" CONDSTORE")
	}
	if qresync {
		s.qresync = true
		s.w.Raw(" QRESYNC")
	}
	if slices.Contains(wanted, "UIDONLY") && s.mayUIDOnly() {
		s.uidOnly = true
		s.w.Raw(" UIDONLY")
	}
	if metadata {
		s.w.Raw(" METADATA")
	}
	s.w.CRLF()
	s.r.SetUTF8(s.utf8)
	s.w.SetUTF8(s.utf8)
	if condstore {
		s.enableCondStore()
	}
	return reply{}, nil
}
