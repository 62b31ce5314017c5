package imap

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// A URL names a message or octets of it (RFC 5092), as CATENATE uses them.
type URL struct {
	// User and Host are of an absolute URL; Host has the port, if one was given, and is "" in a URL that
	// is relative to the session. How User is to be authenticated is passed over.
	User, Host string
	// Mailbox is "" for the mailbox that is selected, else in UTF-8.
	Mailbox string
	// UIDValidity is 0 when the URL does not say it.
	UIDValidity uint32
	UID         uint32
	// Section says what of the message is meant; the zero Section is all of it. The Length of its Partial
	// is math.MaxInt64 when the URL goes to the end.
	Section Section
}

// ErrURL is what ParseURL gives for what names no octets of a message: another scheme, a mailbox or a
// search, a URL with an authorization (RFC 4467), or no URL at all.
var ErrURL = errors.New("imap: this URL names no message")

// ParseURL reads a URL that names octets of a message (RFC 5092 section 11):
//
//	imapurl       = "imap://" iserver "/" imessagepart
//	network-path  = "//" iserver "/" imessagepart
//	absolute-path = "/" imessagepart
//	relative-path = imessagepart / iuid-only ["/" isection-only] ["/" ipartial-only]
//	imessagepart  = enc-mailbox [";UIDVALIDITY=" nz-number] "/" iuid-only ["/" isection-only] ["/" ipartial-only]
//	iuid-only     = ";UID=" nz-number
//	isection-only = ";SECTION=" enc-section
//	ipartial-only = ";PARTIAL=" number ["." nz-number]
func ParseURL(text string) (*URL, error) {
	u := new(URL)
	rest, ok := u.server(text)
	if !ok {
		return nil, ErrURL
	}
	i := lastIndexFold(rest, ";UID=")
	if i < 0 || i > 0 && rest[i-1] != '/' {
		return nil, ErrURL
	}
	if i > 0 || u.Host != "" {
		if i < 2 || !u.mailboxRef(rest[:i-1]) {
			return nil, ErrURL
		}
	}
	if !u.message(rest[i:]) {
		return nil, ErrURL
	}
	return u, nil
}

// server reads what stands before the path:
//
//	iserver = [iuserinfo "@"] host [":" port]
//	iuserinfo = enc-user [";AUTH=" ...]
func (u *URL) server(text string) (rest string, ok bool) {
	const scheme = "imap:"
	if len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
		text = text[len(scheme):]
		if !strings.HasPrefix(text, "//") {
			return "", false
		}
	}
	rest, ok = strings.CutPrefix(text, "//")
	if !ok {
		first, _, _ := strings.Cut(text, "/")
		return strings.TrimPrefix(text, "/"), !strings.Contains(first, ":") // else it has a scheme
	}
	authority, rest, ok := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	u.Host = authority[at+1:]
	if at >= 0 {
		name, _, _ := strings.Cut(authority[:at], ";")
		var err error
		if u.User, err = url.PathUnescape(name); err != nil {
			return "", false
		}
	}
	return rest, ok && u.Host != ""
}

// mailboxRef reads enc-mailbox [uidvalidity].
func (u *URL) mailboxRef(text string) (ok bool) {
	const validity = ";UIDVALIDITY="
	if i := lastIndexFold(text, validity); i >= 0 {
		if u.UIDValidity, ok = nzNumber(text[i+len(validity):]); !ok {
			return false
		}
		text = text[:i]
	}
	name, err := url.PathUnescape(text)
	if err != nil {
		return false
	}
	u.Mailbox, ok = ReadMailboxName(name, true)
	return ok && u.Mailbox != ""
}

// message reads iuid-only and what follows it.
func (u *URL) message(text string) (ok bool) {
	const partial, section, uid = "/;PARTIAL=", "/;SECTION=", ";UID="
	if i := lastIndexFold(text, partial); i >= 0 {
		if u.Section.Partial, ok = urlPartial(text[i+len(partial):]); !ok {
			return false
		}
		text = text[:i]
	}
	if i := lastIndexFold(text, section); i >= 0 {
		part := u.Section.Partial
		if u.Section, ok = urlSection(text[i+len(section):]); !ok {
			return false
		}
		u.Section.Partial = part
		text = text[:i]
	}
	u.UID, ok = nzNumber(text[len(uid):])
	return ok
}

// urlPartial reads number ["." nz-number].
func urlPartial(text string) (*Partial, bool) {
	offset, length, limited := strings.Cut(text, ".")
	part := &Partial{Length: math.MaxInt64}
	var ok bool
	if part.Offset, ok = number64(offset); ok && limited {
		part.Length, ok = number64(length)
	}
	return part, ok && part.Length > 0
}

// urlSection reads enc-section, which is the section of a FETCH without its brackets.
func urlSection(text string) (Section, bool) {
	spec, err := url.PathUnescape(text)
	if err != nil || spec == "" {
		return Section{}, false
	}
	in := &input{src: strings.NewReader("[" + spec + "]\n"), buffers: new(Buffers)}
	p := parser{in: in, limits: Limits{}.withDefaults(), ask: func() error { return ErrURL }}
	s := p.section()
	p.crlf()
	return *s, p.err == nil && s.Partial == nil
}

// nzNumber reads a number above 0 of 32 bits.
func nzNumber(text string) (uint32, bool) {
	n, ok := number64(text)
	return uint32(n), ok && n > 0 && n <= math.MaxUint32
}

// number64 reads digits, and nothing else.
func number64(text string) (int64, bool) {
	if text == "" || !isDigit(text[0]) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// lastIndexFold is strings.LastIndex without regard to ASCII case; what is in upper case.
func lastIndexFold(s, what string) int {
	for i := len(s) - len(what); i >= 0; i-- {
		if strings.EqualFold(s[i:i+len(what)], what) {
			return i
		}
	}
	return -1
}

// AppendTo appends the URL in its normal form.
func (u *URL) AppendTo(b []byte) []byte {
	if u.Host != "" {
		b = append(b, "imap://"...)
		if u.User != "" {
			b = append(append(b, url.PathEscape(u.User)...), '@')
		}
		b = append(b, u.Host...)
	}
	if u.Mailbox != "" {
		b = append(append(b, '/'), escapeURL(u.Mailbox)...)
		if u.UIDValidity != 0 {
			b = strconv.AppendUint(append(b, ";UIDVALIDITY="...), uint64(u.UIDValidity), 10)
		}
		b = append(b, '/')
	}
	b = strconv.AppendUint(append(b, ";UID="...), uint64(u.UID), 10)
	if spec := u.Section.appendSpec(nil); len(spec) > 0 {
		b = append(append(b, "/;SECTION="...), escapeURL(string(spec))...)
	}
	if part := u.Section.Partial; part != nil {
		b = strconv.AppendInt(append(b, "/;PARTIAL="...), part.Offset, 10)
		if part.Length != math.MaxInt64 {
			b = strconv.AppendInt(append(b, '.'), part.Length, 10)
		}
	}
	return b
}

// escapeURL leaves nothing that has a meaning in an IMAP URL.
func escapeURL(s string) string { return strings.ReplaceAll(url.PathEscape(s), ";", "%3B") }

// String gives the URL in its normal form.
func (u *URL) String() string { return string(u.AppendTo(nil)) }
