package imapd

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A transcript records what client and server say to each other, as text that may
// be shown to others:
//
//	0.012 C: a3 UID FETCH 7 (BODY.PEEK[])
//	0.013 S: * 3 FETCH (UID 7 BODY[] {5120}
//	0.013 S: [5120 octets: "Return-Path: <ann@example.org>\r\n"...]
//	0.013 S: )
//
// Of literals, which hold mail and passwords, only the beginning is shown, of those
// from the client nothing. The arguments of LOGIN and AUTHENTICATE are never shown;
// those that succeed come before the user is known and the record begins. What the
// client says is recorded as it is understood, what the server says as it is sent.
type transcript struct {
	mu     sync.Mutex
	dst    io.WriteCloser
	start  time.Time
	left   int // octets that may still be written
	err    error
	client scrubber
	server scrubber
}

// Bounds of a transcript.
const (
	shownLine       = 1000
	shownLiteral    = 60
	transcriptLimit = 16 << 20
)

func newTranscript(dst io.WriteCloser) *transcript {
	t := &transcript{dst: dst, start: time.Now(), left: transcriptLimit}
	t.client = scrubber{t: t, prefix: "C: "}
	t.server = scrubber{t: t, prefix: "S: ", shown: shownLiteral}
	return t
}

// Octet implements imap.Trace.
func (t *transcript) Octet(c byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.client.octets([]byte{c})
}

// Literal implements imap.Trace.
func (t *transcript) Literal(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.client.size += n
	t.client.more = true
}

// said takes octets of the server.
func (t *transcript) said(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(p) > 0 {
		p = t.server.feed(p)
	}
}

// close ends the transcript.
func (t *transcript) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.client.end()
	t.server.end()
	if err := t.dst.Close(); t.err == nil {
		t.err = err
	}
	return t.err
}

// write writes one line.
func (t *transcript) write(prefix, text string) {
	line := fmt.Sprintf("%.3f %s%s\n", time.Since(t.start).Seconds(), prefix, text)
	switch {
	case t.err != nil || t.left <= 0:
		return
	case len(line) >= t.left:
		line = "The transcript ends here, as it has become too long.\n"
		t.left = 0
	}
	t.left -= len(line)
	_, t.err = io.WriteString(t.dst, line)
}

// A scrubber makes lines of what one side says.
type scrubber struct {
	t       *transcript
	prefix  string
	shown   int // octets of a literal that may be shown
	line    []byte
	dropped int    // octets that did not fit in line
	tail    []byte // the end of a line, for the announcement of a literal
	before  string // what may be shown of a command with secrets, "" for one without
	more    bool   // the line goes on with a command that a literal has interrupted
	left    int64  // octets of a literal that are to come from the server
	size    int64  // of the literal before the next line
	head    []byte // its beginning
}

// feed takes some octets of the server and returns the others.
func (s *scrubber) feed(p []byte) []byte {
	if s.left > 0 {
		n := min(int64(len(p)), s.left)
		if room := s.shown - len(s.head); room > 0 {
			s.head = append(s.head, p[:min(int64(room), n)]...)
		}
		s.left -= n
		return p[n:]
	}
	n := bytes.IndexByte(p, '\n') + 1
	if n == 0 {
		n = len(p)
	}
	s.octets(p[:n])
	return p[n:]
}

// octets takes octets of one line; only the last may be its end.
func (s *scrubber) octets(p []byte) {
	if s.size > 0 {
		s.endLiteral()
	}
	keep := min(len(p), shownLine-len(s.line))
	s.line = append(s.line, p[:keep]...)
	s.dropped += len(p) - keep
	const tail = 32 // as long as an announcement may be
	s.tail = append(s.tail, p[max(0, len(p)-tail):]...)
	s.tail = s.tail[max(0, len(s.tail)-tail):]
	if p[len(p)-1] == '\n' {
		s.endLine()
	}
}

// end writes what is there of an unfinished line.
func (s *scrubber) end() {
	if s.size > 0 {
		s.endLiteral()
	}
	if len(s.line) > 0 {
		s.endLine()
	}
}

// endLiteral writes what is shown of a literal.
func (s *scrubber) endLiteral() {
	text := fmt.Sprintf("[%d octets", s.size)
	if len(s.head) > 0 && s.before == "" {
		text += ": " + strconv.QuoteToASCII(string(s.head))
		if int64(len(s.head)) < s.size {
			text += "..."
		}
	}
	s.t.write(s.prefix, text+"]")
	s.head, s.size = s.head[:0], 0
}

// endLine writes a line. Behind the announcement of a literal of no octets, which is
// told by nobody, the command goes on.
func (s *scrubber) endLine() {
	text := strings.TrimRight(string(s.line), "\r\n")
	if s == &s.t.client && !s.more {
		s.before = beforeSecret(text)
	}
	s.t.write(s.prefix, s.masked(text))
	size, announced := announcement(s.tail)
	s.more = announced && size == 0
	if s == &s.t.server {
		s.left, s.size = size, size
	}
	s.line, s.tail, s.dropped = s.line[:0], s.tail[:0], 0
}

// masked gives a line as it may be shown.
func (s *scrubber) masked(text string) string {
	if s.before != "" {
		if s.more {
			return "***"
		}
		return s.before + " ***"
	}
	text = printable(text)
	if s.dropped > 0 {
		text += fmt.Sprintf("... (%d octets more)", s.dropped)
	}
	return text
}

// printable keeps a line one line on every terminal.
func printable(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// beforeSecret is what may be shown of a line that begins a command whose arguments are
// secret, "" of any other. A line with spaces in the wrong places, or without a tag, is no
// command, and its sender has meant one all the same.
func beforeSecret(line string) string {
	words := strings.Fields(printable(line))
	for i := range min(len(words), 2) {
		if w := strings.ToUpper(words[i]); w == "LOGIN" || w == "AUTHENTICATE" {
			return strings.Join(words[:i+1], " ")
		}
	}
	return ""
}

// announcement reads {n} or {n+} at the end of a line.
func announcement(tail []byte) (size int64, ok bool) {
	text := strings.TrimRight(string(tail), "\r\n")
	i := strings.LastIndexByte(text, '{')
	if i < 0 || !strings.HasSuffix(text, "}") {
		return 0, false
	}
	size, err := strconv.ParseInt(strings.TrimSuffix(text[i+1:len(text)-1], "+"), 10, 64)
	return max(size, 0), err == nil
}

// A tapWriter records what the server says.
type tapWriter struct {
	io.Writer
	t *transcript
}

func (w tapWriter) Write(p []byte) (int, error) {
	w.t.said(p)
	return w.Writer.Write(p)
}

// Flush flushes what is below.
func (w tapWriter) Flush() error {
	if f, ok := w.Writer.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}
