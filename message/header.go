package message

import (
	"bytes"
	"iter"
	"strings"
)

// A field is one header field in place: the name as written, without the white
// space that may stand in front of the colon, and the raw value behind the colon
// with its folding but without its last line end. A line that is no header field
// has no colon; its name is nil and its value the line.
type field struct{ name, value []byte }

// nextField cuts the first field off a header. It is not ok at the end, which is
// the blank line or the last octet.
func nextField(header []byte) (f field, rest []byte, ok bool) {
	raw, rest := nextRawField(header)
	if len(raw) == 0 {
		return field{}, nil, false
	}
	return splitField(raw), rest, true
}

// nextRawField is the first field of header with all its lines, nothing at the end.
func nextRawField(header []byte) (raw, rest []byte) {
	if len(header) == 0 || isBlank(header) || len(header) > 1 && header[0] == '\r' && header[1] == '\n' {
		return nil, nil
	}
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

func splitField(raw []byte) field {
	colon, end := nameEnd(raw)
	raw = trimEOL(raw)
	if colon < 0 {
		return field{value: raw}
	}
	return field{name: raw[:end], value: raw[colon+1:]}
}

// nameEnd is where the colon of a field stands, -1 if there is none in its first line,
// and where its name ends.
func nameEnd(raw []byte) (colon, end int) {
	colon = bytes.IndexByte(raw, ':')
	if colon < 0 || bytes.IndexByte(raw[:colon], '\n') >= 0 {
		return -1, 0
	}
	end = colon
	for end > 0 && isWSP(raw[end-1]) {
		end--
	}
	return colon, end
}

func trimEOL(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}

func isWSP(c byte) bool { return c == ' ' || c == '\t' }

// is reports whether the field has this name, given in lower case.
func (f field) is(name string) bool { return equalFold(f.name, name) }

// equalFold compares ASCII without case; want is in lower case.
func equalFold(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if lower(c) != want[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// appendUnfolded appends a raw value without its line ends (RFC 5322 section
// 2.2.3), without the white space in front, and with U+FFFD for NUL, which IMAP
// strings cannot hold.
func appendUnfolded(dst, raw []byte) []byte {
	for len(raw) > 0 && isWSP(raw[0]) {
		raw = raw[1:]
	}
	for {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			return appendNoNUL(dst, raw)
		}
		line := raw[:i]
		if i > 0 && line[i-1] == '\r' {
			line = line[:i-1]
		}
		dst = appendNoNUL(dst, line)
		raw = raw[i+1:]
	}
}

func appendNoNUL(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		dst = append(dst, "\uFFFD"...)
		b = b[i+1:]
	}
}

// ReplaceNUL replaces every NUL in b by 0x80, in place, and returns b. IMAP
// literals must not hold NUL (RFC 9051 section 9, CHAR8), and clients hang on it.
func ReplaceNUL(b []byte) []byte {
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], 0)
		if n < 0 {
			return b
		}
		i += n
		b[i] = 0x80
	}
}

// HeaderField is the unfolded value of the first field of that name, whatever the
// case, without the white space around it and otherwise raw (see DecodeHeader).
// header may have any line ends; its blank line, if there, ends it.
func HeaderField(header []byte, name string) (value string, ok bool) {
	for v := range fieldValues(header, name) {
		return v, true
	}
	return "", false
}

// HeaderFields is HeaderField for all fields of that name, in their order.
func HeaderFields(header []byte, name string) []string {
	var all []string
	for v := range fieldValues(header, name) {
		all = append(all, v)
	}
	return all
}

// Fields yields the fields of a header in order: name and value as they are
// written, slices of header, for AppendValue. Lines that are no field are passed
// over.
func Fields(header []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for f, rest, ok := nextField(header); ok; f, rest, ok = nextField(rest) {
			if f.name != nil && !yield(f.name, f.value) {
				return
			}
		}
	}
}

// AppendValue appends a value of Fields in the form in which HeaderField gives it.
func AppendValue(dst, value []byte) []byte {
	start := len(dst)
	dst = appendUnfolded(dst, value)
	return dst[:start+len(bytes.TrimRight(dst[start:], " \t"))]
}

func fieldValues(header []byte, name string) func(yield func(string) bool) {
	name = strings.ToLower(name)
	return func(yield func(string) bool) {
		for f, rest, ok := nextField(header); ok; f, rest, ok = nextField(rest) {
			if f.name == nil || !f.is(name) {
				continue
			}
			v := appendUnfolded(nil, f.value)
			if !yield(string(bytes.TrimRight(v, " \t"))) {
				return
			}
		}
	}
}
