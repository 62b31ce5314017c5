package search

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"restante/casemap"
	"restante/mailstore"
	"restante/message"
)

// TextVersion names what Texts gives of a message: an index of another version must
// not be asked. Its number changes whenever a search may look at other text than
// before, however slightly.
func TextVersion() string { return fmt.Sprintf("1 %s %s", unicode.Version, norm.Version) }

// Texts takes the text of messages apart for an Index. It belongs to one goroutine;
// the zero value is ready.
type Texts struct {
	q       Query // whose buffers are used
	s       source
	emit    func(in Places, text []byte)
	decoder message.HeaderDecoder
	err     error
}

// overlap is how much of a text is given again with what follows.
const overlap = MinText - 1

// Read gives all text of a message that a Query may look at, in the form in which it is
// compared, to emit: from where a text is found, all of it stands in what was given for
// that place. A long text comes in pieces, each of which begins with the last two octets
// of the one before; what is given is good until emit returns. After an error some text
// is missing.
func (t *Texts) Read(ctx context.Context, box mailstore.Mailbox, uid mailstore.UID, emit func(in Places, text []byte)) error {
	msg, err := box.OpenMessage(ctx, uid)
	if err != nil {
		return err
	}
	defer msg.Close()
	t.s, t.emit, t.err = source{Message: msg, q: &t.q, box: box, uid: uid}, emit, nil
	root, err := t.s.scan()
	if err != nil {
		return err
	}
	head, err := t.s.header()
	if err != nil {
		return err
	}
	t.fields(head)
	for _, value := range message.Fields(head) {
		t.field(value)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		// A summary has another octet for it (message.ReplaceNUL).
		t.fields(message.ReplaceNUL(bytes.Clone(head)))
	}
	walkContent(t, root)
	return t.err
}

// over is a visitor's.
func (t *Texts) over() bool { return t.err != nil }

// header is a visitor's: single fields are not looked for in parts.
func (t *Texts) header(p *message.Part) {
	raw, err := t.s.partHeader(p)
	if err != nil {
		t.err = err
		return
	}
	t.fields(raw)
}

// fields gives the fields of a header with their names.
func (t *Texts) fields(header []byte) {
	for len(header) > 0 {
		var field []byte
		field, header = cutField(header)
		t.field(field)
	}
}

// field gives a field, or its value, as needle.inField looks at it.
func (t *Texts) field(raw []byte) {
	var plain bool
	t.q.line, plain = plainField(t.q.line[:0], raw)
	if !plain {
		t.q.line = t.decoder.Append(t.q.line[:0], raw)
	}
	t.fold(InHeader, t.q.line)
}

// body is a visitor's: the text of a part, as hunt.body looks at it.
func (t *Texts) body(p *message.Part) {
	if p.Body.Length > wholeMessage {
		t.stream(p)
		return
	}
	q := &t.q
	text, err := t.s.bytes(p.Body.Offset, p.Body.Length)
	if err != nil {
		t.err = err
		return
	}
	if p.Encoded() {
		q.body = p.AppendBody(q.body[:0], text)
		text = q.body
	}
	if asciiBased(p) {
		t.fold(InBody, text)
		if !hasHigh(text) {
			return
		}
	}
	if q.utf8 = p.AppendText(q.utf8[:0], text); !asciiBased(p) || !bytes.Equal(q.utf8, text) {
		t.fold(InBody, q.utf8)
	}
}

// fold gives a text that is at hand.
func (t *Texts) fold(in Places, text []byte) {
	for view := t.q.view[:0]; len(text) > 0; {
		n := len(text)
		if n > textWindow {
			n = wholeRunes(text[:textWindow])
		}
		view = t.give(in, view, text[:n])
		text = text[n:]
	}
}

// give folds text behind what is in view already, and returns what has to stand in
// front of the text that follows.
func (t *Texts) give(in Places, view, text []byte) []byte {
	view = casemap.Append(view, text)
	t.emit(in, view)
	t.q.view = view
	return append(view[:0], view[max(len(view)-overlap, 0):]...)
}

// stream gives the text of a part that is not held whole.
func (t *Texts) stream(p *message.Part) {
	body := func() io.Reader { return t.s.section(p.Body.Offset, p.Body.Length) }
	if !asciiBased(p) || t.streamed(p.DecodeBody(body())) {
		t.streamed(p.DecodeText(body()))
	}
}

// streamed gives text as it is read, and reports whether there is something beyond
// ASCII.
func (t *Texts) streamed(r io.Reader) (high bool) {
	q, cut := &t.q, 0 // cut octets begin a character that goes on in what comes next
	if q.raw == nil {
		q.raw = make([]byte, textWindow)
	}
	for view := q.view[:0]; ; {
		n, err := io.ReadFull(r, q.raw[cut:])
		raw, end := q.raw[:cut+n], err != nil
		if end && err != io.EOF && err != io.ErrUnexpectedEOF {
			t.err = err
			return false
		}
		whole := len(raw)
		if !end {
			whole = wholeRunes(raw)
		}
		high = high || hasHigh(raw)
		view = t.give(InBody, view, raw[:whole])
		cut = copy(q.raw, raw[whole:])
		if end {
			return high
		}
	}
}
