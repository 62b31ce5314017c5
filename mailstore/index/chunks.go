package index

import (
	"iter"
	"slices"
	"sort"

	"restante/mailstore"
)

// chunkLen bounds what one insertion or removal has to move. With 256 entries
// of about 64 bytes that is 16 KB, and a million messages have 4,000 chunks.
const chunkLen = 256

// Entry is a record and what the format keeps beside it.
type Entry[T any] struct {
	mailstore.Record
	Data T
}

// chunks is a list of entries sorted by UID, cut into pieces of at most
// chunkLen, none of them empty.
type chunks[T any] struct {
	list []([]Entry[T])
	n    int
}

// find returns where the first entry with a UID of at least uid stands.
func (c *chunks[T]) find(uid mailstore.UID) (i, j int) {
	i = sort.Search(len(c.list), func(i int) bool {
		piece := c.list[i]
		return piece[len(piece)-1].UID >= uid
	})
	if i == len(c.list) {
		return i, 0
	}
	piece := c.list[i]
	return i, sort.Search(len(piece), func(j int) bool { return piece[j].UID >= uid })
}

// get returns the entry of a message, nil if there is none. The pointer is good
// until the next append or remove.
func (c *chunks[T]) get(uid mailstore.UID) *Entry[T] {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i][j].UID != uid {
		return nil
	}
	return &c.list[i][j]
}

// append adds an entry behind all others.
func (c *chunks[T]) append(e Entry[T]) {
	last := len(c.list) - 1
	if last < 0 || len(c.list[last]) == chunkLen {
		// The first piece grows as needed, so that small mailboxes stay small.
		size := chunkLen
		if last < 0 {
			size = 4
		}
		c.list = append(c.list, make([]Entry[T], 0, size))
		last++
	}
	c.list[last] = append(c.list[last], e)
	c.n++
}

// remove takes out one entry and reports whether it was there.
func (c *chunks[T]) remove(uid mailstore.UID) (Entry[T], bool) {
	i, j := c.find(uid)
	if i == len(c.list) || c.list[i][j].UID != uid {
		var none Entry[T]
		return none, false
	}
	e := c.list[i][j]
	c.list[i] = slices.Delete(c.list[i], j, j+1)
	c.n--
	switch {
	case len(c.list[i]) == 0:
		c.list = slices.Delete(c.list, i, i+1)
	case len(c.list[i]) < chunkLen/4:
		c.merge(i)
	}
	return e, true
}

// merge joins a piece that has become small with the one before it, so that
// many removals do not leave many small pieces.
func (c *chunks[T]) merge(i int) {
	if i == 0 || len(c.list[i-1])+len(c.list[i]) > chunkLen {
		return
	}
	c.list[i-1] = append(c.list[i-1], c.list[i]...)
	c.list = slices.Delete(c.list, i, i+1)
}

// from walks the entries with UIDs from first to last.
func (c *chunks[T]) from(first, last mailstore.UID) iter.Seq[*Entry[T]] {
	return func(yield func(*Entry[T]) bool) {
		i, j := c.find(first)
		for ; i < len(c.list); i, j = i+1, 0 {
			piece := c.list[i]
			for ; j < len(piece); j++ {
				if piece[j].UID > last || !yield(&piece[j]) {
					return
				}
			}
		}
	}
}

// in walks the entries whose UIDs stand in the set.
func (c *chunks[T]) in(set mailstore.UIDSet) iter.Seq[*Entry[T]] {
	return func(yield func(*Entry[T]) bool) {
		for _, r := range set {
			for e := range c.from(r.First, r.Last) {
				if !yield(e) {
					return
				}
			}
		}
	}
}
