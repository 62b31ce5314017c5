package mbox

import (
	"bytes"
	"math"
	"net/mail"
	"time"

	"restante/mailstore"
)

// headerScan is the reading of one header. Lines that are shown as they stand are
// counted together, from the first of them that was not counted yet.
type headerScan struct {
	p    *parser
	m    *found
	t    *tally
	s    sum
	from int64 // where they begin
}

// maxUncounted bounds how much of the window waits to be counted.
const maxUncounted = 32 << 10

// header reads the header of m up to the empty line that ends it, whose length
// it returns; 0 when a From line or the end of the file comes first. m.hdr is
// set to the length without that line.
func (p *parser) header(m *found, t *tally) (blank int) {
	h := headerScan{p: p, m: m, t: t, from: m.header()}
	off, kind := m.header(), fieldOther
	for off-m.header() < maxHeader {
		line := h.line(off)
		if len(line) == 0 {
			break
		}
		if isBlank(line) {
			blank = len(line)
			break
		}
		if p.mayEnd(line) {
			h.count(off)
			if p.ends(off, line) {
				break
			}
			line = p.line(off)
		}
		first := off == m.header() || !isContinuation(line)
		if first {
			kind = kindOf(line)
		}
		if kind != fieldOther {
			p.remember(kind, line, first)
		}
		n := h.account(off, line, kind, first)
		if p.fields != nil {
			p.fields(kind, off, n, first)
		}
		off += n
	}
	h.count(off)
	m.hsum = h.s.text
	m.hdr = uint32(off - m.header())
	return blank
}

// line returns the line at off, or as much of it as the window can hold. What was
// not counted yet stays in the window, or is counted before it leaves.
func (h *headerScan) line(off int64) []byte {
	skip := int(off - h.from)
	if b := h.p.w.at(h.from, skip+1); len(b) > skip {
		if i := bytes.IndexByte(b[skip:], '\n'); i >= 0 {
			return b[skip : skip+i+1]
		}
	}
	h.count(off)
	return h.p.line(off)
}

// count counts the lines in front of off that are shown as they stand.
func (h *headerScan) count(off int64) {
	if n := off - h.from; n > 0 {
		b := h.p.w.at(h.from, int(n))
		b = b[:min(n, int64(len(b)))]
		h.t.add(b)
		h.s.add(b)
		if h.p.shown != nil {
			h.p.shown(h.from, n)
		}
	}
	h.from = off
}

// account counts one header line, or leaves that for later, and returns its length.
func (h *headerScan) account(off int64, line []byte, kind fieldKind, first bool) int64 {
	n := int64(len(line))
	if kind.plain() && line[n-1] == '\n' {
		if off+n-h.from > maxUncounted {
			h.count(off + n)
		}
		return n
	}
	h.count(off)
	n = h.p.account(h.m, h.t, &h.s, off, line, kind, first)
	h.from = off + n
	return n
}

// line returns the line at off, or as much of it as the window can hold.
func (p *parser) line(off int64) []byte {
	b := p.w.at(off, 1)
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		b = p.w.at(off, int(p.w.room))
		i = bytes.IndexByte(b, '\n')
	}
	if i < 0 {
		return b
	}
	return b[:i+1]
}

// mayEnd reports whether it is worth asking whether the message ends at a header line.
func (p *parser) mayEnd(line []byte) bool {
	return p.style.mmdf || line[0] == 'F' && bytes.HasPrefix(line, fromPrefix)
}

// ends reports whether the message ends at the header line at off.
func (p *parser) ends(off int64, line []byte) bool {
	if p.style.mmdf {
		return isMark(line)
	}
	return p.separator(off, p.w.at(off, maxFromLine), false).kind != fromNone
}

// remember keeps the values of fields that mean something to us.
func (p *parser) remember(kind fieldKind, line []byte, first bool) {
	switch kind {
	case fieldXUID, fieldContentLength:
		if first && len(p.vals[kind]) > 0 {
			return // of several the first counts
		}
	case fieldOther, fieldLines, fieldEscaped, fieldCut:
		return
	case fieldReceived, fieldDate:
		if p.from.date != mailstore.Unknown {
			return
		}
	case fieldIMAPbase, fieldIMAP, fieldSubject:
		if !p.first {
			return
		}
	}
	v := line
	if first {
		v = fieldValue(line)
	}
	if kept := p.vals[kind]; len(kept) < maxFieldValue {
		v = v[:min(len(v), maxFieldValue-len(kept))]
		p.vals[kind] = append(append(kept, v...), ' ')
	}
}

// account counts one header line, which may be longer than the window, and
// returns its length.
func (p *parser) account(m *found, t *tally, s *sum, off int64, line []byte, kind fieldKind, first bool) int64 {
	start := off
	skip := 0 // octets at the start that are hidden
	if first {
		skip = kind.hiddenPrefix()
	}
	for {
		whole := line[len(line)-1] == '\n'
		shown := line[skip:]
		switch {
		case kind.hidden():
			shown = nil
		case kind == fieldCut && whole:
			shown = shown[:len(shown)-1]
		}
		if p.shown != nil && len(shown) > 0 {
			p.shown(off+int64(skip), int64(len(shown)))
		}
		if hide := len(line) - len(shown); hide > 0 {
			m.hidden = uint32(min(int64(m.hidden)+int64(hide), math.MaxUint32))
		}
		t.add(shown)
		if kind != fieldLines {
			s.add(shown)
		}
		off += int64(len(line))
		if whole || off >= p.w.size || off-m.header() >= maxHeader {
			return off - start
		}
		if line, skip = p.line(off), 0; len(line) == 0 {
			return off - start
		}
	}
}

// body reads the body of m, which begins at off.
func (p *parser) body(m *found, t *tally, off int64) {
	var s sum
	if p.style.mmdf {
		p.mmdfBody(m, t, &s, off)
	} else if n, sep, ok := p.contentLength(off); ok {
		m.bits |= bitLength
		p.countTo(off, off+n, t, &s)
		m.body, m.sep = n, uint8(sep)
	} else {
		m.open = p.openLength(off)
		p.scanBody(m, t, &s, off)
	}
	m.bsum = s.text
}

// openLength reports whether Content-Length points behind the end of the file.
func (p *parser) openLength(off int64) bool {
	v := bytes.TrimSpace(p.vals[fieldContentLength])
	n := int64(0)
	for _, c := range v {
		if !isDigit(c) {
			return false
		}
		if n = n*10 + int64(c-'0'); n > 1<<50 {
			return false
		}
	}
	return len(v) > 0 && n > p.w.size-off
}

// countTo counts what stands between two places.
func (p *parser) countTo(off, end int64, t *tally, s *sum) {
	for off < end {
		b := p.w.at(off, 1)
		if len(b) == 0 {
			return
		}
		b = b[:min(int64(len(b)), end-off)]
		t.add(b)
		s.add(b)
		off += int64(len(b))
	}
}

var fromMark = []byte("\nFrom ")

const (
	// markBlock is how much of a text is searched for a From line at once.
	markBlock = 4 << 10
	// markLeap is from what distance on it is worth looking for a space first.
	markLeap = 512
)

// markIn finds fromMark, as bytes.Index does. It holds a space, of which attachments
// in base64 have none: so most of most files is passed over at once, line ends and all.
func markIn(b []byte) int {
	for at := 1; at < len(b); at += markBlock {
		if bytes.IndexByte(b[at:min(len(b), at+markLeap)], ' ') < 0 {
			space := bytes.IndexByte(b[at:], ' ')
			if space < 0 {
				return -1
			}
			at += max(space-len(fromPrefix), 0)
		}
		if i := lineIn(b[at-1 : min(len(b), at+markBlock+len(fromPrefix))]); i >= 0 {
			return at - 1 + i
		}
	}
	return -1
}

// lineIn does so in a block. A text has fewer capital letters than line ends.
func lineIn(b []byte) int {
	for at := 1; at < len(b); {
		i := bytes.Index(b[at:], fromPrefix)
		if i < 0 {
			return -1
		}
		if at += i + 1; b[at-2] == '\n' {
			return at - 2
		}
	}
	return -1
}

// scanBody looks for the From line that ends a body. The line end in front of
// it, one and no more, belongs to the separator, as does the last line end of
// the file: so does Dovecot see it.
func (p *parser) scanBody(m *found, t *tally, s *sum, off int64) {
	start := off
	take := func(n int) {
		b := p.w.at(off, n)[:n]
		t.add(b)
		s.add(b)
		off += int64(n)
	}
	for {
		b := p.w.at(off, maxFromLine+len(fromMark)+2)
		i := markIn(b)
		switch last := off+int64(len(b)) >= p.w.size; {
		case i < 0 && last:
			m.sep = uint8(newlineEnd(b))
			take(len(b) - int(m.sep))
			m.body = off - start
			return
		case i < 0:
			// Keep what may be the beginning of a separator.
			take(len(b) - len(fromMark) - 1)
		case !last && len(b)-i < maxFromLine && i > 1:
			take(i - 1) // the line may go on: look at it from the start of the window
		case p.endsAt(off+int64(i)+1, b, i):
			m.sep = uint8(newlineEnd(p.w.at(off, i+1)[:i+1]))
			take(i + 1 - int(m.sep))
			m.body = off - start
			return
		default:
			take(i + 1)
		}
		if p.w.err != nil {
			return
		}
	}
}

// endsAt tells whether the From line at off, whose line end in front stands at
// b[i], separates.
func (p *parser) endsAt(off int64, b []byte, i int) bool {
	head := bytes.TrimSuffix(b[:i], []byte("\r"))
	afterBlank := bytes.HasSuffix(head, newline)
	if i <= 1 {
		// What stood in front has left the window.
		nl := p.newlineBefore(off, min(off, 2))
		afterBlank = p.newlineBefore(off-int64(nl), min(off-int64(nl), 2)) > 0
	}
	return p.separator(off, b[i+1:], afterBlank).kind != fromNone
}

// newlineEnd is the length of the line end at the end of b, or 0.
func newlineEnd(b []byte) int {
	switch {
	case bytes.HasSuffix(b, []byte("\r\n")):
		return 2
	case bytes.HasSuffix(b, newline):
		return 1
	}
	return 0
}

// headerDate is the time of arrival that a header tells: of the Received field
// on top, or else the Date.
func headerDate(received, date []byte) int64 {
	if i := bytes.LastIndexByte(received, ';'); i >= 0 {
		if t, ok := mailDate(received[i+1:]); ok {
			return t
		}
	}
	if t, ok := mailDate(date); ok {
		return t
	}
	return mailstore.Unknown
}

func mailDate(v []byte) (int64, bool) {
	v = bytes.TrimSpace(bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, v))
	if len(v) == 0 || len(v) > 200 {
		return 0, false
	}
	t, err := mail.ParseDate(string(v))
	if err != nil || t.Year() < minYear || t.After(time.Unix(1<<33, 0)) {
		return 0, false
	}
	return t.Unix(), true
}
