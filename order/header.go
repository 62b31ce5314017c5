package order

import (
	"restante/casemap"
	"restante/mailstore"
	"restante/message"
)

// A field is a header field that messages are ordered by.
type field uint8

const (
	fieldDate field = iota
	fieldSubject
	fieldFrom
	fieldTo
	fieldCc
	fieldMessageID
	fieldInReplyTo
	fieldReferences
	fields
)

// names are the fields in lower case.
var names = [fields]string{"date", "subject", "from", "to", "cc", "message-id", "in-reply-to", "references"}

// A headerReader finds the fields of one header after the other. Of repeated
// fields the first counts.
type headerReader struct {
	raw  [fields][]byte // as written, nil where there is none
	buf  []byte
	text []byte

	decoder message.HeaderDecoder
}

func (r *headerReader) read(header []byte) {
	clear(r.raw[:])
	for name, value := range message.Fields(header) {
		if f := fieldOf(name); f < fields && r.raw[f] == nil {
			r.raw[f] = value
		}
	}
}

func fieldOf(name []byte) field {
	if len(name) == 0 || len(name) > len("in-reply-to") {
		return fields
	}
	for f := range fields {
		if len(name) == len(names[f]) && name[0]|0x20 == names[f][0] && equalFold(name, names[f]) {
			return f
		}
	}
	return fields
}

// equalFold compares ASCII without case; want is in lower case.
func equalFold(b []byte, want string) bool {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// value gives a field unfolded, until the next call.
func (r *headerReader) value(f field) []byte {
	r.buf = message.AppendValue(r.buf[:0], r.raw[f])
	return r.buf
}

// sent is the sent date of RFC 5256 section 2.2 in seconds since 1970, noDate where
// none can be read and the internal date counts.
func (r *headerReader) sent() int64 {
	if r.raw[fieldDate] != nil {
		if sec, ok := message.ParseDateUnix(r.value(fieldDate)); ok {
			return sec
		}
	}
	return noDate
}

// arrived is the internal date, 1970 where it could not be found out.
func arrived(rec *mailstore.Record) int64 {
	if rec.Date == mailstore.Unknown {
		return 0
	}
	return rec.Date
}

// subject gives the base subject in its collation form, until the next call, and
// whether it is that of a reply or forward.
func (r *headerReader) subject() (key []byte, reply bool) {
	if r.raw[fieldSubject] == nil {
		return nil, false
	}
	r.text = r.decoder.Append(r.text[:0], r.value(fieldSubject))
	base, reply := message.SplitDecodedSubject(string(r.text))
	r.text = casemap.Append(r.text[:0], base)
	return r.text, reply
}

// mailbox gives the local part of the first address in its collation form (RFC
// 5256 section 3).
func (r *headerReader) mailbox(f field) []byte {
	r.text = r.text[:0]
	if r.raw[f] != nil {
		r.text = casemap.Append(r.text, message.FirstAddress(r.value(f)).Mailbox)
	}
	return r.text
}

// display gives the name under which the first address is shown (RFC 5957 section
// 3): that of the person, else the address.
func (r *headerReader) display(f field) []byte {
	r.text = r.text[:0]
	if r.raw[f] == nil {
		return r.text
	}
	a := message.FirstAddress(r.value(f))
	if a.Name != "" {
		r.text = casemap.Append(r.text, a.Name)
		return r.text
	}
	r.text = casemap.Append(r.text, a.Mailbox)
	if a.Host != "" {
		r.text = casemap.Append(append(r.text, '@'), a.Host)
	}
	return r.text
}
