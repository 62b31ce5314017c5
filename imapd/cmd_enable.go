package imapd

import (
	"slices"

	"restante/imap"
)

// cmdEnable is ENABLE (RFC 9051 section 6.3.1). What is not offered is passed
// over.
//
// QUIRK: mutt and Thunderbird enable UTF8=ACCEPT without having seen it offered.
func (s *session) cmdEnable(cmd *imap.Command) (reply, error) {
	wanted := cmd.Args.(*imap.Enable).Capabilities
	qresync := slices.Contains(wanted, "QRESYNC")
	condstore := qresync || slices.Contains(wanted, "CONDSTORE")
	s.w.Untagged().Raw("ENABLED")
	if slices.Contains(wanted, "IMAP4REV2") {
		s.rev2 = true
		s.r.SetUTF8(true)
		s.w.Raw(" IMAP4rev2")
	}
	if condstore {
		s.w.Raw(" CONDSTORE")
	}
	if qresync {
		s.qresync = true
		s.w.Raw(" QRESYNC")
	}
	s.w.CRLF()
	if s.rev2 {
		s.w.SetUTF8(true)
	}
	if condstore {
		s.enableCondStore()
	}
	return reply{}, nil
}
