package index

import "encoding/binary"

// SummaryVersion is the version of Summary's layout, for Options.
const SummaryVersion = 1

// Summary is what clients ask of a message when they list a mailbox, in the form
// in which it is sent. The index does not look into it; who fills it in says
// what stands there. Every part may be missing.
type Summary struct {
	Envelope      []byte // ENVELOPE
	BodyStructure []byte // BODYSTRUCTURE
	Body          []byte // BODY, where it is not BODYSTRUCTURE's beginning
	Header        []byte // the header fields that clients ask for, in the order of the message
	References    []byte // message ids for threads: own, in reply to, references
	Preview       []byte // PREVIEW (RFC 8970)
	HeaderSize    uint64 // octets of the header in CRLF form
	Lines         uint64 // of the body
}

// parts lists the octet strings in the order of the layout; new ones go to the end.
func (s *Summary) parts() [6]*[]byte {
	return [...]*[]byte{&s.Envelope, &s.BodyStructure, &s.Body, &s.Header, &s.References, &s.Preview}
}

// Append appends the layout: both numbers, the number of parts and their
// lengths, all as uvarints, and then the parts.
func (s *Summary) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, s.HeaderSize)
	dst = binary.AppendUvarint(dst, s.Lines)
	parts := s.parts()
	dst = binary.AppendUvarint(dst, uint64(len(parts)))
	for _, p := range parts {
		dst = binary.AppendUvarint(dst, uint64(len(*p)))
	}
	for _, p := range parts {
		dst = append(dst, *p...)
	}
	return dst
}

// ParseSummary is the reverse of Append. The parts are slices of b, nil where
// empty. Parts that a later version has added are passed over.
func ParseSummary(b []byte) (Summary, bool) {
	var s Summary
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 1 << 63 // more than anything can be
		}
		b = b[n:]
		return v
	}
	s.HeaderSize, s.Lines = next(), next()
	n := next()
	if n > uint64(len(b)) {
		return Summary{}, false
	}
	parts := s.parts()
	var sizes [len(parts)]uint64
	for i := range n {
		size := next()
		if i < uint64(len(sizes)) {
			sizes[i] = size
		}
	}
	for i, size := range sizes {
		if size > uint64(len(b)) {
			return Summary{}, false
		}
		if size > 0 {
			*parts[i] = b[:size:size]
			b = b[size:]
		}
	}
	return s, true
}
