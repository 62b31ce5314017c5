package imap

import (
	"io"
	"math"
)

// input is the octets of a connection. It reads into a small buffer of its own and borrows a large one
// only while reads fill it, so that waiting for a client holds 512 octets.
type input struct {
	src     io.Reader
	buffers *Buffers
	bulk    *[bulkBuffer]byte
	buf     []byte // where pos and end point into: small or bulk
	pos     int
	end     int
	filled  bool  // the last read filled its buffer: more is waiting
	err     error // came with octets, to be reported when those are used up
	head    literalHead
	trace   Trace
	small   [idleBuffer]byte
}

func (in *input) reset(src io.Reader) {
	in.release()
	in.src, in.pos, in.end, in.filled, in.err = src, 0, 0, false, nil
	in.head = literalHead{}
}

func (in *input) release() {
	if in.bulk != nil {
		in.buffers.put(in.bulk)
		in.bulk = nil
	}
	in.buf = nil
}

func (in *input) buffered() int { return in.end - in.pos }

// fill reads what is there, when nothing is left. It may be called again after an error that passes, such
// as a deadline.
func (in *input) fill() error {
	if in.pos < in.end {
		return nil
	}
	if in.filled && in.bulk == nil {
		in.bulk = in.buffers.get()
		in.buf = in.bulk[:]
	} else if !in.filled {
		in.release()
		in.buf = in.small[:]
	}
	n, err := in.read(in.buf)
	in.pos, in.end = 0, n
	in.filled = n == len(in.buf)
	return err
}

// read reads at least one octet from the source, or gives an error.
func (in *input) read(p []byte) (int, error) {
	if err := in.err; err != nil {
		in.err = nil
		return 0, err
	}
	for range maxEmptyReads {
		n, err := in.src.Read(p)
		if n > 0 {
			in.err = err
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// advance takes the octet at pos, which must be there.
func (in *input) advance() byte {
	c := in.buf[in.pos]
	in.pos++
	in.head.feed(c)
	if in.trace != nil {
		in.trace.Octet(c)
	}
	return c
}

// Read gives the octets of a literal: what is buffered, then straight from the source when p is large.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.readLiteral(p)
	if in.trace != nil {
		in.trace.Literal(int64(n))
	}
	return n, err
}

func (in *input) readLiteral(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if in.pos == in.end {
		if len(p) >= minRead {
			return in.read(p)
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.pos:in.end])
	in.pos += n
	return n, nil
}

// skip drops n octets.
func (in *input) skip(n int64) error {
	for n > 0 {
		if err := in.fill(); err != nil {
			return err
		}
		k := int(min(n, int64(in.end-in.pos)))
		if in.trace != nil {
			in.trace.Literal(int64(k))
		}
		in.pos += k
		n -= int64(k)
	}
	return nil
}

// skipLine drops what is left of a line, its end included.
func (in *input) skipLine() error {
	for {
		if err := in.fill(); err != nil {
			return err
		}
		if in.advance() == '\n' {
			return nil
		}
	}
}

// literalHead watches a line go by for the announcement of a literal at its end: "{" number "}" or
// "{" number "+}". It makes the rule exact by which a refused command is skipped: whatever stands in a
// line, when it ends in "{n+}" then n octets follow that are no command. A server that read on after the
// line would run the text of a mail as commands.
type literalHead struct {
	state headState
	size  int64 // MaxInt64 when it was larger
}

type headState byte

const (
	headNone   headState = iota
	headOpen             // {
	headDigits           // {12
	headPlus             // {12+
	headSync             // {12}
	headNonSync
	headSyncCR // {12} CR
	headNonSyncCR
	headSyncEnd // {12} CRLF
	headNonSyncEnd
)

func (h *literalHead) feed(c byte) {
	if h.state == headNone && c != '{' {
		return
	}
	switch {
	case c == '{':
		*h = literalHead{state: headOpen}
	case isDigit(c) && (h.state == headOpen || h.state == headDigits):
		h.state = headDigits
		h.size = appendDigit(h.size, c)
	case c == '+' && h.state == headDigits:
		h.state = headPlus
	case c == '}' && h.state == headDigits:
		h.state = headSync
	case c == '}' && h.state == headPlus:
		h.state = headNonSync
	case c == '\r' && (h.state == headSync || h.state == headNonSync):
		h.state += headSyncCR - headSync
	case c == '\n' && (h.state == headSync || h.state == headNonSync):
		h.state += headSyncEnd - headSync
	case c == '\n' && (h.state == headSyncCR || h.state == headNonSyncCR):
		h.state += headSyncEnd - headSyncCR
	default:
		h.state = headNone
	}
}

// appendDigit gives n*10 + c, or MaxInt64 where that is too large.
func appendDigit(n int64, c byte) int64 {
	d := int64(c - '0')
	if n > (math.MaxInt64-d)/10 {
		return math.MaxInt64
	}
	return n*10 + d
}
