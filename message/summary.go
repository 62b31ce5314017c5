package message

import (
	"encoding/binary"
	"strings"
)

// Summary is what is asked of a message when a mailbox is listed, in the form in
// which it is sent, so that listing it again opens no message.
type Summary struct {
	Envelope  []byte // as AppendEnvelope gives it
	Structure []byte // as AppendBodyStructure gives it, extended
	// Header has the fields for which InSummary is true, as FilterHeader gives
	// them: FilterHeader gives the same of it as of the whole header if it is
	// asked for no other fields.
	Header []byte
}

// summaryVersion stands first and changes when the same message would get
// another summary: what was kept before is then made anew.
const summaryVersion = 1

// summaryFields are those that mail programs ask for when they list a mailbox,
// and those that sorting and threads need: the lists of Thunderbird, K-9, Apple
// Mail, Outlook, mutt, neomutt, mbsync, offlineimap, Roundcube and Evolution.
var summaryFields = [...]string{
	"Authentication-Results", "Auto-Submitted", "Bcc", "Cc", "Content-Class", "Content-Language", "Content-Transfer-Encoding", "Content-Type", "Date",
	"Delivered-To", "Disposition-Notification-To", "Followup-To", "From", "Importance", "In-Reply-To", "Lines", "List-Id", "List-Post", "List-Unsubscribe",
	"Mail-Followup-To", "Mail-Reply-To", "Message-ID", "MIME-Version", "Newsgroups", "Organization", "Precedence", "Priority", "References", "Reply-To",
	"Return-Path", "Sender", "Status", "Subject", "To", "User-Agent", "X-Draft-Info", "X-Identity-Key", "X-KMail-Identity", "X-Label", "X-Mailer", "X-Mailing-List",
	"X-MSMail-Priority", "X-OfflineIMAP", "X-Priority", "X-Spam-Flag", "X-Spam-Status", "X-Status", "X-TUID", "X-Universally-Unique-Identifier", "X-Uniform-Type-Identifier",
}

// InSummary reports whether a summary has the header fields of this name.
func InSummary(name string) bool {
	for i := range summaryFields {
		if len(name) == len(summaryFields[i]) && strings.EqualFold(name, summaryFields[i]) {
			return true
		}
	}
	return false
}

// AppendSummary appends the summary of a message: a version octet, the lengths
// of the parts as uvarints, and the parts. ok is false when the message has none,
// as its header is larger than what is held of it.
func AppendSummary(dst []byte, root *Part) (_ []byte, ok bool) {
	if root.HeaderCut {
		return dst, false
	}
	var s Summary
	var room [4096]byte
	b := AppendEnvelope(room[:0], root.RawHeader)
	envelope := len(b)
	b = AppendBodyStructure(b, root, true)
	structure := len(b)
	b = FilterHeader(b, root.RawHeader, summaryFields[:], false)
	s.Envelope, s.Structure, s.Header = b[:envelope], b[envelope:structure], b[structure:]
	return s.append(dst), true
}

func (s *Summary) append(dst []byte) []byte {
	dst = append(dst, summaryVersion)
	for _, part := range [...][]byte{s.Envelope, s.Structure, s.Header} {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
	}
	return append(append(append(dst, s.Envelope...), s.Structure...), s.Header...)
}

// ParseSummary is the reverse of AppendSummary. The parts are slices of b. It is
// false for what is no summary, and for one of another version.
func ParseSummary(b []byte) (s Summary, ok bool) {
	if len(b) == 0 || b[0] != summaryVersion {
		return Summary{}, false
	}
	b = b[1:]
	var sizes [3]uint64
	for i := range sizes {
		n := 0
		if sizes[i], n = binary.Uvarint(b); n <= 0 {
			return Summary{}, false
		}
		b = b[n:]
	}
	for i, part := range [...]*[]byte{&s.Envelope, &s.Structure, &s.Header} {
		if sizes[i] > uint64(len(b)) {
			return Summary{}, false
		}
		*part, b = b[:sizes[i]:sizes[i]], b[sizes[i]:]
	}
	return s, len(b) == 0
}
