package imap

import "io"

// appendCommand reads the beginning of
//
//	append         = "APPEND" SP mailbox 1*append-message
//	append-message = append-opts SP append-data
//
// (RFC 3502 section 6.3.11).
func (p *parser) appendCommand() Args {
	p.sp()
	return &Append{Mailbox: p.mailbox()}
}

// replace:
//
//	replace = "REPLACE" SP seq-number SP mailbox append-message
func (p *parser) replace() Args {
	p.sp()
	a := &Replace{Append: new(Append)}
	if a.Message = p.sequenceSet(); p.err == nil && !a.Message.single() {
		p.fail(ErrSyntax, "expected the number of one message")
	}
	p.sp()
	a.Mailbox = p.mailbox()
	return a
}

// single reports whether the set is one number or "*".
func (s NumSet) single() bool {
	if s.HasStar() {
		return string(s.AppendTo(nil)) == "*"
	}
	return !s.saved && len(s.ranges) == 1 && s.ranges[0].Start == s.ranges[0].Stop
}

// Next gives the next message of the APPEND, or io.EOF when the command is complete. The octets of the
// message before are dropped if they were not read; its parts must have been. An *[Error] ends the
// command.
func (a *Append) Next() (*AppendMessage, error) {
	if a.over() {
		return nil, io.EOF
	}
	m, err := a.next()
	if err != nil {
		return nil, a.end(err)
	}
	return m, nil
}

// over reports whether nothing of the command is left to be read.
func (a *Append) over() bool { return a.done || a.r == nil || a.r.appending != a }

// end ends the command.
func (a *Append) end(err error) error {
	a.done = true
	a.last, a.cat = nil, nil
	return a.r.finish(err)
}

func (a *Append) next() (*AppendMessage, error) {
	p := &a.r.p
	if a.begun {
		if err := a.pass(); err != nil {
			return nil, err
		}
		if a.cat != nil {
			return nil, &Error{Kind: ErrSyntax, Tag: p.tag, Name: p.name, Text: "the message before was refused"}
		}
		if p.atEnd() {
			p.crlf()
			if p.err == nil {
				return nil, io.EOF
			}
			return nil, p.err
		}
		p.line, p.literals = 0, 0 // the limits are for each message: nothing is kept of those before
	}
	a.begun = true
	m := p.appendMessage()
	if p.err != nil {
		return nil, p.err
	}
	m.r, m.of = a.r, a
	if m.Catenate {
		a.cat, a.parts = m, false
	} else {
		a.last = &m.Literal
	}
	return m, nil
}

// pass goes to the end of the literal that was announced last.
func (a *Append) pass() error {
	p, l := &a.r.p, a.last
	if l == nil {
		return nil
	}
	a.last = nil
	if !l.accepted {
		l.abandon(p)
		return &Error{Kind: ErrSyntax, Tag: p.tag, Name: p.name, Text: "what came before was refused"}
	}
	if err := p.in.skip(l.left); err != nil {
		return unexpected(err)
	}
	l.left = 0
	if l.UTF8 {
		p.close()
	}
	return p.err
}

// appendMessage:
//
//	append-opts = [SP flag-list] [SP date-time]
//	append-data = literal / literal8 / "UTF8" SP "(" literal8 ")" / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
//
// The third form is RFC 6855 section 4, the last RFC 4469 section 5. The octets of the literal are not
// read, nor are the parts.
func (p *parser) appendMessage() *AppendMessage {
	m := new(AppendMessage)
	p.sp()
	if p.peek() == '(' {
		m.Flags = p.flagList()
		p.sp()
	}
	if p.peek() == '"' {
		m.InternalDate = p.dateTime()
		p.sp()
	}
	switch word := string(p.keyword()); word {
	case "CATENATE":
		m.Catenate = true
		p.sp()
		p.open()
	case "UTF8":
		p.sp()
		p.utf8Literal(&m.Literal)
	case "":
		p.announced(&m.Literal)
	default:
		p.fail(ErrSyntax, "expected a literal, UTF8 or CATENATE")
	}
	return m
}

// utf8Literal reads "(" literal8; what closes it is read by pass.
func (p *parser) utf8Literal(l *Literal) {
	l.UTF8 = true
	p.open()
	if p.peek() != '~' {
		p.expected("a literal8")
	}
	p.announced(l)
}

// announced reads the announcement of a literal or literal8.
func (p *parser) announced(l *Literal) {
	l.Binary = p.accept('~')
	l.Size, l.sync = p.literalHeader()
	if limit := p.limits.Append; p.err == nil && limit > 0 && l.Size > limit {
		p.refuseLiteral(l.Size, l.sync, limit)
	}
	l.left = l.Size
}

// Accept asks the client for the octets, if it waits for that, and gives a reader of exactly Size
// octets; the reader gives io.ErrUnexpectedEOF when the connection ends before. Next must be called after
// it (for the end of the command) before the answer is OK. Octets that the engine does not accept are
// refused: the engine answers NO and reads the next command.
func (m *Literal) Accept() (io.Reader, error) {
	if m.sync && !m.accepted {
		if err := m.r.p.ask(); err != nil {
			m.r.dead = err
			return nil, err
		}
	}
	m.accepted = true
	return (*literalReader)(m), nil
}

// abandon leaves the rest of the literal to skipRest.
func (m *Literal) abandon(p *parser) {
	if m.sync && !m.accepted {
		p.ended = true // the client waits and will send no more of this command
		return
	}
	p.pending, m.left = m.left, 0
}

// literalReader gives the octets of a literal.
type literalReader Literal

func (m *literalReader) Read(b []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	if int64(len(b)) > m.left {
		b = b[:m.left]
	}
	n, err := m.r.p.in.Read(b)
	m.left -= int64(n)
	if err != nil {
		err = unexpected(err)
		m.r.dead = err
	}
	return n, err
}

// AppendTo appends the message as a client would send it behind "APPEND mailbox", with its octets. With
// Catenate these are its parts, as [CatPart.AppendTo] gives them, separated by spaces.
func (m *AppendMessage) AppendTo(b, octets []byte) []byte {
	b = append(b, ' ')
	if m.Flags != nil {
		b = append(appendFlags(b, m.Flags), ' ')
	}
	if !m.InternalDate.IsZero() {
		b = append(appendDateTime(b, m.InternalDate), ' ')
	}
	if m.Catenate {
		b = append(b, "CATENATE ("...)
		b = append(b, octets...)
		return append(b, ')')
	}
	return m.Literal.appendTo(b, octets)
}

func (m *Literal) appendTo(b, octets []byte) []byte {
	if m.UTF8 {
		b = append(b, "UTF8 ("...)
	}
	if m.Binary {
		b = append(b, '~')
	}
	b = append(b, '{')
	b = append(b, itoa(len(octets))...)
	b = append(b, "+}\r\n"...)
	b = append(b, octets...)
	if m.UTF8 {
		b = append(b, ')')
	}
	return b
}
