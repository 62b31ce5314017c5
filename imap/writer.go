package imap

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Condition is how a status response begins (RFC 9051 section 7.1).
type Condition string

// The conditions.
const (
	OK      Condition = "OK"
	NO      Condition = "NO"
	BAD     Condition = "BAD"
	PREAUTH Condition = "PREAUTH"
	BYE     Condition = "BYE"
)

// ErrLiteral is what a Writer fails with when the source of a literal does not give the octets that were
// announced: the client would take what follows for the rest of them, so the connection has to be closed.
var ErrLiteral = errors.New("imap: literal broken off")

// ErrLiteralShort is the ErrLiteral of a source that has fewer octets.
var ErrLiteralShort = fmt.Errorf("%w: its source is shorter than announced", ErrLiteral)

// A Writer writes answers. Its methods append to one buffer, allocate nothing, and write only when 128 KB
// are full or at Flush; they give the Writer back so that calls can be chained. The first error of the
// connection is kept, later calls do nothing, and Flush reports it. The buffer is held from the first
// octet after a Flush to the next Flush.
type Writer struct {
	dst     io.Writer
	buffers *Buffers
	hold    *[bulkBuffer]byte // the borrowed array, nil when there is none
	buf     []byte            // what is not yet written, in hold
	utf8    bool
	written int64
	err     error
}

// NewWriter makes a Writer over a connection. buffers lends the buffer; nil for own ones.
func NewWriter(dst io.Writer, buffers *Buffers) *Writer {
	if buffers == nil {
		buffers = new(Buffers)
	}
	return &Writer{dst: dst, buffers: buffers}
}

// Reset goes on with another connection, after STARTTLS or COMPRESS. What was not flushed is dropped.
func (w *Writer) Reset(dst io.Writer) {
	w.release()
	w.dst, w.err = dst, nil
}

// SetUTF8 tells that the client takes UTF-8 in quoted strings and mailbox names (ENABLE UTF8=ACCEPT or
// IMAP4rev2).
func (w *Writer) SetUTF8(on bool) { w.utf8 = on }

// Buffered tells how many octets wait for Flush.
func (w *Writer) Buffered() int { return len(w.buf) }

// Written tells how many octets the connection has taken since the Writer was made.
func (w *Writer) Written() int64 { return w.written }

// Err gives the first error of the connection.
func (w *Writer) Err() error { return w.err }

// Flush writes what waits and gives the buffer back. A destination that keeps octets back itself, such as
// a compressor, and has a method Flush is flushed too.
func (w *Writer) Flush() error {
	w.write()
	w.release()
	if f, ok := w.dst.(interface{ Flush() error }); ok && w.err == nil {
		w.err = f.Flush()
	}
	return w.err
}

func (w *Writer) write() {
	if len(w.buf) > 0 && w.err == nil {
		n, err := w.dst.Write(w.buf)
		w.written += int64(n)
		w.err = err
	}
	w.buf = w.buf[:0]
}

func (w *Writer) release() {
	if w.hold != nil {
		w.buffers.put(w.hold)
	}
	w.hold, w.buf = nil, nil
}

// room gives the buffer with at least n octets free; n is at most bulkBuffer.
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

// Raw appends octets as they are: fixed parts of an answer, or what is kept in wire form.
func (w *Writer) Raw(s string) *Writer {
	for len(s) > 0 {
		b := w.room(1)
		n := copy(b[len(b):cap(b)], s)
		w.buf = b[:len(b)+n]
		s = s[n:]
	}
	return w
}

// Bytes is Raw for a slice.
func (w *Writer) Bytes(p []byte) *Writer {
	for len(p) > 0 {
		b := w.room(1)
		n := copy(b[len(b):cap(b)], p)
		w.buf = b[:len(b)+n]
		p = p[n:]
	}
	return w
}

// SP appends a space.
func (w *Writer) SP() *Writer { return w.Byte(' ') }

// CRLF ends a line. It does not write it out.
func (w *Writer) CRLF() *Writer { return w.Raw("\r\n") }

// Byte appends one octet, such as a parenthesis.
func (w *Writer) Byte(c byte) *Writer {
	w.buf = append(w.room(1), c)
	return w
}

// Number appends a number.
func (w *Writer) Number(n uint64) *Writer {
	w.buf = strconv.AppendUint(w.room(20), n, 10)
	return w
}

// Untagged begins an untagged answer: "* ".
func (w *Writer) Untagged() *Writer { return w.Raw("* ") }

// NumSet appends a set; it must not be empty.
func (w *Writer) NumSet(s NumSet) *Writer {
	if s.saved {
		return w.Byte('$')
	}
	for i, r := range s.ranges {
		if i > 0 {
			w.Byte(',')
		}
		w.Number(uint64(r.Start))
		if r.Stop != r.Start {
			w.Byte(':').Number(uint64(r.Stop))
		}
	}
	w.buf = s.appendStar(w.room(24))
	return w
}

// String appends a string: quoted where that is possible, else as a literal.
//
// QUIRK: iOS Mail stalls at a literal of no octets, so the empty string is always quoted.
func (w *Writer) String(s string) *Writer {
	if len(s) > maxQuoted || !isQuotable(s, w.utf8 && isUTF8(s)) {
		return w.literalHeader("{", int64(len(s))).Raw(s)
	}
	w.buf = appendQuoted(w.room(2*len(s)+2), s)
	return w
}

// maxQuoted is how long a quoted string may get; some clients read them into small buffers, and a Writer
// wants room for it at once.
const maxQuoted = 1000

// NString appends a string, or NIL when ok is false.
func (w *Writer) NString(s string, ok bool) *Writer {
	if !ok {
		return w.Raw("NIL")
	}
	return w.String(s)
}

// AString appends an astring: an atom where that is possible. Octets above 127 are never in an atom.
func (w *Writer) AString(s string) *Writer {
	if isAString(s) {
		return w.Raw(s)
	}
	return w.String(s)
}

// Mailbox appends a mailbox name in the form the client understands: modified UTF-7, or UTF-8 after
// SetUTF8. Names are quoted unless they are INBOX, as clients expect it of LIST.
func (w *Writer) Mailbox(name string) *Writer {
	switch {
	case name == inbox:
		return w.Raw(name)
	case w.utf8 || isDirect(name):
		return w.String(name)
	}
	return w.String(EncodeMailboxName(name))
}

// Flags appends a parenthesised list of flags or attributes.
func (w *Writer) Flags(flags []string) *Writer {
	w.Byte('(')
	for i, f := range flags {
		if i > 0 {
			w.SP()
		}
		w.Raw(f)
	}
	return w.Byte(')')
}

// DateTime appends a date-time with its quotes, as INTERNALDATE has it.
func (w *Writer) DateTime(t time.Time) *Writer {
	w.buf = appendDateTime(w.room(32), t)
	return w
}

// Status appends a complete status response, with its line end:
//
//	resp-cond-state = ("OK" / "NO" / "BAD") SP resp-text
//	resp-text       = ["[" resp-text-code "]" SP] [text]
//
// tag "" means untagged; code stands without brackets and may be empty. Text is made fit for a line:
// what is no printable ASCII (or UTF-8 after SetUTF8) becomes "?".
//
// QUIRK: clients fail on a response code without text behind it, so text is never empty.
func (w *Writer) Status(tag string, cond Condition, code, text string) *Writer {
	if tag == "" {
		tag = "*"
	}
	w.Raw(tag).SP().Raw(string(cond)).SP()
	if code != "" {
		w.Byte('[').Raw(code).Raw("] ")
	}
	return w.Text(text).CRLF()
}

// Text appends the text of a status response as Status does, without a line end.
func (w *Writer) Text(text string) *Writer {
	if text == "" {
		text = "Done"
	}
	keep8bit := w.utf8 && isUTF8(text)
	fit := 0 // so much at the beginning of text
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == 0x7f || (c >= 0x80 && !keep8bit) {
			w.Raw(text[fit:i]).Byte('?')
			fit = i + 1
		}
	}
	return w.Raw(text[fit:])
}

// Continue appends a continuation request, with its line end: "+ text".
func (w *Writer) Continue(text string) *Writer { return w.Raw("+ ").Raw(text).CRLF() }

// Literal appends a literal of size octets from src. When src ends early the Writer fails with
// ErrLiteralShort, when it fails with an ErrLiteral that wraps its error.
func (w *Writer) Literal(size int64, src io.Reader) *Writer {
	return w.literalHeader("{", size).stream(size, src)
}

// Literal8 appends a literal8, which may hold NUL (RFC 9051 section 4.3), as BINARY needs.
func (w *Writer) Literal8(size int64, src io.Reader) *Writer {
	return w.literalHeader("~{", size).stream(size, src)
}

// Counted is the source of a literal whose size is known when it has been read.
type Counted interface {
	io.Reader
	// Left is how many octets Read will still give.
	Left() int64
}

// LiteralCounted is Literal for what is converted while it is read: most of it fits the
// buffer, and what was written there tells the size, so that src need not be gone through for
// it first. guess is about the size, which costs a copy when it has less or more digits.
// src must not fail.
func (w *Writer) LiteralCounted(guess int64, src Counted) *Writer {
	const around = len("{}\r\n")
	b := w.room(minRead)
	room := b[len(b) : cap(b)-maxDigits]
	from := around + digits(guess)
	n, err := src.Read(room[from:])
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("%w: %w", ErrLiteral, err)
		return w
	}
	left := src.Left()
	size := int64(n) + left
	if to := around + digits(size); to != from {
		copy(b[len(b)+to:cap(b)], room[from:from+n])
	}
	w.literalHeader("{", size)
	w.buf = w.buf[:len(w.buf)+n]
	return w.stream(left, src)
}

// maxDigits is how long a number can get.
const maxDigits = 20

func digits(n int64) int {
	var b [maxDigits]byte
	return len(strconv.AppendInt(b[:0], n, 10))
}

// LiteralBytes appends a literal from memory.
func (w *Writer) LiteralBytes(p []byte) *Writer {
	return w.literalHeader("{", int64(len(p))).Bytes(p)
}

func (w *Writer) literalHeader(open string, size int64) *Writer {
	return w.Raw(open).Number(uint64(size)).Raw("}\r\n")
}

// stream reads into the free part of the buffer, so that no octet is copied twice.
func (w *Writer) stream(size int64, src io.Reader) *Writer {
	for empty := 0; size > 0 && w.err == nil; {
		b := w.room(minRead)
		free := b[len(b):cap(b)]
		if int64(len(free)) > size {
			free = free[:size]
		}
		n, err := src.Read(free)
		w.buf = b[:len(b)+n]
		size -= int64(n)
		if empty++; n > 0 {
			empty = 0
		}
		switch {
		case size == 0:
		case err == io.EOF:
			w.err = ErrLiteralShort
		case err != nil:
			w.err = fmt.Errorf("%w: %w", ErrLiteral, err)
		case empty >= maxEmptyReads:
			w.err = fmt.Errorf("%w: %w", ErrLiteral, io.ErrNoProgress)
		}
	}
	return w
}

const (
	// minRead is the least free room to read into: less makes too many small reads.
	minRead = 4 << 10
	// maxEmptyReads is how often a source may give nothing.
	maxEmptyReads = 100
)
