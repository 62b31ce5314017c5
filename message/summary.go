package message

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Summary is what is asked of a message when a mailbox is listed, sorted or put
// into threads, in the form in which it is sent, so that doing it again opens no
// message.
type Summary struct {
	// Envelope is as AppendEnvelope gives it, or empty: then AppendEnvelope gives it of
	// Header.
	Envelope []byte
	// Header has the fields for which InSummary is true, as FilterHeader gives
	// them: FilterHeader gives the same of it as of the whole header if it is
	// asked for no other fields.
	Header []byte

	Knows      Knowledge // which of these there are
	ID         ID
	Structure  []byte // as AppendBodyStructure gives it, extended; AppendBody makes BODY of it
	Preview    []byte // as AppendPreview gives it
	Attachment bool   // as Part.HasAttachment says
}

// Knowledge is what a summary has beside what the header gives. Each costs more
// than all before it, so a summary has what somebody has asked for.
type Knowledge uint8

const (
	// KnowsStructure is for Structure and Attachment, of which all of the message
	// is read.
	KnowsStructure Knowledge = 1 << iota
	// KnowsPreview is for Preview, of which text is decoded.
	KnowsPreview
	// KnowsID is for ID, of which every octet is hashed.
	KnowsID
)

// Has reports whether all of want is known.
func (k Knowledge) Has(want Knowledge) bool { return k&want == want }

// summaryVersion stands first and changes when the same message would get
// another summary: what was kept before is then made anew.
const summaryVersion = 5

// summaryFields are those that mail programs ask for when they list a mailbox,
// and those that sorting and threads need. docs/design/message.md says who asks
// for what.
var summaryFields = [...]string{
	"Authentication-Results", "Auto-Submitted", "Bcc", "BIMI-Indicator", "BIMI-Location", "Cc", "Chat-Version", "Content-Class", "Content-Description",
	"Content-Language", "Content-Transfer-Encoding", "Content-Type", "Date", "Delivered-To", "Disposition-Notification-To", "DKIM-Signature", "Followup-To",
	"From", "Importance", "In-Reply-To", "Lines", "List-Id", "List-Post", "List-Subscribe", "List-Unsubscribe", "Mail-Followup-To", "Mail-Reply-To",
	"Mailing-List", "Message-ID", "MIME-Version", "Newsgroups", "Organization", "Originator", "Precedence", "Priority", "References", "Reply-To",
	"Return-Path", "Sender", "Status", "Subject", "To", "User-Agent", "X-BeenThere", "X-BIMI-Indicator-Hash", "X-Draft-Info", "X-Evolution-Source",
	"X-Identity-Key", "X-K9mail-Identity", "X-KMail-Identity", "X-Label", "X-List", "X-Loop", "X-Mailer", "X-Mailing-List", "X-MSMail-Priority",
	"X-OfflineIMAP", "X-Original-To", "X-Priority", "X-Spam-Flag", "X-Spam-Status", "X-Status", "X-TUID", "X-Uniform-Type-Identifier",
	"X-Universally-Unique-Identifier",
}

// summaryNames are summaryFields by their length: of each field of each header it
// is asked whether it is one of them.
var summaryNames = func() (byLength [64][]string) {
	for _, name := range summaryFields {
		byLength[len(name)] = append(byLength[len(name)], name)
	}
	return byLength
}()

// InSummary reports whether a summary has the header fields of this name.
func InSummary(name string) bool { return inSummary([]byte(name)) }

func inSummary(name []byte) bool {
	return len(name) < len(summaryNames) && named(name, summaryNames[len(name)])
}

// summaryAttachment stands with Knowledge in the octet behind the version.
const summaryAttachment = 0x80

// AppendSummary appends the summary of a message that was scanned. It has its
// structure, and more if that is asked for: the preview, for which r gives the
// stored octets, and id, which must be that of the message then. There is none, and
// ok is false, when the header is larger than what is held of it, or r fails.
func AppendSummary(dst []byte, more Knowledge, root *Part, id ID, r io.ReaderAt) (_ []byte, ok bool) {
	if root.HeaderCut {
		return dst, false
	}
	start, flags := len(dst), byte(more|KnowsStructure)
	if root.HasAttachment() {
		flags |= summaryAttachment
	}
	dst = append(dst, summaryVersion, flags)
	if more.Has(KnowsID) {
		dst = append(dst, id[:]...)
	}
	dst = appendHeaderParts(dst, root.RawHeader, true)
	at := len(dst)
	dst = endSummaryPart(AppendBodyStructure(beginSummaryPart(dst), root, true), at)
	if !more.Has(KnowsPreview) {
		return dst, true
	}
	at = len(dst)
	dst, err := AppendPreview(beginSummaryPart(dst), root, r)
	if err != nil {
		return dst[:start], false
	}
	return endSummaryPart(dst, at), true
}

// AppendHeaderSummary appends the summary of a message of which only the header
// was read, all of it. Without envelope it leaves out what can be made of the rest,
// for those who do not ask for it.
func AppendHeaderSummary(dst, header []byte, envelope bool) []byte {
	return appendHeaderParts(append(dst, summaryVersion, 0), header, envelope)
}

// appendHeaderParts appends what the header gives. NUL is another thing in ENVELOPE than
// in the fields.
func appendHeaderParts(dst, header []byte, envelope bool) []byte {
	at := len(dst)
	dst = beginSummaryPart(dst)
	if envelope || bytes.IndexByte(header, 0) >= 0 {
		dst = AppendEnvelope(dst, header)
	}
	dst = endSummaryPart(dst, at)
	at = len(dst)
	return endSummaryPart(filterHeader(beginSummaryPart(dst), header, inSummary), at)
}

// AppendEnvelope appends the ENVELOPE.
func (s *Summary) AppendEnvelope(dst []byte) []byte {
	if len(s.Envelope) == 0 {
		return AppendEnvelope(dst, s.Header)
	}
	return append(dst, s.Envelope...)
}

// A part of a summary has its length in front, in 4 octets.
const summaryPartHead = 4

func beginSummaryPart(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

// endSummaryPart writes the length of the part that begins at a place.
func endSummaryPart(dst []byte, at int) []byte {
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-summaryPartHead))
	return dst
}

// ParseSummary is the reverse of AppendSummary and AppendHeaderSummary. The parts
// are slices of b. It is false for what is no summary, and for one of another
// version.
func ParseSummary(b []byte) (s Summary, ok bool) {
	if len(b) < 2 || b[0] != summaryVersion {
		return Summary{}, false
	}
	s.Knows, s.Attachment = Knowledge(b[1]&^summaryAttachment), b[1]&summaryAttachment != 0
	if s.Knows&^(KnowsStructure|KnowsPreview|KnowsID) != 0 || b[1] != 0 && !s.Knows.Has(KnowsStructure) {
		return Summary{}, false
	}
	b = b[2:]
	if s.Knows.Has(KnowsID) {
		if len(b) < len(s.ID) {
			return Summary{}, false
		}
		b = b[copy(s.ID[:], b):]
	}
	parts := []*[]byte{&s.Envelope, &s.Header, &s.Structure, &s.Preview}
	switch {
	case !s.Knows.Has(KnowsStructure):
		parts = parts[:2]
	case !s.Knows.Has(KnowsPreview):
		parts = parts[:3]
	}
	for _, part := range parts {
		if len(b) < summaryPartHead {
			return Summary{}, false
		}
		n := uint64(binary.LittleEndian.Uint32(b))
		b = b[summaryPartHead:]
		if n > uint64(len(b)) {
			return Summary{}, false
		}
		*part, b = b[:n:n], b[n:]
	}
	return s, len(b) == 0
}
