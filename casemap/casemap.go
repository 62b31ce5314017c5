// Package casemap compares text as people do who do not care for case: the
// collation i;unicode-casemap of RFC 5051, by which IMAP sorts, searches and puts
// messages into threads.
//
// Every character is replaced by its titlecase form, and that by what it is made
// of (é by e and an accent, ﬁ by f and i); what results is compared octet by
// octet. So é is found whether it was written as one character or two, and e is
// found in it.
package casemap

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Append appends the collation form of UTF-8 text. Octets that are no UTF-8 stay.
func Append[T string | []byte](dst []byte, text T) []byte {
	dst = slices.Grow(dst, len(text))
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c < utf8.RuneSelf && len(text)-i >= 8:
			w := word(text, i)
			ascii := bits.TrailingZeros64(w&high) / 8 // how many octets in front are
			dst = binary.LittleEndian.AppendUint64(dst, upper(w&^high))
			dst = dst[:len(dst)-8+ascii]
			i += ascii
		case c < utf8.RuneSelf:
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
		case 0xc2 <= c && c < byte(0xc0+len(table)>>6) && i+1 < len(text) && text[i+1]&0xc0 == 0x80:
			dst = appendForm(dst, table[rune(c&0x1f)<<6|rune(text[i+1]&0x3f)])
			i += 2
		default:
			var size int
			dst, size = appendOther(dst, text[i:])
			i += size
		}
	}
	return dst
}

// appendOther appends the form of the first character of text, whatever it is.
func appendOther[T string | []byte](dst []byte, text T) (_ []byte, size int) {
	r, size := decodeRune(text)
	switch {
	case r == utf8.RuneError && size == 1:
		return append(dst, text[0]), 1
	case r < rune(len(table)):
		return appendForm(dst, table[r]), size
	}
	return appendRune(dst, r), size
}

// Nearly all mail is ASCII, which is mapped eight octets at a time.
const (
	ones = 0x0101010101010101
	high = 0x80 * ones
)

// word gives the eight octets of text at i as a number. The compiler makes one
// load of it.
func word[T string | []byte](text T, i int) uint64 {
	_ = text[i+7]
	return uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
		uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
}

// upper makes capitals of the small letters among eight octets of ASCII. Adding
// sets the highest bit of those that are an a or more, and of those that are more
// than a z; between capitals and small letters lies that bit, shifted by two.
func upper(w uint64) uint64 {
	fromA := w + (0x80-'a')*ones
	beyondZ := w + (0x80-'z'-1)*ones
	return w ^ (fromA&^beyondZ&high)>>2
}

func decodeRune[T string | []byte](text T) (rune, int) {
	var head [utf8.UTFMax]byte
	return utf8.DecodeRune(head[:copy(head[:], text[:min(len(text), utf8.UTFMax)])])
}

// table has the forms of the characters that are most of the text beyond ASCII:
// Latin, Greek, Cyrillic and their neighbours. None is longer than seven octets;
// a form is these from the lowest octet on, and their number in the highest.
var table = func() (t [0x600]uint64) {
	for r := range t {
		form := appendRune(nil, rune(r))
		t[r] = uint64(len(form)) << 56
		for i, c := range form {
			t[r] |= uint64(c) << (8 * i)
		}
	}
	return t
}()

func appendForm(dst []byte, form uint64) []byte {
	n := len(dst) + int(form>>56)
	return binary.LittleEndian.AppendUint64(dst, form)[:n]
}

// Between these stand the ideographs of East Asia, which have neither case nor
// parts.
const (
	firstIdeograph = 0x3400
	lastIdeograph  = 0x9fff
)

// appendRune appends the form of one character. What a character is made of
// stays in its order: unlike normalization, RFC 5051 moves no accents.
func appendRune(dst []byte, r rune) []byte {
	if r >= firstIdeograph && r <= lastIdeograph {
		return utf8.AppendRune(dst, r)
	}
	start := len(dst)
	dst = utf8.AppendRune(dst, unicode.ToTitle(r))
	if parts := norm.NFKD.Properties(dst[start:]).Decomposition(); parts != nil {
		dst = append(dst[:start], parts...)
	}
	return dst
}
