package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"restante/mailstore"
)

// loc is where a message stands in the file: a From line, the header with its
// blank line, the body, and what separates it from the next message.
type loc struct {
	off        int64  // of the From line
	body       int64  // octets of the body
	hdr        uint32 // octets of the header, with its blank line and what is hidden
	hidden     uint32 // octets of the header that clients do not see
	hsum, bsum uint32 // checksums of what clients see, see sum
	from       uint16 // octets of the From line
	sep        uint8  // octets behind the body
	bits       uint8
}

const (
	// bitStamped: the message has an X-UID that readers will believe.
	bitStamped = 1 << iota
	// bitOld: Status has O.
	bitOld
	// bitLength: the message has a Content-Length, and it is right.
	bitLength
	// bitRecent: the message has the Recent flag, which the index on disk does
	// not keep.
	bitRecent
)

func (l *loc) header() int64       { return l.off + int64(l.from) }
func (l *loc) end() int64          { return l.header() + int64(l.hdr) + l.body + int64(l.sep) }
func (l *loc) visible() int64      { return int64(l.hdr) - int64(l.hidden) + l.body }
func (l *loc) has(bit uint8) bool  { return l.bits&bit != 0 }
func (l *loc) overlong() bool      { return l.hdr >= maxHeader }
func (l *loc) sameText(m loc) bool { return l.hsum == m.hsum && l.bsum == m.bsum }

// maxHeader bounds a header, and with it the memory that hidden fields can cost:
// what follows is body. The flags of such a message cannot be changed.
const maxHeader = 16 << 20

// found is a message as the parser found it.
type found struct {
	loc
	resolved
	uid      mailstore.UID // of X-UID, 0 if there is none; then what the resolver says
	system   mailstore.System
	keywords mailstore.Keywords
	date     int64 // or mailstore.Unknown
	size     int64 // in CRLF form
	pseudo   bool
	// open: Content-Length points behind the end of the file, so that more data
	// there may make it right.
	open bool
}

// style is what the beginning of a file says about the rest.
type style struct {
	kind fromKind // the weakest kind of From line that separates messages here
	mmdf bool
	// start is where the first message begins, behind a byte order mark and
	// empty lines.
	start int64
	// damaged: there is text before the first From line. It is served as a
	// message of its own.
	damaged bool
}

// errNotMbox: the file is something else. The text says what to look for.
var errNotMbox = errors.New("is not an mbox file: it does not begin with a `From ` line, or with the control-A line of MMDF")

var errMacLines = errors.New("is an mbox file with the line ends of old Macintosh systems (CR alone); convert them to LF first")

// parser finds the messages in a file, in bounded memory.
type parser struct {
	w     window
	probe window // for the look ahead that Content-Length needs
	style style
	zone  *time.Location
	base  base
	first bool // the next message is the first of the file

	vals [fieldKinds][]byte
	from fromLine // of the message that is being read
	sets map[string]mailstore.Keywords
	// progress counts the octets of the messages.
	progress mailstore.Progress
	// shown, unless nil, is told of every stretch of a header that clients see.
	shown func(off, n int64)
	// fields, unless nil, is told of every line of a header.
	fields func(kind fieldKind, off, n int64, first bool)
}

// fromLine is a From line that was recognized as a separator.
type fromLine struct {
	kind fromKind
	len  int
	date int64
}

// maxFieldValue bounds what is kept of a field: enough for the keywords of an
// X-IMAPbase that another program let grow.
const maxFieldValue = 64 << 10

func newParser(r io.ReaderAt, start, size int64, zone *time.Location) *parser {
	return &parser{w: newWindow(r, start, size), probe: window{r: r, size: size, room: 2 * maxFromLine}, zone: zone, first: start == 0}
}

// parseAll finds all messages of a file of the given size.
func parseAll(r io.ReaderAt, size int64, zone *time.Location, progress mailstore.Progress) (*parser, *foundList, error) {
	p := newParser(r, 0, size, zone)
	p.progress = progress
	if err := p.sniff(); err != nil {
		return nil, nil, err
	}
	list, err := p.rest(p.style.start)
	return p, list, err
}

// parseGrown finds the messages from start on, where a message begins, in a file
// whose beginning was parsed before.
func parseGrown(r io.ReaderAt, st style, start, size int64, zone *time.Location, progress mailstore.Progress) (*foundList, error) {
	p := newParser(r, start, size, zone)
	p.style, p.first, p.progress = st, false, progress
	return p.rest(start)
}

// rest finds the messages from off to the end. Together they cover it.
func (p *parser) rest(off int64) (*foundList, error) {
	list := &foundList{}
	progress := p.progress.Track(p.w.size - off)
	for off < p.w.size {
		m := p.message(off)
		if p.w.err != nil {
			break
		}
		list.add(m)
		progress.Add(m.end() - off)
		off = m.end()
		p.first = false
	}
	if err := errors.Join(p.w.err, p.probe.err); err != nil {
		return nil, fmt.Errorf("reading at offset %d: %w", off, err)
	}
	return list, nil
}

// begin reads From line and header of the message at off. blank is the length
// of the empty line behind it.
func (p *parser) begin(off int64, t *tally) (m found, blank int) {
	m = found{loc: loc{off: off}, date: mailstore.Unknown}
	p.from = p.separator(off, p.w.at(off, maxFromLine), true)
	if p.style.mmdf {
		p.from = p.mmdfStart(off)
	}
	m.from = uint16(p.from.len)
	for k := range p.vals {
		p.vals[k] = p.vals[k][:0]
	}
	blank = p.header(&m, t)
	return m, blank
}

// firstBase reads what the first message says of the whole file, and no more
// than its header.
func (p *parser) firstBase() base {
	var t tally
	m, _ := p.begin(p.style.start, &t)
	p.firstMessage(&m)
	return p.base
}

// message reads the message at off.
func (p *parser) message(off int64) found {
	var t tally
	m, blank := p.begin(off, &t)
	bodyOff := m.header() + int64(m.hdr) + int64(blank)
	if p.absent(bodyOff) {
		// The empty line is the one that separates messages.
		m.sep = uint8(blank)
		m.open = !p.style.mmdf && p.openLength(bodyOff)
	} else {
		t.add(p.w.at(bodyOff-int64(blank), blank)[:blank])
		m.hdr += uint32(blank)
		p.body(&m, &t, bodyOff)
	}
	m.size = t.size()
	p.interpret(&m)
	return m
}

// absent reports whether a message ends at off, where its body would begin.
func (p *parser) absent(off int64) bool {
	if off >= p.w.size {
		return true
	}
	if p.style.mmdf {
		return false
	}
	if _, _, ok := p.contentLength(off); ok {
		return false
	}
	return p.separator(off, p.w.at(off, maxFromLine), true).kind != fromNone
}

// interpret turns the fields that were collected into what they mean.
func (p *parser) interpret(m *found) {
	sys, old := statusFlags(p.vals[fieldStatus])
	m.system = sys | xStatusFlags(p.vals[fieldXStatus])
	if old {
		m.bits |= bitOld
	}
	m.uid = parseUID(bytes.TrimSpace(p.vals[fieldXUID]))
	m.keywords = p.keywordSet(p.vals[fieldXKeywords])
	if p.first && !p.base.found {
		p.firstMessage(m)
	}
	if m.date = p.from.date; m.date == mailstore.Unknown {
		m.date = headerDate(p.vals[fieldReceived], p.vals[fieldDate])
	}
}

// firstMessage reads X-IMAPbase, which counts in the first message alone.
func (p *parser) firstMessage(m *found) {
	if b, ok := parseBase(p.vals[fieldIMAPbase]); ok {
		p.base = b
		return
	}
	// UW's pseudo message must look like one: a delivered message must not be
	// able to hide itself.
	if b, ok := parseBase(p.vals[fieldIMAP]); ok && bytes.Contains(p.vals[fieldSubject], []byte("FOLDER INTERNAL DATA")) {
		p.base, m.pseudo = b, true
		p.base.pseudo = true
	}
}

func (p *parser) keywordSet(v []byte) mailstore.Keywords {
	if len(bytes.TrimSpace(v)) == 0 {
		return mailstore.Keywords{}
	}
	if k, seen := p.sets[string(v)]; seen {
		return k
	}
	if p.sets == nil || len(p.sets) > 1000 {
		p.sets = make(map[string]mailstore.Keywords)
	}
	k := mailstore.NewFlags(0, keywordWords(v)...).Keywords
	p.sets[string(v)] = k
	return k
}

// contentLength returns the length of the body at off, and of what separates it
// from the next message, if Content-Length tells them and ends where the next
// message or the file does.
func (p *parser) contentLength(off int64) (body int64, sep int, ok bool) {
	v := bytes.TrimSpace(p.vals[fieldContentLength])
	if len(v) == 0 {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(string(v), 10, 63)
	if err != nil || n < 0 || n > p.w.size-off {
		return 0, 0, false
	}
	end := off + n
	b := p.ahead(end, maxFromLine+2)
	switch nl := newlineAt(b); {
	case nl > 0 && (len(b) == nl || p.separatorProbe(end+int64(nl), b[nl:])):
		return n, nl, true
	case len(b) == 0 || p.separatorProbe(end, b):
		// The line end at the end of the body was counted too.
		nl := p.newlineBefore(end, min(n, 2))
		return n - int64(nl), nl, nl > 0 || len(b) == 0
	}
	return 0, 0, false
}

// ahead is what stands at off, for a look ahead that leaves the window where it is.
func (p *parser) ahead(off int64, need int) []byte {
	if b := p.w.held(off, need); b != nil {
		return b
	}
	return p.probe.at(off, need)
}

// newlineAt is the length of the line end at the start of b, or 0.
func newlineAt(b []byte) int {
	switch {
	case len(b) > 0 && b[0] == '\n':
		return 1
	case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		return 2
	}
	return 0
}

// newlineBefore is the length of the line end in front of off, among room octets.
func (p *parser) newlineBefore(off, room int64) int {
	b := p.ahead(off-room, int(room))
	b = b[:min(room, int64(len(b)))]
	switch {
	case bytes.HasSuffix(b, []byte("\r\n")):
		return 2
	case bytes.HasSuffix(b, newline):
		return 1
	}
	return 0
}

// separatorProbe is separator for text that the look ahead has read.
func (p *parser) separatorProbe(off int64, b []byte) bool {
	kind, _, n := p.fromLineAt(b)
	return kind != fromNone && (kind == fromDated || p.style.kind == kind && looksLikeField(p.ahead(off+int64(n), 1)))
}

// fromLineAt parses the line at the start of b.
func (p *parser) fromLineAt(b []byte) (fromKind, int64, int) {
	if !bytes.HasPrefix(b, fromPrefix) {
		return fromNone, 0, 0
	}
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		n = len(b)
	}
	kind, date := parseFrom(b[:n], p.zone)
	return kind, date, n
}

// separator tells whether the line at off, where b begins, separates messages
// in this file. afterBlank says that the line in front is empty, or that
// another rule says that a message ends there.
func (p *parser) separator(off int64, b []byte, afterBlank bool) fromLine {
	kind, date, n := p.fromLineAt(b)
	ok := kind == fromDated
	switch {
	case kind == fromNone || ok:
	case kind != p.style.kind:
	case kind == fromSpaced:
		ok = true
	case kind == fromDash:
		ok = looksLikeField(p.w.at(off+int64(n), 128))
	default:
		ok = afterBlank && looksLikeField(p.w.at(off+int64(n), 128))
	}
	if !ok {
		return fromLine{date: mailstore.Unknown}
	}
	return fromLine{kind, n, date}
}
