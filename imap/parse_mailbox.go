package imap

import "slices"

// oneMailbox:
//
//	delete      = "DELETE" SP mailbox
//	subscribe   = "SUBSCRIBE" SP mailbox
//	unsubscribe = "UNSUBSCRIBE" SP mailbox
func (p *parser) oneMailbox() Args {
	p.sp()
	return &Mailbox{Name: p.mailbox()}
}

// selectOrExamine:
//
//	select  = "SELECT" SP mailbox [select-params]
//	examine = "EXAMINE" SP mailbox [select-params]
func (p *parser) selectOrExamine() Args {
	p.sp()
	a := &Select{Mailbox: p.mailbox()}
	a.Params = p.optionalParams()
	return a
}

// optionalParams reads [SP "(" param *(SP param) ")"].
func (p *parser) optionalParams() []Param {
	if p.accept(' ') && p.accept('(') {
		return p.params()
	}
	return nil
}

// create:
//
//	create = "CREATE" SP mailbox [create-params]
func (p *parser) create() Args {
	p.sp()
	a := &Create{Mailbox: p.mailbox()}
	a.Params = p.optionalParams()
	return a
}

// rename:
//
//	rename = "RENAME" SP mailbox SP mailbox
func (p *parser) rename() Args {
	p.sp()
	a := &Rename{From: p.mailbox()}
	p.sp()
	a.To = p.mailbox()
	return a
}

// lsub:
//
//	lsub = "LSUB" SP mailbox SP list-mailbox
func (p *parser) lsub() Args {
	p.sp()
	a := &Lsub{Reference: p.mailbox()}
	p.sp()
	a.Pattern = p.listMailbox()
	return a
}

// status:
//
//	status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
func (p *parser) status() Args {
	p.sp()
	a := &Status{Mailbox: p.mailbox()}
	p.sp()
	a.Items = p.statusAtts()
	return a
}

// statusAtts:
//
//	"(" status-att *(SP status-att) ")"
//	status-att = "MESSAGES" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN" / "DELETED" / "SIZE" / "RECENT" / "HIGHESTMODSEQ" /
//		"DELETED-STORAGE" / "APPENDLIMIT" / "MAILBOXID"
func (p *parser) statusAtts() []StatusItem {
	var items []StatusItem
	p.open()
	p.list1(func() {
		item := StatusItem(p.keyword())
		switch item {
		case StatusMessages, StatusRecent, StatusUIDNext, StatusUIDValidity, StatusUnseen, StatusDeleted, StatusSize, StatusHighestModSeq,
			StatusDeletedStorage, StatusAppendLimit, StatusMailboxID:
		default:
			p.expected("a status item such as MESSAGES")
		}
		if !slices.Contains(items, item) {
			items = append(items, item)
		}
	})
	return items
}

// listCommand:
//
//	list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
func (p *parser) listCommand() Args {
	a := new(List)
	p.sp()
	if p.peek() == '(' {
		a.Extended = true
		p.listSelectOpts(&a.Select)
		p.sp()
	}
	a.Reference = p.mailbox()
	p.sp()
	p.mboxOrPat(a)
	if p.accept(' ') && !p.atEnd() {
		a.Extended = true
		if string(p.keyword()) != "RETURN" {
			p.expected("RETURN")
		}
		p.sp()
		p.list(func() { p.returnOption(&a.Return) })
	}
	return a
}

// mboxOrPat:
//
//	mbox-or-pat = list-mailbox / patterns
//	patterns    = "(" list-mailbox *(SP list-mailbox) ")"
func (p *parser) mboxOrPat(a *List) {
	if !p.accept('(') {
		a.Patterns = []string{p.listMailbox()}
		return
	}
	a.Extended = true
	p.list1(func() { a.Patterns = append(a.Patterns, p.listMailbox()) })
}

// listSelectOpts:
//
//	list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"
//
// RECURSIVEMATCH needs another option that selects (RFC 9051 section 6.3.9.1).
func (p *parser) listSelectOpts(s *ListSelect) {
	p.list(func() {
		switch string(p.keyword()) {
		case "SUBSCRIBED":
			s.Subscribed = true
		case "REMOTE":
			s.Remote = true
		case "RECURSIVEMATCH":
			s.RecursiveMatch = true
		case "SPECIAL-USE":
			s.SpecialUse = true
		default:
			p.expected("a selection option such as SUBSCRIBED")
		}
	})
	if s.RecursiveMatch && !s.Subscribed && !s.SpecialUse {
		p.fail(ErrSyntax, "RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it")
	}
}

// returnOption:
//
//	return-option = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / "MYRIGHTS" / "STATUS" SP "(" status-att *(SP status-att) ")" /
//		"METADATA" SP entries
func (p *parser) returnOption(r *ListReturn) {
	switch string(p.keyword()) {
	case "SUBSCRIBED":
		r.Subscribed = true
	case "CHILDREN":
		r.Children = true
	case "SPECIAL-USE":
		r.SpecialUse = true
	case "MYRIGHTS":
		r.MyRights = true
	case "STATUS":
		p.sp()
		r.Status = p.statusAtts()
	case "METADATA":
		p.sp()
		r.Metadata = p.entryList()
	default:
		p.expected("a return option such as SUBSCRIBED")
	}
}
