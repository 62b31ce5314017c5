package message

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
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
	for len(raw) > 0 && isTrimmed(raw[0]) {
		raw = raw[1:]
	}
	for len(raw) > 0 && isTrimmed(raw[len(raw)-1]) {
		raw = raw[:len(raw)-1]
	}
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

func isTrimmed(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

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
	n := charsetEnd(s[2:])
	if n <= 0 || len(s) < n+5 || s[n+4] != '?' {
		return w, s, false
	}
	charset, rest := s[2:n+2], s[n+3:]
	switch rest[0] {
	case 'b', 'B':
		w.base64 = true
	case 'q', 'Q':
	default:
		return w, s, false
	}
	rest = rest[2:]
	for end := 0; ; end++ {
		i := bytes.IndexByte(rest[end:], '?')
		if i < 0 {
			return w, s, false
		}
		if end += i; end+1 < len(rest) && rest[end+1] == '=' {
			w.text, rest = rest[:end], rest[end+2:]
			break
		}
	}
	w.charset = charset
	if i := bytes.IndexByte(charset, '*'); i >= 0 {
		w.charset = charset[:i]
	}
	return w, rest, true
}

// charsetEnd gives the place of the "?" behind a charset, -1 where there is none.
func charsetEnd(s []byte) int {
	for i, c := range s {
		switch c {
		case '?':
			return i
		case ' ', '\t', '=', '"':
			return -1
		}
	}
	return -1
}

// A wordDecoder puts the pieces of a field together.
type wordDecoder struct {
	out     []byte
	octets  []byte // of the words read last, of one charset
	charset []byte
	inWords bool // octets is in use
	decoded []byte
	tables  map[string]*charmap.Charmap // of charsets that were met; nil for those that have none

	last      int // octets from the last "?=" to the end of the field
	lastKnown bool
}

// begin begins another field, whose text goes behind dst.
func (d *wordDecoder) begin(dst []byte) {
	*d = wordDecoder{out: dst, octets: d.octets[:0], decoded: d.decoded, tables: d.tables}
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
	if d.inWords && isSpace(s) {
		return
	}
	d.flush()
	switch {
	case cleanRun(s) == len(s):
		d.out = append(d.out, s...)
	case bytes.Contains(s, []byte("\x1b$")):
		// Raw ISO-2022-JP, as programs in Japan wrote before RFC 2047.
		d.out = appendClean(d.out, []byte(decodeCharset(s, "iso-2022-jp")))
	case !utf8.Valid(s):
		d.out = appendClean(d.out, []byte(decodeCharset(s, "")))
	default:
		d.out = appendClean(d.out, s)
	}
}

func isSpace(s []byte) bool {
	for _, c := range s {
		if c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}

func (d *wordDecoder) flush() {
	if !d.inWords {
		return
	}
	if bytes.EqualFold(d.charset, []byte("utf-8")) && utf8.Valid(d.octets) {
		d.out = appendClean(d.out, d.octets) // as nearly all are
	} else if table := d.table(); table != nil {
		d.decoded = d.decoded[:0]
		for _, c := range d.octets {
			d.decoded = utf8.AppendRune(d.decoded, table.DecodeByte(c))
		}
		d.out = appendClean(d.out, d.decoded)
	} else {
		d.out = appendClean(d.out, []byte(decodeCharset(d.octets, string(d.charset))))
	}
	d.inWords, d.octets = false, d.octets[:0]
}

// maxTables is how many charsets a wordDecoder knows: more than there are in use.
const maxTables = 64

// table is the charset's, if that has one octet for each character.
func (d *wordDecoder) table() *charmap.Charmap {
	table, met := d.tables[string(d.charset)]
	if !met {
		table = charsetTable(string(d.charset))
		if d.tables == nil || len(d.tables) == maxTables {
			d.tables = make(map[string]*charmap.Charmap)
		}
		d.tables[string(d.charset)] = table
	}
	return table
}

// cleanRun is how many octets at the beginning of s are UTF-8 without control characters.
func cleanRun(s []byte) (i int) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	for i < len(s) {
		if len(s)-i >= 8 {
			// Nothing is less than a space, DEL, or beyond ASCII.
			if w := binary.LittleEndian.Uint64(s[i:]); (w|(w-' '*ones)|(w+ones))&high == 0 {
				i += 8
				continue
			}
		}
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			return i
		case c < utf8.RuneSelf:
			i++
		case 0xc2 < c && c < 0xe0 && i+1 < len(s) && s[i+1]&0xc0 == 0x80:
			i += 2
		default:
			r, size := utf8.DecodeRune(s[i:])
			if size == 1 || r < 0xa0 {
				return i
			}
			i += size
		}
	}
	return i
}

// appendClean appends UTF-8 with its control characters made harmless.
func appendClean(dst, s []byte) []byte {
	for len(s) > 0 {
		n := cleanRun(s)
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
	dst, s = appendQuanta(dst, s)
	for i := 0; i < len(s); i++ {
		if v := base64Values[s[i]]; v < 64 {
			dst = q.add(dst, v)
		} else if s[i] == '=' {
			dst = q.flush(dst)
		}
	}
	return q.flush(dst)
}
