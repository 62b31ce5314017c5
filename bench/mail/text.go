package mail

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

const poolSize = 384 << 10 // octets of text of each language

// A writer makes text of a language.
type writer struct {
	lang  language
	words []string // rarer ones behind
	zipf  *rand.Zipf
	rng   *rand.Rand
}

func newWriter(l language, rng *rand.Rand) *writer {
	w := &writer{lang: l, words: append([]string(nil), l.common...), rng: rng}
	for len(w.words) < 6000 {
		var b strings.Builder
		for range 2 + rng.IntN(3) {
			b.WriteString(l.syllables[rng.IntN(len(l.syllables))])
		}
		w.words = append(w.words, b.String())
	}
	w.zipf = rand.NewZipf(rng, 1.07, 4, uint64(len(w.words)-1))
	return w
}

func (w *writer) word() string { return w.words[w.zipf.Uint64()] }

// phrase is n words, the first with a capital letter, on one line.
func (w *writer) phrase(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = w.word()
	}
	return capital(strings.Join(list, w.lang.space))
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// paragraph is some sentences in lines of at most 72 characters.
func (w *writer) paragraph(dst []byte) []byte {
	column := 0
	for range 2 + w.rng.IntN(6) {
		n := 4 + w.rng.IntN(18)
		for i := range n {
			word := w.word()
			if i == 0 {
				word = capital(word)
			}
			if i == n-1 {
				word += w.lang.stop
			}
			width := utf8.RuneCountInString(word)
			switch {
			case column > 0 && column+width >= 72:
				dst, column = append(dst, '\n'), 0
			case column > 0:
				dst = append(dst, w.lang.space...)
				column += len(w.lang.space)
			}
			dst = append(dst, word...)
			column += width
		}
	}
	return append(dst, '\n', '\n')
}

// A pool is text in lines, of which messages take pieces.
type pool []byte

// piece is about size octets, beginning and ending with a line, from anywhere in
// the pool.
func (p pool) piece(rng *rand.Rand, size int) []byte {
	start := 0
	if room := len(p) - size; room > 0 {
		start = p.lineAt(rng.IntN(room))
	}
	return p[start:p.lineAt(start+size)]
}

// lineAt is where the first line begins that does not begin before i; the end of
// the pool if there is none.
func (p pool) lineAt(i int) int {
	if i <= 0 {
		return 0
	}
	if i >= len(p) {
		return len(p)
	}
	if j := bytes.IndexByte(p[i-1:], '\n'); j >= 0 {
		return i + j
	}
	return len(p)
}

// fill appends about size octets of the pool, in more than one piece where they
// are many.
func (p pool) fill(dst []byte, rng *rand.Rand, size int) []byte {
	for size > 0 {
		piece := p.piece(rng, min(size, 2000+rng.IntN(len(p)/2)))
		if len(piece) == 0 {
			break
		}
		dst = append(dst, piece...)
		size -= len(piece)
	}
	return dst
}

func textPool(w *writer) pool {
	p := make(pool, 0, poolSize+2000)
	for len(p) < poolSize {
		p = w.paragraph(p)
		if w.rng.IntN(40) == 0 {
			p = append(p, "From "+w.phrase(3)+"\n"...) // which an mbox has to quote
		}
		if w.rng.IntN(12) == 0 {
			p = append(p, "-- \n"+w.phrase(2)+"\n\n"...)
		}
	}
	return p
}
