package pop3

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Limits bounds what a client may send. A zero field means the default.
type Limits struct {
	// Line is how many octets a command line may have; default 2048. RFC 2449 section 4 asks for 255.
	Line int
	// Response is how many octets an answer to a SASL challenge may have; default 12288, as in RFC 4954
	// section 4.
	Response int
}

func (l Limits) withDefaults() Limits {
	if l.Line == 0 {
		l.Line = 2048
	}
	if l.Response == 0 {
		l.Response = 12288
	}
	return l
}

// ErrCanceled is what [Reader.ReadResponse] gives when the client cancels with "*".
var ErrCanceled = errors.New("pop3: the client cancelled the authentication")

// A Reader reads the commands of one client.
//
// Every method may be interrupted by a read deadline of the connection and called again; nothing is lost.
// The end of the input inside a line is io.ErrUnexpectedEOF, between lines io.EOF.
type Reader struct {
	src     *bufio.Reader
	limits  Limits
	partial []byte // what there is of a line
	tooLong bool   // the line is too long and goes by
}

// readerBuffer is what a Reader holds.
const readerBuffer = 512

// NewReader makes a Reader over a connection.
func NewReader(src io.Reader, limits Limits) *Reader {
	return &Reader{src: bufio.NewReaderSize(src, readerBuffer), limits: limits.withDefaults()}
}

// Reset goes on with another source. What was buffered from the old one is dropped: after STLS, octets that
// came in the clear must not be taken for commands (CVE-2011-0411).
func (r *Reader) Reset(src io.Reader) {
	r.src.Reset(src)
	r.partial, r.tooLong = nil, false
}

// Buffered tells how many octets were read but not yet used: a client that is pipelining has sent more.
func (r *Reader) Buffered() int { return r.src.Buffered() }

// Wait blocks until there is something to read, and consumes nothing.
func (r *Reader) Wait() error {
	_, err := r.src.Peek(1)
	return err
}

// ReadCommand reads the next command. Beside errors of the source the error is an *[Error]; the line is
// consumed then.
func (r *Reader) ReadCommand() (*Command, error) {
	line, err := r.line(r.limits.Line)
	if err != nil {
		return nil, err
	}
	return ParseCommand(string(line))
}

// ReadResponse reads the answer to a challenge of AUTH, decoded. It gives ErrCanceled when the client gives
// up, an *[Error] when the line is no base64; the command is over then.
func (r *Reader) ReadResponse() ([]byte, error) {
	line, err := r.line(r.limits.Response)
	switch {
	case err != nil:
		return nil, err
	case len(line) == 0:
		return []byte{}, nil
	case string(line) == "*":
		return nil, ErrCanceled
	}
	data, ok := decodeBase64(string(line))
	if !ok || string(line) == "=" {
		return nil, &Error{Name: "AUTH", Text: "expected base64 or *"}
	}
	return data, nil
}

// line reads a line and gives it without its end, which may be a bare LF. It is good until the next call.
func (r *Reader) line(limit int) ([]byte, error) {
	for {
		part, err := r.src.ReadSlice('\n')
		if !r.tooLong {
			r.partial = append(r.partial, part...)
		}
		if len(r.partial) > limit+len("\r\n") {
			r.partial, r.tooLong = nil, true
		}
		if err == nil {
			break
		}
		if err == io.EOF && (len(r.partial) > 0 || r.tooLong) {
			return nil, io.ErrUnexpectedEOF
		}
		if err != bufio.ErrBufferFull {
			return nil, err
		}
	}
	line, tooLong := r.partial, r.tooLong
	r.partial, r.tooLong = r.partial[:0], false
	if cap(line) > readerBuffer {
		r.partial = nil
	}
	line = trimEnd(line)
	if tooLong || len(line) > limit {
		return nil, &Error{Text: fmt.Sprintf("line longer than %d octets", limit)}
	}
	return line, nil
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
