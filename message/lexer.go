package message

import "bytes"

// A status tells how reading one element of a structured field went.
type status int8

const (
	bad  status = iota // not this element, or it is broken
	end                // read, and nothing follows
	more               // read, and something follows
)

// A lexer reads the lexical elements of structured fields: RFC 5322 section 3.2
// with the obsolete syntax of section 4, and RFC 2045 section 5.1. It works on an
// unfolded value. All 8-bit octets are taken as letters.
type lexer struct {
	s       []byte
	i       int
	out     []byte // where words are put together
	comment []byte // text of the comment read last
}

func (x *lexer) reset(s []byte) {
	x.s, x.i = s, 0
	x.comment = x.comment[:0]
}

func (x *lexer) left() status {
	if x.i < len(x.s) {
		return more
	}
	return end
}

// at reports whether c comes next.
func (x *lexer) at(c byte) bool { return x.i < len(x.s) && x.s[x.i] == c }

// skip passes CFWS = *([FWS] comment) [FWS].
func (x *lexer) skip() status {
	for x.i < len(x.s) {
		switch c := x.s[x.i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			x.i++
		case c != '(':
			return more
		case !x.skipComment():
			return bad
		}
	}
	return end
}

// skipComment passes comment = "(" *([FWS] ccontent) [FWS] ")" and keeps its text.
// An unterminated one reaches to the end.
func (x *lexer) skipComment() bool {
	x.i++
	x.comment = x.comment[:0]
	level := 1
	for ; x.i < len(x.s); x.i++ {
		c := x.s[x.i]
		switch c {
		case '(':
			level++
		case ')':
			if level--; level == 0 {
				x.i++
				return true
			}
		case '\\':
			if x.i++; x.i == len(x.s) {
				return false
			}
			c = x.s[x.i]
		}
		x.comment = append(x.comment, c)
	}
	return false
}

// word appends a run of octets of the class, which may be empty, and passes the
// CFWS behind it.
func (x *lexer) word(class uint8) status {
	start := x.i
	for x.i < len(x.s) && classes[x.s[x.i]]&class != 0 {
		x.i++
	}
	x.out = append(x.out, x.s[start:x.i]...)
	return x.skip()
}

// atom is word of atext, not empty.
func (x *lexer) atom() status {
	if x.i == len(x.s) || classes[x.s[x.i]]&atext == 0 {
		return bad
	}
	return x.word(atext)
}

// quoted appends the text of a quoted-string. An unterminated one is bad; its
// text is appended nevertheless.
func (x *lexer) quoted() status {
	x.i++
	for x.i < len(x.s) {
		run := x.s[x.i:]
		n := bytes.IndexAny(run, "\"\\")
		if n < 0 {
			break
		}
		x.out = append(x.out, run[:n]...)
		x.i += n + 1
		if run[n] == '"' {
			return x.skip()
		}
		if x.i == len(x.s) {
			return bad
		}
		x.out = append(x.out, x.s[x.i])
		x.i++
	}
	x.out = append(x.out, x.s[x.i:]...)
	x.i = len(x.s)
	return bad
}

// phrase appends phrase = 1*word / obs-phrase, its words parted by one space. It
// may be empty.
func (x *lexer) phrase() status {
	if x.i == len(x.s) {
		return end
	}
	if x.at('.') {
		return bad
	}
	for {
		var st status
		if x.at('"') {
			st = x.quoted()
		} else {
			st = x.word(atext | dot)
		}
		if st != more {
			return st
		}
		if c := x.s[x.i]; classes[c]&(atext|dot) == 0 && c != '"' {
			return more
		}
		x.out = append(x.out, ' ')
	}
}

// dotAtom appends atoms with dots between, allowing CFWS around the dots
// (obs-domain).
func (x *lexer) dotAtom() status {
	st := x.atom()
	for st == more && x.at('.') {
		x.i++
		x.out = append(x.out, '.')
		if st = x.skip(); st != more {
			return st
		}
		if classes[x.s[x.i]]&atext != 0 {
			st = x.atom()
		}
	}
	return st
}

// localPart appends local-part = dot-atom / quoted-string / obs-local-part; beyond
// the standard it allows dots anywhere. With loose it allows CFWS behind a dot
// (obs-local-part), which without knowing that "@" follows may as well be the end of
// an abbreviation in a name.
func (x *lexer) localPart(loose bool) status {
	st := bad
	for first := true; ; first = false {
		for x.at('.') {
			x.out = append(x.out, '.')
			x.i++
			if st = x.left(); loose {
				st = x.skip()
			}
			if st != more {
				return st
			}
		}
		switch {
		case x.at('@'):
			return st
		case x.at('"') && (first || loose):
			st = x.quoted()
		default:
			st = x.atom()
		}
		if st != more || !x.at('.') {
			return st
		}
	}
}

// domain passes "@" and appends the domain.
func (x *lexer) domain() status {
	x.i++
	if x.skip() != more {
		return bad
	}
	if !x.at('[') {
		return x.dotAtom()
	}
	for n, c := range x.s[x.i:] {
		if c == ']' && (n == 0 || x.s[x.i+n-1] != '\\') {
			x.out = append(x.out, x.s[x.i:x.i+n+1]...)
			x.i += n + 1
			return x.skip()
		}
	}
	x.i = len(x.s)
	return bad
}

// Classes of octets.
const (
	atext uint8 = 1 << iota // RFC 5322 section 3.2.3, and 8-bit octets
	dot
	token // RFC 2045 section 5.1, and 8-bit octets
)

var classes = makeClasses()

func makeClasses() (c [256]uint8) {
	for i := '!'; i < 256; i++ {
		if i == 127 {
			continue
		}
		if bytes.IndexByte([]byte("()<>[]:;@\\,.\""), byte(i)) < 0 {
			c[i] |= atext
		}
		if bytes.IndexByte([]byte("()<>@,;:\\\"/[]?="), byte(i)) < 0 {
			c[i] |= token
		}
	}
	c['.'] |= dot
	return c
}
