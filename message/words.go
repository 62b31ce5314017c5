package message

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// DecodeHeader is the text of an unstructured header field: unfolded, with its
// encoded-words (RFC 2047) decoded and raw 8-bit text read as UTF-8 or, where it is
// none, Windows-1252. The result is valid UTF-8 without control characters: line
// ends and tabs become spaces, others U+FFFD.
//
// It decodes more than the standard allows: words within other text or with spaces
// in them, characters cut in two by the next word, damaged base64.
func DecodeHeader(raw string) string {
	raw = unfold(raw)
	if isPlain(raw) {
		return raw
	}
	var d HeaderDecoder
	return string(d.Append(nil, []byte(raw)))
}

// A HeaderDecoder is DecodeHeader for one field after the other: it keeps its
// buffers. The zero value is ready.
type HeaderDecoder struct {
	line []byte
	word wordDecoder
}

// Append appends what DecodeHeader makes of a field.
func (h *HeaderDecoder) Append(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '\n') >= 0 {
		h.line = appendLines(h.line[:0], raw)
		raw = h.line
	}
	raw = bytes.Trim(raw, " \t\r")
	d := &h.word
	d.begin(dst)
	for {
		start := bytes.Index(raw, []byte("=?"))
		// Without an end in sight no start is worth a search for it: a field of
		// nothing but starts must not take quadratic time.
		if start < 0 || !d.endBehind(raw, start) {
			break
		}
		w, rest, ok := cutWord(raw[start:])
		if !ok {
			d.text(raw[:start+2])
			raw = raw[start+2:]
			continue
		}
		d.text(raw[:start])
		d.word(w)
		raw = rest
	}
	d.text(raw)
	return d.end()
}

// cleanText is raw text without encoded-words, made clean.
func cleanText(raw string) string {
	if isPlain(raw) {
		return raw
	}
	var d wordDecoder
	d.text([]byte(raw))
	return string(d.end())
}

func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return strings.Trim(s, " \t\r")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Trim(strings.ReplaceAll(s, "\n", ""), " \t\r")
}

// appendLines appends lines without their ends.
func appendLines(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, bytes.TrimSuffix(raw[:i], []byte("\r"))...)
		raw = raw[i+1:]
	}
}

// isPlain reports whether s needs no decoding.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '=' && i+1 < len(s) && s[i+1] == '?' {
			return false
		}
	}
	return true
}

// An encodedWord is "=?" charset ["*" language] "?" encoding "?" text "?=".
type encodedWord struct {
	charset []byte
	text    []byte
	base64  bool
}

// cutWord reads an encoded-word at the start of s.
func cutWord(s []byte) (w encodedWord, rest []byte, ok bool) {
	charset, rest, ok := bytes.Cut(s[2:], []byte("?"))
	if !ok || len(charset) == 0 || bytes.ContainsAny(charset, " \t=\"") || len(rest) < 2 || rest[1] != '?' {
		return w, s, false
	}
	switch rest[0] {
	case 'b', 'B':
		w.base64 = true
	case 'q', 'Q':
	default:
		return w, s, false
	}
	w.text, rest, ok = bytes.Cut(rest[2:], []byte("?="))
	if !ok {
		return w, s, false
	}
	w.charset, _, _ = bytes.Cut(charset, []byte("*"))
	return w, rest, true
}

// A wordDecoder puts the pieces of a field together.
type wordDecoder struct {
	out     []byte
	octets  []byte // of the words read last, of one charset
	charset []byte
	inWords bool // octets is in use

	last      int // octets from the last "?=" to the end of the field
	lastKnown bool
}

// begin begins another field, whose text goes behind dst.
func (d *wordDecoder) begin(dst []byte) {
	*d = wordDecoder{out: dst, octets: d.octets[:0]}
}

// end gives the text, and keeps nothing of it.
func (d *wordDecoder) end() []byte {
	d.flush()
	out := d.out
	d.out, d.charset = nil, nil
	return out
}

// endBehind reports whether "?=" stands somewhere behind start.
func (d *wordDecoder) endBehind(raw []byte, start int) bool {
	if !d.lastKnown {
		d.last, d.lastKnown = len(raw)-bytes.LastIndex(raw, []byte("?=")), true
	}
	return len(raw)-d.last > start
}

// word takes an encoded-word. Neighbours of the same charset are decoded together,
// as programs cut characters in two.
func (d *wordDecoder) word(w encodedWord) {
	if d.inWords && !bytes.EqualFold(d.charset, w.charset) {
		d.flush()
	}
	d.inWords, d.charset = true, w.charset
	if w.base64 {
		d.octets = appendBase64(d.octets, w.text)
	} else {
		d.octets = appendQ(d.octets, w.text)
	}
}

// text takes what stands in front of a word or at the end. White space between two
// words is no text (RFC 2047 section 6.2).
func (d *wordDecoder) text(s []byte) {
	if d.inWords && len(bytes.Trim(s, " \t")) == 0 {
		return
	}
	d.flush()
	switch {
	case bytes.Contains(s, []byte("\x1b$")):
		// Raw ISO-2022-JP, as programs in Japan wrote before RFC 2047.
		d.out = appendClean(d.out, []byte(decodeCharset(s, "iso-2022-jp")))
	case !utf8.Valid(s):
		d.out = appendClean(d.out, []byte(decodeCharset(s, "")))
	default:
		d.out = appendClean(d.out, s)
	}
}

func (d *wordDecoder) flush() {
	switch {
	case !d.inWords:
	case bytes.EqualFold(d.charset, []byte("utf-8")) && utf8.Valid(d.octets):
		d.out = appendClean(d.out, d.octets) // as nearly all are
	default:
		d.out = appendClean(d.out, []byte(decodeCharset(d.octets, string(d.charset))))
	}
	d.inWords, d.octets = false, d.octets[:0]
}

// appendClean appends UTF-8 with its control characters made harmless.
func appendClean(dst, s []byte) []byte {
	for len(s) > 0 {
		n := 0
		for n < len(s) && s[n] >= ' ' && s[n] < 0x7f {
			n++
		}
		dst, s = append(dst, s[:n]...), s[n:]
		if len(s) == 0 {
			break
		}
		r, size := utf8.DecodeRune(s)
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			r = utf8.RuneError
		}
		dst, s = utf8.AppendRune(dst, r), s[size:]
	}
	return dst
}

// appendQ undoes the Q encoding, RFC 2047 section 4.2.
func appendQ(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			dst = append(dst, ' ')
		case s[i] == '=' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			dst = append(dst, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

// appendBase64 undoes base64 as far as it is such.
func appendBase64(dst, s []byte) []byte {
	var q quantum
	for i := 0; i < len(s); i++ {
		if v := base64Values[s[i]]; v < 64 {
			dst = q.add(dst, v)
		} else if s[i] == '=' {
			dst = q.flush(dst)
		}
	}
	return q.flush(dst)
}
