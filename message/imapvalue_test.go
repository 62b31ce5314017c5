package message

import (
	"fmt"
	"strconv"
	"strings"
)

// An imapValue is what a parenthesised IMAP response holds: nil for NIL, string,
// int64 or []imapValue.
type imapValue any

// parseIMAP reads exactly one value in strict IMAP syntax (RFC 9051 section 9). It
// is written for the tests alone, so that the wire forms have a second opinion.
func parseIMAP(s string) (v imapValue, err error) {
	p := imapParser{s: s}
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("at octet %d of %q: %v", p.i, s, r)
		}
	}()
	v = p.value()
	if p.i != len(s) {
		panic("something follows")
	}
	return v, nil
}

type imapParser struct {
	s string
	i int
}

func (p *imapParser) value() imapValue {
	switch c := p.s[p.i]; {
	case c == '(':
		return p.list()
	case c == '"':
		return p.quoted()
	case c == '{':
		return p.literal()
	case c >= '0' && c <= '9':
		return p.number()
	case strings.HasPrefix(p.s[p.i:], "NIL"):
		p.i += len("NIL")
		return nil
	}
	panic("no value")
}

// list reads "(" value *([SP] value) ")"; the space may be absent only between
// lists, as in the address list and in body-type-mpart.
func (p *imapParser) list() imapValue {
	p.i++
	list := []imapValue{}
	for p.s[p.i] != ')' {
		if len(list) > 0 {
			_, afterList := list[len(list)-1].([]imapValue)
			switch {
			case p.s[p.i] == ' ':
				p.i++
			case !afterList || p.s[p.i] != '(':
				panic("no space")
			}
		}
		list = append(list, p.value())
	}
	p.i++
	if len(list) == 0 {
		panic("empty list")
	}
	return list
}

func (p *imapParser) quoted() imapValue {
	var b strings.Builder
	for p.i++; ; p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return b.String()
		case c == '\\':
			p.i++
			if c = p.s[p.i]; c != '"' && c != '\\' {
				panic("bad escape")
			}
			b.WriteByte(c)
		case c == 0 || c == '\r' || c == '\n' || c >= 0x80:
			panic("octet not allowed in a quoted string")
		default:
			b.WriteByte(c)
		}
	}
}

func (p *imapParser) literal() imapValue {
	brace := p.i + strings.IndexByte(p.s[p.i:], '}')
	n, err := strconv.Atoi(p.s[p.i+1 : brace])
	if err != nil || n == 0 || p.s[brace:brace+3] != "}\r\n" {
		panic("bad literal")
	}
	p.i = brace + 3 + n
	text := p.s[brace+3 : p.i]
	if strings.IndexByte(text, 0) >= 0 {
		panic("NUL in a literal")
	}
	return text
}

func (p *imapParser) number() imapValue {
	start := p.i
	for p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
