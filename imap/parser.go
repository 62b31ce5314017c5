package imap

import (
	"errors"
	"fmt"
	"io"
)

// parser reads one command. Its methods bear the names of the grammar (RFC 9051 section 9) and keep the
// first failure: from then on peek gives 0, which nothing in the grammar matches, so that every method
// comes to its end at once. What they return then means nothing.
//
// No method consumes a line end but crlf and literalHeader.
type parser struct {
	in       *input
	limits   Limits
	ask      func() error // asks for a synchronizing literal
	utf8     bool
	tag      string
	name     string
	err      error  // the first failure: *Error, or what the source gave
	line     int    // octets of the line so far
	literals int    // octets of literals held so far
	depth    int    // open parentheses, NOTs and ORs
	pending  int64  // octets of a literal that the client sends unasked and that were not read
	ended    bool   // nothing of the command is left in the input
	scratch  []byte // of keyword and of strings while they grow
}

// begin makes the parser ready for the next command.
func (p *parser) begin(limits Limits) {
	*p = parser{in: p.in, limits: limits, ask: p.ask, utf8: p.utf8, scratch: p.scratch[:0]}
	p.in.head = literalHead{}
}

// rest lets go of what is not to be kept while the connection idles.
func (p *parser) rest() {
	if cap(p.scratch) > idleBuffer {
		p.scratch = nil
	}
}

// fail keeps a failure unless there is one.
func (p *parser) fail(kind ErrorKind, text string) {
	if p.err == nil {
		p.err = &Error{Kind: kind, Tag: p.tag, Name: p.name, Text: text}
	}
}

func (p *parser) failIO(err error) {
	if p.err != nil {
		return
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	p.err = err
}

// expected fails with what should have come at this place.
func (p *parser) expected(what string) {
	c := p.peek()
	if p.err != nil {
		return
	}
	found := "an octet that is not allowed"
	switch {
	case c == '\r' || c == '\n':
		found = "the end of the line"
	case c == ' ':
		found = "a space"
	case c > ' ' && c < 0x7f:
		found = fmt.Sprintf("%q", string(c))
	}
	p.fail(ErrSyntax, fmt.Sprintf("expected %s at octet %d, found %s", what, p.line+1, found))
}

// peek gives the next octet of the line without taking it, 0 after a failure.
func (p *parser) peek() byte {
	if p.err != nil {
		return 0
	}
	if p.in.pos == p.in.end {
		if err := p.in.fill(); err != nil {
			p.failIO(err)
			return 0
		}
	}
	return p.in.buf[p.in.pos]
}

// next takes the octet that peek gave.
func (p *parser) next() {
	if p.err != nil {
		return
	}
	if p.line++; p.line > p.limits.Line {
		p.fail(ErrLineTooLong, fmt.Sprintf("command line longer than %d octets", p.limits.Line))
		return
	}
	p.in.advance()
}

// accept takes c if it comes next.
func (p *parser) accept(c byte) bool {
	if p.peek() != c || p.err != nil {
		return false
	}
	p.next()
	return p.err == nil
}

// expect takes c, or fails.
func (p *parser) expect(c byte, what string) {
	if !p.accept(c) {
		p.expected(what)
	}
}

func (p *parser) sp() { p.expect(' ', "a space") }

func (p *parser) open() { p.expect('(', `"("`) }

func (p *parser) close() { p.expect(')', `")"`) }

// crlf ends a line.
//
// A bare LF does as well, for people with netcat, and so do spaces before the end.
func (p *parser) crlf() {
	for p.accept(' ') {
	}
	p.accept('\r')
	if p.peek() != '\n' || p.err != nil {
		p.expected("the end of the command")
		return
	}
	p.in.advance()
	p.ended = true
}

// atEnd reports whether the line ends here.
func (p *parser) atEnd() bool {
	c := p.peek()
	return c == '\r' || c == '\n'
}

// list reads elements between parentheses, separated by single spaces:
//
//	"(" [element *(SP element)] ")"
func (p *parser) list(element func()) {
	p.open()
	if p.accept(')') {
		return
	}
	p.list1(element)
}

// list1 is list after "(" for one element at least.
func (p *parser) list1(element func()) {
	for p.err == nil {
		element()
		if !p.accept(' ') {
			break
		}
	}
	p.close()
}

// enter goes one level deeper; every call has its leave.
func (p *parser) enter() {
	if p.depth++; p.depth > p.limits.Nesting {
		p.fail(ErrTooDeep, fmt.Sprintf("nested deeper than %d levels", p.limits.Nesting))
	}
}

func (p *parser) leave() { p.depth-- }

// skipRest drops what is left of the command, literals included, so that the next octet is the first of
// the next command.
func (p *parser) skipRest() error {
	for {
		if p.pending > p.limits.Drain {
			return &Error{Kind: ErrLost, Tag: p.tag, Name: p.name, Text: "literal too large to be skipped"}
		}
		if err := p.in.skip(p.pending); err != nil {
			return err
		}
		p.pending = 0
		if p.ended {
			return nil
		}
		if err := p.in.skipLine(); err != nil {
			return err
		}
		switch p.in.head.state {
		case headNonSyncEnd:
			p.pending = p.in.head.size
		default: // a synchronizing literal that nobody asked for is not sent
			p.ended = true
		}
		p.in.head = literalHead{}
	}
}
