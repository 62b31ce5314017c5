package message

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// AppendCRLF appends src with every LF that has no CR in front of it made CRLF.
// Other octets, bare CR among them, stay. An LF at the start of src gets its CR
// whatever dst ends with: pieces of one message must not be cut between CR and LF.
func AppendCRLF(dst, src []byte) []byte {
	for {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			return append(dst, src...)
		}
		if i > 0 && src[i-1] == '\r' {
			dst = append(dst, src[:i+1]...)
		} else {
			dst = append(dst, src[:i]...)
			dst = append(dst, crlf...)
		}
		src = src[i+1:]
	}
}

// ToCRLF gives what r gives, in CRLF form, as AppendCRLF would. The Reader is also
// an io.WriterTo, which is the fast way to take everything.
func ToCRLF(r io.Reader) io.Reader { return &crlfReader{r: r} }

type crlfReader struct {
	r       io.Reader
	in      []byte // read and not yet converted
	buf     []byte // holds in
	afterCR bool   // the octet before in is CR
	err     error
}

const copySize = 64 << 10

// read gets more input. It is false at the end or on an error.
func (c *crlfReader) read(size int) bool {
	for empty := 0; len(c.in) == 0 && c.err == nil; empty++ {
		if len(c.buf) < size {
			c.buf = make([]byte, size)
		}
		n, err := c.r.Read(c.buf[:size])
		c.in, c.err = c.buf[:n], err
		if n == 0 && err == nil && empty > 100 {
			c.err = io.ErrNoProgress
		}
	}
	return len(c.in) > 0
}

// Read implements io.Reader.
func (c *crlfReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n == 0 {
		if !c.read(min(max(len(p), 4<<10), copySize)) {
			return 0, c.err
		}
		n = c.convert(p)
	}
	return n, nil
}

// convert moves as much as fits from in to p.
func (c *crlfReader) convert(p []byte) (n int) {
	n, used, afterCR := CopyCRLF(p, c.in, c.afterCR)
	c.in, c.afterCR = c.in[used:], afterCR
	return n
}

// CopyCRLF is AppendCRLF into room that is there: it converts as much of src as dst
// has room for. It tells how much it wrote, how much of src that was, and whether a CR
// stands in front of what comes next, as afterCR tells it of src. That CR may be one of
// its own, when there was no room for the LF. What dst has behind what was written may be
// spoiled.
func CopyCRLF(dst, src []byte, afterCR bool) (n, used int, _ bool) {
	if !afterCR && hasBlocks() {
		if n, used = crlfBlocks(dst, src); used > 0 {
			afterCR = src[used-1] == '\r'
		}
	}
	for {
		line, room := src[used:], dst[n:]
		i := bytes.IndexByte(line, '\n')
		if i < 0 || i+2 > len(room) {
			k, from, cr := copyPiece(room, line, i, afterCR)
			return n + k, used + from, cr
		}
		if i > 0 {
			copy(room, line[:i])
			afterCR = line[i-1] == '\r'
		}
		used += i + 1
		n += i + 1
		if !afterCR {
			room[i] = '\r'
			i++
			n++
		}
		room[i] = '\n'
		afterCR = false
	}
}

// copyPiece is CopyCRLF for a line whose LF stands at i, if it has one, where there may
// be no room for the whole line.
func copyPiece(dst, line []byte, i int, afterCR bool) (n, used int, _ bool) {
	text := line
	if i >= 0 {
		text = line[:i]
	}
	if n = copy(dst, text); n > 0 {
		afterCR = text[n-1] == '\r'
	}
	switch {
	case n < len(text) || n == len(line) || n == len(dst):
		return n, n, afterCR
	case afterCR:
		dst[n] = '\n'
		return n + 1, n + 1, false
	}
	dst[n] = '\r' // the LF follows in the next round
	return n + 1, n, true
}

// WireSize is the number of octets that src has in CRLF form; afterCR as for CopyCRLF.
func WireSize(src []byte, afterCR bool) int64 {
	n := len(src) + bytes.Count(src, []byte{'\n'})
	if bytes.IndexByte(src, '\r') >= 0 {
		n -= bytes.Count(src, crlf)
	}
	if afterCR && len(src) > 0 && src[0] == '\n' {
		n--
	}
	return int64(n)
}

// WriteTo implements io.WriterTo.
func (c *crlfReader) WriteTo(w io.Writer) (n int64, err error) {
	b := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(b)
	if len(c.in) == 0 {
		c.buf = b.in[:]
		defer func() { c.buf = nil }()
	}
	for c.read(copySize) {
		in, out := c.in, b.out[:0]
		if c.afterCR && in[0] == '\n' {
			out, in = append(out, '\n'), in[1:]
		}
		out = AppendCRLF(out, in)
		c.afterCR = c.in[len(c.in)-1] == '\r'
		c.in = nil
		m, err := w.Write(out)
		b.out = out
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	if errors.Is(c.err, io.EOF) {
		return n, nil
	}
	return n, c.err
}

// copyBuffers keeps the buffers of WriteTo, which fetching many small messages
// would otherwise spend its time on.
var copyBuffers = sync.Pool{New: func() any { return &copyBuffer{out: make([]byte, 0, copySize+copySize/16)} }}

type copyBuffer struct {
	in  [copySize]byte
	out []byte
}
