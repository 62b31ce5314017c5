package message

import "bytes"

// AppendBody appends the BODY that belongs to a BODYSTRUCTURE as
// AppendBodyStructure gives it: the same without extension data (RFC 9051 section
// 9, body). It is not ok for what is none.
func AppendBody(dst, structure []byte) (_ []byte, ok bool) {
	c := bodyCutter{in: structure, out: dst}
	if !c.body(0) || len(c.in) > 0 {
		return dst, false
	}
	return c.out, true
}

// A bodyCutter copies a body structure but for its extension data.
type bodyCutter struct{ in, out []byte }

// next is the octet that comes next, 0 at the end.
func (c *bodyCutter) next() byte {
	if len(c.in) == 0 {
		return 0
	}
	return c.in[0]
}

// take copies n octets.
func (c *bodyCutter) take(n int) {
	c.out = append(c.out, c.in[:n]...)
	c.in = c.in[n:]
}

// char copies one octet, which has to be this one.
func (c *bodyCutter) char(want byte) bool {
	if c.next() != want {
		return false
	}
	c.take(1)
	return true
}

// value copies a string, number, NIL or list.
func (c *bodyCutter) value() bool {
	n := valueLen(c.in)
	if n > 0 {
		c.take(n)
	}
	return n > 0
}

// body copies one body of a depth: a multipart is its parts and its subtype, any
// other seven values and what belongs to its type.
func (c *bodyCutter) body(depth int) bool {
	if depth > 2*MaxDepth || !c.char('(') {
		return false
	}
	if c.next() == '(' {
		for c.next() == '(' {
			if !c.body(depth + 1) {
				return false
			}
		}
		return c.char(' ') && c.value() && c.skipRest()
	}
	if !c.value() {
		return false
	}
	for range 6 { // subtype, parameters, id, description, encoding, size
		if !c.char(' ') || !c.value() {
			return false
		}
	}
	return c.ofType(depth) && c.skipRest()
}

// ofType copies what stands behind the size: of an embedded message its envelope,
// body and lines, of text the lines. What stands there otherwise is the MD5 sum
// of the extension data, which is neither a list nor a number.
func (c *bodyCutter) ofType(depth int) bool {
	if len(c.in) < 2 || c.in[0] != ' ' {
		return true
	}
	switch first := c.in[1]; {
	case first == '(':
		return c.char(' ') && c.value() && c.char(' ') && c.body(depth+1) && c.char(' ') && c.value()
	case '0' <= first && first <= '9':
		return c.char(' ') && c.value()
	}
	return true
}

// skipRest passes over extension data and copies the parenthesis behind it.
func (c *bodyCutter) skipRest() bool {
	for c.next() == ' ' {
		n := valueLen(c.in[1:])
		if n == 0 {
			return false
		}
		c.in = c.in[1+n:]
	}
	return c.char(')')
}

// valueLen is the length of the value that b begins with, 0 if there is none.
func valueLen(b []byte) int {
	depth, i := 0, 0
	for i < len(b) {
		n := 1
		switch b[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ' ':
			if depth == 0 {
				return 0
			}
		default:
			if n = tokenLen(b[i:]); n == 0 {
				return 0
			}
		}
		i += n
		switch {
		case depth < 0:
			return 0
		case depth == 0:
			return i
		}
	}
	return 0
}

// tokenLen is the length of a quoted string, literal or atom, 0 if it has no end.
func tokenLen(b []byte) int {
	switch b[0] {
	case '"':
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return 0
	case '{':
		size, i := 0, 1
		for ; i < len(b) && '0' <= b[i] && b[i] <= '9' && size < len(b); i++ {
			size = 10*size + int(b[i]-'0')
		}
		if !bytes.HasPrefix(b[i:], []byte("}\r\n")) || size > len(b)-i-3 {
			return 0
		}
		return i + 3 + size
	}
	if i := bytes.IndexAny(b, " ()"); i > 0 {
		return i
	}
	return len(b)
}
