package search

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"restante/casemap"
	"restante/message"
)

// A needle is a text that is looked for.
type needle struct {
	folded []byte // in its collation form
	// ascii is the text in lower case if it is of ASCII, so that it can be looked
	// for in text that is not decoded; else nil.
	ascii     []byte
	rare      int  // the place of the rarest octet of ascii
	inHeaders bool // Text, not Body
	index     int  // in Query.texts
	buf       []byte
}

func newNeedle(text string) *needle {
	n := &needle{folded: casemap.Append(nil, text)}
	// A lower-case letter comes from one that stands for several, such as a
	// ligature, and is no letter of ASCII in the text.
	if !slices.ContainsFunc(n.folded, func(c byte) bool { return c >= utf8.RuneSelf || 'a' <= c && c <= 'z' }) {
		n.ascii = bytes.ToLower(n.folded)
		n.rare = rarest(n.ascii)
	}
	return n
}

// in reports whether decoded text contains the needle.
func (n *needle) in(text string) bool {
	n.buf = casemap.Append(n.buf[:0], text)
	return bytes.Contains(n.buf, n.folded)
}

// inRaw reports whether text in any charset that has ASCII as its lower half
// contains the needle, which is ASCII, as such. Where it does not and has octets
// beyond ASCII, it may still contain it once it is decoded: with an accent, say.
func (n *needle) inRaw(text []byte) bool {
	return len(n.ascii) <= len(text) && containsASCIIFold(text, n.ascii, n.rare)
}

// inHeader reports whether a header contains the needle, names of fields
// included, when its fields are unfolded and decoded.
func (n *needle) inHeader(header []byte) bool {
	for len(header) > 0 {
		var field []byte
		field, header = cutField(header)
		field = bytes.TrimRight(field, "\r\n")
		switch plain := n.ascii != nil && asItIs(field); {
		case plain && n.inRaw(field):
			return true
		case plain && !hasHigh(field):
		case n.in(message.DecodeHeader(string(field))):
			return true
		}
	}
	return false
}

// asItIs reports whether ASCII may be looked for in a field without decoding it:
// it is one line, without encoded-words and escape sequences.
func asItIs(field []byte) bool {
	return bytes.IndexByte(field, '\n') < 0 && bytes.IndexByte(field, 0x1b) < 0 && !bytes.Contains(field, []byte("=?"))
}

// cutField cuts a header field with its continuation lines off.
func cutField(header []byte) (field, rest []byte) {
	end := 0
	for {
		i := bytes.IndexByte(header[end:], '\n')
		if i < 0 {
			return header, nil
		}
		end += i + 1
		if end == len(header) || header[end] != ' ' && header[end] != '\t' {
			return header[:end], header[end:]
		}
	}
}
