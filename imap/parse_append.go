package imap

import (
	"io"
	"time"
)

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

// Next gives the next message of the APPEND, or io.EOF when the command is complete. The octets of the
// message before are dropped if they were not read. An *[Error] ends the command.
func (a *Append) Next() (*AppendMessage, error) {
	if a.done || a.r == nil || a.r.appending != a {
		return nil, io.EOF
	}
	m, err := a.next()
	if err != nil {
		a.done = true
		a.last = nil
		err = a.r.finish(err)
	}
	a.last = m
	return m, err
}

func (a *Append) next() (*AppendMessage, error) {
	p := &a.r.p
	if last := a.last; last != nil {
		if !last.accepted {
			last.abandon(p)
			return nil, &Error{Kind: ErrSyntax, Tag: p.tag, Name: p.name, Text: "the message before was refused"}
		}
		if err := p.in.skip(last.left); err != nil {
			return nil, unexpected(err)
		}
		last.left = 0
		if last.UTF8 {
			p.close()
		}
		if p.atEnd() {
			p.crlf()
			if p.err == nil {
				return nil, io.EOF
			}
			return nil, p.err
		}
	}
	m := p.appendMessage()
	if p.err != nil {
		return nil, p.err
	}
	m.r = a.r
	return m, nil
}

// appendMessage:
//
//	append-opts = [SP flag-list] [SP date-time]
//	append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"
//
// The last form is RFC 6855 section 4. The octets of the literal are not read.
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
	if c := upper(p.peek()); c == 'U' {
		if string(p.keyword()) != "UTF8" {
			p.expected("a literal")
		}
		m.UTF8 = true
		p.sp()
		p.open()
	}
	m.Binary = p.accept('~')
	if m.UTF8 && !m.Binary {
		p.expected("a literal8")
	}
	m.Size, m.sync = p.literalHeader()
	if limit := p.limits.Append; p.err == nil && limit > 0 && m.Size > limit {
		p.refuseLiteral(m.Size, m.sync, limit)
	}
	m.left = m.Size
	return m
}

// Accept asks the client for the message, if it waits for that, and gives a reader of exactly Size
// octets; the reader gives io.ErrUnexpectedEOF when the connection ends before. Next must be called after
// it (for the end of the command) before the answer is OK. A message that the engine does not accept is
// refused: the engine answers NO and reads the next command.
func (m *AppendMessage) Accept() (io.Reader, error) {
	if m.sync && !m.accepted {
		if err := m.r.p.ask(); err != nil {
			m.r.dead = err
			return nil, err
		}
	}
	m.accepted = true
	return (*appendReader)(m), nil
}

// abandon leaves the rest of the literal to skipRest.
func (m *AppendMessage) abandon(p *parser) {
	if m.sync && !m.accepted {
		p.ended = true // the client waits and will send no more of this command
		return
	}
	p.pending, m.left = m.left, 0
}

// appendReader gives the octets of a message.
type appendReader AppendMessage

func (m *appendReader) Read(b []byte) (int, error) {
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

// AppendTo appends the message as a client would send it behind "APPEND mailbox", with its octets.
func (m *AppendMessage) AppendTo(b, octets []byte) []byte {
	b = append(b, ' ')
	if m.Flags != nil {
		b = append(appendFlags(b, m.Flags), ' ')
	}
	if !m.InternalDate.IsZero() {
		b = append(appendDateTime(b, m.InternalDate), ' ')
	}
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

// dateTime:
//
//	date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
//
// A day of one digit is taken without the space before it, too.
func (p *parser) dateTime() time.Time {
	p.expect('"', "a date-time")
	p.accept(' ')
	d := p.dateText()
	p.sp()
	hour := p.digits(2, 2, "an hour of two digits")
	p.expect(':', `":"`)
	minute := p.digits(2, 2, "a minute of two digits")
	p.expect(':', `":"`)
	second := p.digits(2, 2, "a second of two digits")
	p.sp()
	zone := p.zone()
	p.expect('"', "a quote")
	if hour > 23 || minute > 59 || second > 60 {
		p.fail(ErrSyntax, "there is no such time of day")
	}
	if p.err != nil {
		return time.Time{}
	}
	return time.Date(d.Year, d.Month, d.Day, hour, minute, second, 0, zone)
}

// zone:
//
//	zone = ("+" / "-") 4DIGIT
func (p *parser) zone() *time.Location {
	sign := 1
	if p.accept('-') {
		sign = -1
	} else {
		p.expect('+', `"+" or "-"`)
	}
	n := p.digits(4, 4, "a time zone of four digits")
	if n/100 > 23 || n%100 > 59 {
		p.fail(ErrSyntax, "there is no such time zone")
	}
	if n == 0 {
		return time.UTC
	}
	return time.FixedZone("", sign*(n/100*3600+n%100*60))
}
