package message

import (
	"bytes"
	"errors"
	"io"
)

// A mark is a place in the message and what was counted on the way to it.
type mark struct {
	off   int64 // octets in the stored form
	bare  int64 // LF without CR: octets that the CRLF form has more
	lines int64 // line ends
}

func (a mark) to(b mark) Extent {
	n := b.off - a.off
	return Extent{Offset: a.off, Length: n, Size: n + b.bare - a.bare, Lines: b.lines - a.lines}
}

// A lineReader hands out the lines of a stream in place, through one buffer of
// fixed size. A line that does not fit comes in pieces. Of what is in memory as a
// whole, that is the buffer.
type lineReader struct {
	r        io.Reader
	buf      []byte
	pos, end int
	at       mark // of buf[pos]
	eol      int  // octets of the line end just in front of at: 0, 1 or 2

	start     mark // of the line or piece handed out last
	eolBefore int  // eol in front of it
	first     bool // it begins a line
	inLine    bool // what comes next goes on with the same line

	done  bool // r is at its end
	empty int  // reads in a row that gave nothing
	err   error
}

// reset lets it hand out the lines of r, through buf.
func (l *lineReader) reset(r io.Reader, buf []byte) {
	*l = lineReader{r: r, buf: buf}
}

// resetBytes lets it hand out the lines of b.
func (l *lineReader) resetBytes(b []byte) {
	*l = lineReader{buf: b, end: len(b), done: true}
}

func (l *lineReader) mark() mark { return l.at }

// beforeLine is the place in front of the line end that precedes the line handed
// out last.
func (l *lineReader) beforeLine() mark {
	m := l.start
	m.off -= int64(l.eolBefore)
	if l.eolBefore > 0 {
		m.lines--
	}
	if l.eolBefore == 1 {
		m.bare--
	}
	return m
}

// next returns the next line with its line end, or the next piece of a line
// longer than the buffer, or nothing at the end. It is valid until the next call.
// A CRLF is never split over two pieces.
func (l *lineReader) next() []byte {
	seen := 0
	for {
		w := l.buf[l.pos:l.end]
		if i := bytes.IndexByte(w[seen:], '\n'); i >= 0 {
			return l.take(w[:seen+i+1], true)
		}
		seen = len(w)
		switch {
		case l.done:
			return l.take(w, false)
		case len(w) == len(l.buf):
			if w[len(w)-1] == '\r' {
				w = w[:len(w)-1]
			}
			return l.take(w, false)
		}
		l.fill()
	}
}

func (l *lineReader) take(line []byte, whole bool) []byte {
	l.start, l.eolBefore, l.first = l.at, l.eol, !l.inLine
	l.inLine = !whole
	l.pos += len(line)
	l.at.off += int64(len(line))
	l.eol = 0
	if whole {
		l.at.lines++
		l.eol = 2
		if len(line) < 2 || line[len(line)-2] != '\r' {
			l.eol = 1
			l.at.bare++
		}
	}
	return line
}

// skipPlain passes over lines that do not begin with "--", as far as they are in the
// buffer. It looks for a dash, which is rarer than lines, and counts the lines in
// between all at once.
func (l *lineReader) skipPlain() {
	if l.inLine {
		return
	}
	w := l.buf[l.pos:l.end]
	n := plainLines(w)
	if n == 0 {
		return
	}
	lines, bare := countLines(w[:n])
	l.pos += n
	l.at.off += int64(n)
	l.at.lines += lines
	l.at.bare += bare
	l.eol = 1
	if n > 1 && w[n-2] == '\r' {
		l.eol = 2
	}
}

// plainLines is how many octets of w are whole lines that do not begin with "--", and
// whose first one that may is not among them.
func plainLines(w []byte) (n int) {
	for {
		dash := bytes.IndexByte(w[n:], '-')
		if dash < 0 {
			return n + bytes.LastIndexByte(w[n:], '\n') + 1
		}
		at := n + dash
		if at > n && w[at-1] == '\n' {
			n = at
		}
		if at == n && (at+1 == len(w) || w[at+1] == '-') {
			return n
		}
		eol := bytes.IndexByte(w[at:], '\n')
		if eol < 0 {
			return n + bytes.LastIndexByte(w[n:at], '\n') + 1
		}
		n = at + eol + 1
	}
}

// skipLine reads to the end of the line of which a piece was handed out last.
func (l *lineReader) skipLine() {
	for l.inLine {
		if len(l.next()) == 0 {
			return
		}
	}
}

// toEnd counts what is left, in large pieces.
func (l *lineReader) toEnd() {
	l.inLine = false
	for {
		w := l.buf[l.pos:l.end]
		if !l.done && len(w) > 0 && w[len(w)-1] == '\r' {
			w = w[:len(w)-1] // its LF may be still to come
		}
		lines, bare := countLines(w)
		l.at.off += int64(len(w))
		l.at.lines += lines
		l.at.bare += bare
		l.pos += len(w)
		if l.done {
			l.eol = 0
			return
		}
		l.fill()
	}
}

// countLines counts the LFs in b, and those without a CR in front.
func countLines(b []byte) (lines, bare int64) {
	lines = int64(bytes.Count(b, lf))
	bare = lines
	if lines > 0 && bytes.IndexByte(b, '\r') >= 0 {
		bare -= int64(bytes.Count(b, crlf))
	}
	return lines, bare
}

var (
	lf   = []byte{'\n'}
	crlf = []byte{'\r', '\n'}
)

// fill reads more behind what is still unread; there is room.
func (l *lineReader) fill() {
	if l.pos > 0 && l.end == len(l.buf) || l.pos == l.end {
		l.end = copy(l.buf, l.buf[l.pos:l.end])
		l.pos = 0
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	if n > 0 {
		l.empty = 0
	} else if l.empty++; err == nil && l.empty >= 100 {
		err = io.ErrNoProgress
	}
	if err != nil {
		l.done = true
		if !errors.Is(err, io.EOF) {
			l.err = err
		}
	}
}
