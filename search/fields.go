package search

import (
	"bytes"
	"encoding/binary"
	"strings"

	"restante/message"
)

// wantedFields are the header fields that a query asks for by their names. All are found
// in one pass over a header, and of other fields no more is looked at than where they
// end.
type wantedFields struct {
	names [][]byte  // in lower case
	begin [256]bool // what a line of one of them may begin with
	found []fieldValue
}

// A fieldValue is one field of the header at hand, as message.Fields gives it.
type fieldValue struct {
	name  int // of wantedFields.names
	value []byte
}

// want gives the number of a name.
func (w *wantedFields) want(name string) int {
	lower := []byte(strings.ToLower(name))
	for i, known := range w.names {
		if bytes.Equal(known, lower) {
			return i
		}
	}
	w.names = append(w.names, lower)
	if len(lower) == 0 {
		// Nothing but white space stands in front of the colon then.
		w.begin[':'], w.begin[' '], w.begin['\t'] = true, true, true
	} else {
		for c := range w.begin {
			w.begin[c] = w.begin[c] || lowerASCII[c] == lower[0]
		}
	}
	return len(w.names) - 1
}

// read finds the fields in a header.
func (w *wantedFields) read(header []byte) {
	w.found = w.found[:0]
	for len(header) > 0 {
		c := header[0]
		if c == '\n' || c == '\r' && len(header) > 1 && header[1] == '\n' {
			return // the blank line
		}
		var raw []byte
		if raw, header = cutField(header); w.begin[c] {
			w.add(raw)
		}
	}
}

// add takes a field whose name begins as one of those that are wanted.
func (w *wantedFields) add(raw []byte) {
	for i, name := range w.names {
		if len(raw) <= len(name) || !equalFoldASCII(raw[:len(name)], name) {
			continue
		}
		for got, value := range message.Fields(raw) {
			if len(got) == len(name) {
				w.found = append(w.found, fieldValue{i, value})
			}
		}
	}
}

// plainValue cuts the white space off a field, or its value, that is one line, and reports
// whether that is what decoding would make of it. It is false of some for which it is.
func plainValue(raw []byte) (_ []byte, plain bool) {
	if n := len(raw); n > 0 && raw[n-1] == '\n' {
		if raw = raw[:n-1]; n > 1 && raw[n-2] == '\r' {
			raw = raw[:n-2]
		}
	}
	for len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') {
		raw = raw[1:]
	}
	for n := len(raw); n > 0 && (raw[n-1] == ' ' || raw[n-1] == '\t'); n = len(raw) {
		raw = raw[:n-1]
	}
	printable, equals := look(raw)
	return raw, printable && !(equals && bytes.Contains(raw, []byte("=?")))
}

// look reports whether text is nothing but printable ASCII, and if it is, whether there
// is an equals sign in it. It takes eight octets at a time: subtracting a space borrows
// from the highest bit of what is less, adding one sets that of a DEL.
func look(text []byte) (printable, equals bool) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	sign := uint64(0)
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64(text)
		if (w|(w-' '*ones)|(w+ones))&high != 0 {
			return false, false
		}
		x := w ^ '='*ones
		sign |= (x - ones) &^ x & high
	}
	equals = sign != 0
	for _, c := range text {
		if c < ' ' || c >= 0x7f {
			return false, false
		}
		equals = equals || c == '='
	}
	return true, equals
}
