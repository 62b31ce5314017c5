package message

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/bits"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// charsetDecoder is what turns text of that charset into UTF-8. A charset that
// nobody knows is read by sniffed.
func charsetDecoder(charset string) transform.Transformer {
	if d, ok := knownCharset(charset); ok {
		return d
	}
	return new(sniffed)
}

// knownCharset is the decoder of a charset. What promises ASCII or UTF-8 is read
// by sniffed.
func knownCharset(charset string) (_ transform.Transformer, ok bool) {
	name := charsetName(charset)
	switch name {
	case "", "utf-8", "us-ascii":
		return new(sniffed), true
	case "utf-7":
		return new(utf7), true
	case "iso-2022-kr":
		return transform.Chain(new(iso2022kr), korean.EUCKR.NewDecoder()), true
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312.NewDecoder(), true
	case "utf-16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder(), true
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e.NewDecoder(), true
	}
	for _, index := range []*ianaindex.Index{ianaindex.MIME, ianaindex.IANA} {
		if e, err := index.Encoding(name); err == nil && e != nil && e != encoding.Replacement {
			return e.NewDecoder(), true
		}
	}
	return nil, false
}

// charsetTable is a charset that has one octet for each character, nil if it is no
// such.
func charsetTable(charset string) *charmap.Charmap {
	name := charsetName(charset)
	e, err := htmlindex.Get(name)
	if err != nil || name == "us-ascii" {
		return nil // what promises ASCII is read by sniffed
	}
	table, _ := e.(*charmap.Charmap)
	return table
}

// DecodeCharset is text of a charset as UTF-8, which is always valid. It is not ok
// if nobody knows the charset.
func DecodeCharset(text, charset string) (_ string, ok bool) {
	if _, ok := knownCharset(charset); !ok {
		return "", false
	}
	return decodeCharset([]byte(text), charset), true
}

// charsetName brings a label into one form. Labels come with quotes, with the
// language of RFC 2231, with underscores, and misspelt.
func charsetName(label string) string {
	name, _, _ := strings.Cut(strings.ToLower(label), "*")
	name = strings.Trim(name, " \t\"'")
	name = strings.TrimPrefix(name, "charset=")
	name = strings.Trim(name, " \t\"'")
	if canonical, ok := charsetAliases[name]; ok {
		return canonical
	}
	// ks_c_5601-1987, gb_2312 and shift_jis are known with their underscores.
	if _, err := htmlindex.Get(name); err == nil {
		return name
	}
	name = strings.ReplaceAll(name, "_", "-")
	if canonical, ok := charsetAliases[name]; ok {
		return canonical
	}
	return name
}

// charsetAliases holds what the indexes of x/text do not know, know as a different
// thing, or must not answer.
var charsetAliases = map[string]string{
	"ascii":               "us-ascii",
	"ansi-x3.4-1968":      "us-ascii",
	"ansi_x3.4-1968":      "us-ascii",
	"iso646-us":           "us-ascii",
	"us":                  "us-ascii",
	"7bit":                "us-ascii",
	"8bit":                "us-ascii",
	"default":             "us-ascii",
	"unknown":             "us-ascii",
	"unknown-8bit":        "us-ascii",
	"x-unknown":           "us-ascii",
	"x-user-defined":      "us-ascii",
	"utf8":                "utf-8",
	"uft-8":               "utf-8",
	"unicode-1-1-utf-8":   "utf-8",
	"utf-8-mac":           "utf-8",
	"x-unicode-2-0-utf-7": "utf-7",
	"unicode-1-1-utf-7":   "utf-7",
	"utf7":                "utf-7",
	"utf16":               "utf-16",
	"unicode":             "utf-16",
	"iso-10646-ucs-2":     "utf-16",
	"ucs-2":               "utf-16",
	"csiso2022kr":         "iso-2022-kr",
	"hz":                  "hz-gb-2312",
	"iso-2022-jp-1":       "iso-2022-jp",
	"iso-2022-jp-2":       "iso-2022-jp",
	"iso-2022-jp-3":       "iso-2022-jp",
	"iso-2022-jp-ms":      "iso-2022-jp",
	"cp50220":             "iso-2022-jp",
	"cp50221":             "iso-2022-jp",
	"cp932":               "shift_jis",
	"ms932":               "shift_jis",
	"windows-31j":         "shift_jis",
	"x-sjis-cp932":        "shift_jis",
	"cp936":               "gbk",
	"x-gbk":               "gbk",
	"gb18030-2000":        "gb18030",
	"x-gb2312":            "gbk",
	"cp949":               "euc-kr",
	"x-windows-949":       "euc-kr",
	"ks_c_5601":           "euc-kr",
	"ksc5601":             "euc-kr",
	"cp950":               "big5",
	"x-big5":              "big5",
	"cp1250":              "windows-1250",
	"cp-1250":             "windows-1250",
	"cp-1251":             "windows-1251",
	"cp-1252":             "windows-1252",
	"windows1250":         "windows-1250",
	"windows1251":         "windows-1251",
	"windows1252":         "windows-1252",
	"win-1251":            "windows-1251",
	"win1251":             "windows-1251",
	"ansi":                "windows-1252",
	"x-ansi":              "windows-1252",
	"cp-850":              "ibm850",
	"cp850":               "ibm850",
	"cp437":               "ibm437",
	"cp-437":              "ibm437",
	"cp858":               "ibm00858",
	"koi8r":               "koi8-r",
	"koi8-ru":             "koi8-u",
	"macroman":            "macintosh",
}

// decodeCharset is text of that charset as UTF-8.
func decodeCharset(text []byte, charset string) string {
	if name := charsetName(charset); (name == "utf-8" || name == "us-ascii") && utf8.Valid(text) {
		return string(text)
	}
	out, _, err := transform.Bytes(charsetDecoder(charset), text)
	if err != nil {
		// No decoder fails, whatever the bytes; were one to, this shows them.
		out, _, _ = transform.Bytes(new(sniffed), text)
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// charsetReader is decodeCharset for a stream.
func charsetReader(r io.Reader, charset string) io.Reader {
	if charsetName(charset) == "utf-16" {
		b := bufio.NewReader(r)
		head, _ := b.Peek(64)
		return transform.NewReader(b, utf16Decoder(head))
	}
	return transform.NewReader(r, charsetDecoder(charset))
}

// appendCharset appends text of a charset as charsetReader reads it.
func appendCharset(dst, text []byte, charset string) []byte {
	d := charsetDecoder(charset)
	if charsetName(charset) == "utf-16" {
		d = utf16Decoder(text[:min(len(text), 64)])
	}
	dst, _, _ = transform.Append(d, dst, text) // no decoder fails, whatever the octets
	return dst
}

// utf16Decoder is the decoder of text with this beginning.
func utf16Decoder(head []byte) transform.Transformer {
	order := unicode.LittleEndian
	if bigEndian(head) {
		order = unicode.BigEndian
	}
	return unicode.UTF16(order, unicode.UseBOM).NewDecoder()
}

// bigEndian guesses the order of UTF-16 without byte-order mark: text has most of
// its zeros in the high octets. RFC 2781 section 4.3 asks for big-endian, most
// programs write little-endian.
func bigEndian(head []byte) bool {
	high, low := 0, 0
	for i := 0; i+1 < len(head); i += 2 {
		if head[i] == 0 {
			high++
		}
		if head[i+1] == 0 {
			low++
		}
	}
	return high > low
}

// sniffed reads text of which nobody knows the charset: UTF-8, and what is not, as
// Windows-1252. Behind a character of UTF-8, though, an octet that is none is damage:
// U+FFFD. Its output is always valid UTF-8.
type sniffed struct{ utf8 bool }

// Reset implements transform.Transformer.
func (s *sniffed) Reset() { s.utf8 = false }

// Transform implements transform.Transformer.
func (s *sniffed) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if n := wholeRunes(src[:min(len(dst), len(src))]); utf8.Valid(src[:n]) { // as it nearly always is
		copy(dst, src[:n])
		s.utf8 = s.utf8 || asciiRun(src[:n]) < n
		nDst, nSrc = n, n
	}
	for nSrc < len(src) {
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if n := asciiRun(src[nSrc:]); n > 0 {
			n = copy(dst[nDst:], src[nSrc:nSrc+n])
			nDst, nSrc = nDst+n, nSrc+n
			continue
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		valid := r != utf8.RuneError || size > 1
		if !valid && !s.utf8 {
			r = windows1252(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		s.utf8 = s.utf8 || valid
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// wholeRunes is how much of b there is without a character that is cut at the
// end.
func wholeRunes(b []byte) int {
	for n := len(b) - 1; n >= 0 && len(b)-n < utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n]) {
			if !utf8.FullRune(b[n:]) {
				return n
			}
			break
		}
	}
	return len(b)
}

// asciiRun is how many octets of ASCII b begins with.
func asciiRun(b []byte) int {
	n := 0
	for len(b)-n >= 8 {
		if w := binary.LittleEndian.Uint64(b[n:]) & 0x8080808080808080; w != 0 {
			return n + bits.TrailingZeros64(w)/8
		}
		n += 8
	}
	for i, c := range b[n:] {
		if c >= utf8.RuneSelf {
			return n + i
		}
	}
	return len(b)
}

// windows1252 is the character of an octet above 0x7F.
func windows1252(c byte) rune {
	if c < 0xa0 {
		return windows1252Low[c-0x80]
	}
	return rune(c)
}

var windows1252Low = [32]rune{
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
}
