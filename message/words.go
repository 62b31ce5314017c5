package message

import (
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
	var d wordDecoder
	for {
		start := strings.Index(raw, "=?")
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
	d.flush()
	return d.out.String()
}

// cleanText is raw text without encoded-words, made clean.
func cleanText(raw string) string {
	if isPlain(raw) {
		return raw
	}
	var d wordDecoder
	d.text(raw)
	return d.out.String()
}

func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return strings.Trim(s, " \t\r")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Trim(strings.ReplaceAll(s, "\n", ""), " \t\r")
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
	charset string
	text    string
	base64  bool
}

// cutWord reads an encoded-word at the start of s.
func cutWord(s string) (w encodedWord, rest string, ok bool) {
	charset, rest, ok := strings.Cut(s[2:], "?")
	if !ok || charset == "" || strings.ContainsAny(charset, " \t=\"") || len(rest) < 2 || rest[1] != '?' {
		return w, s, false
	}
	switch rest[0] {
	case 'b', 'B':
		w.base64 = true
	case 'q', 'Q':
	default:
		return w, s, false
	}
	w.text, rest, ok = strings.Cut(rest[2:], "?=")
	if !ok {
		return w, s, false
	}
	w.charset, _, _ = strings.Cut(charset, "*")
	return w, rest, true
}

// A wordDecoder puts the pieces of a field together.
type wordDecoder struct {
	out     strings.Builder
	octets  []byte // of the words read last, of one charset
	charset string
	inWords bool // octets is in use

	last      int // octets from the last "?=" to the end of the field
	lastKnown bool
}

// endBehind reports whether "?=" stands somewhere behind start.
func (d *wordDecoder) endBehind(raw string, start int) bool {
	if !d.lastKnown {
		d.last, d.lastKnown = len(raw)-strings.LastIndex(raw, "?="), true
	}
	return len(raw)-d.last > start
}

// word takes an encoded-word. Neighbours of the same charset are decoded together,
// as programs cut characters in two.
func (d *wordDecoder) word(w encodedWord) {
	if d.inWords && !strings.EqualFold(d.charset, w.charset) {
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
func (d *wordDecoder) text(s string) {
	if d.inWords && strings.Trim(s, " \t") == "" {
		return
	}
	d.flush()
	if strings.Contains(s, "\x1b$") {
		// Raw ISO-2022-JP, as programs in Japan wrote before RFC 2047.
		writeClean(&d.out, decodeCharset([]byte(s), "iso-2022-jp"))
		return
	}
	if !utf8.ValidString(s) {
		s = decodeCharset([]byte(s), "")
	}
	writeClean(&d.out, s)
}

func (d *wordDecoder) flush() {
	if d.inWords {
		writeClean(&d.out, decodeCharset(d.octets, d.charset))
	}
	d.inWords, d.octets = false, d.octets[:0]
}

// writeClean writes s with its control characters made harmless.
func writeClean(out *strings.Builder, s string) {
	for _, r := range s {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			r = utf8.RuneError
		}
		out.WriteRune(r)
	}
}

// appendQ undoes the Q encoding, RFC 2047 section 4.2.
func appendQ(dst []byte, s string) []byte {
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
func appendBase64(dst []byte, s string) []byte {
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
