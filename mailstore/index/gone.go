package index

import (
	"slices"
	"sort"

	"restante/mailstore"
)

// maxGone is how many ranges of expunged UIDs are known: 16 bytes each, so 1 MB
// at most. When there are more, the older half is forgotten.
const maxGone = 1 << 16

// goneRange is a range of UIDs that were expunged together.
type goneRange struct {
	first, last mailstore.UID
	modSeq      uint64
}

// goneLog are the expunged UIDs in the order of their mod-sequences.
type goneLog struct {
	ranges []goneRange
	since  uint64 // all that were expunged with a larger mod-sequence are known
	base   uint64 // position of ranges[0]; positions only rise
}

func (g *goneLog) add(r goneRange) {
	if n := len(g.ranges); n > 0 {
		prev := &g.ranges[n-1]
		if prev.modSeq == r.modSeq && prev.last+1 == r.first {
			prev.last = r.last
			return
		}
	}
	if len(g.ranges) == maxGone {
		g.since = g.ranges[maxGone/2-1].modSeq
		keep := sort.Search(maxGone, func(i int) bool { return g.ranges[i].modSeq > g.since })
		g.base += uint64(keep)
		g.ranges = slices.Clone(g.ranges[keep:])
	}
	g.ranges = append(g.ranges, r)
}

// forget begins anew: nothing is known of what happened until modSeq.
func (g *goneLog) forget(modSeq uint64) {
	g.base += uint64(len(g.ranges))
	g.ranges, g.since = nil, modSeq
}

// end is the position behind the last range.
func (g *goneLog) end() uint64 { return g.base + uint64(len(g.ranges)) }

// after returns the ranges with mod-sequences above modSeq.
func (g *goneLog) after(modSeq uint64) []goneRange {
	i := sort.Search(len(g.ranges), func(i int) bool { return g.ranges[i].modSeq > modSeq })
	return g.ranges[i:]
}

// Vanished returns the UIDs of the messages that were expunged with a
// mod-sequence above since (RFC 7162 section 3.2). complete says that these are
// all; otherwise some of them are no longer known, and every UID that is not
// there may be one. It costs as much as was expunged since.
func (x *Index[T]) Vanished(since uint64) (uids mailstore.UIDSet, complete bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ranges := slices.Clone(x.gone.after(since))
	slices.SortFunc(ranges, func(a, b goneRange) int { return int(int64(a.first) - int64(b.first)) })
	for _, r := range ranges {
		uids.AddRange(r.first, r.last)
	}
	return uids, since >= x.gone.since
}

// ChangedSince is Records for those records whose mod-sequence is above since. Of the
// messages in pieces where nothing has changed it looks at none, of their neighbours
// at the mod-sequence alone.
func (x *Index[T]) ChangedSince(dst []mailstore.Record, since uint64, first mailstore.UID) []mailstore.Record {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, j := x.entries.find(first)
	for ; i < len(x.entries.list) && len(dst) < cap(dst); i, j = i+1, 0 {
		p := &x.entries.list[i]
		if p.top.all <= since {
			continue
		}
		for j = p.changed(j, since); j < p.n() && len(dst) < cap(dst); j = p.changed(j+1, since) {
			s := p.at(j)
			dst = append(dst, x.record(&s))
		}
	}
	return dst
}
