package imap

import "strings"

// authenticate:
//
//	authenticate     = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)
//	initial-resp     = (base64 / "=")
func (p *parser) authenticate() Args {
	p.sp()
	a := &Authenticate{Mechanism: strings.ToUpper(p.atom("the name of a SASL mechanism"))}
	if p.accept(' ') && !p.atEnd() {
		a.HasInitial = true
		a.Initial = p.base64()
	}
	return a
}

// login:
//
//	login = "LOGIN" SP userid SP password
func (p *parser) login() Args {
	p.sp()
	a := &Login{User: p.astring("a user name")}
	p.sp()
	a.Password = p.astring("a password")
	return a
}

// compress (RFC 4978 section 5):
//
//	compress  = "COMPRESS" SP algorithm
//	algorithm = "DEFLATE"
func (p *parser) compress() Args {
	p.sp()
	return &Compress{Algorithm: strings.ToUpper(p.atom("an algorithm"))}
}

// enable:
//
//	enable = "ENABLE" 1*(SP capability)
func (p *parser) enable() Args {
	a := new(Enable)
	p.sp()
	for p.err == nil {
		a.Capabilities = append(a.Capabilities, strings.ToUpper(p.atom("a capability")))
		if !p.accept(' ') || p.atEnd() {
			break
		}
	}
	return a
}

// id (RFC 2971 section 3.1):
//
//	id             = "ID" SP id-params-list
//	id-params-list = "(" *(string SP nstring) ")" / nil
func (p *parser) id() Args {
	a := new(ID)
	p.sp()
	if p.peek() != '(' {
		if !strings.EqualFold(p.atom(`"(" or NIL`), "NIL") {
			p.expected(`"(" or NIL`)
		}
		return a
	}
	p.list(func() {
		f := IDField{Name: p.astring("the name of an ID field")}
		p.sp()
		f.Value, f.Nil = p.nstring("the value of an ID field")
		a.Fields = append(a.Fields, f)
	})
	return a
}
