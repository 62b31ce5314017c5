package index

import (
	"io"
	"slices"
	"strings"

	"restante/mailstore"
)

// decoder fills an empty index from the frames of a file.
type decoder[T any] struct {
	x     *Index[T]
	file  *dataFile[T]
	data  int64    // where the data of the file end
	words []uint32 // numbers in the file to numbers in the index
	sets  []mailstore.Keywords

	first  bool // a state has been seen
	state  state
	stamp  []byte
	end    int64  // behind the last state, or the open frame behind it
	chain  uint32 // of the frame that ends there
	base   int64  // behind the first state: the snapshot
	opened bool   // an open frame stands behind the last state
}

// pending is a frame that waits for a state.
type pending struct {
	kind    byte
	payload []byte
}

// read applies all frames up to the last state. errDamaged means that the index
// holds half of something and must not be used.
func (d *decoder[T]) read(r *frameReader) error {
	d.data = r.frames
	var wait []pending
	for {
		kind, payload, err := r.next()
		switch {
		case err == io.EOF && !d.first:
			return errDamaged
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case kind == frameState:
			for _, p := range wait {
				if !d.apply(p.kind, p.payload) {
					return errDamaged
				}
			}
			wait = wait[:0]
			if err := d.takeState(payload, r); err != nil {
				return err
			}
		case kind == frameOpen && len(wait) == 0 && d.first:
			d.opened, d.end, d.chain = true, r.pos, r.chain
		case d.first:
			wait = append(wait, pending{kind, append([]byte(nil), payload...)})
		case !d.apply(kind, payload):
			return errDamaged
		}
	}
}

func (d *decoder[T]) takeState(payload []byte, r *frameReader) error {
	s, stamp, ok := parseState(payload)
	if !ok || s.uidNext < d.x.uidNext {
		return errDamaged
	}
	d.state, d.stamp, d.opened = s, append([]byte(nil), stamp...), false
	d.x.uidNext = s.uidNext
	recent := d.x.counts.recent // the state counts those of its time
	d.x.counts = s.counts
	d.x.counts.recent = recent
	d.end, d.chain = r.pos, r.chain
	if !d.first {
		d.first, d.base = true, r.pos
	}
	return nil
}

// apply reports false when the frame makes no sense: its checksum is right, so
// a fault of the program that wrote it.
func (d *decoder[T]) apply(kind byte, b []byte) bool {
	switch kind {
	case frameWords:
		return d.keywords(b)
	case framePacks:
		return d.packs(b)
	case frameGone:
		return d.gone(b)
	case frameRecords:
		return d.records(b)
	}
	return false
}

// keywords takes a set. Before the first state the numbers in packs are those of
// the index too.
func (d *decoder[T]) keywords(b []byte) bool {
	if len(b) < wordsLen {
		return false
	}
	k := mailstore.NewFlags(0, strings.Fields(string(b[wordsLen:]))...).Keywords
	d.sets = append(d.sets, k)
	d.words = append(d.words, d.x.words.of(k))
	no := d.words[len(d.words)-1]
	d.x.words.count(no, le.Uint32(b))
	return d.first || int(no) == len(d.words)
}

// packs takes records as they are. Their data stay where they are.
func (d *decoder[T]) packs(b []byte) bool {
	if d.first {
		return false
	}
	x, c, n := d.x, &d.x.entries, 0
	for rest, ok := b, true; len(rest) > 0; n++ {
		if _, rest, ok = cutPack(rest); !ok {
			return false
		}
	}
	c.list = slices.Grow(c.list, n)
	left := make([]unread[T], n) // in one piece, as there are many
	for i := range left {
		p, rest, _ := cutPack(b)
		if p.uid(0) < x.uidNext || !d.holds(p) {
			return false
		}
		left[i] = unread[T]{file: d.file, pack: p}
		c.list = append(c.list, piece[T]{pack: p, unread: &left[i]})
		c.list[len(c.list)-1].top.raiseFrom(0, p.top())
		c.n += p.n()
		x.counts.recent += uint32(p.recent())
		x.uidNext = p.last() + 1
		b = rest
	}
	return true
}

// holds reports whether the file has the data of a pack.
func (d *decoder[T]) holds(p pack) bool {
	ref := p.ref()
	return ref.place >= indexHeader && ref.place <= d.data && int64(ref.size) <= d.data-ref.place && int(ref.size) >= 2*p.n()
}

func (d *decoder[T]) gone(b []byte) bool {
	if len(b)%goneLen != 0 {
		return false
	}
	for ; len(b) > 0; b = b[goneLen:] {
		r := goneRange{mailstore.UID(le.Uint32(b)), mailstore.UID(le.Uint32(b[4:])), le.Uint64(b[8:])}
		if r.first == 0 || r.last < r.first {
			return false
		}
		if n := len(d.x.gone.ranges); n > 0 && d.x.gone.ranges[n-1].modSeq > r.modSeq {
			return false
		}
		d.x.gone.add(r)
		d.expunge(r)
	}
	return true
}

func (d *decoder[T]) expunge(r goneRange) {
	x := d.x
	if r.first >= x.uidNext {
		return
	}
	var uids []mailstore.UID
	for p, j := range x.entries.from(r.first, r.last) {
		uids = append(uids, p.uid(j))
	}
	for _, uid := range uids {
		if s, found := x.entries.remove(uid); found {
			x.count(&s, -1)
		}
	}
}

func (d *decoder[T]) records(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	n := int(le.Uint32(b))
	if b = b[4:]; n > len(b)/recordLen {
		return false
	}
	recs := b[:n*recordLen]
	text := string(b[n*recordLen:]) // one string for the data of all
	for ; len(recs) > 0; recs = recs[recordLen:] {
		r := (*[recordLen]byte)(recs)
		size := int(le.Uint16(r[38:]))
		if size == noDatum {
			if !d.keepDatum(r) {
				return false
			}
			continue
		}
		if size > len(text) {
			return false
		}
		data, err := d.file.codec.Decode(text[:size])
		if err != nil || !d.record(r, data, len(recs)/recordLen) {
			return false
		}
		text = text[size:]
	}
	return text == ""
}

// record takes a record: a new message, or another state of one that is there. It
// is false when the record cannot be right.
func (d *decoder[T]) record(r *[recordLen]byte, data T, expect int) bool {
	x := d.x
	s, ok := d.slot(r)
	if !ok {
		return false
	}
	if d.file.codec.Recent(data) {
		s.system |= mailstore.Recent
	}
	if s.uid >= x.uidNext {
		x.entries.add(s, data, expect)
		x.count(&s, 1)
		x.uidNext = s.uid + 1
		return true
	}
	p, j := x.entries.place(s.uid)
	if p == nil {
		return false
	}
	p.setDatum(j, data)
	d.replace(s)
	return true
}

// keepDatum takes another state of a message whose datum is what it was.
func (d *decoder[T]) keepDatum(r *[recordLen]byte) bool {
	s, ok := d.slot(r)
	old, found := d.x.entries.get(s.uid)
	if !ok || !found {
		return false
	}
	s.system |= old.system & mailstore.Recent
	d.replace(s)
	return true
}

func (d *decoder[T]) replace(s slot) {
	old := d.x.entries.edit(s.uid, s.modSeq)
	d.x.count(old, -1)
	*old = s
	d.x.count(old, 1)
}

// slot returns what a record says but for its datum; it is false when it cannot be
// right.
func (d *decoder[T]) slot(r *[recordLen]byte) (slot, bool) {
	s := slot{
		uid: mailstore.UID(le.Uint32(r[0:])), words: le.Uint32(r[4:]), modSeq: le.Uint64(r[8:]),
		date: int64(le.Uint64(r[16:])), size: int64(le.Uint64(r[24:])),
		summary: le.Uint32(r[32:]), system: mailstore.System(r[36]) &^ mailstore.Recent,
	}
	if s.uid == 0 || s.uid == mailstore.MaxUID || s.modSeq >= 1<<63 || uint64(s.words) > uint64(len(d.words)) {
		return slot{}, false
	}
	if s.words > 0 {
		s.words = d.words[s.words-1]
	}
	return s, true
}
