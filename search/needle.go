package search

import (
	"bytes"
	"slices"

	"restante/message"
)

// A needle is a text that is looked for.
type needle struct {
	folded    []byte
	ascii     bool // all of it, so that undecoded text may be searched
	rare      int  // the place of its rarest octet, for ASCII
	inHeaders bool // Text, not Body
	index     int  // in Query.texts
}

func newNeedle(text string) *needle {
	n := &needle{folded: appendFolded(nil, text)}
	n.ascii = !slices.ContainsFunc(n.folded, func(c byte) bool { return c >= 0x80 })
	n.rare = rarest(n.folded)
	return n
}

// foldsToASCII are the letters beyond ASCII that fold to a letter of it: the
// long s and the Kelvin sign.
var foldsToASCII = [...]struct {
	ascii byte
	utf8  []byte
}{{'s', []byte("\u017f")}, {'k', []byte("\u212a")}}

// in reports whether decoded text contains the needle.
func (n *needle) in(text string) bool {
	return bytes.Contains(appendFolded(nil, text), n.folded)
}

// inRaw reports whether text in any charset that has ASCII as its lower half
// contains the needle, which is ASCII.
func (n *needle) inRaw(text []byte) bool {
	if len(n.folded) <= len(text) && containsASCIIFold(text, n.folded, n.rare) {
		return true
	}
	for _, f := range foldsToASCII {
		if bytes.IndexByte(n.folded, f.ascii) >= 0 && bytes.Contains(text, f.utf8) {
			return bytes.Contains(appendFolded(nil, text), n.folded)
		}
	}
	return false
}

// inHeader reports whether a header contains the needle, names of fields
// included, when its fields are unfolded and decoded.
func (n *needle) inHeader(header []byte) bool {
	for len(header) > 0 {
		var field []byte
		field, header = cutField(header)
		field = bytes.TrimRight(field, "\r\n")
		if n.ascii && asItIs(field) {
			if n.inRaw(field) {
				return true
			}
		} else if n.in(message.DecodeHeader(string(field))) {
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
