package pop3

import (
	"encoding/base64"
	"io"
	"strconv"
	"sync"
)

// A Code is a response code (RFC 2449 section 8, RFC 3206, RFC 6856), "" for none.
type Code string

// The response codes.
const (
	LoginDelay Code = "LOGIN-DELAY"
	InUse      Code = "IN-USE"   // the maildrop is locked, trying again may help
	Auth       Code = "AUTH"     // wrong credentials
	SysTemp    Code = "SYS/TEMP" // a failure of the server that will pass
	SysPerm    Code = "SYS/PERM" // a failure of the server that somebody has to mend
)

// bufferSize is what a Writer borrows while it writes.
const bufferSize = 64 << 10

// Buffers lends buffers to the writers of all connections, so that an idle connection holds none. The zero
// value is ready; it may be used by several goroutines.
type Buffers struct {
	pool sync.Pool
}

func (p *Buffers) get() *[bufferSize]byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b
	}
	return new([bufferSize]byte)
}

// A Writer writes answers. Its methods append to one buffer, which is written when 64 KB are full or at
// Flush, and give the Writer back so that calls can be chained. The first error of the connection is kept,
// later calls do nothing, and Flush reports it. The buffer is held from the first octet after a Flush to the
// next Flush.
type Writer struct {
	dst     io.Writer
	buffers *Buffers
	hold    *[bufferSize]byte // the borrowed array, nil when there is none
	buf     []byte            // what is not yet written, in hold
	err     error
}

// NewWriter makes a Writer over a connection. buffers lends the buffer; nil for own ones.
func NewWriter(dst io.Writer, buffers *Buffers) *Writer {
	if buffers == nil {
		buffers = new(Buffers)
	}
	return &Writer{dst: dst, buffers: buffers}
}

// Reset goes on with another connection, after STLS. What was not flushed is dropped.
func (w *Writer) Reset(dst io.Writer) {
	w.release()
	w.dst, w.err = dst, nil
}

// Buffered tells how many octets wait for Flush.
func (w *Writer) Buffered() int { return len(w.buf) }

// Err gives the first error of the connection.
func (w *Writer) Err() error { return w.err }

// Flush writes what waits and gives the buffer back.
func (w *Writer) Flush() error {
	w.write()
	w.release()
	return w.err
}

func (w *Writer) write() {
	if len(w.buf) > 0 && w.err == nil {
		_, w.err = w.dst.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *Writer) release() {
	if w.hold != nil {
		w.buffers.pool.Put(w.hold)
	}
	w.hold, w.buf = nil, nil
}

// room gives the buffer with at least n octets free.
func (w *Writer) room(n int) []byte {
	if w.hold == nil {
		w.hold = w.buffers.get()
		w.buf = w.hold[:0]
	}
	if cap(w.buf)-len(w.buf) < n {
		w.write()
	}
	return w.buf
}

// Raw appends octets as they are.
func (w *Writer) Raw(s string) *Writer { return appendAll(w, s) }

// Number appends a number.
func (w *Writer) Number(n int64) *Writer {
	w.buf = strconv.AppendInt(w.room(20), n, 10)
	return w
}

// CRLF ends a line. It does not write it out.
func (w *Writer) CRLF() *Writer { return w.Raw("\r\n") }

func appendAll[T string | []byte](w *Writer, p T) *Writer {
	for len(p) > 0 && w.err == nil {
		b := w.room(1)
		n := copy(b[len(b):cap(b)], p)
		w.buf = b[:len(b)+n]
		p = p[n:]
	}
	return w
}

// OK appends a positive answer of one line, which may be the first of several.
func (w *Writer) OK(text string) *Writer { return w.Raw("+OK ").text(text).CRLF() }

// Fail appends a negative answer:
//
//	"-ERR" SP ["[" code "]" SP] text CRLF
func (w *Writer) Fail(code Code, text string) *Writer {
	w.Raw("-ERR ")
	if code != "" {
		w.Raw("[").Raw(string(code)).Raw("] ")
	}
	return w.text(text).CRLF()
}

// text appends text that is made fit for a line: controls become "?". UTF-8 is allowed (RFC 6856 section 2.1).
func (w *Writer) text(s string) *Writer {
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f {
			c = '?'
		}
		w.buf = append(w.room(1), c)
	}
	return w
}

// Challenge appends a challenge of AUTH, encoded:
//
//	"+" SP [base64] CRLF
func (w *Writer) Challenge(data []byte) *Writer {
	return w.Raw("+ ").Raw(base64.StdEncoding.EncodeToString(data)).CRLF()
}

// End appends the line that ends an answer of several lines. Lines of such an answer that are not a
// message's must not begin with ".".
func (w *Writer) End() *Writer { return w.Raw(".\r\n") }
