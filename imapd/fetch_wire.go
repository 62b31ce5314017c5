package imapd

import (
	"errors"
	"io"
	"math"

	"restante/mailstore"
	"restante/message"
)

// A wireReader gives a range of a stored message as it goes into a literal: with
// CRLF at the end of lines, and 0x80 for NUL, which literals cannot hold (RFC
// 9051 section 9, CHAR8).
type wireReader struct {
	m        *loaded
	pos, end int64  // of what is not yet in chunk
	chunk    []byte // of the stored form, not yet converted
	afterCR  bool   // the octet before chunk was CR, or stands for one
}

// A wirePlace is a place in the CRLF form of a range and the same place in the
// stored form, kept to go on from there.
type wirePlace struct {
	uid      mailstore.UID
	from, to int64 // the range
	off      int64 // in CRLF form, from the beginning of the range
	pos      int64 // in stored form, from the beginning of the message
	afterCR  bool
}

func newWireReader(m *loaded, from, to int64) *wireReader {
	return &wireReader{m: m, pos: from, end: to}
}

// fill gets more of the stored form; io.EOF at the end of the range. Readers of
// one message share its buffer: one is read to its end before the next begins.
func (r *wireReader) fill() error {
	if len(r.chunk) > 0 {
		return nil
	}
	n := r.end - r.pos
	if n <= 0 {
		return io.EOF
	}
	if r.m.raw != nil {
		r.chunk, r.pos = r.m.raw[r.pos:r.end], r.end
		return nil
	}
	r.chunk = r.m.buf[headerRoom:]
	r.chunk = r.chunk[:min(n, int64(len(r.chunk)))]
	got, err := r.m.ReadAt(r.chunk, r.pos)
	r.pos += int64(got)
	if got < len(r.chunk) {
		r.chunk = r.chunk[:got]
		if got == 0 {
			return errors.Join(errShrunk, err)
		}
	}
	return nil
}

// Read implements io.Reader.
func (r *wireReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if err = r.fill(); err != nil {
			break
		}
		n += r.convert(p[n:])
	}
	message.ReplaceNUL(p[:n])
	if n > 0 {
		err = nil
	}
	return n, err
}

// convert moves what fits from chunk to p.
func (r *wireReader) convert(p []byte) (n int) {
	n, used, afterCR := message.CopyCRLF(p, r.chunk, r.afterCR)
	r.chunk, r.afterCR = r.chunk[used:], afterCR
	return n
}

// Left implements imap.Counted. It is for messages in memory, as the rest of others
// would have to be read for it.
func (r *wireReader) Left() int64 {
	r.fill() // gives all there is
	return message.WireSize(r.chunk, r.afterCR)
}

// guess is about what Left gives: lines of mail are of forty octets and more.
func (r *wireReader) guess() int64 {
	n := r.end - r.pos
	return n + n/48
}

// skip passes over n octets of the CRLF form and tells how many there were.
func (r *wireReader) skip(n int64) (skipped int64, err error) {
	for skipped < n {
		if err := r.fill(); err != nil {
			if err == io.EOF {
				return skipped, nil
			}
			return skipped, err
		}
		if size := r.chunkSize(); size <= n-skipped {
			skipped += size
			r.afterCR = r.chunk[len(r.chunk)-1] == '\r'
			r.chunk = nil
			continue
		}
		skipped += r.skipWithin(n - skipped)
	}
	return skipped, nil
}

// skipWithin comes nearer to a place that is within the chunk: it halves the
// chunk, and goes by octets when it is small.
func (r *wireReader) skipWithin(n int64) (skipped int64) {
	var scratch [512]byte
	middle := len(r.chunk) / 2
	if middle < len(scratch) {
		return int64(r.convert(scratch[:min(int64(len(scratch)), n)]))
	}
	rest := r.chunk[middle:]
	r.chunk = r.chunk[:middle]
	if size := r.chunkSize(); size <= n {
		r.afterCR = r.chunk[middle-1] == '\r'
		r.chunk = rest
		return size
	}
	r.pos -= int64(len(rest)) // it is read again
	return 0
}

// chunkSize is the size of chunk in CRLF form.
func (r *wireReader) chunkSize() int64 { return message.WireSize(r.chunk, r.afterCR) }

// place is where the reader stands, off octets of CRLF form behind from.
func (r *wireReader) place(from, off int64) wirePlace {
	return wirePlace{uid: r.m.uid, from: from, to: r.end, off: off, pos: r.pos - int64(len(r.chunk)), afterCR: r.afterCR}
}

// reader makes a reader that goes on from a place.
func (p wirePlace) reader(m *loaded) *wireReader {
	return &wireReader{m: m, pos: p.pos, end: p.to, afterCR: p.afterCR}
}

// unknownSize stands for the size of a range that nobody has counted yet.
const unknownSize = int64(-1)

const everything = int64(math.MaxInt64)

// uncounted reports whether a range is in memory whole: then its size is found while it
// is converted, in the same pass.
func (m *loaded) uncounted(e message.Extent, off, length int64) bool {
	return m.raw != nil && off == 0 && length == everything && e.Length > 0
}

// wire makes a range of the message, or a part of that range, ready to be sent:
// a reader and the exact number of octets that it will give, or unknownSize if that
// is found when it is sent. What the mailbox
// says about the size is not trusted here: a literal that is longer or shorter
// than announced ends the connection.
func (s *session) wire(m *loaded, e message.Extent, off, length int64) (*wireReader, int64, error) {
	switch {
	case m.uncounted(e, off, length):
		return newWireReader(m, e.Offset, e.End()), unknownSize, nil
	case off == 0 && length == everything && e.Size != unknownSize:
		return newWireReader(m, e.Offset, e.End()), e.Size, nil
	}
	at := wirePlace{uid: m.uid, from: e.Offset, to: e.End(), pos: e.Offset}
	if c := s.last.place; c.uid == at.uid && c.from == at.from && c.to == at.to && c.off <= off {
		at = c
	}
	r := at.reader(m)
	skipped, err := r.skip(off - at.off)
	if err != nil {
		return nil, 0, err
	}
	if skipped < off-at.off {
		return r, 0, nil // it begins behind the end
	}
	begin := r.place(e.Offset, off)
	size, err := r.skip(length)
	if err != nil {
		return nil, 0, err
	}
	if length != everything {
		s.last.place = r.place(e.Offset, off+size)
	}
	return begin.reader(m), size, nil
}
