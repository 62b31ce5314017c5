package message

// A Specifier says what of a part a section names (RFC 9051 section 6.4.5.1).
type Specifier int

const (
	Whole               Specifier = iota // BODY[] or BODY[1.2]
	HeaderSpec                           // HEADER
	HeaderFieldsSpec                     // HEADER.FIELDS
	HeaderFieldsNotSpec                  // HEADER.FIELDS.NOT
	TextSpec                             // TEXT
	MIMESpec                             // MIME
)

// A Section is what stands in the brackets of BODY[...].
type Section struct {
	Path      []int // part numbers, from 1
	Specifier Specifier
	Fields    []string // for HEADER.FIELDS and HEADER.FIELDS.NOT
}

// Find is the part that the part numbers name in the message p, nil if there is
// none. The rules of RFC 9051 section 6.4.5.1: the numbers of a multipart's parts
// start at 1; a message that is no multipart has one part, 1, which is the message
// itself; and numbers below an embedded message name parts of that message. An
// empty path names p.
func (p *Part) Find(path []int) *Part {
	inMessage := true // p stands for a message, not for a part of one
	for _, n := range path {
		if !inMessage && p.Message != nil {
			p, inMessage = p.Message, true
		}
		switch {
		case p.Multipart():
			if n < 1 || n > len(p.Parts) {
				return nil
			}
			p = p.Parts[n-1]
		case inMessage && n == 1:
		default:
			return nil
		}
		inMessage = false
	}
	return p
}

// Extent is where a section of the message root stands. It is not ok when there is
// no such part, and FETCH answers NIL. For HEADER.FIELDS and HEADER.FIELDS.NOT it
// is the header to choose from (see HeaderOf).
func (root *Part) Extent(s Section) (Extent, bool) {
	p := root.Find(s.Path)
	switch {
	case p == nil:
		return Extent{}, false
	case s.Specifier == MIMESpec:
		return p.Header, len(s.Path) > 0
	case s.Specifier == Whole && len(s.Path) == 0:
		return p.Header.through(p.Body), true
	case s.Specifier == Whole:
		return p.Body, true
	}
	m := messageAt(p, s.Path)
	switch {
	case m == nil:
		return Extent{}, false
	case s.Specifier == TextSpec:
		return m.Body, true
	}
	return m.Header, true
}

// HeaderOf is the message, root or embedded, of whose header a section with
// HEADER, HEADER.FIELDS or HEADER.FIELDS.NOT speaks. FilterHeader takes its
// RawHeader or, if HeaderCut is set, CopyHeader the stored bytes of its Header.
func (root *Part) HeaderOf(s Section) (*Part, bool) {
	p := root.Find(s.Path)
	if p == nil {
		return nil, false
	}
	m := messageAt(p, s.Path)
	return m, m != nil
}

// messageAt is the message that p, found by path, is or embeds.
func messageAt(p *Part, path []int) *Part {
	if len(path) == 0 {
		return p
	}
	return p.Message
}
