package imapd

import (
	"errors"
	"io"

	"restante/imap"
	"restante/message"
)

// prepareLongFields is prepareFields for a header that is too long to be held:
// the fields are counted now, and sent from a second pass over the message.
func (f *fetcher) prepareLongFields(m *loaded, of *message.Part, sec *imap.Section, not bool) (value, error) {
	off, length := window(sec.Partial)
	pass := func(w io.Writer) (int64, error) {
		ww := &windowWriter{w: w, skip: off, left: length}
		_, err := message.CopyHeader(ww, m.section(of.Header.Offset, of.Header.Length), sec.Fields, not)
		if errors.Is(err, errWindowFull) {
			err = nil
		}
		return ww.n, err
	}
	size, err := pass(io.Discard)
	return value{kind: valueLiteral, size: size, pass: pass}, err
}

// errWindowFull stops a producer all of whose wanted octets have been written.
var errWindowFull = errors.New("enough")

// A windowWriter passes on the octets behind skip, left of them at most.
type windowWriter struct {
	w          io.Writer
	skip, left int64
	n          int64 // passed on
}

func (w *windowWriter) Write(p []byte) (int, error) {
	all := len(p)
	k := min(w.skip, int64(len(p)))
	w.skip -= k
	p = p[k:]
	p = p[:min(int64(len(p)), w.left)]
	n, err := w.w.Write(p)
	w.n += int64(n)
	w.left -= int64(n)
	if err == nil && w.left == 0 {
		err = errWindowFull
	}
	return all, err
}

// wireWriter makes the connection's writer an io.Writer.
type wireWriter struct{ *imap.Writer }

func (w wireWriter) Write(p []byte) (int, error) { return len(p), w.Bytes(p).Err() }

// sendPass sends a literal from a second pass. When it does not give what was
// counted in the first, the connection cannot go on.
func (s *session) sendPass(v *value) error {
	s.w.Byte('{').Number(uint64(v.size)).Raw("}\r\n")
	n, err := v.pass(wireWriter{s.w})
	if err == nil && n != v.size {
		err = errShrunk
	}
	if err != nil {
		return &desync{err}
	}
	return nil
}

// desync is an error in the middle of a literal: nothing can be said to the
// client any more, not even good-bye.
type desync struct{ err error }

func (d *desync) Error() string { return "literal broken off: " + d.err.Error() }
func (d *desync) Unwrap() error { return d.err }
