package index

import (
	"iter"
	"slices"
	"sort"

	"restante/mailstore"
)

// chunkLen bounds what one insertion or removal has to move. With 256 slots of
// 40 octets that is 10 KB, and a million messages have 4,000 pieces.
const chunkLen = 256

// Entry is a record and what the format keeps beside it.
type Entry[T any] struct {
	mailstore.Record
	Data T
}

// slot is a record as it is kept when it may change.
type slot struct {
	uid     mailstore.UID
	words   uint32 // number of the keywords in the index's table
	modSeq  uint64
	date    int64
	size    int64
	summary uint32 // place of the summary in units of summaryUnit, 0 is none
	system  mailstore.System
}

func (s *slot) has(sys mailstore.System) bool { return s.system&sys == sys }

// piece is a part of the list: records, and the data of the format beside them.
// Records that were loaded stay packed until one of them changes. Their data stay
// on disk until somebody asks for them.
type piece[T any] struct {
	pack  pack   // nil when the records are in slots
	slots []slot // when pack is nil
	data  []T    // in the order of the records; unless unread
	// unread has the data that were not read yet, nil when data has all.
	unread *unread[T]
	top    tops
}

// topLen is how many neighbours share a bound of their mod-sequences: few enough that
// looking at all of them for one that has changed is little.
const topLen = 32

// tops are at least the highest mod-sequences in a piece: of all its records, and of
// each topLen of them.
type tops struct {
	all  uint64
	part [chunkLen / topLen]uint64
}

// raise notes the mod-sequence of the record at place j.
func (t *tops) raise(j int, modSeq uint64) {
	t.all = max(t.all, modSeq)
	t.part[j/topLen] = max(t.part[j/topLen], modSeq)
}

// raiseFrom notes a bound of all records from place j on.
func (t *tops) raiseFrom(j int, modSeq uint64) {
	for ; j < chunkLen; j += topLen {
		t.raise(j, modSeq)
	}
}

// closeUp notes that the records behind place j have each moved to the place before.
func (t *tops) closeUp(j int) {
	for i := j / topLen; i < len(t.part)-1; i++ {
		t.part[i] = max(t.part[i], t.part[i+1])
	}
}

func (p *piece[T]) n() int {
	if p.pack != nil {
		return p.pack.n()
	}
	return len(p.slots)
}

func (p *piece[T]) uid(j int) mailstore.UID {
	if p.pack != nil {
		return p.pack.uid(j)
	}
	return p.slots[j].uid
}

func (p *piece[T]) last() mailstore.UID { return p.uid(p.n() - 1) }

// at is a copy of one record.
func (p *piece[T]) at(j int) slot {
	if p.pack != nil {
		return p.pack.at(j)
	}
	return p.slots[j]
}

// system are the system flags of one record.
func (p *piece[T]) system(j int) mailstore.System {
	if p.pack != nil {
		return p.pack.system(j)
	}
	return p.slots[j].system
}

// having appends the UIDs of the records that have all of some flags and none of others.
func (p *piece[T]) having(dst []mailstore.UID, all, none mailstore.System) []mailstore.UID {
	if p.pack != nil {
		return p.pack.having(dst, all, none)
	}
	for j := range p.slots {
		if p.slots[j].system&(all|none) == all {
			dst = append(dst, p.slots[j].uid)
		}
	}
	return dst
}

// uids appends the UIDs of all records.
func (p *piece[T]) uids(dst []mailstore.UID) []mailstore.UID {
	if p.pack != nil {
		return p.pack.uids(dst)
	}
	for j := range p.slots {
		dst = append(dst, p.slots[j].uid)
	}
	return dst
}

// search returns where the first record with a UID of at least uid stands.
func (p *piece[T]) search(uid mailstore.UID) int {
	return sort.Search(p.n(), func(j int) bool { return p.uid(j) >= uid })
}

// changed returns where from place j on the first record with a mod-sequence above since
// stands; it is n if there is none.
func (p *piece[T]) changed(j int, since uint64) int {
	if p.pack != nil {
		return p.pack.changed(j, since)
	}
	for j < len(p.slots) {
		switch {
		case j%topLen == 0 && p.top.part[j/topLen] <= since:
			j += topLen
		case p.slots[j].modSeq <= since:
			j++
		default:
			return j
		}
	}
	return len(p.slots)
}

// open returns the records so that they can be changed.
func (p *piece[T]) open() []slot {
	if p.pack != nil {
		p.slots, p.pack = p.pack.slots(make([]slot, 0, chunkLen)), nil
	}
	return p.slots
}

// chunks is a list of records sorted by UID, cut into pieces of at most chunkLen,
// none of them empty.
type chunks[T any] struct {
	list []piece[T]
	n    int
}

// find returns where the first record with a UID of at least uid stands.
func (c *chunks[T]) find(uid mailstore.UID) (i, j int) {
	i = sort.Search(len(c.list), func(i int) bool { return c.list[i].last() >= uid })
	if i == len(c.list) {
		return i, 0
	}
	return i, c.list[i].search(uid)
}

// place returns where a message stands; p is nil if it is not there. The pointer
// is good until the next add or remove.
func (c *chunks[T]) place(uid mailstore.UID) (p *piece[T], j int) {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i].uid(j) != uid {
		return nil, 0
	}
	return &c.list[i], j
}

// get returns the record of a message.
func (c *chunks[T]) get(uid mailstore.UID) (slot, bool) {
	p, j := c.place(uid)
	if p == nil {
		return slot{}, false
	}
	return p.at(j), true
}

// edit returns the record of a message so that it can be changed, nil if there is
// none. modSeq is at least what it gets. The pointer is good until the next add or
// remove.
func (c *chunks[T]) edit(uid mailstore.UID, modSeq uint64) *slot {
	p, j := c.place(uid)
	if p == nil {
		return nil
	}
	p.top.raise(j, modSeq)
	return &p.open()[j]
}

// add puts a message behind all others. expect is how many may follow.
func (c *chunks[T]) add(s slot, data T, expect int) {
	last := len(c.list) - 1
	if last < 0 || c.list[last].n() == chunkLen {
		// The first piece grows as needed, so that small mailboxes stay small.
		size := chunkLen
		if last < 0 {
			size = min(max(4, expect), chunkLen)
		}
		c.list = append(c.list, piece[T]{slots: make([]slot, 0, size), data: make([]T, 0, size)})
		last++
	}
	p := &c.list[last]
	p.slots = append(p.open(), s)
	p.top.raise(len(p.slots)-1, s.modSeq)
	if p.unread != nil {
		p.unread.put(s.uid, data)
	} else {
		p.data = append(p.data, data)
	}
	c.n++
}

// remove takes out one message and reports whether it was there.
func (c *chunks[T]) remove(uid mailstore.UID) (slot, bool) {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i].uid(j) != uid {
		return slot{}, false
	}
	p := &c.list[i]
	s := p.open()[j]
	p.slots = cut(p.slots, j)
	p.top.closeUp(j)
	if p.unread == nil {
		p.data = cut(p.data, j)
	}
	c.n--
	switch {
	case len(p.slots) == 0:
		c.list = slices.Delete(c.list, i, i+1)
	case len(p.slots) <= chunkLen/2:
		c.merge(i)
	}
	return s, true
}

// cut takes out one element. The first leaves its place behind: who removes all does it
// in order, and would move all others with each.
func cut[E any](s []E, j int) []E {
	if j > 0 {
		return slices.Delete(s, j, j+1)
	}
	clear(s[:1])
	return s[1:]
}

// merge joins a piece that has become small with the one before it, so that
// many removals do not leave many small pieces, and a mailbox of which half has
// gone takes half of the memory.
func (c *chunks[T]) merge(i int) {
	if i == 0 || c.list[i-1].n()+c.list[i].n() > chunkLen || c.list[i-1].unread != nil || c.list[i].unread != nil {
		return
	}
	before := &c.list[i-1]
	before.top.raiseFrom(before.n(), c.list[i].top.all)
	before.slots = append(before.open(), c.list[i].slots...)
	before.data = append(before.data, c.list[i].data...)
	c.list = slices.Delete(c.list, i, i+1)
}

// from walks the messages with UIDs from first to last: a piece, and the place in it.
func (c *chunks[T]) from(first, last mailstore.UID) iter.Seq2[*piece[T], int] {
	return func(yield func(*piece[T], int) bool) {
		i, j := c.find(first)
		for ; i < len(c.list); i, j = i+1, 0 {
			p := &c.list[i]
			end := p.n()
			whole := p.uid(end-1) <= last
			for ; j < end; j++ {
				if !whole && p.uid(j) > last || !yield(p, j) {
					return
				}
			}
		}
	}
}

// in walks the messages whose UIDs stand in the set.
func (c *chunks[T]) in(set mailstore.UIDSet) iter.Seq2[*piece[T], int] {
	return func(yield func(*piece[T], int) bool) {
		for _, r := range set {
			for p, j := range c.from(r.First, r.Last) {
				if !yield(p, j) {
					return
				}
			}
		}
	}
}
