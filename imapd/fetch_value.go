package imapd

import (
	"io"

	"restante/imap"
	"restante/message"
)

// A value is the answer to one item, ready to be sent: everything that can fail
// has been done, but for reading the octets of a long literal.
type value struct {
	kind valueKind
	// from and to are a range of fetcher.scratch, for what is in memory.
	from, to int
	size     int64     // of a literal, or a number
	src      io.Reader // of a literal that is not in memory
	// counted is the source of a literal whose size is found while it is sent.
	counted *wireReader
	// pass writes a literal that is made by a pass over the message, and counts.
	pass func(io.Writer) (int64, error)
}

type valueKind uint8

const (
	valueNIL     valueKind = iota
	valueRecord            // the mailbox knows it
	valueWire              // scratch, in wire form
	valueLiteral           // scratch or src, as a literal
	valueBinary            // src, as a literal8
	valueNumber
)

// prepare makes the value of an item. m is nil when no item needs the message.
func (f *fetcher) prepare(m *loaded, it *imap.FetchItem) (value, error) {
	from := len(f.scratch)
	switch it.Att {
	case imap.FetchInternalDate, imap.FetchRFC822Size, imap.FetchSaveDate:
		return value{kind: valueRecord}, nil
	case imap.FetchThreadID:
		return value{kind: valueNIL}, nil
	case imap.FetchEmailID:
		f.scratch = appendObjectID(f.scratch, m.id)
	case imap.FetchEnvelope:
		f.scratch = message.AppendEnvelope(f.scratch, m.head)
	case imap.FetchBody, imap.FetchBodyStructure:
		f.scratch = message.AppendBodyStructure(f.scratch, m.root, it.Att == imap.FetchBodyStructure)
	case imap.FetchPreview:
		return f.preparePreview(m)
	case imap.FetchBinary, imap.FetchBinarySize:
		return f.prepareBinary(m, it)
	default:
		return f.prepareSection(m, it)
	}
	return value{kind: valueWire, from: from, to: len(f.scratch)}, nil
}

// preparePreview makes the value of PREVIEW (RFC 8970). Without the tree of parts
// there is none yet: that is so only where the client said LAZY.
func (f *fetcher) preparePreview(m *loaded) (value, error) {
	if m == nil || m.root == nil {
		return value{kind: valueNIL}, nil
	}
	from := len(f.scratch)
	b, err := message.AppendPreview(f.scratch, m.root, m.octets())
	if err != nil {
		return value{}, err
	}
	wire := len(b)
	f.scratch = message.AppendString(b, b[from:])
	return value{kind: valueWire, from: wire, to: len(f.scratch)}, nil
}

// prepareSection makes the value of BODY[...] and of the RFC822 items.
func (f *fetcher) prepareSection(m *loaded, it *imap.FetchItem) (value, error) {
	sec := sectionOf(it)
	if sec.Specifier == imap.SectionHeaderFields || sec.Specifier == imap.SectionHeaderFieldsNot {
		return f.prepareFields(m, sec)
	}
	e, found := m.extent(sec)
	if !found {
		return value{kind: valueNIL}, nil
	}
	off, length := window(sec.Partial)
	r, size, err := f.s.wire(m, e, off, length)
	if size == unknownSize {
		return value{kind: valueLiteral, size: size, counted: r}, err
	}
	return value{kind: valueLiteral, size: size, src: r}, err
}

// window is the range of octets that is asked for.
func window(p *imap.Partial) (off, length int64) {
	if p == nil {
		return 0, everything
	}
	return p.Offset, p.Length
}

// extent finds a section in the message. Without a structure it knows only those
// of the message itself.
func (m *loaded) extent(sec *imap.Section) (message.Extent, bool) {
	if m.root != nil {
		return m.root.Extent(messageSection(sec))
	}
	switch sec.Specifier {
	case imap.SectionHeader:
		return m.headerExtent(), true
	case imap.SectionText:
		from := int64(len(m.head))
		return message.Extent{Offset: from, Length: m.Len() - from, Size: unknownSize}, true
	default:
		return message.Extent{Length: m.Len(), Size: unknownSize}, true
	}
}

var specifiers = map[imap.SectionSpecifier]message.Specifier{
	imap.SectionAll:             message.Whole,
	imap.SectionHeader:          message.HeaderSpec,
	imap.SectionHeaderFields:    message.HeaderFieldsSpec,
	imap.SectionHeaderFieldsNot: message.HeaderFieldsNotSpec,
	imap.SectionText:            message.TextSpec,
	imap.SectionMIME:            message.MIMESpec,
}

func messageSection(sec *imap.Section) message.Section {
	return message.Section{Path: sec.Path, Specifier: specifiers[sec.Specifier], Fields: sec.Fields}
}

// prepareFields makes the value of HEADER.FIELDS and HEADER.FIELDS.NOT.
func (f *fetcher) prepareFields(m *loaded, sec *imap.Section) (value, error) {
	not := sec.Specifier == imap.SectionHeaderFieldsNot
	head := m.head
	if m.root != nil {
		of, found := m.root.HeaderOf(messageSection(sec))
		switch {
		case !found:
			return value{kind: valueNIL}, nil
		case of.HeaderCut:
			return f.prepareLongFields(m, of, sec, not)
		}
		head = of.RawHeader
	}
	from := len(f.scratch)
	f.scratch = message.FilterHeader(f.scratch, head, sec.Fields, not)
	return f.cut(valueLiteral, from, sec.Partial), nil
}

// cut makes a literal of what was appended to scratch since from, or of the
// part of it that is asked for.
func (f *fetcher) cut(kind valueKind, from int, p *imap.Partial) value {
	off, length := window(p)
	n := int64(len(f.scratch) - from)
	off = min(off, n)
	length = min(length, n-off)
	begin := from + int(off)
	return value{kind: kind, from: begin, to: begin + int(length), size: length}
}

// write sends a value. An error breaks off in the middle of a literal.
func (f *fetcher) write(v *value, it *imap.FetchItem, rec *item) error {
	w := f.s.w
	switch v.kind {
	case valueNIL:
		w.Raw("NIL")
	case valueRecord:
		switch it.Att {
		case imap.FetchRFC822Size:
			w.Number(uint64(rec.Size))
		case imap.FetchSaveDate:
			f.writeSaveDate(rec.UID)
		default:
			w.DateTime(rec.InternalDate())
		}
	case valueWire:
		w.Bytes(f.scratch[v.from:v.to])
	case valueNumber:
		w.Number(uint64(v.size))
	default:
		return f.writeLiteral(v)
	}
	return nil
}

// writeLiteral sends a literal.
//
// QUIRK: iOS Mail waits 90 seconds at a literal of no octets, so that is sent as
// an empty string.
func (f *fetcher) writeLiteral(v *value) error {
	w := f.s.w
	switch {
	case v.size == 0:
		w.Raw(`""`)
	case v.pass != nil:
		return f.s.sendPass(v)
	case v.counted != nil:
		w.LiteralCounted(v.counted.guess(), v.counted)
	case v.kind == valueBinary:
		w.Literal8(v.size, v.src)
	case v.src != nil:
		w.Literal(v.size, v.src)
	default:
		w.LiteralBytes(f.scratch[v.from:v.to])
	}
	return nil
}
