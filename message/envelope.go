package message

import (
	"bytes"
	"sync"
)

// The fields of ENVELOPE, in its order.
const (
	envDate = iota
	envSubject
	envFrom
	envSender
	envReplyTo
	envTo
	envCc
	envBcc
	envInReplyTo
	envMessageID
	envFields
)

// AppendEnvelope appends the ENVELOPE of a message with this header (RFC 9051
// section 7.5.2), from parenthesis to parenthesis. Text is as written, only
// unfolded: encoded-words stay encoded, 8-bit octets go out in literals, NUL as
// U+FFFD. header may have any line ends.
//
// Of repeated fields with text the last counts; those with addresses are joined.
// An address without mailbox or domain gets the names below, as NIL would make it
// part of the group syntax.
func AppendEnvelope(dst, header []byte) []byte {
	e := envelopes.Get().(*envelope)
	defer envelopes.Put(e)
	defer e.forget()
	e.read(header)
	dst = append(dst, '(')
	dst = e.text(dst, envDate)
	dst = append(dst, ' ')
	dst = e.text(dst, envSubject)
	dst = append(dst, ' ')
	start := len(dst)
	dst = e.addresses(dst, envFrom)
	from := dst[start:len(dst):len(dst)]
	for i := envSender; i <= envReplyTo; i++ {
		dst = append(dst, ' ')
		mark := len(dst)
		dst = e.addresses(dst, i)
		if bytes.Equal(dst[mark:], nilToken) {
			dst = append(dst[:mark], from...) // absent or empty: the same as From
		}
	}
	for i := envTo; i <= envBcc; i++ {
		dst = append(dst, ' ')
		dst = e.addresses(dst, i)
	}
	dst = append(dst, ' ')
	dst = e.text(dst, envInReplyTo)
	dst = append(dst, ' ')
	dst = e.text(dst, envMessageID)
	return append(dst, ')')
}

var nilToken = []byte("NIL")

// What stands for a missing half of an address. Dovecot writes the same, so that
// clients and scripts know them.
const (
	missingMailbox = "MISSING_MAILBOX"
	missingDomain  = "MISSING_DOMAIN"
	syntaxError    = "SYNTAX_ERROR"
	invalidRoute   = "INVALID_ROUTE"
)

type envelope struct {
	value [envFields][]byte   // raw, of the first or only field; nil if absent
	more  [envFields][][]byte // of repeated address fields
	buf   []byte
	addr  addressReader
}

// envelopes keeps buffers between headers. Nothing of one is visible to the next.
var envelopes = sync.Pool{New: func() any { return new(envelope) }}

// forget makes it ready for the next header. Buffers that a huge one has left are not
// kept.
func (e *envelope) forget() {
	clear(e.value[:])
	clear(e.more[:])
	const many = 1000 // addresses
	if x := &e.addr.lex; cap(e.buf)+cap(x.out)+cap(x.comment) > bufferSize || cap(e.addr.all) > many {
		e.buf, e.addr = nil, addressReader{}
	}
}

func (e *envelope) read(header []byte) {
	for f, rest, ok := nextField(header); ok; f, rest, ok = nextField(rest) {
		i := envelopeField(f.name)
		switch {
		case i < 0:
		case e.value[i] == nil || i <= envSubject || i >= envInReplyTo:
			e.value[i] = f.value
		default:
			e.more[i] = append(e.more[i], f.value)
		}
	}
}

// envelopeField is the index of the field, -1 for others.
func envelopeField(name []byte) int {
	if len(name) < 2 || len(name) > 11 {
		return -1
	}
	for _, f := range envelopeNames[name[0]&31] {
		if equalFold(name, f.name) {
			return f.index
		}
	}
	return -1
}

type envelopeName struct {
	name  string
	index int
}

// envelopeNames holds the names by their first letter, upper or lower case.
var envelopeNames = [32][]envelopeName{
	'b' & 31: {{"bcc", envBcc}},
	'c' & 31: {{"cc", envCc}},
	'd' & 31: {{"date", envDate}},
	'f' & 31: {{"from", envFrom}},
	'i' & 31: {{"in-reply-to", envInReplyTo}},
	'm' & 31: {{"message-id", envMessageID}},
	'r' & 31: {{"reply-to", envReplyTo}},
	's' & 31: {{"subject", envSubject}, {"sender", envSender}},
	't' & 31: {{"to", envTo}},
}

func (e *envelope) text(dst []byte, i int) []byte {
	if e.value[i] == nil {
		return append(dst, nilToken...)
	}
	e.buf = appendUnfolded(e.buf[:0], e.value[i])
	return AppendString(dst, e.buf)
}

// addresses appends the list of all fields i, NIL if it is empty.
func (e *envelope) addresses(dst []byte, i int) []byte {
	start := len(dst)
	dst = append(dst, '(')
	dst = e.field(dst, e.value[i])
	for _, raw := range e.more[i] {
		dst = e.field(dst, raw)
	}
	if len(dst) == start+1 {
		return append(dst[:start], nilToken...)
	}
	return append(dst, ')')
}

func (e *envelope) field(dst, raw []byte) []byte {
	e.buf = appendUnfolded(e.buf[:0], raw)
	list := e.addr.list(e.buf)
	for i := range list {
		a := &list[i]
		if a.kind == oneMailbox {
			a.fill()
		}
		dst = append(dst, '(')
		dst = appendNString(dst, a.name)
		dst = append(dst, ' ')
		dst = appendNString(dst, a.route)
		dst = append(dst, ' ')
		dst = appendNString(dst, a.mailbox)
		dst = append(dst, ' ')
		dst = appendNString(dst, a.host)
		dst = append(dst, ')')
	}
	return dst
}

// fill puts something in the place of what must not be NIL.
func (a *rawAddress) fill() {
	if a.badRoute {
		a.route = []byte(invalidRoute)
	}
	if a.mailbox == nil {
		a.mailbox = []byte(missingMailbox)
	}
	switch {
	case a.broken:
		a.host = []byte(syntaxError)
	case len(a.host) == 0:
		a.host = []byte(missingDomain)
	}
}
