package message

import "strings"

// An Extent is a range of the message: a header, a body, or both.
type Extent struct {
	Offset int64 // of its first octet in the stored form
	Length int64 // octets in the stored form
	Size   int64 // octets in CRLF form, what IMAP counts
	Lines  int64 // line ends; an unterminated last line does not count
}

// End is the offset in the stored form just behind the extent.
func (e Extent) End() int64 { return e.Offset + e.Length }

// through is the extent from the start of e to the end of the one that follows
// it directly.
func (e Extent) through(next Extent) Extent {
	e.Length += next.Length
	e.Size += next.Size
	e.Lines += next.Lines
	return e
}

// A Param is one parameter of Content-Type or Content-Disposition. The value is
// unquoted and otherwise byte for byte as written. Continuations of RFC 2231
// (name*0, name*1) are joined, as its section 6 asks of IMAP servers; a name
// that ends in "*" has an extended value (charset'language'percent-encoded).
type Param struct{ Name, Value string }

// A Part is one MIME part: the message itself, a part of a multipart, or the
// message inside a message/rfc822 part.
type Part struct {
	// Header and Body stand next to each other. The header includes the blank
	// line that ends it, where there is one. The line end in front of a boundary
	// line belongs to the boundary (RFC 2046 section 5.1.1).
	Header, Body Extent

	// RawHeader holds the stored bytes of Header for the message itself and for
	// each embedded message; it is nil for other parts. It ends after
	// MaxRawHeader octets, or earlier when all headers of the message together
	// come to MaxHeaderTotal; HeaderCut is then set.
	RawHeader []byte
	HeaderCut bool

	// Type and Subtype are never empty. They keep the case they were written
	// in; compare with Is. Params are those of Content-Type.
	Type, Subtype string
	Params        []Param

	ID, Description, MD5, Location string
	Encoding                       string // lower case; "7bit" when absent
	Disposition                    string
	DispositionParams              []Param
	Language                       []string

	// Parts are the children of a multipart, at least one: a multipart in which
	// no part was found has an empty text/plain part at the end of its body.
	Parts []*Part
	// Message is the embedded message of message/rfc822 or message/global.
	Message *Part

	has fieldSet // string fields that are present, if only as ""
}

// Detach copies what the tree has of the octets that ScanBytes was given, so that it
// outlives them.
func (p *Part) Detach() {
	if p.RawHeader != nil {
		p.RawHeader = append([]byte{}, p.RawHeader...)
	}
	for _, child := range p.Parts {
		child.Detach()
	}
	if p.Message != nil {
		p.Message.Detach()
	}
}

// Size is the size of header and body together in CRLF form: RFC822.SIZE when p
// is what Scan returned.
func (p *Part) Size() int64 { return p.Header.Size + p.Body.Size }

// Is reports whether the media type of p is typ/subtype, whatever the case. An
// empty subtype stands for every subtype.
func (p *Part) Is(typ, subtype string) bool {
	return strings.EqualFold(p.Type, typ) && (subtype == "" || strings.EqualFold(p.Subtype, subtype))
}

// Multipart reports whether p has Parts.
func (p *Part) Multipart() bool { return len(p.Parts) > 0 }

// Param is the value of the first Content-Type parameter of that name, whatever
// the case.
func (p *Part) Param(name string) (value string, ok bool) { return param(p.Params, name) }

func param(params []Param, name string) (string, bool) {
	for i := range params {
		if strings.EqualFold(params[i].Name, name) {
			return params[i].Value, true
		}
	}
	return "", false
}

// A fieldSet tells an empty field (IMAP: "") from an absent one (IMAP: NIL).
type fieldSet uint8

const (
	hasID fieldSet = 1 << iota
	hasDescription
	hasMD5
	hasLocation
	hasEncoding
	hasDisposition
)
