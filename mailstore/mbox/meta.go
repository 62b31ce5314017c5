package mbox

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"restante/mailstore"
)

// notes is what an mbox keeps about a message in the header.
type notes struct {
	base     *base // the first message carries it
	pseudo   bool  // UW's pseudo message: the base, and nothing else
	uid      mailstore.UID
	system   mailstore.System
	old      bool // not recent
	keywords mailstore.Keywords
	length   int64 // of the body, for Content-Length; -1 for none
	tight    bool  // leave no room for more
}

// Spaces that are left behind the keywords when a header is written anew, so
// that later changes fit in. They cost the less the later the message stands;
// in front of it stands the one with X-IMAPbase, whose list of keywords grows.
const (
	padding     = 40
	basePadding = 160
)

// lines writes the fields. Flags have their fixed places, so that setting one
// changes one octet. pad is the place for spaces. compact leaves out what says
// nothing.
func (n *notes) lines(compact bool) (b []byte, pad int) {
	b = make([]byte, 0, 256) // with the spaces, unless there are many keywords
	if n.base != nil {
		name := "X-IMAPbase"
		if n.pseudo {
			name = "X-IMAP"
		}
		b = fmt.Appendf(b, "%s: %d %010d", name, n.base.validity, n.base.last)
		for _, w := range n.base.keywords {
			b = append(append(b, ' '), w...)
		}
		pad = len(b)
		b = append(b, '\n')
	}
	if n.uid != 0 {
		b = append(strconv.AppendUint(append(b, "X-UID: "...), uint64(n.uid), 10), '\n')
		pad = len(b) - 1
	}
	if n.system&mailstore.Seen != 0 || n.old || !compact {
		b = append(b, "Status: "...)
		b = appendLetter(b, 'R', n.system&mailstore.Seen != 0)
		b = append(appendLetter(b, 'O', n.old), '\n')
		pad = len(b) - 1
	}
	if n.system&^mailstore.Seen&^mailstore.Recent != 0 || !compact && !n.pseudo {
		b = append(b, "X-Status: "...)
		for _, l := range xStatusLetters {
			b = appendLetter(b, l.letter, n.system&l.flag != 0)
		}
		b = append(b, '\n')
		pad = len(b) - 1
	}
	if n.keywords != (mailstore.Keywords{}) || !compact && !n.pseudo {
		b = append(append(b, "X-Keywords: "...), n.keywords.String()...)
		pad = len(b)
		b = append(b, '\n')
	}
	if n.length >= 0 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), n.length, 10), '\n')
	}
	return b, pad
}

func appendLetter(b []byte, letter byte, set bool) []byte {
	if !set {
		letter = ' '
	}
	return append(b, letter)
}

// fit writes the fields in exactly room octets.
func (n *notes) fit(room int64) ([]byte, bool) {
	for _, compact := range []bool{false, true} {
		b, pad := n.lines(compact)
		if spare := room - int64(len(b)); spare == 0 || spare > 0 && pad > 0 {
			return slices.Insert(b, pad, bytes.Repeat([]byte{' '}, int(spare))...), true
		}
	}
	return nil, false
}

// anew writes the fields with room for more.
func (n *notes) anew() []byte {
	b, pad := n.lines(n.tight)
	if n.tight {
		return b
	}
	spaces := padding
	if n.base != nil {
		spaces = basePadding
	}
	return slices.Insert(b, pad, bytes.Repeat([]byte{' '}, spaces)...)
}

// noteRuns are the places in a header where the mbox's own fields stand.
type noteRuns struct {
	runs   []span
	total  int64
	end    int64  // of the last header line
	broken bool   // that line has no line end
	seen   window // the header, as far as it is in memory
}

// findNotes finds the fields in the header of a message. buf is memory that it may use.
func findNotes(r io.ReaderAt, l loc, buf *[]byte) (noteRuns, error) {
	if n, ok := lastNotes(r, l, buf); ok {
		return n, nil
	}
	return searchNotes(r, l, buf)
}

// maxLastNotes is less than what a parser looks at in one piece: longer lines it judges by
// their beginnings.
const maxLastNotes = windowSize / 4

// lastNotes is for a header at whose end all of them stand together, as they do when they
// were written here: it is known how many octets of a header are hidden, so those in front
// need not be read. Else it is not ok.
func lastNotes(r io.ReaderAt, l loc, buf *[]byte) (n noteRuns, ok bool) {
	const front, blank = 1, 2 // the line end before them, and at most the empty line behind
	size := int64(l.hidden) + front + blank
	end := l.header() + int64(l.hdr)
	if l.hidden == 0 || size > min(int64(l.hdr), maxLastNotes) {
		return n, false
	}
	*buf = slices.Grow((*buf)[:0], int(size))
	n.seen = window{r: r, size: end, room: size, buf: (*buf)[:size], off: end - size}
	b := n.seen.at(end-size, int(size))
	switch {
	case bytes.HasSuffix(b, []byte("\n\n")):
		b, n.end = b[1:len(b)-1], end-1
	case bytes.HasSuffix(b, []byte("\n\r\n")):
		b, n.end = b[:len(b)-2], end-2
	default:
		return n, false
	}
	if b[0] != '\n' {
		return n, false
	}
	kind := fieldOther
	for rest := b[1:]; len(rest) > 0; {
		line := rest[:bytes.IndexByte(rest, '\n')+1]
		if !isContinuation(line) {
			kind = kindOf(line)
		}
		if !kind.hidden() {
			return n, false
		}
		rest = rest[len(line):]
	}
	n.total = int64(l.hidden)
	n.runs = []span{{n.end - n.total, n.end}}
	return n, true
}

// searchNotes reads all of a header.
func searchNotes(r io.ReaderAt, l loc, buf *[]byte) (noteRuns, error) {
	p := newParser(r, l.header(), l.header()+int64(l.hdr), time.UTC)
	p.first = false
	p.from.date = 0
	*buf = slices.Grow((*buf)[:0], int(p.w.room))
	p.w.buf = (*buf)[:p.w.room]
	n := noteRuns{end: l.header()}
	p.fields = func(kind fieldKind, off, size int64, _ bool) {
		n.end = off + size
		if kind.hidden() {
			n.runs = joinSpan(n.runs, span{off, off + size})
			n.total += size
		}
	}
	m := found{loc: loc{off: l.off, from: l.from}, date: mailstore.Unknown}
	var t tally
	p.header(&m, &t)
	n.seen = p.w
	var last [1]byte
	if err := n.read(last[:], n.end-1); err != nil {
		return n, err
	}
	n.broken = last[0] != '\n'
	return n, p.w.err
}

// read fills b with what stands at off, which may be in memory still.
func (n *noteRuns) read(b []byte, off int64) error {
	if held := n.seen.held(off, len(b)); len(held) >= len(b) {
		copy(b, held)
		return nil
	}
	if have, err := n.seen.r.ReadAt(b, off); have < len(b) {
		return err
	}
	return nil
}

// maxNotes bounds what is read of a header to change its notes in place.
const maxNotes = 1 << 20

// writeNotes plans the change of a message's notes. If they fit into the place of
// the old ones, nothing moves. exact is false when the message must be parsed
// again; else header and hidden octets grow by what the plan's shift does.
func writeNotes(p *plan, r io.ReaderAt, l loc, n *notes) (exact bool, err error) {
	have, err := findNotes(r, l, p.buf)
	if err != nil {
		return false, err
	}
	if len(have.runs) == 0 {
		return insertNotes(p, have, n.anew()), nil
	}
	first, last := have.runs[0], have.runs[len(have.runs)-1]
	if b, ok := n.fit(have.total); ok && last.hi-first.lo <= maxNotes {
		old := make([]byte, last.hi-first.lo)
		if err := have.read(old, first.lo); err != nil {
			return false, err
		}
		p.replace(first.lo, old, withoutRuns(old, first.lo, have.runs, b))
		return true, nil
	}
	for _, run := range have.runs {
		p.remove(run.lo, run.hi-run.lo)
	}
	p.insert(last.hi, n.anew())
	return true, nil
}

// withoutRuns is old without the runs, and with b in the place of the last one.
func withoutRuns(old []byte, off int64, runs []span, b []byte) []byte {
	var out []byte
	at := off
	for _, run := range runs {
		out = append(out, old[at-off:run.lo-off]...)
		at = run.hi
	}
	return append(out, b...)
}

func insertNotes(p *plan, have noteRuns, b []byte) (exact bool) {
	if have.broken {
		// The file ends within a header line.
		p.insert(have.end, append([]byte{'\n'}, b...))
		return false
	}
	p.insert(have.end, b)
	return true
}

// withWords adds the words of k that the list does not have.
func withWords(list []string, k mailstore.Keywords) []string {
	for _, w := range k.List() {
		if !slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, w) }) {
			list = append(list[:len(list):len(list)], w)
		}
	}
	return list
}
