package fulltext

import (
	"errors"
	"math/bits"
	"slices"
	"strings"

	"restante/mailstore"
	"restante/search"
)

// blobPrefix is what the names of segments begin with.
const blobPrefix = "fulltext."

// An Index is what there is of the index of one mailbox at a moment. It belongs to one
// goroutine, and is a search.Index.
type Index struct {
	blobs mailstore.Blobs
	segs  []*segment
}

var _ search.Index = (*Index)(nil)

// Open opens the index of a mailbox; where there is none, or it cannot be read, it is
// empty. What can be of no use any more is removed. Close it.
func Open(box mailstore.Mailbox) *Index {
	ix := &Index{blobs: box.Blobs()}
	if ix.blobs == nil {
		return ix
	}
	// A segment that is gone has become a part of another, which came before it went. If
	// that happens again and again, some messages have to be opened.
	for range 3 {
		ix.Close()
		if !ix.open(box.UIDValidity()) {
			break
		}
	}
	return ix
}

// open opens all segments. It reports whether one of them was gone.
func (ix *Index) open(validity uint32) (gone bool) {
	names, err := ix.blobs.List()
	if err != nil {
		return false
	}
	version := search.TextVersion()
	for _, name := range names {
		if !strings.HasPrefix(name, blobPrefix) {
			continue
		}
		blob, err := ix.blobs.Open(name)
		if err != nil {
			gone = gone || errors.Is(err, mailstore.ErrNotFound)
			continue
		}
		s, err := openSegment(blob, validity, version)
		if err != nil {
			_ = blob.Close() // it was only read
			ix.discard(name, err)
			continue
		}
		s.name = name
		ix.segs = append(ix.segs, s)
	}
	return gone
}

// discard removes a segment if it is one that no reading can make better.
func (ix *Index) discard(name string, err error) {
	if errors.Is(err, errDamaged) || errors.Is(err, errOther) {
		_ = ix.blobs.Remove(name) // else the next one who reads it does
	}
}

// drop does without a segment.
func (ix *Index) drop(s *segment, err error) {
	_ = s.Close() // it was only read
	ix.segs = slices.DeleteFunc(ix.segs, func(other *segment) bool { return other == s })
	ix.discard(s.name, err)
}

// Close gives the files back. What was found stays true.
func (ix *Index) Close() {
	for _, s := range ix.segs {
		_ = s.Close() // it was only read
	}
	ix.segs = nil
}

// Known returns the messages that are in the index.
func (ix *Index) Known() mailstore.UIDSet {
	switch len(ix.segs) {
	case 0:
		return nil
	case 1:
		return ix.segs[0].docs.uids
	}
	var ranges []mailstore.UIDRange
	for _, s := range ix.segs {
		ranges = append(ranges, s.docs.uids...)
	}
	return union(ranges)
}

// union makes a set of ranges in any order.
func union(ranges []mailstore.UIDRange) (set mailstore.UIDSet) {
	slices.SortFunc(ranges, func(a, b mailstore.UIDRange) int { return int(int64(a.First) - int64(b.First)) })
	for _, r := range ranges {
		set.AddRange(r.First, r.Last)
	}
	return set
}

// Find tells which messages are known, and which of them may have a text in one of the
// places.
func (ix *Index) Find(in search.Places, text []byte) (known, may mailstore.UIDSet) {
	grams := gramsOf(text)
	var ranges []mailstore.UIDRange
	for _, s := range slices.Clone(ix.segs) {
		found, err := s.match(in, grams)
		if err != nil {
			ix.drop(s, err)
			continue
		}
		ranges = s.docs.appendRanges(ranges, found)
	}
	return ix.Known(), union(ranges)
}

// maxGrams is how many grams of a text are looked up. So many say enough of it.
const maxGrams = 64

// gramsOf returns different grams of a text, rising, from all of its length.
func gramsOf(text []byte) []key {
	n := len(text) - search.MinText + 1
	list := make([]key, 0, min(n, maxGrams))
	for i := range cap(list) {
		at := i
		if n > maxGrams {
			at = i * (n - 1) / (maxGrams - 1)
		}
		list = append(list, gram(text[at:]))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func gram(b []byte) key { return key(b[0])<<16 | key(b[1])<<8 | key(b[2]) }

// match returns the messages that have all grams in one of the places.
func (s *segment) match(in search.Places, grams []key) (bitset, error) {
	found := newBitset(s.docs.n)
	for _, p := range []struct {
		place search.Places
		bit   key
	}{{search.InHeader, 0}, {search.InBody, inBody}} {
		if in&p.place == 0 {
			continue
		}
		here, err := s.all(grams, p.bit)
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i] |= here[i]
		}
	}
	return found, nil
}

// all returns the messages that have all grams in a place.
func (s *segment) all(grams []key, place key) (bitset, error) {
	found, one := newBitset(s.docs.n), newBitset(s.docs.n)
	found.fill(s.docs.n)
	for _, g := range grams {
		clear(one)
		if err := s.find(g|place, one); err != nil {
			return nil, err
		}
		if found.and(one) == 0 {
			break
		}
	}
	return found, nil
}

// appendRanges appends the UIDs of messages.
func (d docs) appendRanges(dst []mailstore.UIDRange, found bitset) []mailstore.UIDRange {
	i := 0
	for w, word := range found {
		for ; word != 0; word &= word - 1 {
			doc := w<<6 + bits.TrailingZeros64(word)
			for i+1 < len(d.rank) && d.rank[i+1] <= doc {
				i++
			}
			uid := d.uids[i].First + mailstore.UID(doc-d.rank[i])
			dst = append(dst, mailstore.UIDRange{First: uid, Last: uid})
		}
	}
	return dst
}
