package fulltext

import (
	"slices"

	"restante/mailstore"
	"restante/search"
)

// maxPairs is how many grams of messages are held while a segment is being made: 16 MB,
// with what sorting them takes. A message that has more by itself is let in all the same;
// it cannot have more than there are grams.
const maxPairs = 1 << 20

// A builder takes the grams of messages, whose UIDs rise, until they are written.
type builder struct {
	seen  []uint64 // which keys the message has, a bit for each
	keys  []key    // and as a list
	pairs []pair
	other []pair // for sorting
	uids  mailstore.UIDSet
	n     int
	max   int // pairs
}

// pair says that a message has a key.
type pair struct {
	key key
	doc uint32
}

func newBuilder() *builder { return &builder{seen: make([]uint64, maxKeys/64)} }

// text takes a text of the message that is next.
func (b *builder) text(in search.Places, text []byte) {
	if len(text) < search.MinText {
		return
	}
	k := key(text[0])<<8 | key(text[1])
	place := key(0)
	if in == search.InBody {
		place = inBody
	}
	for _, c := range text[2:] {
		k = (k<<8 | key(c)) & (inBody - 1)
		full := k | place
		if word := &b.seen[full>>6]; *word&(1<<(full&63)) == 0 {
			*word |= 1 << (full & 63)
			b.keys = append(b.keys, full)
		}
	}
}

// end makes the message one of the segment, or with !keep forgets it.
func (b *builder) end(uid mailstore.UID, keep bool) {
	for _, k := range b.keys {
		b.seen[k>>6] = 0
		if keep {
			b.pairs = append(b.pairs, pair{k, uint32(b.n)})
		}
	}
	b.keys = b.keys[:0]
	if keep {
		b.uids.Add(uid)
		b.n++
	}
}

func (b *builder) full() bool { return len(b.pairs) >= b.max || b.n >= maxDocs }

// reset forgets what was written.
func (b *builder) reset() { b.pairs, b.uids, b.n = b.pairs[:0], nil, 0 }

// write writes the segment.
func (b *builder) write(w *writer) error {
	b.sort()
	var list []uint16
	for i := 0; i < len(b.pairs); {
		k := b.pairs[i].key
		for list = list[:0]; i < len(b.pairs) && b.pairs[i].key == k; i++ {
			list = append(list, uint16(b.pairs[i].doc))
		}
		w.add(k, list)
	}
	return w.end()
}

// sort puts the pairs into the order of their keys; those of one key stay in theirs. It
// counts the values of half of a key at a time.
func (b *builder) sort() {
	const half = 13
	b.other = slices.Grow(b.other[:0], len(b.pairs))[:len(b.pairs)]
	for shift := 0; shift < 2*half; shift += half {
		var at [1 << half]uint32
		for _, p := range b.pairs {
			at[p.key>>shift&(1<<half-1)]++
		}
		sum := uint32(0)
		for i, n := range at {
			at[i], sum = sum, sum+n
		}
		for _, p := range b.pairs {
			i := p.key >> shift & (1<<half - 1)
			b.other[at[i]] = p
			at[i]++
		}
		b.pairs, b.other = b.other, b.pairs
	}
}
