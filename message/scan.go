package message

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// The bounds of a scan. What lies beyond them stays reachable as part of
// something larger, and is never an error.
const (
	// MaxRawHeader bounds the header of one message or part. Fields that begin
	// beyond it are not seen, the one that crosses it is cut. The header may go
	// on for any length; extents are not touched by the bound.
	MaxRawHeader = 1 << 20
	// MaxHeaderTotal bounds the headers of all parts of one message together.
	MaxHeaderTotal = 8 << 20
	// MaxDepth bounds the nesting; the message itself is the first level. A
	// multipart or embedded message on the last level is shown as
	// application/octet-stream.
	MaxDepth = 100
	// MaxParts bounds the number of parts. The last one is shown as
	// application/octet-stream and reaches to the end of the message.
	MaxParts = 10000
	// maxBoundary bounds a boundary parameter (RFC 2046 allows 70 characters). A
	// longer one is taken as no boundary.
	maxBoundary = 32 << 10
	bufferSize  = 64 << 10
)

// Scan reads a message to its end, once, and returns its tree of parts. The error
// is that of r, if any but io.EOF; the tree is then nil.
func Scan(r io.Reader) (*Part, error) {
	s := scanners.Get().(*scanner)
	defer scanners.Put(s)
	s.in.reset(r, s.buf)
	root := s.message()
	if s.in.err != nil {
		root = nil
	}
	err := s.in.err
	s.forget()
	return root, err
}

// ScanBytes is Scan for a message in memory. RawHeader of it and of embedded
// messages are slices of raw.
func ScanBytes(raw []byte) *Part {
	s := scanners.Get().(*scanner)
	defer scanners.Put(s)
	s.in.resetBytes(raw)
	s.inPlace = true
	root := s.message()
	s.forget()
	return root
}

// scanners keeps buffers between scans. Nothing of one message is visible to the
// next.
var scanners = sync.Pool{New: func() any { return &scanner{buf: make([]byte, bufferSize)} }}

// CRLFSize is the number of octets that r has in CRLF form, and of its line ends.
func CRLFSize(r io.Reader) (size, lines int64, err error) {
	s := scanners.Get().(*scanner)
	defer scanners.Put(s)
	s.in.reset(r, s.buf)
	s.in.toEnd()
	size, lines, err = s.in.at.off+s.in.at.bare, s.in.at.lines, s.in.err
	s.forget()
	return size, lines, err
}

// A scanner walks over the lines of one message by recursive descent.
type scanner struct {
	in     lineReader
	buf    []byte   // for in, when the message is not in memory
	bounds []string // boundaries of the open multiparts, outermost first
	// hdr is the header that is being read, up to MaxRawHeader: a slice of the message
	// when it is in memory (inPlace), else put together in room.
	hdr     []byte
	room    []byte
	inPlace bool
	total   int // octets kept of all headers so far
	parts   int // parts begun so far
	fields  fieldReader
}

// message reads the message.
func (s *scanner) message() *Part {
	root := new(Part)
	s.entity(root, kindMessage, 0)
	return root
}

// forget makes it ready for the next message.
func (s *scanner) forget() {
	clear(s.bounds)
	*s = scanner{buf: s.buf, bounds: s.bounds[:0], room: s.room, fields: s.fields}
	if cap(s.room) > bufferSize {
		s.room = nil
	}
}

// What an entity is, for the defaults of its type and whether its header is kept.
type entityKind int

const (
	kindMessage entityKind = iota // the message or an embedded one
	kindPart                      // part of a multipart
	kindDigest                    // part of multipart/digest
)

// A delimiter is what ended an entity: the boundary line of an open multipart, or
// the end of the message.
type delimiter struct {
	level int  // index in scanner.bounds, -1 at the end of the message
	close bool // the closing boundary line
	end   mark // where what stands before it ends
}

// entity reads one header and body into p and returns what ended it.
func (s *scanner) entity(p *Part, kind entityKind, depth int) delimiter {
	s.parts++
	if s.parts >= MaxParts {
		s.bounds = s.bounds[:0]
	}
	start := s.in.mark()
	d, ended := s.header(p, kind)
	bodyStart := s.in.mark()
	if !ended {
		d = s.body(p, depth)
	}
	if d.end.off < start.off {
		d.end = start // the boundary line follows directly on another one
	}
	if ended {
		bodyStart = d.end
		noBody(p, d.end)
	} else if d.end.off < bodyStart.off {
		bodyStart = d.end // the blank line is also the line end in front of the boundary
	}
	p.Header = start.to(bodyStart)
	p.Body = bodyStart.to(d.end)
	if int64(len(p.RawHeader)) > p.Header.Length {
		p.RawHeader = p.RawHeader[:p.Header.Length]
	}
	return d
}

// body reads the body of p, whose header is known, and what ended it.
func (s *scanner) body(p *Part, depth int) delimiter {
	switch {
	case s.parts >= MaxParts, depth >= MaxDepth-1 && (isMultipart(p) || isMessage(p)):
		p.Type, p.Subtype = "application", "octet-stream"
	case isMultipart(p):
		return s.multipart(p, depth)
	case isMessage(p):
		p.Message = new(Part)
		return s.entity(p.Message, kindMessage, depth+1)
	}
	return s.toDelimiter()
}

// noBody completes a part that ends within its header, at that place.
func noBody(p *Part, at mark) {
	switch {
	case isMultipart(p):
		p.Parts = []*Part{emptyPart(at)}
	case isMessage(p):
		p.Message = emptyPart(at)
		p.Message.RawHeader = []byte{}
	}
}

func isMultipart(p *Part) bool { return strings.EqualFold(p.Type, "multipart") }

// boundary is the boundary of a multipart, which may be written as an extended
// parameter (RFC 2231 section 4), or "".
func boundary(p *Part) string {
	b, ok := p.Param("boundary")
	if !ok {
		if b, ok = p.Param("boundary*"); ok {
			_, b = decodeExtended(b)
		}
	}
	if len(b) > maxBoundary {
		return ""
	}
	return b
}

// isMessage reports whether the body of p is a message (RFC 2046 section 5.2.1,
// RFC 6532 section 3.7).
func isMessage(p *Part) bool {
	return p.Is("message", "rfc822") || p.Is("message", "global")
}

// multipart reads preamble, parts and epilogue of p.
func (s *scanner) multipart(p *Part, depth int) delimiter {
	boundary := boundary(p)
	kind := kindPart
	if strings.EqualFold(p.Subtype, "digest") {
		kind = kindDigest
	}
	level := len(s.bounds)
	s.bounds = append(s.bounds, boundary)
	d := s.toDelimiter()
	for d.level == level && !d.close {
		child := new(Part)
		p.Parts = append(p.Parts, child)
		d = s.entity(child, kind, depth+1)
	}
	if level < len(s.bounds) {
		s.bounds = s.bounds[:level]
	}
	if d.level == level {
		d = s.toDelimiter() // the epilogue
	}
	if len(p.Parts) == 0 {
		p.Parts = []*Part{emptyPart(d.end)}
	}
	return d
}

// emptyPart stands in a multipart without parts, as IMAP has no form for one
// (RFC 9051 section 9, body-type-mpart).
func emptyPart(at mark) *Part {
	nothing := at.to(at)
	return &Part{Header: nothing, Body: nothing, Type: "text", Subtype: "plain", Encoding: "7bit"}
}

// header reads the header of p up to and with the blank line. ended reports that
// a boundary line or the end of the message came first.
func (s *scanner) header(p *Part, kind entityKind) (d delimiter, ended bool) {
	s.hdr = s.room[:0]
	cut := false
	room := min(MaxRawHeader, MaxHeaderTotal-s.total)
	for {
		line := s.in.next()
		if len(line) == 0 {
			d, ended = s.eof(), true
			break
		}
		if d, ended = s.delimiterAt(line); ended {
			break
		}
		keep := min(len(line), room-len(s.hdr))
		cut = cut || keep < len(line)
		s.keep(line[:keep])
		if s.in.first && isBlank(line) {
			break
		}
	}
	s.total += len(s.hdr)
	if kind == kindMessage {
		p.RawHeader, p.HeaderCut = s.rawHeader(), cut
	}
	s.fields.describe(p, s.hdr, kind)
	return d, ended
}

// keep adds to hdr what follows it in the message.
func (s *scanner) keep(b []byte) {
	switch {
	case !s.inPlace:
		s.hdr = append(s.hdr, b...)
		s.room = s.hdr
	case len(s.hdr) == 0:
		s.hdr = b
	default:
		s.hdr = s.hdr[:len(s.hdr)+len(b)]
	}
}

// rawHeader is the header for a Part, never nil.
func (s *scanner) rawHeader() []byte {
	switch {
	case len(s.hdr) == 0:
		return []byte{}
	case s.inPlace:
		return s.hdr[:len(s.hdr):len(s.hdr)]
	}
	return bytes.Clone(s.hdr)
}

func isBlank(line []byte) bool {
	return line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}

// toDelimiter skips to the next boundary line of an open multipart, or to the end.
func (s *scanner) toDelimiter() delimiter {
	if len(s.bounds) == 0 {
		s.in.toEnd()
		return s.eof()
	}
	for {
		s.in.skipPlain()
		line := s.in.next()
		if len(line) == 0 {
			return s.eof()
		}
		if d, ok := s.delimiterAt(line); ok {
			return d
		}
	}
}

func (s *scanner) eof() delimiter {
	return delimiter{level: -1, end: s.in.mark()}
}

// delimiterAt tells whether line, just read, is the boundary line of an open
// multipart, and skips the rest of it. A boundary line needs only to begin with
// the boundary (RFC 2046 section 5.1.1); where several match, the longest is
// meant, and of equals the innermost.
func (s *scanner) delimiterAt(line []byte) (delimiter, bool) {
	if len(line) < 2 || line[0] != '-' || line[1] != '-' || !s.in.first {
		return delimiter{}, false
	}
	rest, level := trimEOL(line)[2:], -1
	for i := len(s.bounds) - 1; i >= 0; i-- {
		b := s.bounds[i]
		if len(b) <= len(rest) && (level < 0 || len(b) > len(s.bounds[level])) && string(rest[:len(b)]) == b {
			level = i
		}
	}
	if level < 0 {
		return delimiter{}, false
	}
	d := delimiter{level: level, end: s.in.beforeLine()}
	rest = rest[len(s.bounds[level]):]
	d.close = len(rest) >= 2 && rest[0] == '-' && rest[1] == '-'
	s.in.skipLine()
	if s.in.eol == 0 {
		d.close = true // the message ends here, there is no part to begin
	}
	return d, true
}
