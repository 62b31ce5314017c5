package fulltext

import (
	"context"
	"io"
	"math/bits"
	"slices"

	"restante/mailstore"
)

// fan is how many segments of about the same size there may be before they become one.
const fan = 8

// tier is a segment's size, in powers of eight.
func (s *segment) tier() int { return bits.Len64(uint64(s.Len())>>16) / 3 }

// tidy removes segments that are of no use any more and makes few of many; with whole as
// few as can be.
func (u *updater) tidy(ctx context.Context, whole bool) error {
	u.removeDead()
	for {
		list := u.pick(whole)
		if len(list) == 0 {
			return nil
		}
		if err := u.merge(ctx, list); err != nil {
			return err
		}
	}
}

// removeDead removes segments whose messages have gone or stand in others too.
func (u *updater) removeDead() {
	for i := 0; i < len(u.ix.segs); {
		s := u.ix.segs[i]
		var others []mailstore.UIDRange
		for _, other := range u.ix.segs {
			if other != s {
				others = append(others, other.docs.uids...)
			}
		}
		left := intersect(s.docs.uids, u.live)
		if count(intersect(left, union(others))) < count(left) {
			i++
			continue
		}
		u.remove(s)
	}
}

// remove does without a segment and removes it.
func (u *updater) remove(s *segment) {
	u.ix.drop(s, nil)
	_ = u.ix.blobs.Remove(s.name) // what is left tells nothing wrong
}

// pick chooses segments to be written anew as one; none when all is well.
func (u *updater) pick(whole bool) []*segment {
	tiers := make(map[int][]*segment)
	for _, s := range u.ix.segs {
		left := u.left(s)
		switch {
		case 2*left <= s.docs.n:
			return []*segment{s} // half of it is of messages that are gone
		case left > maxDocs/2:
		case whole:
			tiers[0] = append(tiers[0], s)
		default:
			tiers[s.tier()] = append(tiers[s.tier()], s)
		}
	}
	few := fan
	if whole {
		few = 2
	}
	for _, list := range tiers {
		if len(list) < few {
			continue
		}
		n := 0
		for i, s := range list {
			if n += u.left(s); n > maxDocs {
				return list[:i]
			}
		}
		return list
	}
	return nil
}

// left is how many messages of a segment are still there.
func (u *updater) left(s *segment) int { return count(intersect(s.docs.uids, u.live)) }

func count(set mailstore.UIDSet) int { return int(set.Len()) }

// intersect returns what is in both sets.
func intersect(a, b mailstore.UIDSet) (both mailstore.UIDSet) {
	for len(a) > 0 && len(b) > 0 {
		first, last := max(a[0].First, b[0].First), min(a[0].Last, b[0].Last)
		if first <= last {
			both.AddRange(first, last)
		}
		if a[0].Last < b[0].Last {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// merge makes one segment of several, without the messages that have gone. A segment that
// cannot be read is dropped: its messages will be read again.
func (u *updater) merge(ctx context.Context, list []*segment) error {
	var ranges []mailstore.UIDRange
	for _, s := range list {
		ranges = append(ranges, intersect(s.docs.uids, u.live)...)
	}
	m := merger{u: u, to: newDocs(union(ranges))}
	for _, s := range list {
		m.from = append(m.from, &source{s: s, number: numbers(s.docs, m.to)})
	}
	err := u.put(func(w io.Writer) error { return m.write(ctx, w) }, m.to)
	if m.bad != nil {
		u.ix.drop(m.bad, m.badErr)
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range list {
		u.remove(s)
	}
	return nil
}

// numbers gives the numbers in to of the messages of a segment, -1 of one that is not there.
func numbers(from, to docs) []int32 {
	list := make([]int32, 0, from.n)
	i := 0
	for _, r := range from.uids {
		for uid := r.First; ; uid++ {
			for i < len(to.uids) && to.uids[i].Last < uid {
				i++
			}
			n := int32(-1)
			if i < len(to.uids) && to.uids[i].First <= uid {
				n = int32(to.rank[i] + int(uid-to.uids[i].First))
			}
			list = append(list, n)
			if uid == r.Last {
				break
			}
		}
	}
	return list
}

// A merger reads several segments in step.
type merger struct {
	u      *updater
	to     docs
	from   []*source
	list   []uint16 // the messages of a key
	bad    *segment // cannot be read
	badErr error
}

// A source is a segment that is read from the beginning.
type source struct {
	s       *segment
	number  []int32
	next    int // block
	entries entries
	posting posting
	end     bool
}

// advance reads the next entry.
func (f *source) advance() (err error) {
	if len(f.entries.b) == 0 {
		if f.next == len(f.s.blocks) {
			f.end = true
			return nil
		}
		if f.entries, err = f.s.block(f.next); err != nil {
			return err
		}
		f.next++
	}
	f.posting, err = f.entries.read()
	return err
}

// write writes the new segment.
func (m *merger) write(ctx context.Context, to io.Writer) error {
	w := m.u.writer(to, m.to)
	for _, f := range m.from {
		if err := m.advance(f); err != nil {
			return err
		}
	}
	for n := 0; ; n++ {
		k := key(maxKeys)
		for _, f := range m.from {
			if !f.end {
				k = min(k, f.entries.key)
			}
		}
		if k == maxKeys {
			return w.end()
		}
		if err := m.take(k); err != nil {
			return err
		}
		if len(m.list) > 0 {
			w.add(k, m.list)
		}
		if n&0xfff == 0 {
			m.u.rest()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if w.err != nil {
			return w.err
		}
	}
}

// advance reads the next entry of a segment.
func (m *merger) advance(f *source) error {
	err := f.advance()
	if err != nil {
		m.bad, m.badErr = f.s, err
	}
	return err
}

// take collects the messages that have a key.
func (m *merger) take(k key) error {
	m.list = m.list[:0]
	sorted, last := true, int32(-1)
	for _, f := range m.from {
		if f.end || f.entries.key != k {
			continue
		}
		ok := f.posting.each(f.s.docs.n, func(doc int) {
			if n := f.number[doc]; n >= 0 {
				sorted = sorted && n > last
				last = n
				m.list = append(m.list, uint16(n))
			}
		})
		if !ok {
			m.bad, m.badErr = f.s, errDamaged
			return errDamaged
		}
		if err := m.advance(f); err != nil {
			return err
		}
	}
	if !sorted {
		slices.Sort(m.list)
		m.list = slices.Compact(m.list)
	}
	return nil
}
