package search

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"restante/casemap"
	"restante/mailstore"
	"restante/message"
)

// A needle is a text that is looked for.
type needle struct {
	folded []byte // in its collation form
	// ascii is the text in lower case if it is of ASCII, so that it can be looked
	// for in text that is not decoded; else nil.
	ascii     []byte
	rare      int      // the place of the rarest octet of ascii
	joins     *joiners // of ascii, once they are wanted
	inHeaders bool     // Text, not Body
	index     int      // in Query.texts
	buf       []byte
	line      []byte
	decoder   message.HeaderDecoder

	known, may mailstore.UIDSet // of an index: of the messages known only those may have it

	verdicts *verdicts // what is remembered, or nil
	near     nearBy    // of these, what was asked for last
	field    string    // that it is looked for in, "" for all that is searched
	looked   bool      // the header of the message at hand was looked at
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
func (n *needle) in(text []byte) bool {
	if n.ascii != nil && len(n.folded) > 0 {
		if n.inRaw(text) {
			return true
		}
		if n.joins == nil {
			n.joins = new(joiners)
			n.joins.add(n.folded)
		}
		if n.joins.next(text) == len(text) {
			return false
		}
	}
	n.buf = casemap.Append(n.buf[:0], text)
	return bytes.Contains(n.buf, n.folded)
}

// inRaw reports whether text in any charset that has ASCII as its lower half
// contains the needle as such, which is possible only if that is ASCII. Where it
// does not and has octets beyond ASCII, it may still contain it once it is
// decoded: with an accent, say.
func (n *needle) inRaw(text []byte) bool {
	return n.ascii != nil && len(n.ascii) <= len(text) && containsASCIIFold(text, n.ascii, n.rare)
}

// inField reports whether a field, or its value, contains the needle when it is
// unfolded and decoded. What decoding would leave as it is, is not decoded.
func (n *needle) inField(raw []byte) bool {
	if len(n.folded) == 0 {
		return true
	}
	value, plain := plainValue(raw)
	if plain {
		return n.inRaw(value)
	}
	if n.line, plain = plainField(n.line[:0], raw); plain {
		return n.inRaw(n.line)
	}
	n.line = n.decoder.Append(n.line[:0], raw)
	return n.in(n.line)
}

// rulesOut reports whether an index says that a message does not have the needle.
func (n *needle) rulesOut(uid mailstore.UID) bool {
	return len(n.known) > 0 && n.known.Contains(uid) && !n.may.Contains(uid)
}

// plainField appends a field, or its value, and reports whether that is what
// decoding would make of it.
func plainField(dst, raw []byte) (_ []byte, plain bool) {
	start := len(dst)
	dst = message.AppendValue(dst, raw)
	return dst, makePlain(dst[start:])
}

// inHeader reports whether a header contains the needle, names of fields
// included.
func (n *needle) inHeader(header []byte) bool {
	for len(header) > 0 {
		var field []byte
		if field, header = cutField(header); n.inField(field) {
			return true
		}
	}
	return false
}

// makePlain does what decoding does to a line of printable ASCII without
// encoded-words, tabs to spaces, and reports whether it is one.
func makePlain(line []byte) bool {
	for i, c := range line {
		switch {
		case c == '\t':
			line[i] = ' '
		case c < ' ' || c >= 0x7f:
			return false
		}
	}
	return !bytes.Contains(line, []byte("=?"))
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
