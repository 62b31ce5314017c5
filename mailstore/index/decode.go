package index

import (
	"io"
	"strings"

	"restante/mailstore"
)

// decoder fills an empty index from the frames of a file.
type decoder[T any] struct {
	x     *Index[T]
	codec Codec[T]
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
		k := mailstore.NewFlags(0, strings.Fields(string(b))...).Keywords
		d.sets = append(d.sets, k)
		d.words = append(d.words, d.x.words.of(k))
		return true
	case frameGone:
		return d.gone(b)
	case frameRecords:
		return d.records(b)
	}
	return false
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
	for s := range x.entries.from(r.first, r.last) {
		uids = append(uids, s.uid)
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
		if size > len(text) {
			return false
		}
		data, recent, err := d.codec.Decode(text[:size])
		if err != nil {
			return false
		}
		text = text[size:]
		s := d.slot(r, len(recs)/recordLen)
		if s == nil {
			return false
		}
		s.data = data
		if recent {
			s.system |= mailstore.Recent
		}
		d.x.count(s, 1)
	}
	return text == ""
}

// slot returns the slot of a record, a new one or the one that it replaces, with
// everything in it but the datum; nil when the record cannot be right.
func (d *decoder[T]) slot(r *[recordLen]byte, expect int) *slot[T] {
	x := d.x
	uid, modSeq, words := mailstore.UID(le.Uint32(r[0:])), le.Uint64(r[8:]), le.Uint32(r[4:])
	if uid == 0 || uid == mailstore.MaxUID || modSeq >= 1<<63 || uint64(words) > uint64(len(d.words)) {
		return nil
	}
	if words > 0 {
		words = d.words[words-1]
	}
	var s *slot[T]
	if uid >= x.uidNext {
		s = x.entries.add(modSeq, expect)
		x.uidNext = uid + 1
	} else {
		if s = x.entries.touch(uid, modSeq); s == nil {
			return nil
		}
		x.count(s, -1)
	}
	s.uid, s.words, s.modSeq = uid, words, modSeq
	s.date, s.size = int64(le.Uint64(r[16:])), int64(le.Uint64(r[24:]))
	s.summary, s.system = le.Uint32(r[32:]), mailstore.System(r[36])&^mailstore.Recent
	return s
}
