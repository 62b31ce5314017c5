package imap

// SetACL is the argument of SETACL (RFC 4314 section 3.1).
type SetACL struct {
	Mailbox    string
	Identifier string
	// Rights are letters, as they were written, perhaps with "+" or "-" in front.
	Rights string
}

// MailboxIdentifier is the argument of DELETEACL and LISTRIGHTS.
type MailboxIdentifier struct {
	Mailbox    string
	Identifier string
}

// setACL (RFC 4314 section 7):
//
//	setacl     = "SETACL" SP mailbox SP identifier SP mod-rights
//	identifier = astring
//	mod-rights = astring
func (p *parser) setACL() Args {
	p.sp()
	a := &SetACL{Mailbox: p.mailbox()}
	p.sp()
	a.Identifier = p.astring("an identifier")
	p.sp()
	a.Rights = p.astring("rights")
	return a
}

// mailboxIdentifier:
//
//	deleteacl  = "DELETEACL" SP mailbox SP identifier
//	listrights = "LISTRIGHTS" SP mailbox SP identifier
func (p *parser) mailboxIdentifier() Args {
	p.sp()
	a := &MailboxIdentifier{Mailbox: p.mailbox()}
	p.sp()
	a.Identifier = p.astring("an identifier")
	return a
}

func (a *SetACL) appendArgs(b []byte) []byte {
	b = appendMailbox(append(b, ' '), a.Mailbox)
	b = appendAString(append(b, ' '), a.Identifier)
	return appendAString(append(b, ' '), a.Rights)
}

func (a *MailboxIdentifier) appendArgs(b []byte) []byte {
	b = appendMailbox(append(b, ' '), a.Mailbox)
	return appendAString(append(b, ' '), a.Identifier)
}
