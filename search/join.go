package search

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"restante/casemap"
)

// joiners knows which characters beyond ASCII can be part of what is found for the texts
// of a query that are ASCII: é for one that ends in e, as it becomes E and an accent, but
// for no other; a space without a break for one with a space; ideographs for none. So
// most text has none of them, and what is ASCII in it was looked at as it is written.
type joiners struct {
	first, last, any [utf8.RuneSelf]bool // octets of the texts, in their collation form
	known            [joinBlocks]bool
	join             [joinBlocks]uint64
	charsets         map[*charmap.Charmap]*[256]bool
	form             []byte
}

// joinBlocks is how many blocks of 64 characters are kept, each once it was met: all up
// to the ideographs.
const joinBlocks = firstIdeograph / 64

// Ideographs and syllables have no ASCII in them.
const (
	firstIdeograph, lastIdeograph = 0x3400, 0x9fff
	firstHangul, lastHangul       = 0xac00, 0xd7a3
)

// add takes a text of a query.
func (j *joiners) add(folded []byte) {
	j.first[folded[0]], j.last[folded[len(folded)-1]] = true, true
	for _, c := range folded {
		j.any[c] = true
	}
}

// may reports whether a character can be part of what is found.
func (j *joiners) may(r rune) bool {
	switch {
	case r < firstIdeograph:
		block, bit := r/64, uint64(1)<<(r%64)
		if !j.known[block] {
			j.learn(block)
		}
		return j.join[block]&bit != 0
	case r <= lastIdeograph, firstHangul <= r && r <= lastHangul:
		return false
	}
	return j.judge(r)
}

func (j *joiners) learn(block rune) {
	j.known[block] = true
	for i := range rune(64) {
		if j.judge(block*64 + i) {
			j.join[block] |= 1 << i
		}
	}
}

// judge looks at what a character becomes. Where that is not all ASCII, something can end
// in the ASCII at its beginning, begin in that at its end, or be in between.
func (j *joiners) judge(r rune) bool {
	j.form = casemap.Append(j.form[:0], string(r))
	begin := asciiRun(j.form)
	switch {
	case begin == len(j.form):
		return anyOf(&j.any, j.form)
	case anyOf(&j.last, j.form[:begin]):
		return true
	}
	return anyOf(&j.first, j.form[begin:])
}

func anyOf(set *[utf8.RuneSelf]bool, text []byte) bool {
	for _, c := range text {
		if c < utf8.RuneSelf && set[c] {
			return true
		}
	}
	return false
}

// next gives the place of the first character in UTF-8 text that can be part of what is
// found, len(text) if there is none.
func (j *joiners) next(text []byte) int {
	i := asciiRun(text)
	for i < len(text) {
		switch c := text[i]; {
		case c < utf8.RuneSelf:
			i += asciiRun(text[i:])
		case 0xc2 <= c && c < 0xe0 && i+1 < len(text) && text[i+1]&0xc0 == 0x80:
			if j.may(rune(c&0x1f)<<6 | rune(text[i+1]&0x3f)) {
				return i
			}
			i += 2
		default:
			r, size := utf8.DecodeRune(text[i:])
			if size > 1 && j.may(r) {
				return i
			}
			i += size
		}
	}
	return i
}

// apart reports whether no character in text of a charset can be part of what is found.
func (j *joiners) apart(charset *charmap.Charmap, text []byte) bool {
	table := j.charsets[charset]
	if table == nil {
		table = new([256]bool)
		for c := utf8.RuneSelf; c < len(table); c++ {
			table[c] = j.may(charset.DecodeByte(byte(c)))
		}
		if j.charsets == nil {
			j.charsets = make(map[*charmap.Charmap]*[256]bool)
		}
		j.charsets[charset] = table
	}
	for i := asciiRun(text); i < len(text); i++ {
		if table[text[i]] {
			return false
		}
	}
	return true
}

// near looks for the open texts, all of which are ASCII, where text, which is UTF-8, has
// characters beyond ASCII that may be part of them. What is ASCII alone has been looked
// at.
func (h *hunt) near(text []byte) {
	q := h.s.q
	j := q.joiners()
	for from := 0; len(h.open) > 0; {
		at := from + j.next(text[from:])
		if at == len(text) {
			return
		}
		start, end := max(at-h.keep, 0), at
		for more := true; more; {
			_, size := utf8.DecodeRune(text[at:])
			from = at + size
			end = min(from+h.keep, len(text))
			at = from + j.next(text[from:min(end+utf8.UTFMax-1, len(text))])
			more = at < end && end-start < textWindow
		}
		q.view = casemap.Append(q.view[:0], text[start:end])
		h.look(func(n *needle) bool { return bytes.Contains(q.view, n.folded) })
	}
}

// joiners gives those of the query's texts.
func (q *Query) joiners() *joiners {
	if q.joins == nil {
		q.joins = new(joiners)
		for _, n := range q.texts {
			if n.ascii != nil && len(n.folded) > 0 {
				q.joins.add(n.folded)
			}
		}
	}
	return q.joins
}
