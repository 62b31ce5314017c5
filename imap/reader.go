package imap

import (
	"errors"
	"io"
)

// Limits bounds what a client may send. A zero field means the default.
type Limits struct {
	// Line is how many octets a command may have outside its literals; default 128 KB, as clients send
	// sets of 64 KB.
	Line int
	// Literal is how many octets the literals of one command that are held in memory may have together;
	// default 128 KB. The messages of APPEND do not count.
	Literal int
	// Append is how large a message of APPEND may be; default: no limit.
	Append int64
	// Drain is how large a refused non-synchronizing literal may be to be read and dropped; above it the
	// connection is given up (ErrLost). Default 1 GB.
	Drain int64
	// Nesting is how deep parentheses, NOT and OR may nest; default 50.
	Nesting int
}

// ErrCanceled is what [Reader.ReadSASL] gives when the client cancels with "*".
var ErrCanceled = errors.New("imap: the client cancelled the authentication")

// ReaderOptions is what a Reader needs beside its source.
type ReaderOptions struct {
	Limits Limits
	// Continue tells the client to send a synchronizing literal: it writes a continuation request such as
	// "+ OK" and flushes. QUIRK: mutt waits for "+ " with its space.
	Continue func() error
	// Buffers lends buffers; nil for own ones.
	Buffers *Buffers
}

// A Reader reads the commands of one client.
//
// Wait, ReadCommand before the first octet of a command, and ReadDone may be interrupted by a read
// deadline of the connection and called again; nothing is lost. Any other error of the source in the
// middle of something ends the connection; the end of the input inside a command is
// io.ErrUnexpectedEOF, between commands io.EOF.
type Reader struct {
	opts ReaderOptions
	utf8 bool
}

// NewReader makes a Reader over a connection.
func NewReader(src io.Reader, opts ReaderOptions) *Reader {
	return &Reader{opts: opts}
}

// SetLimits sets the limits from the next command on, such as wider ones after authentication.
func (r *Reader) SetLimits(l Limits) { r.opts.Limits = l }

// SetUTF8 tells that mailbox names come as UTF-8 (after ENABLE UTF8=ACCEPT or IMAP4rev2), not in
// modified UTF-7.
func (r *Reader) SetUTF8(on bool) { r.utf8 = on }

// Reset goes on with another source. What was buffered from the old one is dropped: after STARTTLS,
// octets that came in the clear must not be taken for commands (CVE-2011-0411).
func (r *Reader) Reset(src io.Reader) {}

// TakeBuffered gives the octets that were read but not yet used, and forgets them: for a layer that is
// put between, such as COMPRESS.
func (r *Reader) TakeBuffered() []byte { return nil }

// Buffered tells how many octets were read but not yet used. As long as there are some, a client is
// pipelining, and its answers need not be flushed yet.
func (r *Reader) Buffered() int { return 0 }

// Wait blocks until there is something to read, and consumes nothing.
func (r *Reader) Wait() error { return io.EOF }

// ReadCommand reads the next command. What the engine left unread of an APPEND is dropped first. Beside
// errors of the source the error is an *[Error]; then there is no command, and but for ErrLost the next
// call reads the next one.
func (r *Reader) ReadCommand() (*Command, error) { return nil, io.EOF }

// ReadSASL reads a client's answer to a challenge of AUTHENTICATE, decoded. It gives ErrCanceled when the
// client gives up, an *[Error] when the line is no base64; the command is over then.
func (r *Reader) ReadSASL() ([]byte, error) { return nil, io.EOF }

// ReadDone reads the DONE that ends IDLE. An *[Error] tells that another line came instead, which is
// consumed: the IDLE is over, with BAD.
func (r *Reader) ReadDone() error { return io.EOF }

// Next gives the next message of the APPEND, or io.EOF when the command is complete. The octets of the
// message before are dropped if they were not read. An *[Error] ends the command.
func (a *Append) Next() (*AppendMessage, error) { return nil, io.EOF }

// Accept asks the client for the message, if it waits for that, and gives a reader of exactly Size
// octets; it gives io.ErrUnexpectedEOF when the connection ends before. Next must be called after it
// (for the end of the command) before the answer is OK. A message that the engine does not accept is
// refused: the engine answers NO and reads the next command.
func (m *AppendMessage) Accept() (io.Reader, error) { return nil, io.EOF }
