package search

import (
	"bytes"
	"io"
	"slices"

	"restante/casemap"
	"restante/message"
)

// A hunt is a walk over the parts of a message, looking for the texts of a query
// that have not been found yet. It ends as soon as all are found.
//
// What is looked for is compared in its collation form, but nearly all mail is
// ASCII and so are nearly all words. Therefore text that is ASCII is looked at
// as it is: nothing but ASCII can be found in it. Of a part that has more, what stands
// near characters that can be part of a word of ASCII is brought into its collation
// form (joiners), and all of it only for other words.
type hunt struct {
	s     *source
	found []bool
	open  []*needle // those that are not found
	keep  int       // how much of a text has to be seen together with what follows
	err   error
}

// search looks for all texts of the query in the message, once, but not in its
// header, which came first: what was found there is found.
func (s *source) search() error {
	root, err := s.scan()
	if err != nil {
		return err
	}
	h := &s.q.hunt
	*h = hunt{s: s, found: s.q.found, open: s.q.open[:0]}
	for i, n := range s.q.texts {
		if !h.found[i] && len(n.folded) > 0 && !n.rulesOut(s.uid) && n.recall(s.uid) == maybe {
			h.open = append(h.open, n)
			h.keep = max(h.keep, len(n.folded)-1)
		}
	}
	s.q.open = h.open
	walkContent(h, root)
	return h.err
}

// look looks for the open texts, each in the way that is given.
func (h *hunt) look(in func(n *needle) bool) {
	h.open = slices.DeleteFunc(h.open, func(n *needle) bool {
		h.found[n.index] = in(n)
		return h.found[n.index]
	})
}

// over reports whether there is nothing left to look for.
func (h *hunt) over() bool { return h.err != nil || len(h.open) == 0 }

// header looks into the header of a part.
func (h *hunt) header(p *message.Part) {
	if !slices.ContainsFunc(h.open, func(n *needle) bool { return n.inHeaders }) {
		return
	}
	raw, err := h.s.partHeader(p)
	if err != nil {
		h.err = err
		return
	}
	h.look(func(n *needle) bool { return n.inHeaders && n.inHeader(raw) })
}

// body looks into the text of a part.
func (h *hunt) body(p *message.Part) {
	if p.Body.Length <= wholeMessage {
		text, err := h.s.bytes(p.Body.Offset, p.Body.Length)
		if err != nil {
			h.err = err
			return
		}
		h.held(p, text)
		return
	}
	body := func() io.Reader { return h.s.section(p.Body.Offset, p.Body.Length) }
	if !asciiBased(p) || h.stream(p.DecodeBody(body()), false) {
		h.stream(p.DecodeText(body()), true)
	}
}

// held looks into a body that is at hand.
func (h *hunt) held(p *message.Part, text []byte) {
	q := h.s.q
	if p.Encoded() {
		q.body = p.AppendBody(q.body[:0], text)
		text = q.body
	}
	based, plain := asciiBased(p), !slices.ContainsFunc(h.open, func(n *needle) bool { return n.ascii == nil })
	if based {
		h.look(func(n *needle) bool { return n.inRaw(text) })
		if len(h.open) == 0 || !hasHigh(text) {
			return
		}
		if charset := p.Charmap(); plain && charset != nil && q.joiners().apart(charset, text) {
			return
		}
	}
	if !p.IsText(text) {
		q.utf8 = p.AppendText(q.utf8[:0], text)
		text = q.utf8
	}
	if !plain {
		h.fold(text)
		return
	}
	if !based {
		h.look(func(n *needle) bool { return n.inRaw(text) })
	}
	h.near(text)
}

// fold looks into the collation form of UTF-8 text, piece by piece.
func (h *hunt) fold(text []byte) {
	view := h.s.q.view[:0]
	for len(text) > 0 && len(h.open) > 0 {
		n := len(text)
		if n > textWindow {
			n = wholeRunes(text[:textWindow])
		}
		view = h.see(casemap.Append(view, text[:n]), true)
		text = text[n:]
	}
	h.s.q.view = view
}

// see looks for the open texts in a window on a text, which is folded or as it is
// written, and returns what has to stand in front of the next window.
func (h *hunt) see(view []byte, folded bool) []byte {
	if folded {
		h.look(func(n *needle) bool { return bytes.Contains(view, n.folded) })
	} else {
		h.look(func(n *needle) bool { return n.inRaw(view) })
	}
	return append(view[:0], view[max(len(view)-h.keep, 0):]...)
}

const textWindow = 64 << 10

// stream looks into a text, which with fold is UTF-8 and folded on the way. It
// reports whether texts are left and there is something beyond ASCII.
func (h *hunt) stream(r io.Reader, fold bool) (high bool) {
	q, cut := h.s.q, 0 // cut octets begin a character that goes on in what comes next
	if q.raw == nil {
		q.raw = make([]byte, textWindow)
	}
	view := q.view[:0]
	for len(h.open) > 0 {
		n, err := io.ReadFull(r, q.raw[cut:])
		raw, end := q.raw[:cut+n], err != nil
		if end && err != io.EOF && err != io.ErrUnexpectedEOF {
			h.err = err
			return false
		}
		whole := len(raw)
		if fold && !end {
			whole = wholeRunes(raw)
		}
		if fold {
			view = casemap.Append(view, raw[:whole])
		} else {
			high = high || hasHigh(raw)
			view = append(view, raw...)
		}
		view = h.see(view, fold)
		cut = copy(q.raw, raw[whole:])
		if end {
			break
		}
	}
	q.view = view
	return high && len(h.open) > 0
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
