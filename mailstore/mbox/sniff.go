package mbox

import (
	"bytes"

	"restante/mailstore"
)

// mmdfMark is the line around the messages of an MMDF file.
var mmdfMark = []byte("\x01\x01\x01\x01")

func isMark(line []byte) bool {
	return bytes.HasPrefix(line, mmdfMark) && (len(line) == len(mmdfMark) || isBlank(line[len(mmdfMark):]))
}

// sniff finds out what kind of file this is. An empty file, or one of empty
// lines, is an mbox without messages.
func (p *parser) sniff() error {
	off := p.skipBlank()
	p.style.start = off
	first := bytes.Clone(p.line(off)[:min(len(p.line(off)), maxFromLine)])
	switch {
	case p.w.err != nil:
		return p.w.err
	case len(first) == 0:
		p.style.kind = fromDated
		return nil
	case isMark(first) && off+int64(len(first)) < p.w.size:
		p.style.mmdf = true
		return nil
	}
	kind, _ := parseFrom(first, p.zone)
	if kind != fromNone && macLines(first) {
		return errMacLines
	}
	if kind == fromDated || kind != fromNone && looksLikeField(p.w.at(off+int64(len(first)), 128)) {
		p.style.kind = kind
		return nil
	}
	return p.sniffDamaged(off)
}

// macLines reports whether the line ends of a file are CR alone.
func macLines(line []byte) bool {
	i := bytes.IndexByte(line, '\r')
	return i >= 0 && i+1 < len(line) && line[i+1] != '\n'
}

// skipBlank passes a byte order mark and empty lines; lines with nothing but
// white space count as empty.
func (p *parser) skipBlank() int64 {
	off := int64(0)
	if bytes.HasPrefix(p.w.at(0, 3), []byte("\xef\xbb\xbf")) {
		off = 3
	}
	next := off
	for {
		b := p.w.at(next, 1)
		for i, c := range b {
			switch c {
			case '\n':
				off = next + int64(i) + 1
			case ' ', '\t', '\r':
			default:
				return off
			}
		}
		if next += int64(len(b)); len(b) == 0 {
			return p.w.size // all of it is blank, or cannot be read
		}
	}
}

// sniffDamaged decides about a file that begins with something else: with a
// dated From line later on, behind an empty line and in front of a header, it
// is an mbox whose beginning was damaged.
func (p *parser) sniffDamaged(off int64) error {
	p.style.kind = fromDated
	for next := off; next < p.w.size && p.w.err == nil; {
		b := p.w.at(next, maxFromLine+len(fromMark)+2)
		i := bytes.Index(b, fromMark)
		last := next+int64(len(b)) >= p.w.size
		switch {
		case i < 0 && last:
			return errNotMbox
		case i < 0:
			next += int64(len(b) - len(fromMark) - 1)
			continue
		}
		if p.startsMessage(next+int64(i)+1, bytes.TrimSuffix(b[:i], []byte("\r"))) {
			p.style.damaged = true
			return nil
		}
		next += int64(i) + 1
	}
	if p.w.err != nil {
		return p.w.err
	}
	return errNotMbox
}

func (p *parser) startsMessage(off int64, before []byte) bool {
	if !bytes.HasSuffix(before, newline) {
		return false
	}
	from := p.separator(off, p.w.at(off, maxFromLine), true)
	return from.kind == fromDated && looksLikeField(p.w.at(off+int64(from.len), 128))
}

// mmdfStart returns the control-A line at off, with the From line that may
// follow it. At a mark that only ends a message it is that line alone.
func (p *parser) mmdfStart(off int64) fromLine {
	from := fromLine{date: mailstore.Unknown}
	if line := p.line(off); isMark(line) {
		from.len = len(line)
	}
	kind, date, n := p.fromLineAt(p.w.at(off+int64(from.len), maxFromLine))
	if kind != fromNone {
		from.kind, from.date = kind, date
		from.len += n
	}
	return from
}

// mmdfBody reads a body up to the control-A line that ends it; that line counts
// as the separator.
func (p *parser) mmdfBody(m *found, t *tally, s *sum, off int64) {
	start := off
	for p.w.err == nil {
		line := p.line(off)
		if len(line) == 0 || isMark(line) {
			m.sep = uint8(len(line))
			break
		}
		for {
			t.add(line)
			s.add(line)
			off += int64(len(line))
			if line[len(line)-1] == '\n' {
				break
			}
			if line = p.line(off); len(line) == 0 {
				break
			}
		}
	}
	m.body = off - start
}
