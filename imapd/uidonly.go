package imapd

import (
	"strings"

	"restante/imap"
)

// UIDONLY (RFC 9586): after ENABLE UIDONLY message numbers are neither taken nor
// sent. FETCH responses are UIDFETCH, EXPUNGE is VANISHED, and EXISTS goes on to
// tell how many messages there are.

// errUIDRequired refuses message numbers (RFC 9586 section 3.1).
var errUIDRequired = &refusal{reply{cond: imap.BAD, code: "UIDREQUIRED", text: "Message numbers mean nothing after ENABLE UIDONLY; use UIDs"}}

// takesNumbers reports whether a command speaks in message numbers.
func takesNumbers(command string) bool {
	switch command {
	case "FETCH", "STORE", "SEARCH", "SORT", "THREAD", "COPY", "MOVE", "REPLACE":
		return true
	}
	return false
}

// mayUIDOnly reports whether UIDONLY is offered.
//
// QUIRK: the service behind the new Outlook enables UIDONLY wherever it sees it, and
// goes on with message numbers (modern-email/defects#49). RFC 2971 asks not to act
// upon what a client calls itself; this one cannot be served otherwise.
func (s *session) mayUIDOnly() bool { return !s.misusesUIDOnly }

func misusesUIDOnly(fields []imap.IDField) bool {
	for _, f := range fields {
		if strings.EqualFold(f.Name, "name") {
			return strings.EqualFold(f.Value, "Microsoft Office 365")
		}
	}
	return false
}
