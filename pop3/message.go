package pop3

import (
	"bytes"
	"errors"

	"restante/message"
)

// ErrEnough is what a [MessageWriter] gives when TOP has all its lines: no more need be read.
var ErrEnough = errors.New("pop3: the lines that were asked for are there")

// AllLines asks for a whole message.
const AllLines = -1

// A MessageWriter sends a message as the lines of an answer (RFC 1939 section 3): a line that begins with
// "." gets another one in front, and "." on a line by itself ends it. It takes the message as it is stored,
// cut at any place, and makes CRLF of every LF without CR in front. With a number of lines it stops behind so
// many lines of the body (TOP).
//
// Close ends the answer. A message that does not end with a line end gets one. For TOP, a message in which no
// blank line ends the header gets that, too; a whole message has exactly the octets that LIST tells.
//
// QUIRK: Outlook Express and Netscape, which read headers by TOP, hang without the blank line (Dovecot's
// work-around oe-ns-eoh).
type MessageWriter struct {
	w      *Writer
	lines  int  // of the body that may still come, or AllLines
	inBody bool // the blank line was there
	line   lineState
	// afterCR: the octet before is CR.
	afterCR bool
}

// lineState is what there was of the current line.
type lineState byte

const (
	lineEmpty lineState = iota // nothing: the next octet is the first
	lineCR                     // nothing but CR
	lineText
)

// Message begins to send a message; the first line of the answer must stand there already.
func (w *Writer) Message(lines int) *MessageWriter { return &MessageWriter{w: w, lines: lines} }

// Write takes the next octets of the message. It fails with ErrEnough, or with the connection's error.
func (m *MessageWriter) Write(p []byte) (int, error) {
	rest := p
	for len(rest) > 0 {
		if m.w.err != nil {
			return len(p) - len(rest), m.w.err
		}
		if m.inBody && m.lines == 0 {
			return len(p) - len(rest), ErrEnough
		}
		if m.lines == AllLines {
			rest = m.writeLines(rest)
		} else {
			rest = m.writeLine(rest)
		}
	}
	return len(p), m.w.err
}

// writeLine sends up to one line end, and gives what is behind it.
func (m *MessageWriter) writeLine(p []byte) []byte {
	if m.line == lineEmpty && p[0] == '.' {
		m.w.Raw(".")
	}
	n := bytes.IndexByte(p, '\n')
	if n < 0 {
		appendAll(m.w, p)
		m.line, m.afterCR = lineAfter(m.line, p), p[len(p)-1] == '\r'
		return nil
	}
	text := p[:n]
	appendAll(m.w, text)
	if n > 0 {
		m.afterCR = text[n-1] == '\r'
	}
	if m.afterCR {
		m.w.Raw("\n")
	} else {
		m.w.CRLF()
	}
	blank := n == 0 && m.line != lineText || n == 1 && m.line == lineEmpty && m.afterCR
	switch {
	case m.inBody && m.lines > 0:
		m.lines--
	case blank:
		m.inBody = true
	}
	m.line, m.afterCR = lineEmpty, false
	return p[n+1:]
}

func lineAfter(before lineState, part []byte) lineState {
	if before == lineEmpty && len(part) == 1 && part[0] == '\r' {
		return lineCR
	}
	return lineText
}

// writeLines sends what there is room for, up to the next line that begins with ".", in one pass.
func (m *MessageWriter) writeLines(p []byte) []byte {
	b := m.w.room(len(".x\r\n")) // so the octet behind the dot that is put in goes with it
	room := b[len(b):cap(b)]
	if m.line == lineEmpty && p[0] == '.' {
		room[0], room = '.', room[1:]
	}
	text := p[:min(len(p), len(room))]
	if i := bytes.Index(text, []byte("\n.")); i >= 0 {
		text = text[:i+1]
	}
	n, used, afterCR := message.CopyCRLF(room, text, m.afterCR)
	m.w.buf = b[:cap(b)-len(room)+n]
	m.afterCR = afterCR
	if used > 0 {
		m.line = lineText
		if text[used-1] == '\n' {
			m.line = lineEmpty
		}
	}
	return p[used:]
}

// Close ends the answer. It must be called if and only if the whole message, or what TOP wanted of it, was
// written; else the connection has to be closed, as the client would take a part for the whole.
func (m *MessageWriter) Close() error {
	if m.line != lineEmpty {
		m.w.CRLF()
	}
	if !m.inBody && m.lines != AllLines {
		m.w.CRLF()
	}
	return m.w.End().err
}
