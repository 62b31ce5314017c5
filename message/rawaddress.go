package message

import "bytes"

// A rawAddress is one address of a list, or the start or end of a group. What is
// absent is nil.
type rawAddress struct {
	kind                       addressKind
	name, route, mailbox, host []byte // name of a group: mailbox, as in IMAP
	broken                     bool   // the text between < and > is no address
	badRoute                   bool   // the route is none
}

type addressKind uint8

const (
	oneMailbox addressKind = iota
	groupStart
	groupEnd
)

// An addressReader reads address lists: RFC 5322 section 3.4 with the obsolete
// syntax of section 4.4, and much that is neither. All its results are valid until
// its next call.
//
// What does not fit ends the list, unless recover is set; then reading goes on
// behind the next comma.
type addressReader struct {
	lex     lexer
	all     []rawAddress
	recover bool
	first   bool // one address is enough
	groups  bool // there is a colon, so there may be groups
}

// list reads the addresses of an unfolded value.
func (r *addressReader) list(value []byte) []rawAddress {
	x := &r.lex
	x.reset(value)
	x.out = x.out[:0]
	r.all = r.all[:0]
	r.groups = bytes.IndexByte(value, ':') >= 0
	st := x.skip()
	for st == more {
		st = r.address()
		if st == end || r.first || !r.toComma() {
			break
		}
		x.i++
		if st = x.skip(); st == bad {
			r.add(rawAddress{}) // a comment that does not end
		}
	}
	return r.all
}

// toComma goes to the comma behind an address.
func (r *addressReader) toComma() bool {
	x := &r.lex
	for r.recover && x.i < len(x.s) && !x.at(',') {
		switch {
		case x.at('"'):
			keep := len(x.out)
			x.quoted()
			x.out = x.out[:keep]
		case x.at('('):
			x.skip()
		default:
			x.i++
		}
	}
	return x.at(',')
}

// taken is what was put together since start, never nil.
func (x *lexer) taken(start int) []byte {
	if start == len(x.out) {
		return []byte{}
	}
	return x.out[start:len(x.out):len(x.out)]
}

func (r *addressReader) add(a rawAddress) { r.all = append(r.all, a) }

// address = mailbox / group
func (r *addressReader) address() status {
	if !r.groups {
		return r.mailbox()
	}
	x := &r.lex
	start := x.i
	mark := len(x.out)
	if st := x.phrase(); st == more && x.at(':') {
		return r.group(x.taken(mark))
	}
	x.i, x.out = start, x.out[:mark]
	return r.mailbox()
}

// group = display-name ":" [group-list] ";" [CFWS]
func (r *addressReader) group(name []byte) status {
	x := &r.lex
	x.i++
	r.add(rawAddress{kind: groupStart, mailbox: name})
	st := x.skip()
	for st == more && !x.at(';') {
		r.mailbox()
		if !x.at(',') {
			break
		}
		x.i++
		st = x.skip()
	}
	r.add(rawAddress{kind: groupEnd})
	if st == more && x.at(';') {
		x.i++
		st = x.skip()
	} else {
		st = bad
	}
	if st == end {
		return end
	}
	return more
}

// mailbox = name-addr / addr-spec
func (r *addressReader) mailbox() status {
	x := &r.lex
	start := x.i
	mark := len(x.out)
	if st := x.phrase(); st == more && x.at('<') {
		var a rawAddress
		if len(x.out) > mark {
			a.name = x.taken(mark)
		}
		a.broken = r.angleAddr(&a) == bad
		r.add(a)
		return x.left()
	}
	x.i, x.out = start, x.out[:mark]
	return r.addrSpec()
}

// angleAddr = "<" [obs-route] addr-spec ">", of which addr-spec may be empty and
// the domain may be missing.
func (r *addressReader) angleAddr(a *rawAddress) status {
	x := &r.lex
	x.i++
	if x.skip() != more {
		return bad
	}
	if x.at('@') {
		if a.badRoute = !r.route(a); !a.badRoute {
			x.i++
		}
		if x.skip() != more {
			return bad
		}
	}
	if !x.at('>') {
		mark := len(x.out)
		st := x.localPart(true)
		if st == bad {
			return bad
		}
		a.mailbox = x.taken(mark)
		if st == end {
			return bad
		}
		if x.at('@') && r.host(a) != more {
			return bad
		}
	}
	if !x.at('>') {
		return bad
	}
	x.i++
	return x.skip()
}

// route reads obs-domain-list up to the colon (RFC 5322 section 4.4).
func (r *addressReader) route(a *rawAddress) bool {
	x := &r.lex
	mark := len(x.out)
	for x.at('@') {
		if len(x.out) > mark {
			x.out = append(x.out, ',')
		}
		x.out = append(x.out, '@')
		if x.domain() != more {
			return false
		}
		for x.skip() == more && x.at(',') {
			x.i++
		}
	}
	a.route = x.taken(mark)
	return x.at(':')
}

// host passes "@" and reads the domain.
func (r *addressReader) host(a *rawAddress) status {
	x := &r.lex
	mark := len(x.out)
	st := x.domain()
	if st == bad {
		x.out = x.out[:mark]
		return bad
	}
	a.host = x.taken(mark)
	return st
}

// addrSpec = local-part "@" domain, with the name in a comment behind it. A word
// alone is a mailbox; a quoted string or several words are a name.
func (r *addressReader) addrSpec() status {
	x := &r.lex
	x.comment = x.comment[:0]
	quoted := x.at('"')
	mark := len(x.out)
	var a rawAddress
	start := x.i
	st := x.localPart(true)
	if st != more || !x.at('@') {
		x.i, x.out, x.comment = start, x.out[:mark], x.comment[:0]
		st = x.localPart(false)
	}
	if st != bad {
		a.mailbox = x.taken(mark)
	}
	hostSeen := st != end && x.at('@')
	if hostSeen {
		if hs := r.host(&a); hs != more {
			st = hs
		}
	}
	switch {
	case len(x.comment) > 0:
		name := len(x.out)
		x.out = append(x.out, x.comment...)
		a.name = x.taken(name)
	case !hostSeen:
		x.out = append(x.out, ' ')
		words := len(x.out)
		if x.skip() == more {
			x.phrase()
		}
		if len(x.out) > words {
			a.name, a.mailbox = x.taken(mark), nil
		} else if quoted && a.mailbox != nil {
			a.name, a.mailbox = a.mailbox, nil
		}
		st = bad
	}
	r.add(a)
	return st
}
