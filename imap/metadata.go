package imap

import "strconv"

// GetMetadata is the argument of GETMETADATA (RFC 5464 section 4.2).
type GetMetadata struct {
	// Mailbox is "" for the server.
	Mailbox string
	// MaxSize is how many octets a value may have, if HasMaxSize.
	MaxSize    int64
	HasMaxSize bool
	Depth      MetadataDepth
	// Entries are as they were written; case does not count.
	Entries []string
}

// MetadataDepth says how far below an entry GETMETADATA looks.
type MetadataDepth byte

// The depths: the entry alone, with those right below it, and with all below it.
const (
	DepthZero MetadataDepth = iota
	DepthOne
	DepthInfinity
)

// SetMetadata is the argument of SETMETADATA (RFC 5464 section 4.3).
type SetMetadata struct {
	Mailbox string
	Values  []MetadataValue
}

// A MetadataValue is an entry with its new value.
type MetadataValue struct {
	Entry string
	// Value is octets, NUL among them.
	Value string
	// Nil tells that the entry is to be removed.
	Nil bool
}

// getMetadata:
//
//	getmetadata         = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
//	getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"
//	entries             = entry / "(" entry *(SP entry) ")"
//
// QUIRK: the examples of RFC 5464, and the clients that follow them, have the options behind the mailbox.
func (p *parser) getMetadata() Args {
	a := new(GetMetadata)
	p.sp()
	if p.accept('(') {
		p.list1(func() { p.metadataOption(a) })
		p.sp()
	}
	a.Mailbox = p.mailbox()
	p.sp()
	if p.peek() != '(' {
		a.Entries = p.entryList()
		return a
	}
	p.open()
	if isLetter(p.peek()) {
		p.list1(func() { p.metadataOption(a) })
		p.sp()
		a.Entries = p.entryList()
		return a
	}
	p.list1(func() { a.Entries = append(a.Entries, p.entry()) })
	return a
}

func isLetter(c byte) bool { return upper(c) >= 'A' && upper(c) <= 'Z' }

// metadataOption:
//
//	getmetadata-option = "MAXSIZE" SP number / "DEPTH" SP ("0" / "1" / "infinity")
func (p *parser) metadataOption(a *GetMetadata) {
	option := string(p.keyword())
	p.sp()
	switch option {
	case "MAXSIZE":
		a.MaxSize, a.HasMaxSize = p.number64(), true
	case "DEPTH":
		switch string(p.keyword()) {
		case "0":
			a.Depth = DepthZero
		case "1":
			a.Depth = DepthOne
		case "INFINITY":
			a.Depth = DepthInfinity
		default:
			p.expected("0, 1 or infinity")
		}
	default:
		p.fail(ErrSyntax, "GETMETADATA has the options MAXSIZE and DEPTH")
	}
}

// entry:
//
//	entry = astring ; slash-separated path to entry
func (p *parser) entry() string { return p.astring("the name of an entry such as /private/comment") }

// entryList:
//
//	entries = entry / "(" entry *(SP entry) ")"
func (p *parser) entryList() (entries []string) {
	if p.peek() != '(' {
		return []string{p.entry()}
	}
	p.open()
	p.list1(func() { entries = append(entries, p.entry()) })
	return entries
}

// setMetadata:
//
//	setmetadata  = "SETMETADATA" SP mailbox SP entry-values
//	entry-values = "(" entry-value *(SP entry-value) ")"
//	entry-value  = entry SP value
//	value        = nstring / literal8
func (p *parser) setMetadata() Args {
	p.sp()
	a := &SetMetadata{Mailbox: p.mailbox()}
	p.sp()
	p.open()
	p.list1(func() {
		v := MetadataValue{Entry: p.entry()}
		p.sp()
		if p.accept('~') {
			v.Value = p.octets(true)
		} else {
			v.Value, v.Nil = p.nstring("a value")
		}
		a.Values = append(a.Values, v)
	})
	return a
}

func (a *GetMetadata) appendArgs(b []byte) []byte {
	sep := " ("
	if a.HasMaxSize {
		b = strconv.AppendInt(append(b, " (MAXSIZE "...), a.MaxSize, 10)
		sep = " "
	}
	if a.Depth != DepthZero {
		b = append(append(b, sep...), [...]string{DepthOne: "DEPTH 1", DepthInfinity: "DEPTH infinity"}[a.Depth]...)
		sep = " "
	}
	if sep == " " {
		b = append(b, ')')
	}
	b = appendMailbox(append(b, ' '), a.Mailbox)
	return appendEntries(append(b, ' '), a.Entries)
}

func appendEntries(b []byte, entries []string) []byte {
	sep := "("
	for _, e := range entries {
		b = appendAString(append(b, sep...), e)
		sep = " "
	}
	return append(b, ')')
}

func (a *SetMetadata) appendArgs(b []byte) []byte {
	b = appendMailbox(append(b, ' '), a.Mailbox)
	sep := " ("
	for _, v := range a.Values {
		b = append(appendAString(append(b, sep...), v.Entry), ' ')
		switch {
		case v.Nil:
			b = append(b, "NIL"...)
		case isQuotable(v.Value, false):
			b = appendQuoted(b, v.Value)
		default:
			b = strconv.AppendInt(append(b, "~{"...), int64(len(v.Value)), 10)
			b = append(append(b, "+}\r\n"...), v.Value...)
		}
		sep = " "
	}
	return append(b, ')')
}

// Metadata appends the values of entries (RFC 5464 section 4.4.1). An entry without a value has NIL.
func (w *Writer) Metadata(mailbox string, values []MetadataValue) *Writer {
	w.Untagged().Raw("METADATA ").Mailbox(mailbox).SP()
	open := byte('(')
	for i := range values {
		v := &values[i]
		w.Byte(open).AString(v.Entry).SP()
		open = ' '
		switch {
		case v.Nil:
			w.Raw("NIL")
		case hasNUL(v.Value):
			w.literalHeader("~{", int64(len(v.Value))).Raw(v.Value)
		default:
			w.String(v.Value)
		}
	}
	return w.Byte(')').CRLF()
}

// MetadataChanged appends the names of entries that have other values than before (RFC 5464 section 4.4.2).
func (w *Writer) MetadataChanged(mailbox string, entries []string) *Writer {
	w.Untagged().Raw("METADATA ").Mailbox(mailbox)
	for _, e := range entries {
		w.SP().AString(e)
	}
	return w.CRLF()
}

func hasNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}
