package index

import (
	"iter"
	"slices"
	"sort"

	"restante/mailstore"
)

// chunkLen bounds what one insertion or removal has to move. With 256 slots of
// about 64 bytes that is 16 KB, and a million messages have 4,000 pieces.
const chunkLen = 256

// Entry is a record and what the format keeps beside it.
type Entry[T any] struct {
	mailstore.Record
	Data T
}

// slot is an Entry as it is kept: 40 bytes and the datum.
type slot[T any] struct {
	uid     mailstore.UID
	words   uint32 // number of the keywords in the index's table
	modSeq  uint64
	date    int64
	size    int64
	summary uint32 // place of the summary in units of summaryUnit, 0 is none
	system  mailstore.System
	data    T
}

func (s *slot[T]) has(sys mailstore.System) bool { return s.system&sys == sys }

// piece is a part of the list. top is at least the highest mod-sequence in it.
type piece[T any] struct {
	slots []slot[T]
	top   uint64
}

// chunks is a list of slots sorted by UID, cut into pieces of at most chunkLen,
// none of them empty.
type chunks[T any] struct {
	list []piece[T]
	n    int
}

// find returns where the first slot with a UID of at least uid stands.
func (c *chunks[T]) find(uid mailstore.UID) (i, j int) {
	i = sort.Search(len(c.list), func(i int) bool {
		slots := c.list[i].slots
		return slots[len(slots)-1].uid >= uid
	})
	if i == len(c.list) {
		return i, 0
	}
	slots := c.list[i].slots
	return i, sort.Search(len(slots), func(j int) bool { return slots[j].uid >= uid })
}

// get returns the slot of a message, nil if there is none. The pointer is good
// until the next append or remove.
func (c *chunks[T]) get(uid mailstore.UID) *slot[T] {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i].slots[j].uid != uid {
		return nil
	}
	return &c.list[i].slots[j]
}

// touch returns the slot of a message that gets the given mod-sequence.
func (c *chunks[T]) touch(uid mailstore.UID, modSeq uint64) *slot[T] {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i].slots[j].uid != uid {
		return nil
	}
	c.list[i].top = max(c.list[i].top, modSeq)
	return &c.list[i].slots[j]
}

// add makes a slot behind all others, which the caller fills; its mod-sequence
// is already known. expect is how many may follow.
func (c *chunks[T]) add(modSeq uint64, expect int) *slot[T] {
	last := len(c.list) - 1
	if last < 0 || len(c.list[last].slots) == chunkLen {
		// The first piece grows as needed, so that small mailboxes stay small.
		size := chunkLen
		if last < 0 {
			size = min(max(4, expect), chunkLen)
		}
		c.list = append(c.list, piece[T]{slots: make([]slot[T], 0, size)})
		last++
	}
	p := &c.list[last]
	if n := len(p.slots); n < cap(p.slots) {
		p.slots = p.slots[:n+1]
	} else {
		p.slots = append(p.slots, slot[T]{})
	}
	p.top = max(p.top, modSeq)
	c.n++
	return &p.slots[len(p.slots)-1]
}

// remove takes out one slot and reports whether it was there.
func (c *chunks[T]) remove(uid mailstore.UID) (slot[T], bool) {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i].slots[j].uid != uid {
		var none slot[T]
		return none, false
	}
	p := &c.list[i]
	s := p.slots[j]
	p.slots = slices.Delete(p.slots, j, j+1)
	c.n--
	switch {
	case len(p.slots) == 0:
		c.list = slices.Delete(c.list, i, i+1)
	case len(p.slots) <= chunkLen/2:
		c.merge(i)
	}
	return s, true
}

// merge joins a piece that has become small with the one before it, so that
// many removals do not leave many small pieces, and a mailbox of which half has
// gone takes half of the memory.
func (c *chunks[T]) merge(i int) {
	if i == 0 || len(c.list[i-1].slots)+len(c.list[i].slots) > chunkLen {
		return
	}
	before := &c.list[i-1]
	before.slots = append(before.slots, c.list[i].slots...)
	before.top = max(before.top, c.list[i].top)
	c.list = slices.Delete(c.list, i, i+1)
}

// from walks the slots with UIDs from first to last.
func (c *chunks[T]) from(first, last mailstore.UID) iter.Seq[*slot[T]] {
	return c.since(0, first, last)
}

// since is from without the pieces in which nothing has a mod-sequence above
// modSeq; slots beside such a one are yielded too.
func (c *chunks[T]) since(modSeq uint64, first, last mailstore.UID) iter.Seq[*slot[T]] {
	return func(yield func(*slot[T]) bool) {
		i, j := c.find(first)
		for ; i < len(c.list); i, j = i+1, 0 {
			if c.list[i].top <= modSeq && modSeq > 0 {
				continue
			}
			slots := c.list[i].slots
			for ; j < len(slots); j++ {
				if slots[j].uid > last || !yield(&slots[j]) {
					return
				}
			}
		}
	}
}

// in walks the slots whose UIDs stand in the set.
func (c *chunks[T]) in(set mailstore.UIDSet) iter.Seq[*slot[T]] {
	return func(yield func(*slot[T]) bool) {
		for _, r := range set {
			for s := range c.from(r.First, r.Last) {
				if !yield(s) {
					return
				}
			}
		}
	}
}
