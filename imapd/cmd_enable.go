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
	s.w.Untagged().Raw("ENABLED")
	if slices.Contains(cmd.Args.(*imap.Enable).Capabilities, "IMAP4REV2") {
		s.rev2 = true
		s.r.SetUTF8(true)
		s.w.Raw(" IMAP4rev2")
	}
	s.w.CRLF()
	if s.rev2 {
		s.w.SetUTF8(true)
	}
	return reply{}, nil
}
