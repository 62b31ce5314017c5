package imap

import "io"

// NextPart gives the next part of a message with Catenate, or io.EOF behind the last: then [Append.Next]
// is next. The octets of the part before are dropped if they were accepted and not read. An *[Error] ends
// the command.
func (m *AppendMessage) NextPart() (*CatPart, error) {
	a := m.of
	if a == nil || a.over() || a.cat != m {
		return nil, io.EOF
	}
	part, err := a.nextPart()
	switch {
	case err == io.EOF:
		a.cat = nil
		return nil, err
	case err != nil:
		return nil, a.end(err)
	}
	return part, nil
}

func (a *Append) nextPart() (*CatPart, error) {
	p := &a.r.p
	if err := a.pass(); err != nil {
		return nil, err
	}
	if a.parts {
		if p.accept(')') {
			return nil, io.EOF
		}
		p.sp()
	}
	a.parts = true
	part := p.catPart()
	if p.err != nil {
		return nil, p.err
	}
	if part.Text {
		part.r = a.r
		a.last = &part.Literal
	}
	return part, nil
}

// catPart (RFC 4469 section 5, RFC 6855 section 4):
//
//	cat-part     = text-literal / url / utf8-literal
//	text-literal = "TEXT" SP literal
//	url          = "URL" SP astring
//	utf8-literal = "UTF8" SP "(" literal8 ")"
//
// A literal8 is taken behind TEXT as well.
func (p *parser) catPart() *CatPart {
	part := new(CatPart)
	switch string(p.keyword()) {
	case "URL":
		p.sp()
		part.URL = p.astring("a URL")
	case "TEXT":
		part.Text = true
		p.sp()
		p.announced(&part.Literal)
	case "UTF8":
		part.Text = true
		p.sp()
		p.utf8Literal(&part.Literal)
	default:
		p.expected("URL, TEXT or UTF8")
	}
	return part
}

// AppendTo appends the part as a client would send it, with its octets.
func (p *CatPart) AppendTo(b, octets []byte) []byte {
	switch {
	case !p.Text:
		return appendAString(append(b, "URL "...), p.URL)
	case p.UTF8:
		return p.Literal.appendTo(b, octets)
	}
	return p.Literal.appendTo(append(b, "TEXT "...), octets)
}
