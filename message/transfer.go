package message

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// DecodeBody undoes the content transfer encoding of p; r gives its raw body. It
// never fails but with the error of r: what does not fit the encoding is passed
// over or passed on. An encoding that is not known is none.
func (p *Part) DecodeBody(r io.Reader) io.Reader { return p.decodeBody(r, bufferSize/4) }

// Encoded reports whether p has a transfer encoding that DecodeBody undoes.
func (p *Part) Encoded() bool { return p.decoder() != nil }

// decoder is what undoes the transfer encoding of p, nil if nothing does.
func (p *Part) decoder() decoder {
	switch p.Encoding {
	case "base64":
		return new(base64Decoder)
	case "quoted-printable":
		return new(qpDecoder)
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return new(uuDecoder)
	}
	return nil
}

// decodeBody is DecodeBody with buffers of this size.
func (p *Part) decodeBody(r io.Reader, room int) io.Reader {
	d := p.decoder()
	if d == nil {
		return r
	}
	t := &transferReader{d: d}
	t.in.reset(r, make([]byte, room))
	return t
}

// AppendBody appends what DecodeBody gives of a raw body that is at hand.
func (p *Part) AppendBody(dst, raw []byte) []byte {
	d := p.decoder()
	if d == nil {
		return append(dst, raw...)
	}
	for first := true; len(raw) > 0; {
		n, whole := len(raw), false
		if i := bytes.IndexByte(raw[:min(n, bufferSize/4)], '\n'); i >= 0 {
			n, whole = i+1, true
		} else if n >= bufferSize/4 {
			// A piece, cut where the lineReader of DecodeBody cuts it.
			if n = bufferSize / 4; raw[n-1] == '\r' {
				n--
			}
		}
		dst = d.line(dst, raw[:n], first)
		raw, first = raw[n:], whole
	}
	return d.end(dst)
}

// DecodeText is DecodeBody with the text as UTF-8, always valid: its charset is the
// parameter of that name. Text that promises ASCII or UTF-8 and is neither is read
// as Windows-1252.
func (p *Part) DecodeText(r io.Reader) io.Reader { return p.decodeText(r, bufferSize/4) }

func (p *Part) decodeText(r io.Reader, room int) io.Reader {
	return charsetReader(p.decodeBody(r, room), p.charset())
}

// AppendText appends what AppendBody gave as DecodeText gives it: as UTF-8.
func (p *Part) AppendText(dst, body []byte) []byte { return appendCharset(dst, body, p.charset()) }

// IsText reports whether AppendText would give the same octets: the body is UTF-8 and
// promises no less.
func (p *Part) IsText(body []byte) bool {
	switch charsetName(p.charset()) {
	case "", "utf-8", "us-ascii":
		return utf8.Valid(body)
	}
	return false
}

// Charmap is what AppendText reads the body with if that has one octet for each
// character, else nil.
func (p *Part) Charmap() *charmap.Charmap { return charsetTable(p.charset()) }

func (p *Part) charset() string {
	charset, ok := p.Param("charset")
	if !ok {
		if v, ok := p.Param("charset*"); ok {
			_, charset = decodeExtended(v)
		}
	}
	return charset
}

// A decoder undoes an encoding line by line.
type decoder interface {
	// line appends what a line says. A line longer than the buffer comes in
	// pieces; first tells its first piece. The line end is part of the line.
	line(dst, line []byte, first bool) []byte
	// end appends what the end of the body completes.
	end(dst []byte) []byte
}

type transferReader struct {
	in  lineReader
	d   decoder
	buf []byte // decoded
	out []byte // of buf, not yet read
	eof bool
}

// Read implements io.Reader.
func (t *transferReader) Read(p []byte) (int, error) {
	for len(t.out) == 0 && !t.eof {
		t.buf = t.buf[:0]
		for len(t.buf) < len(t.in.buf) && !t.eof {
			line := t.in.next()
			if len(line) == 0 {
				t.eof = true
				t.buf = t.d.end(t.buf)
				break
			}
			t.buf = t.d.line(t.buf, line, t.in.first)
		}
		t.out = t.buf
	}
	if len(t.out) == 0 && len(p) > 0 {
		if t.in.err != nil {
			return 0, t.in.err
		}
		return 0, io.EOF
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// base64Values is the value of each octet of the base64 alphabet, 0xFF for others.
var base64Values = makeBase64Values()

func makeBase64Values() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i)
	}
	return t
}

// A quantum collects up to four characters of base64.
type quantum struct {
	bits uint32
	n    int
}

func (q *quantum) add(dst []byte, v byte) []byte {
	q.bits = q.bits<<6 | uint32(v)
	if q.n++; q.n < 4 {
		return dst
	}
	q.n = 0
	return append(dst, byte(q.bits>>16), byte(q.bits>>8), byte(q.bits))
}

// appendQuanta decodes whole quanta at the beginning of s and returns what it
// stopped at: less than four characters, or one that is not of the alphabet among
// the next four. Nearly all base64 is decoded here.
func appendQuanta(dst, s []byte) (_, rest []byte) {
	for len(s) >= 4 {
		a, b, c, d := base64Values[s[0]], base64Values[s[1]], base64Values[s[2]], base64Values[s[3]]
		if a|b|c|d >= 64 {
			break
		}
		dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|d)
		s = s[4:]
	}
	return dst, s
}

// flush appends the octets of an incomplete quantum.
func (q *quantum) flush(dst []byte) []byte {
	switch q.n {
	case 2:
		dst = append(dst, byte(q.bits>>4))
	case 3:
		dst = append(dst, byte(q.bits>>10), byte(q.bits>>2))
	}
	q.n = 0
	return dst
}

// base64Decoder passes over octets that are not of the alphabet (RFC 2045 section
// 6.8). Behind padding only lines that are all base64 are read: the data may go on
// there, but mostly it is a footer of a mailing list in clear.
type base64Decoder struct {
	q      quantum
	padded bool
	done   bool
}

func (d *base64Decoder) line(dst, line []byte, _ bool) []byte {
	if d.padded && !isBase64(line) {
		d.done = true
	}
	if d.done {
		return dst
	}
	for len(line) > 0 {
		if d.q.n == 0 {
			if dst, line = appendQuanta(dst, line); len(line) == 0 {
				break
			}
		}
		c := line[0]
		line = line[1:]
		if v := base64Values[c]; v < 64 {
			dst = d.q.add(dst, v)
		} else if c == '=' {
			dst = d.q.flush(dst)
			d.padded = true
		}
	}
	return dst
}

func (d *base64Decoder) end(dst []byte) []byte { return d.q.flush(dst) }

// isBase64 reports whether a line holds nothing else; white space at its end does
// not count.
func isBase64(line []byte) bool {
	for _, c := range bytes.TrimRight(line, " \t\r\n=") {
		if base64Values[c] >= 64 {
			return false
		}
	}
	return true
}

// qpDecoder undoes quoted-printable, RFC 2045 section 6.7. A "=" that begins
// nothing stands for itself.
type qpDecoder struct {
	held []byte // the end of a piece, "=" and at most one digit, or white space
}

func (d *qpDecoder) line(dst, line []byte, _ bool) []byte {
	if len(d.held) > 0 {
		line = append(d.held, line...)
		d.held = nil
	}
	text := trimEOL(line)
	eol := line[len(text):]
	if len(eol) == 0 {
		return d.piece(dst, line)
	}
	text = trimSpace(text) // white space at the end was added in transport
	if n := len(text); n > 0 && text[n-1] == '=' {
		text, eol = text[:n-1], nil
	}
	dst = appendQP(dst, text)
	return append(dst, eol...)
}

// piece decodes a piece of a line but for its end, of which the meaning depends on
// what follows.
func (d *qpDecoder) piece(dst, piece []byte) []byte {
	keep := len(trimSpace(piece))
	if n := len(piece); n-keep > 1000 {
		keep = n // no transport adds that much
	}
	if i := bytes.LastIndexByte(piece[:keep], '='); i >= 0 && keep-i < 3 {
		keep = i
	}
	d.held = bytes.Clone(piece[keep:])
	return appendQP(dst, piece[:keep])
}

func (d *qpDecoder) end(dst []byte) []byte {
	text := trimSpace(d.held)
	return appendQP(dst, bytes.TrimSuffix(text, []byte("=")))
}

// trimSpace removes white space at the end.
func trimSpace(s []byte) []byte {
	n := len(s)
	for n > 0 && (s[n-1] == ' ' || s[n-1] == '\t' || s[n-1] == '\r') {
		n--
	}
	return s[:n]
}

func appendQP(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '=')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		for s = s[i:]; len(s) > 2 && s[0] == '='; s = s[3:] { // they come in groups
			high, low := unhex(s[1]), unhex(s[2])
			if high < 0 || low < 0 {
				break
			}
			dst = append(dst, byte(high<<4|low))
		}
		if len(s) > 0 && s[0] == '=' {
			dst = append(dst, '=')
			s = s[1:]
		}
	}
}

// uuDecoder undoes uuencode: the lines between "begin mode name" and "end". A body
// without such lines is passed on as it is, up to uuPreamble of it.
type uuDecoder struct {
	before []byte
	begun  bool
	done   bool
}

const uuPreamble = 64 << 10

func (d *uuDecoder) line(dst, line []byte, first bool) []byte {
	switch {
	case d.done || !first && d.begun:
		return dst
	case !d.begun:
		if first && isUUBegin(line) {
			d.begun, d.before = true, nil
		} else if len(d.before)+len(line) <= uuPreamble {
			d.before = append(d.before, line...)
		}
		return dst
	}
	text := trimEOL(line)
	if string(text) == "end" {
		d.done = true
		return dst
	}
	if len(text) == 0 {
		return dst
	}
	return appendUU(dst, text)
}

// isUUBegin reports whether a line is "begin", an octal mode and a name.
func isUUBegin(line []byte) bool {
	f := strings.Fields(string(line[:min(len(line), 1000)]))
	return len(f) >= 2 && f[0] == "begin" && len(f[1]) >= 3 && strings.Trim(f[1], "01234567") == ""
}

// appendUU decodes a line: its length, then four characters for three octets. The
// spaces at its end may be gone.
func appendUU(dst, line []byte) []byte {
	n := int(line[0]-' ') & 63
	line = line[1:]
	at := func(i int) uint32 {
		if i < len(line) {
			return uint32(line[i]-' ') & 63
		}
		return 0
	}
	for i := 0; n > 0; i += 4 {
		b := at(i)<<18 | at(i+1)<<12 | at(i+2)<<6 | at(i+3)
		dst = append(dst, []byte{byte(b >> 16), byte(b >> 8), byte(b)}[:min(n, 3)]...)
		n -= 3
	}
	return dst
}

func (d *uuDecoder) end(dst []byte) []byte {
	if d.begun {
		return dst
	}
	return append(dst, d.before...)
}
