package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// ErrBinary is what WithoutBinary gives for octets that only a part with the
// transfer encoding "binary" may hold and that stand elsewhere: NUL.
var ErrBinary = errors.New("message: NUL outside of a part that is declared as binary")

// WithoutBinary gives the message r with every part whose transfer encoding is
// "binary" in base64 instead, as RFC 3516 section 4.4 allows a store that cannot
// keep binary parts: in files whose line ends are converted, octets that look like
// line ends would not come back. Multiparts and embedded messages, which cannot be
// in base64, are declared as 8bit. Nothing else is changed. It holds no more than
// one header and a buffer.
func WithoutBinary(r io.Reader) io.Reader {
	u := &unbinary{}
	u.s.in.reset(r, make([]byte, bufferSize))
	return u
}

// unbinary rewrites a message line by line.
type unbinary struct {
	s      scanner
	digest []bool // of the open multiparts
	mode   bodyMode
	kind   entityKind // of the header that is being read
	held   []byte     // the line end before the next line of a part in base64: the boundary's if that follows
	group  []byte     // what does not fill a line of base64 yet
	out    []byte
	pos    int // of what has been read of out
	err    error
}

type bodyMode uint8

const (
	inHeader bodyMode = iota
	inBody            // passed on
	inBinary          // goes into base64
)

// Read implements io.Reader.
func (u *unbinary) Read(p []byte) (int, error) {
	for u.pos == len(u.out) {
		if u.err != nil {
			return 0, u.err
		}
		u.out, u.pos = u.out[:0], 0
		u.line()
	}
	n := copy(p, u.out[u.pos:])
	u.pos += n
	return n, nil
}

// line takes one line of the message.
func (u *unbinary) line() {
	line := u.s.in.next()
	if len(line) == 0 {
		u.end()
		return
	}
	if u.s.in.inLine { // a boundary line of that length is cut when its rest is passed over
		line = bytes.Clone(line)
	}
	if d, found := u.s.delimiterAt(line); found {
		u.delimiter(d, line)
		return
	}
	switch u.mode {
	case inHeader:
		u.header(line)
	case inBinary:
		body := trimEOL(line)
		u.encode(u.held)
		u.encode(body)
		u.held = append(u.held[:0], line[len(body):]...)
	default:
		u.pass(line)
	}
}

// pass passes octets on.
func (u *unbinary) pass(b []byte) {
	if bytes.IndexByte(b, 0) >= 0 {
		u.err = ErrBinary
		return
	}
	u.out = append(u.out, b...)
}

// header takes a line of a header. What is beyond the bound of headers is passed
// on: nothing there is looked at by anybody.
func (u *unbinary) header(line []byte) {
	u.s.hdr = append(u.s.hdr, line...)
	switch {
	case u.s.in.first && isBlank(line):
		u.endHeader()
	case len(u.s.hdr) > MaxRawHeader:
		u.endBody()
		u.mode = inBody
	}
}

// endHeader passes the header on and finds out what its body is.
func (u *unbinary) endHeader() {
	p := new(Part)
	u.s.fields.describe(p, u.s.hdr, u.kind)
	u.mode = inBody
	encoding := ""
	switch {
	case len(u.s.bounds) >= MaxDepth:
	case isMultipart(p):
		u.s.bounds = append(u.s.bounds, boundary(p))
		u.digest = append(u.digest, p.Is("multipart", "digest"))
		encoding = "8bit"
	case isMessage(p):
		u.mode, u.kind = inHeader, kindMessage
		encoding = "8bit"
	case p.Encoding == "binary":
		u.mode = inBinary
		encoding = "base64"
	}
	if p.Encoding == "binary" && encoding != "" {
		u.passHeader(u.s.hdr, encoding)
	} else {
		u.pass(u.s.hdr)
	}
	u.s.hdr = u.s.hdr[:0]
}

// passHeader passes a header on with another transfer encoding.
func (u *unbinary) passHeader(header []byte, encoding string) {
	for {
		raw, rest := nextRawField(header)
		if len(raw) == 0 {
			break // at the blank line
		}
		header = rest
		if f := splitField(raw); f.is("content-transfer-encoding") {
			u.out = append(u.out, "Content-Transfer-Encoding: "+encoding...)
			u.out = append(u.out, raw[len(trimEOL(raw)):]...)
			continue
		}
		u.pass(raw)
	}
	u.pass(header)
}

// delimiter takes a boundary line.
func (u *unbinary) delimiter(d delimiter, line []byte) {
	u.endBody()
	u.pass(line)
	if d.close {
		u.s.bounds, u.digest = u.s.bounds[:d.level], u.digest[:d.level]
		u.mode = inBody // the epilogue
		return
	}
	u.s.bounds, u.digest = u.s.bounds[:d.level+1], u.digest[:d.level+1]
	u.mode, u.kind = inHeader, kindPart
	if u.digest[d.level] {
		u.kind = kindDigest
	}
}

// end takes the end of the message.
func (u *unbinary) end() {
	if u.mode == inBinary {
		u.encode(u.held)
		u.held = u.held[:0]
	}
	u.endBody()
	if u.err == nil {
		u.err = io.EOF
	}
	if u.s.in.err != nil {
		u.err = u.s.in.err
	}
}

// endBody ends a part: a header that has no body, or what is in base64.
func (u *unbinary) endBody() {
	switch u.mode {
	case inHeader:
		u.pass(u.s.hdr)
		u.s.hdr = u.s.hdr[:0]
	case inBinary:
		if len(u.group) > 0 {
			u.base64Line(u.group)
			u.group = u.group[:0]
		}
		u.held = u.held[:0]
	}
}

// base64Octets make a line of 76 characters (RFC 2045 section 6.8).
const base64Octets = 57

// encode adds octets to a part in base64.
func (u *unbinary) encode(b []byte) {
	for len(u.group)+len(b) >= base64Octets {
		n := base64Octets - len(u.group)
		u.group = append(u.group, b[:n]...)
		u.base64Line(u.group)
		u.group, b = u.group[:0], b[n:]
	}
	u.group = append(u.group, b...)
}

func (u *unbinary) base64Line(b []byte) {
	u.out = base64.StdEncoding.AppendEncode(u.out, b)
	u.out = append(u.out, crlf...)
}
