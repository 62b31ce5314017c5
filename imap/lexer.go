package imap

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"strings"
)

// take reads octets of one class into the scratch buffer, which the next call uses again.
func (p *parser) take(class func(byte) bool) []byte {
	p.scratch = p.scratch[:0]
	for c := p.peek(); class(c) && p.err == nil; c = p.peek() {
		p.scratch = append(p.scratch, c)
		p.next()
	}
	return p.scratch
}

// keyword reads a word of the grammar, in upper case, which stands in the scratch buffer. It may be empty.
func (p *parser) keyword() []byte {
	word := p.take(isWordChar)
	for i, c := range word {
		word[i] = upper(c)
	}
	return word
}

// atom:
//
//	atom = 1*ATOM-CHAR
func (p *parser) atom(what string) string {
	s := p.take(isAtomChar)
	if len(s) == 0 {
		p.expected(what)
	}
	return string(s)
}

// astring:
//
//	astring = 1*ASTRING-CHAR / string
//
// QUIRK: octets above 127 are taken outside of quotes too, as clients send raw UTF-8.
func (p *parser) astring(what string) string {
	if c := p.peek(); c == '"' || c == '{' {
		return p.str(what)
	}
	s := p.take(func(c byte) bool { return isAStringChar(c) || c >= 0x80 })
	if len(s) == 0 {
		p.expected(what)
	}
	return string(s)
}

// str:
//
//	string = quoted / literal
func (p *parser) str(what string) string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	p.expected(what)
	return ""
}

// nstring:
//
//	nstring = string / nil
//
// An atom is taken for a string.
func (p *parser) nstring(what string) (s string, isNil bool) {
	if c := p.peek(); c == '"' || c == '{' {
		return p.str(what), false
	}
	s = p.atom(what)
	if strings.EqualFold(s, "NIL") {
		return "", true
	}
	return s, false
}

// quoted:
//
//	quoted = DQUOTE *QUOTED-CHAR DQUOTE
//
// Octets above 127 are taken whether UTF-8 was enabled or not.
func (p *parser) quoted() string {
	p.expect('"', "a quoted string")
	p.scratch = p.scratch[:0]
	for p.err == nil {
		c := p.peek()
		switch c {
		case '"':
			p.next()
			return string(p.scratch)
		case 0, '\r', '\n':
			p.expected("the end of a quoted string")
			return ""
		}
		p.next()
		if c == '\\' {
			if c = p.peek(); c != '"' && c != '\\' {
				p.expected("a quote or a backslash after a backslash")
				return ""
			}
			p.next()
		}
		p.scratch = append(p.scratch, c)
	}
	return ""
}

// literalHeader reads the announcement of a literal and its line end:
//
//	"{" number64 ["+"] "}" CRLF
//
// A size that is no int64 fails; from here on the client may be sending the literal.
func (p *parser) literalHeader() (size int64, sync bool) {
	p.expect('{', "a literal")
	if !isDigit(p.peek()) {
		p.expected("the size of a literal")
	}
	for c := p.peek(); isDigit(c) && p.err == nil; c = p.peek() {
		size = appendDigit(size, c)
		p.next()
	}
	sync = !p.accept('+')
	p.expect('}', `"}"`)
	p.accept('\r')
	if p.peek() != '\n' || p.err != nil {
		p.expected("a line end after the size of a literal")
		return 0, false
	}
	p.in.advance()
	p.in.head = literalHead{}
	if size == math.MaxInt64 {
		p.refuseLiteral(size, sync, size-1)
	}
	return size, sync
}

// refuseLiteral fails because a literal is too large.
func (p *parser) refuseLiteral(size int64, sync bool, limit int64) {
	if p.err != nil {
		return
	}
	if sync {
		p.ended = true // the client waits and will send no more of this command
	} else {
		p.pending = size
	}
	p.fail(ErrTooBig, fmt.Sprintf("literal of %d octets, %d are allowed here", size, max(limit, 0)))
}

// literal reads a literal into memory:
//
//	literal = "{" number64 ["+"] "}" CRLF *CHAR8
func (p *parser) literal() string { return p.octets(false) }

// octets is literal, or the rest of a literal8 behind its "~", which may hold NUL:
//
//	literal8 = "~{" number64 ["+"] "}" CRLF *OCTET
func (p *parser) octets(nul bool) string {
	size, sync := p.literalHeader()
	if left := int64(p.limits.Literal - p.literals); size > left {
		p.refuseLiteral(size, sync, left)
	}
	if p.err != nil {
		return ""
	}
	if sync {
		if err := p.ask(); err != nil {
			p.failIO(err)
			return ""
		}
	}
	p.literals += int(size)
	octets := make([]byte, size)
	if _, err := io.ReadFull(p.in, octets); err != nil {
		p.failIO(unexpected(err))
		return ""
	}
	if !nul && bytes.IndexByte(octets, 0) >= 0 {
		p.fail(ErrSyntax, "a literal holds an octet that is not allowed (NUL)")
	}
	return string(octets)
}

// number64:
//
//	number64 = 1*DIGIT ; (0 <= n <= 9,223,372,036,854,775,807)
func (p *parser) number64() int64 {
	n, start := uint64(0), p.line
	for c := p.peek(); isDigit(c) && p.err == nil; c = p.peek() {
		if n = n*10 + uint64(c-'0'); n > math.MaxInt64 {
			p.fail(ErrSyntax, fmt.Sprintf("number too large at octet %d", start+1))
		}
		p.next()
	}
	if p.line == start {
		p.expected("a number")
	}
	return int64(n)
}

// nzNumber:
//
//	nz-number = digit-nz *DIGIT ; (0 < n <= 4,294,967,295)
func (p *parser) nzNumber(what string) uint32 {
	if c := p.peek(); c < '1' || c > '9' {
		p.expected(what)
		return 0
	}
	n := p.number64()
	if n > math.MaxUint32 {
		p.fail(ErrSyntax, fmt.Sprintf("number too large at octet %d", p.line))
		return 0
	}
	return uint32(n)
}

// sequenceSet:
//
//	sequence-set = (seq-number / seq-range) ["," sequence-set] / "$"
func (p *parser) sequenceSet() NumSet {
	if p.accept('$') {
		return SavedSet()
	}
	var b numSetBuilder
	for c := p.peek(); isSetChar(c) && p.err == nil; c = p.peek() {
		if !b.feed(c) {
			break
		}
		p.next()
	}
	set, err := b.finish()
	if err != nil || isSetChar(p.peek()) {
		p.expected("a set of numbers")
		return NumSet{}
	}
	return set
}

func isSetChar(c byte) bool { return isDigit(c) || c == '*' || c == ':' || c == ',' }

// mailbox:
//
//	mailbox = "INBOX" / astring
func (p *parser) mailbox() string { return p.mailboxName(p.astring("a mailbox name")) }

// listMailbox:
//
//	list-mailbox = 1*list-char / string
func (p *parser) listMailbox() string {
	if c := p.peek(); c == '"' || c == '{' {
		return p.mailboxName(p.str("a mailbox pattern"))
	}
	s := p.take(func(c byte) bool { return isListChar(c) || c >= 0x80 })
	if len(s) == 0 {
		p.expected("a mailbox pattern")
	}
	return p.mailboxName(string(s))
}

func (p *parser) mailboxName(wire string) string {
	name, ok := ReadMailboxName(wire, p.utf8)
	if !ok {
		p.fail(ErrSyntax, "mailbox name is not valid UTF-8")
	}
	return name
}

// flag:
//
//	flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
//
// System flags come out in their canonical case.
func (p *parser) flag() string {
	if !p.accept('\\') {
		return p.atom("a flag")
	}
	name := p.atom("a flag")
	for _, f := range [...]string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`, `\Recent`} {
		if strings.EqualFold(f[1:], name) {
			return f
		}
	}
	return `\` + name
}

// flagList:
//
//	flag-list = "(" [flag *(SP flag)] ")"
func (p *parser) flagList() []string {
	var flags []string
	p.list(func() { flags = append(flags, p.flag()) })
	return flags
}

// base64 reads base64 up to a space or the line end; "=" alone is no octets.
func (p *parser) base64() []byte {
	text := p.take(func(c byte) bool { return c > ' ' && c < 0x7f })
	if len(text) == 0 {
		p.expected("base64")
		return nil
	}
	data, ok := decodeBase64(text)
	if !ok {
		p.fail(ErrSyntax, "the initial response is not base64")
	}
	return data
}

func decodeBase64(text []byte) ([]byte, bool) {
	if len(text) == 1 && text[0] == '=' {
		return []byte{}, true
	}
	data, err := base64.StdEncoding.AppendDecode([]byte{}, text)
	return data, err == nil
}

// params:
//
//	select-params = SP "(" select-param *(SP select-param) ")"
//
// and alike create-params, fetch-modifiers and store-modifiers, after "(".
func (p *parser) params() []Param {
	var params []Param
	for p.err == nil {
		param := Param{Name: string(p.keyword())}
		if param.Name == "" || isDigit(param.Name[0]) || param.Name[0] == '-' {
			p.expected("the name of a parameter")
		}
		more := p.accept(' ')
		if more && isValueStart(p.peek()) {
			param.Value = p.value()
			more = p.accept(' ')
		}
		params = append(params, param)
		if !more {
			break
		}
	}
	p.close()
	return params
}

// isValueStart tells a value from the name of the next parameter: names begin with a letter.
func isValueStart(c byte) bool { return isSetChar(c) || c == '(' || c == '-' }

// value:
//
//	tagged-ext-val    = tagged-ext-simple / "(" [tagged-ext-comp] ")"
//	tagged-ext-simple = sequence-set / number / number64
//	tagged-ext-comp   = astring / tagged-ext-comp *(SP tagged-ext-comp) / "(" tagged-ext-comp ")"
//
// The attributes of CREATE (USE) are words as well.
func (p *parser) value() Value {
	p.enter()
	defer p.leave()
	switch p.peek() {
	case '"', '{':
		return Value{Text: p.str("a value")}
	case '(':
		v := Value{List: []Value{}}
		p.list(func() { v.List = append(v.List, p.value()) })
		return v
	}
	word := p.take(isValueChar)
	if len(word) == 0 {
		p.expected("a value")
	}
	return Value{Text: string(word)}
}
