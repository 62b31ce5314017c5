package search

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"restante/mailstore"
	"restante/message"
)

// A source is an open message, read as far as it is needed.
type source struct {
	mailstore.Message
	q    *Query
	all  []byte // the whole message, if it was small enough to be read at once
	head []byte
	done bool // head is read

	box mailstore.Mailbox // whose message it is
	uid mailstore.UID

	knows message.Knowledge // of its summary
}

const (
	// wholeMessage is up to what size a message is read at once.
	wholeMessage = 1 << 20
	// smallMessage is up to what size this costs little more than to read its
	// header.
	smallMessage = 32 << 10
	firstRead    = 8 << 10
)

// ReadHeader returns the header of a stored message with the blank line that
// ends it, of a longer one the first message.MaxRawHeader octets; buf is used if
// it is large enough. Nothing of the body is read but what stands in the same
// piece.
func ReadHeader(r io.ReaderAt, size int64, buf []byte) (header []byte, complete bool, err error) {
	buf = buf[:0]
	for want := int64(firstRead); ; want *= 4 {
		want = min(want, size, message.MaxRawHeader)
		have := len(buf)
		buf = slices.Grow(buf, int(want)-have)[:want]
		n, err := r.ReadAt(buf[have:], int64(have))
		if err != nil && !(errors.Is(err, io.EOF) && have+n == int(want)) {
			return nil, false, err
		}
		if end := headerEnd(buf, max(have-3, 0)); end >= 0 {
			return buf[:end], true, nil
		}
		if want == size || want == message.MaxRawHeader {
			return buf, want == size, nil
		}
	}
}

// headerEnd finds the end of the blank line, looking from a place on; -1 if
// there is none.
func headerEnd(b []byte, from int) int {
	if from == 0 {
		if bytes.HasPrefix(b, []byte("\n")) {
			return 1
		}
		if bytes.HasPrefix(b, []byte("\r\n")) {
			return 2
		}
	}
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		if rest := b[from:]; len(rest) > 0 && rest[0] == '\n' {
			return from + 1
		} else if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return from + 2
		}
	}
}

// header gives the message's header.
func (s *source) header() (head []byte, err error) {
	switch {
	case s.done:
	case s.all != nil || len(s.q.texts) > 0 && s.Len() <= smallMessage:
		// Most likely the rest is wanted, too: what is looked for is seldom there.
		if err := s.readAll(); err != nil {
			return nil, err
		}
		s.head = s.all
		if end := headerEnd(s.all, 0); end >= 0 {
			s.head = s.all[:end]
		}
	default:
		if s.head, _, err = ReadHeader(s, s.Len(), s.q.head); err != nil {
			return nil, err
		}
		s.q.head = s.head
	}
	s.done = true
	return s.head, nil
}

// readAll reads the whole message, once.
func (s *source) readAll() error {
	if s.all != nil {
		return nil
	}
	size := s.Len()
	s.q.all = slices.Grow(s.q.all[:0], int(size))[:size]
	if _, err := s.ReadAt(s.q.all, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.all = s.q.all
	return nil
}

// section gives a range of the message.
func (s *source) section(off, n int64) io.Reader { return io.NewSectionReader(s, off, n) }

// bytes gives a range of the message, until the next call.
func (s *source) bytes(off, n int64) ([]byte, error) {
	if s.all != nil {
		return s.all[off : off+n], nil
	}
	s.q.all = slices.Grow(s.q.all[:0], int(n))[:n]
	if got, err := s.ReadAt(s.q.all, off); err != nil && !(errors.Is(err, io.EOF) && got == int(n)) {
		return nil, err
	}
	return s.q.all, nil
}

// scan gives the message's structure. A message that is not too large is read
// once and kept for the search.
func (s *source) scan() (*message.Part, error) {
	if s.Len() > wholeMessage {
		return message.Scan(s.section(0, s.Len()))
	}
	if err := s.readAll(); err != nil {
		return nil, err
	}
	return message.ScanBytes(s.all), nil
}

// id reads the message for its identity. It is kept, with all that was, so that the
// next search reads nothing.
func (s *source) id() (message.ID, error) {
	root, id, err := message.ScanID(s.section(0, s.Len()))
	if err != nil {
		return message.ID{}, err
	}
	if s.box.Summaries() != nil {
		if sum, ok := message.AppendSummary(nil, s.knows|message.KnowsID, root, id, s); ok {
			s.box.PutSummary(s.uid, sum)
		}
	}
	return id, nil
}
