package imap

import (
	"bytes"
	"errors"
	"io"
)

// Limits bounds what a client may send. A zero field means the default.
type Limits struct {
	// Line is how many octets a command may have outside its literals; default 128 KB.
	//
	// QUIRK: clients send sets of 64 KB, and they are right to.
	Line int
	// Literal is how many octets the literals of one command that are held in memory may have together;
	// default 128 KB. The messages of APPEND do not count.
	Literal int
	// Append is how large a message of APPEND may be; default: no limit.
	Append int64
	// Drain is how large a refused non-synchronizing literal may be to be read and dropped; above it the
	// connection is given up (ErrLost). Default 1 GB.
	//
	// QUIRK: a phone that is cut off in the middle of 234 MB comes again and sends them again, for ever.
	Drain int64
	// Nesting is how deep parentheses, NOT and OR may nest; default 50.
	Nesting int
}

// withDefaults puts the defaults in.
func (l Limits) withDefaults() Limits {
	if l.Line == 0 {
		l.Line = 128 << 10
	}
	if l.Literal == 0 {
		l.Literal = 128 << 10
	}
	if l.Drain == 0 {
		l.Drain = 1 << 30
	}
	if l.Nesting == 0 {
		l.Nesting = 50
	}
	return l
}

// ErrCanceled is what [Reader.ReadSASL] gives when the client cancels with "*".
var ErrCanceled = errors.New("imap: the client cancelled the authentication")

// ReaderOptions is what a Reader needs beside its source.
type ReaderOptions struct {
	Limits Limits
	// Continue tells the client to send a synchronizing literal: it writes a continuation request such as
	// "+ OK" and flushes. QUIRK: mutt waits for "+ " with its space. Without it those literals are refused
	// with the error of the source.
	Continue func() error
	// Buffers lends buffers; nil for own ones.
	Buffers *Buffers
}

// A Reader reads the commands of one client.
//
// Wait, Await, ReadCommand before the first octet of a command, ReadSASL and ReadDone may be interrupted by a
// read deadline of the connection and called again; nothing is lost. Any other error of the source, and
// a deadline inside a command, ends the connection: it is given again by every later call. The end of the
// input inside a command is io.ErrUnexpectedEOF, between commands io.EOF.
type Reader struct {
	in        input
	p         parser
	limits    Limits
	appending *Append // whose messages are not all read
	partial   []byte  // what ReadSASL or ReadDone has of its line
	tooLong   bool    // that line is too long and goes by
	dead      error   // nothing can be read any more
}

// NewReader makes a Reader over a connection.
func NewReader(src io.Reader, opts ReaderOptions) *Reader {
	r := &Reader{limits: opts.Limits.withDefaults()}
	r.in.buffers = opts.Buffers
	if opts.Buffers == nil {
		r.in.buffers = new(Buffers)
	}
	r.p.in = &r.in
	r.p.ask = opts.Continue
	if opts.Continue == nil {
		r.p.ask = func() error { return errNoContinue }
	}
	r.in.reset(src)
	return r
}

var errNoContinue = errors.New("imap: nobody asks the client for its literal")

// SetLimits sets the limits from the next command on, such as wider ones after authentication.
func (r *Reader) SetLimits(l Limits) { r.limits = l.withDefaults() }

// A Trace is told what a Reader takes of its input, as it is taken: what is read ahead is not told. It
// must not call the Reader.
type Trace interface {
	// Octet is an octet of a line, its end included.
	Octet(c byte)
	// Literal is so many octets of a literal; several calls may speak of one.
	Literal(n int64)
}

// SetTrace sets who is told from now on; nil for nobody.
func (r *Reader) SetTrace(t Trace) { r.in.trace = t }

// SetUTF8 tells that mailbox names come as UTF-8 (after ENABLE UTF8=ACCEPT or IMAP4rev2), not in
// modified UTF-7.
func (r *Reader) SetUTF8(on bool) { r.p.utf8 = on }

// Reset goes on with another source. What was buffered from the old one is dropped: after STARTTLS,
// octets that came in the clear must not be taken for commands (CVE-2011-0411).
func (r *Reader) Reset(src io.Reader) {
	r.in.reset(src)
	r.appending, r.partial, r.tooLong, r.dead = nil, nil, false, nil
}

// TakeBuffered gives the octets that were read but not yet used, and forgets them: for a layer that is
// put between, such as COMPRESS.
func (r *Reader) TakeBuffered() []byte {
	b := append([]byte(nil), r.in.buf[r.in.pos:r.in.end]...)
	r.in.pos = r.in.end
	return b
}

// Buffered tells how many octets were read but not yet used, empty lines between commands left out. As
// long as there are some, a client is pipelining, and its answers need not be flushed yet.
func (r *Reader) Buffered() int {
	if !r.betweenCommands() {
		return r.in.buffered()
	}
	return len(bytes.TrimLeft(r.in.buf[r.in.pos:r.in.end], "\r\n"))
}

// Wait blocks until the first octet of a command is there, and consumes nothing of it. Empty lines are
// passed over, so it must not be called where one has a meaning, before ReadSASL.
func (r *Reader) Wait() error {
	if r.dead != nil {
		return r.dead
	}
	if !r.betweenCommands() {
		return r.in.fill()
	}
	return r.skipEmptyLines()
}

// Await is Wait where empty lines have a meaning, as in IDLE. A goroutine that idles in it needs little
// stack.
func (r *Reader) Await() error {
	if r.dead != nil {
		return r.dead
	}
	return r.in.fill()
}

// betweenCommands reports whether nothing of an APPEND is left to be dropped.
func (r *Reader) betweenCommands() bool { return r.appending == nil || r.appending.done }

// ReadCommand reads the next command. What the engine left unread of an APPEND is dropped first. Empty
// lines between commands are passed over. Beside errors of the source the error is an *[Error]; then
// there is no command, and but for ErrLost the next call reads the next one.
func (r *Reader) ReadCommand() (*Command, error) {
	if err := r.discard(); err != nil {
		return nil, err
	}
	if err := r.skipEmptyLines(); err != nil {
		return nil, err
	}
	r.p.begin(r.limits)
	c := r.p.command()
	r.p.rest()
	if r.p.err != nil {
		return nil, r.finish(r.p.err)
	}
	if a := appendOf(c.Args); a != nil {
		a.r = r
		r.appending = a
	}
	return c, nil
}

// skipEmptyLines passes over line ends before a command; some clients send one after a literal.
func (r *Reader) skipEmptyLines() error {
	for {
		if err := r.in.fill(); err != nil {
			return err
		}
		if c := r.in.buf[r.in.pos]; c != '\r' && c != '\n' {
			return nil
		}
		r.in.pos++
	}
}

// discard drops what is left of an APPEND.
func (r *Reader) discard() error {
	if r.dead != nil {
		return r.dead
	}
	a := r.appending
	if a == nil {
		return nil
	}
	r.appending = nil
	if a.done {
		return nil
	}
	if a.last != nil {
		a.last.abandon(&r.p)
	}
	if err := r.p.skipRest(); err != nil {
		r.dead = unexpected(err)
	}
	return r.dead
}

// finish ends a command that failed: what is left of it is dropped, and the error to be told is given.
func (r *Reader) finish(err error) error {
	if err == io.EOF {
		return err // the regular end of an APPEND
	}
	var syntax *Error
	if errors.As(err, &syntax) {
		lost := r.p.skipRest()
		if lost == nil {
			return err
		}
		err = lost
	}
	r.dead = unexpected(err)
	return r.dead
}

// unexpected names the end of the input where it must not be.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLine reads a line without its end into r.partial, which keeps what it has over an interruption. A
// line longer than limit goes by and is an *Error, and so is one with a literal behind it.
func (r *Reader) readLine(limit int, what string) ([]byte, error) {
	if r.dead != nil {
		return nil, r.dead
	}
	for {
		if err := r.in.fill(); err != nil {
			return nil, err
		}
		c := r.in.advance()
		if c == '\n' {
			break
		}
		if len(r.partial) >= limit {
			r.tooLong = true
			continue
		}
		r.partial = append(r.partial, c)
	}
	line, tooLong := r.partial, r.tooLong
	r.partial, r.tooLong = nil, false
	if r.in.head.state == headNonSyncEnd {
		return nil, r.skipLineLiteral(what)
	}
	if tooLong {
		return nil, &Error{Kind: ErrLineTooLong, Text: "expected " + what + ", found a line that is too long"}
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// skipLineLiteral drops the literal behind a line that should have been no command.
func (r *Reader) skipLineLiteral(what string) error {
	size := r.in.head.size
	r.p.begin(r.limits)
	r.p.pending = size
	return r.finish(&Error{Kind: ErrSyntax, Text: "expected " + what + ", found a literal"})
}

// ReadSASL reads a client's answer to a challenge of AUTHENTICATE, decoded. It gives ErrCanceled when the
// client gives up, an *[Error] when the line is no base64; the command is over then.
func (r *Reader) ReadSASL() ([]byte, error) {
	line, err := r.readLine(r.limits.Line, "base64 or *")
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, ErrCanceled
	}
	data, ok := decodeBase64(line)
	if !ok || string(line) == "=" {
		return nil, &Error{Kind: ErrSyntax, Text: "expected base64 or *"}
	}
	return data, nil
}

// ReadDone reads the DONE that ends IDLE. An *[Error] tells that another line came instead, which is
// consumed: the IDLE is over, with BAD.
//
// QUIRK: iOS Mail sends its next command in the packet of DONE; it stays to be read.
func (r *Reader) ReadDone() error {
	const done = "DONE"
	line, err := r.readLine(idleBuffer, done)
	if err != nil {
		return err
	}
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	if len(line) != len(done) {
		return &Error{Kind: ErrSyntax, Text: "expected DONE"}
	}
	for i := range line {
		if upper(line[i]) != done[i] {
			return &Error{Kind: ErrSyntax, Text: "expected DONE"}
		}
	}
	return nil
}
