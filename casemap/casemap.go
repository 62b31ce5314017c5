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
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Append appends the collation form of UTF-8 text. Octets that are no UTF-8 stay.
func Append[T string | []byte](dst []byte, text T) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := decodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, c)
		case r < rune(len(table)):
			dst = append(dst, table[r]...)
		default:
			dst = appendRune(dst, r)
		}
		i += size
	}
	return dst
}

func decodeRune[T string | []byte](text T) (rune, int) {
	var head [utf8.UTFMax]byte
	return utf8.DecodeRune(head[:copy(head[:], text[:min(len(text), utf8.UTFMax)])])
}

// table has the forms of the characters that are most of the text beyond ASCII:
// Latin, Greek, Cyrillic and their neighbours.
var table = func() (t [0x600]string) {
	for r := range t {
		t[r] = string(appendRune(nil, rune(r)))
	}
	return t
}()

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
