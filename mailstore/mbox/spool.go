package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"restante/fsys"
	"restante/mailstore"
)

// spool takes messages on their way into an mbox: in memory while they are
// small, then in a file without a name.
type spool struct {
	fs   fsys.FS
	dir  string
	mem  []byte
	file fsys.File
	size int64
}

const spoolMemory = 1 << 20

// Write implements io.Writer.
func (s *spool) Write(b []byte) (int, error) {
	if s.file == nil && s.size+int64(len(b)) <= spoolMemory {
		s.mem = append(s.mem, b...)
		s.size += int64(len(b))
		return len(b), nil
	}
	if s.file == nil {
		f, err := tempFile(s.fs, s.dir)
		if err != nil {
			return 0, err
		}
		s.file = f
		if _, err := f.WriteAt(s.mem, 0); err != nil {
			return 0, err
		}
		s.mem = nil
	}
	n, err := s.file.WriteAt(b, s.size)
	s.size += int64(n)
	return n, err
}

// cut takes back everything behind size.
func (s *spool) cut(size int64) {
	s.size = size
	if s.file == nil {
		s.mem = s.mem[:size]
	}
}

func (s *spool) ReadAt(b []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(b, off)
	}
	if off >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(b, s.mem[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spool) close() error {
	s.mem = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// spooled is a message in the spool: header lines, each in a form that can stand
// in an mbox, then the rest from the empty line on.
type spooled struct {
	off    int64
	header part
	rest   part
	blank  int64 // octets of the empty line at the start of rest
	cut    bool  // a line end was added
	strip  bool  // every line end is CRLF, and is to become LF
	sender string
	date   int64
	flags  mailstore.Flags
}

// part counts what conversion to LF takes away.
type part struct{ n, lf, crlf, cr int64 }

func (p *part) add(b []byte, before byte) {
	p.n += int64(len(b))
	p.lf += int64(bytes.Count(b, newline))
	p.cr += int64(bytes.Count(b, []byte{'\r'}))
	p.crlf += int64(bytes.Count(b, []byte("\r\n")))
	if before == '\r' && b[0] == '\n' {
		p.crlf++
	}
}

// stored is how many octets it takes in the mbox.
func (p *part) stored(strip bool) int64 {
	if strip {
		return p.n - p.crlf
	}
	return p.n
}

// intake reads one message into a spool.
type intake struct {
	r    *bufio.Reader
	s    *spool
	msg  spooled
	last byte // the last octet written
	path []byte
}

// take reads a message from r until its end.
func (s *spool) take(r io.Reader) (spooled, error) {
	in := intake{r: bufio.NewReaderSize(r, 64<<10), s: s, msg: spooled{off: s.size}}
	err := in.header()
	if err == nil && in.msg.header.n > maxHeader/2 {
		err = fmt.Errorf("%w: its header has more than %d octets", mailstore.ErrTooBig, maxHeader/2)
	}
	if err == nil {
		err = in.body()
	}
	if err != nil {
		s.cut(in.msg.off)
		return spooled{}, err
	}
	m := &in.msg
	crlf := m.header.crlf + m.rest.crlf
	m.strip = !m.cut && crlf > 0 && crlf == m.header.lf+m.rest.lf && crlf == m.header.cr+m.rest.cr
	m.sender = cleanSender(string(in.path))
	return *m, nil
}

// header copies the header lines. It ends at the empty line, which it leaves.
func (in *intake) header() error {
	for {
		line, more, err := in.line()
		switch {
		case err != nil:
			return err
		case len(line) == 0:
			return nil
		case !more && isBlank(line):
			in.msg.blank = int64(len(line))
			return in.write(line, &in.msg.rest)
		}
		if err := in.headerLine(line, more); err != nil {
			return err
		}
	}
}

// line reads a line, or with more as much of it as the buffer holds.
func (in *intake) line() (line []byte, more bool, err error) {
	line, err = in.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return line, true, nil
	case errors.Is(err, io.EOF):
		return line, false, nil
	}
	return line, false, err
}

// headerLine copies one header line, in the form in which it means nothing to
// readers of the mbox.
func (in *intake) headerLine(line []byte, more bool) error {
	switch {
	case !more && line[len(line)-1] != '\n':
		// The message ends within its header.
		in.msg.cut = true
		if err := in.write(cutPrefix, &in.msg.header); err != nil {
			return err
		}
		line = append(bytes.Clone(line), '\n')
	case needsEscape(line):
		if err := in.write(escapePrefix, &in.msg.header); err != nil {
			return err
		}
	}
	if in.path == nil && len(line) > 12 && bytes.EqualFold(line[:12], []byte("return-path:")) {
		in.path = bytes.Clone(line[12:])
	}
	for {
		if err := in.write(line, &in.msg.header); err != nil || !more {
			return err
		}
		var err error
		if line, more, err = in.line(); err != nil {
			return err
		}
		if !more && (len(line) == 0 || line[len(line)-1] != '\n') {
			// It is too late for the prefix: the message gets a line end.
			in.msg.cut = true
			line = append(bytes.Clone(line), '\n')
		}
	}
}

// body copies the rest as it is.
func (in *intake) body() error {
	_, err := io.Copy(writerFunc(func(b []byte) (int, error) { return len(b), in.write(b, &in.msg.rest) }), in.r)
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (in *intake) write(b []byte, p *part) error {
	if len(b) == 0 {
		return nil
	}
	p.add(b, in.last)
	in.last = b[len(b)-1]
	_, err := in.s.Write(b)
	return err
}

// bodyLength is the Content-Length of the message in the mbox; -1 when it has no
// empty line and so no body.
func (m *spooled) bodyLength() int64 {
	if m.blank == 0 {
		return -1
	}
	return m.rest.stored(m.strip) - m.storedBlank()
}

func (m *spooled) storedBlank() int64 {
	if m.strip {
		return min(m.blank, 1)
	}
	return m.blank
}

// compose writes the message as it is to stand in the mbox.
func (m *spooled) compose(w io.Writer, s *spool, from, notes []byte) error {
	if _, err := w.Write(from); err != nil {
		return err
	}
	if err := m.copyPart(w, s, m.off, m.header.n); err != nil {
		return err
	}
	if _, err := w.Write(notes); err != nil {
		return err
	}
	if err := m.copyPart(w, s, m.off+m.header.n, m.rest.n); err != nil {
		return err
	}
	_, err := w.Write(newline)
	return err
}

func (m *spooled) copyPart(w io.Writer, s *spool, off, n int64) error {
	r := io.NewSectionReader(s, off, n)
	if m.strip {
		w = &lfWriter{w: w}
	}
	_, err := io.Copy(w, r)
	return err
}

// lfWriter takes away every CR; it is for text in which each belongs to a CRLF.
type lfWriter struct {
	w   io.Writer
	buf []byte
}

func (l *lfWriter) Write(b []byte) (int, error) {
	l.buf = l.buf[:0]
	for rest := b; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			l.buf = append(l.buf, rest...)
			break
		}
		l.buf = append(l.buf, rest[:i]...)
		rest = rest[i+1:]
	}
	_, err := l.w.Write(l.buf)
	return len(b), err
}
