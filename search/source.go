package search

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"restante/casemap"
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
}

const (
	// wholeMessage is up to what size a message is read at once.
	wholeMessage = 1 << 20
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
func (s *source) header() ([]byte, error) {
	if s.done {
		return s.head, nil
	}
	head, _, err := ReadHeader(s, s.Len(), nil)
	s.head, s.done = head, err == nil
	return head, err
}

// section gives a range of the message.
func (s *source) section(off, n int64) io.Reader {
	if s.all != nil {
		return bytes.NewReader(s.all[off : off+n])
	}
	return io.NewSectionReader(s, off, n)
}

// scan gives the message's structure. A message that is not too large is read
// once and kept for the search.
func (s *source) scan() (*message.Part, error) {
	if size := s.Len(); size <= wholeMessage {
		s.q.buf = slices.Grow(s.q.buf[:0], int(size))[:size]
		if _, err := s.ReadAt(s.q.buf, 0); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		s.all = s.q.buf
	}
	return message.Scan(s.section(0, s.Len()))
}

// id reads the message for its identity. What that brings to light is kept, so that
// the next search reads nothing.
func (s *source) id() (message.ID, error) {
	root, id, err := message.ScanID(s.section(0, s.Len()))
	if err != nil {
		return message.ID{}, err
	}
	if s.box.Summaries() != nil {
		if sum, ok := message.AppendSummary(nil, root, id, s); ok {
			s.box.PutSummary(s.uid, sum)
		}
	}
	return id, nil
}

// search looks for all texts of the query in the message, once.
func (s *source) search(found []bool) error {
	root, err := s.scan()
	if err != nil {
		return err
	}
	h := hunt{s: s, found: found}
	for i, n := range s.q.texts {
		found[i] = len(n.folded) == 0
	}
	h.part(root)
	return h.err
}

// A hunt is a walk over the parts of a message, looking for the texts that have
// not been found yet.
type hunt struct {
	s     *source
	found []bool
	err   error
}

// open gives the texts that are still to be found, in headers or everywhere.
func (h *hunt) open(inHeader bool) []*needle {
	var list []*needle
	for i, n := range h.s.q.texts {
		if !h.found[i] && (n.inHeaders || !inHeader) {
			list = append(list, n)
		}
	}
	return list
}

func (h *hunt) part(p *message.Part) {
	if h.err != nil || len(h.open(false)) == 0 {
		return
	}
	h.header(p)
	switch {
	case p.Multipart():
		for _, child := range p.Parts {
			h.part(child)
		}
	case p.Message != nil:
		h.part(p.Message)
	case isText(p):
		h.body(p)
	}
}

// isText reports whether a part holds text to be read: text of all kinds and
// reports such as message/delivery-status.
func isText(p *message.Part) bool { return p.Is("text", "") || p.Is("message", "") }

func (h *hunt) header(p *message.Part) {
	open := h.open(true)
	if len(open) == 0 {
		return
	}
	raw := p.RawHeader
	if raw == nil {
		var err error
		raw, err = io.ReadAll(h.s.section(p.Header.Offset, min(p.Header.Length, message.MaxRawHeader)))
		if err != nil {
			h.err = err
			return
		}
	}
	for _, n := range open {
		h.found[n.index] = n.inHeader(raw)
	}
}

// body looks into the decoded text of a part. Where all that is looked for is
// ASCII and the charset has ASCII as its lower half, text of ASCII need not be
// decoded from its charset, and often nothing has to be.
func (h *hunt) body(p *message.Part) {
	open := h.open(false)
	raw := func() io.Reader { return h.s.section(p.Body.Offset, p.Body.Length) }
	if asciiBased(p) && !slices.ContainsFunc(open, func(n *needle) bool { return n.ascii == nil }) {
		var high bool
		if h.s.all != nil && plainEncodings[p.Encoding] {
			text := h.s.all[p.Body.Offset:p.Body.End()]
			open = h.look(text, open, false)
			high = len(open) > 0 && hasHigh(text)
		} else {
			open, high = h.stream(p.DecodeBody(raw()), open, false)
		}
		if !high {
			return
		}
	}
	if len(open) > 0 && h.err == nil {
		h.stream(p.DecodeText(raw()), open, true)
	}
}

// plainEncodings change nothing.
var plainEncodings = map[string]bool{"7bit": true, "8bit": true, "binary": true}

// look looks for needles in a piece of text and returns those not found. Folded
// tells that text has been folded.
func (h *hunt) look(text []byte, open []*needle, folded bool) []*needle {
	return slices.DeleteFunc(open, func(n *needle) bool {
		h.found[n.index] = folded && bytes.Contains(text, n.folded) || !folded && n.inRaw(text)
		return h.found[n.index]
	})
}

const textWindow = 64 << 10

// stream reads text through a window that keeps enough of what went by for a
// needle that stands across two reads. With fold the text is UTF-8 and folded
// on the way. It returns the needles that were not found, and whether there is
// anything beyond ASCII.
func (h *hunt) stream(r io.Reader, open []*needle, fold bool) (left []*needle, high bool) {
	q, keep := h.s.q, 0
	for _, n := range open {
		keep = max(keep, len(n.folded)-1)
	}
	if q.raw == nil {
		q.raw = make([]byte, textWindow)
	}
	raw, text := q.raw[:0], q.view[:0]
	defer func() { q.view = text[:0] }()
	for {
		n, err := io.ReadFull(r, raw[len(raw):cap(raw)])
		raw = raw[:len(raw)+n]
		end := err != nil
		if end && err != io.EOF && err != io.ErrUnexpectedEOF {
			h.err = err
			return open, high
		}
		whole := len(raw)
		switch {
		case !fold:
			high = high || hasHigh(raw)
			text = append(text, raw...)
		case end:
			text = casemap.Append(text, raw)
		default:
			whole = wholeRunes(raw)
			text = casemap.Append(text, raw[:whole])
		}
		raw = append(raw[:0], raw[whole:]...)
		open = h.look(text, open, fold)
		if end || len(open) == 0 {
			return open, high
		}
		text = append(text[:0], text[max(len(text)-keep, 0):]...)
	}
}

// wholeRunes is how much of b there is without a character that is cut at the
// end.
func wholeRunes(b []byte) int {
	for n := 1; n < 4 && n <= len(b); n++ {
		c := b[len(b)-n]
		if c < 0x80 {
			return len(b)
		}
		if c >= 0xc0 {
			return len(b) - n
		}
	}
	return len(b)
}

// asciiBased reports whether octets below 0x80 mean ASCII wherever they stand in
// the charset of p.
func asciiBased(p *message.Part) bool {
	charset, _ := p.Param("charset")
	charset = strings.ToLower(charset)
	for _, prefix := range [...]string{"iso-8859-", "windows-125", "koi8-"} {
		if strings.HasPrefix(charset, prefix) {
			return true
		}
	}
	return charset == "" || charset == "utf-8" || charset == "us-ascii"
}
