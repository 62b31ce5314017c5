// Package index is the state of an open mailbox that every format keeps: its
// records in the order of their UIDs with a datum of the format beside each,
// running counts, mod-sequences, and the stream of changes for the sessions.
//
// It is a cache of what the mail files say. Nothing in it is durable by itself.
// Adding, changing or removing a message costs the same in a mailbox of ten as
// of a million.
//
// A Store keeps an Index on disk from one opening of the mailbox to the next,
// together with summaries of the messages. What stands there may be deleted at
// any moment; it is built again. docs/design/index.md has the file formats and
// says what survives what.
package index

import (
	"iter"
	"slices"
	"sort"
	"sync"

	"restante/mailstore"
)

// Index is the state of one mailbox. Its methods may be called by many
// goroutines; Update batches exclude one another and all readers.
type Index[T any] struct {
	mu      sync.RWMutex
	entries chunks[T]
	words   wordTable
	uidNext mailstore.UID
	modSeq  uint64
	counts  counts
	log     changeLog
	gone    goneLog
	journal *journal // what a Store has to write; nil without one
	before  func()   // runs before each batch that a Store must be ready for
}

// counts are the sums that Status needs.
type counts struct {
	seen, recent, deleted  uint32
	unknownSize            uint32
	size, deletedSize      int64
	unknownSizeWithDeleted uint32
	summaries              uint32
}

// New returns an empty index. The first message gets uidNext or a larger UID,
// the first batch a mod-sequence above highestModSeq.
func New[T any](uidNext mailstore.UID, highestModSeq uint64) *Index[T] {
	x := &Index[T]{uidNext: max(uidNext, 1), modSeq: max(highestModSeq, 1)}
	x.gone.since = x.modSeq
	return x
}

// Update runs fn with the exclusive right to change the index. What it does is
// one batch: readers see all of it or nothing, every record that changed gets
// the same new mod-sequence, and the cursors are woken once at the end. fn must
// be short: no I/O.
func (x *Index[T]) Update(fn func(tx *Tx[T])) {
	if x.before != nil {
		x.before()
	}
	x.batch(fn, false)
}

// Learn is Update for a batch that adds messages, or makes attributes and data
// known, and neither changes flags nor expunges: trying to panics. After a load
// the first Update has to wait for the disk once; Learn never does.
func (x *Index[T]) Learn(fn func(tx *Tx[T])) { x.batch(fn, true) }

func (x *Index[T]) batch(fn func(tx *Tx[T]), learning bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	tx := Tx[T]{x: x, modSeq: x.modSeq + 1, learning: learning}
	defer x.finish(&tx)
	fn(&tx)
}

// finish makes the batch's mod-sequence count if anything changed. It runs even
// when fn panics, so that counts and log stay true to the entries.
func (x *Index[T]) finish(tx *Tx[T]) {
	if tx.changed {
		x.modSeq = max(tx.modSeq, x.modSeq)
		x.tidyWords()
		x.log.wake()
	}
}

// Len returns the number of messages.
func (x *Index[T]) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.entries.n
}

// UIDNext returns a UID above all that were ever added.
func (x *Index[T]) UIDNext() mailstore.UID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.uidNext
}

// HighestModSeq returns the mod-sequence of the last batch that changed something.
func (x *Index[T]) HighestModSeq() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.modSeq
}

// record returns the record that a slot stands for.
func (x *Index[T]) record(s *slot) mailstore.Record {
	return mailstore.Record{
		UID: s.uid, Flags: mailstore.Flags{System: s.system, Keywords: x.words.get(s.words)},
		ModSeq: s.modSeq, Date: s.date, Size: s.size,
	}
}

// Get returns the record and datum of one message. The first to ask for a datum
// waits for the disk.
func (x *Index[T]) Get(uid mailstore.UID) (mailstore.Record, T, bool) {
	for {
		r, data, found, missing := x.look(uid)
		if missing == nil {
			return r, data, found
		}
		x.fetch(missing)
	}
}

// look is Get for what is in memory; missing has to be read first.
func (x *Index[T]) look(uid mailstore.UID) (r mailstore.Record, data T, found bool, missing *unread[T]) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p, j := x.entries.place(uid)
	if p == nil {
		return r, data, false, nil
	}
	data, known := p.datum(j)
	if !known {
		return r, data, false, p.unread
	}
	s := p.at(j)
	return x.record(&s), data, true, nil
}

// Record returns the record of one message.
func (x *Index[T]) Record(uid mailstore.UID) (mailstore.Record, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, found := x.entries.get(uid)
	if !found {
		return mailstore.Record{}, false
	}
	return x.record(&s), true
}

// Records appends records with UIDs from first on to dst, up to its capacity.
func (x *Index[T]) Records(dst []mailstore.Record, first mailstore.UID) []mailstore.Record {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, j := x.entries.find(first)
	for ; i < len(x.entries.list) && len(dst) < cap(dst); i, j = i+1, 0 {
		p := &x.entries.list[i]
		end := min(p.n(), j+cap(dst)-len(dst))
		if p.pack == nil {
			for ; j < end; j++ {
				dst = append(dst, x.record(&p.slots[j]))
			}
			continue
		}
		r := p.pack.reader()
		for s := (slot{}); j < end; j++ {
			r.read(&s, j)
			dst = append(dst, x.record(&s))
		}
	}
	return dst
}

// Walk calls fn with the records of the set in order, under the read lock: fn must
// be short, do no I/O and not call the index.
func (x *Index[T]) Walk(set mailstore.UIDSet, fn func(mailstore.Record)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for p, j := range x.entries.in(set) {
		s := p.at(j)
		fn(x.record(&s))
	}
}

// View is Walk for all records with their data. Those that nobody has asked for are
// read first.
func (x *Index[T]) View(fn func(records iter.Seq2[mailstore.Record, T])) {
	all := mailstore.AllUIDs()
	x.lockRead(all)
	defer x.mu.RUnlock()
	fn(func(yield func(mailstore.Record, T) bool) {
		for p, j := range x.entries.in(all) {
			if s := p.at(j); !yield(x.record(&s), p.data[j]) {
				return
			}
		}
	})
}

// Collect returns copies of the entries whose UIDs stand in the set, in order.
func (x *Index[T]) Collect(set mailstore.UIDSet) []Entry[T] {
	x.lockRead(set)
	defer x.mu.RUnlock()
	list := make([]Entry[T], 0, min(set.Len(), int64(x.entries.n)))
	for p, j := range x.entries.in(set) {
		s := p.at(j)
		list = append(list, Entry[T]{x.record(&s), p.data[j]})
	}
	return list
}

// Recent returns the messages that have the Recent flag, without a look at those
// that are known to have come before.
func (x *Index[T]) Recent() (uids mailstore.UIDSet) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i := range x.entries.list {
		p := &x.entries.list[i]
		if x.counts.recent == 0 || p.pack != nil && p.pack.recent() == 0 {
			continue
		}
		for j := range p.n() {
			if p.system(j)&mailstore.Recent != 0 {
				uids.Add(p.uid(j))
			}
		}
	}
	return uids
}

// Having returns the messages that have all of some system flags and none of others,
// in order.
func (x *Index[T]) Having(all, none mailstore.System) (uids []mailstore.UID) {
	for next := mailstore.UID(1); next != 0; {
		uids, next = x.having(uids, next, all, none)
	}
	return uids
}

// piecesAtOnce is how many pieces are looked at without giving back the lock: some
// 30,000 records, in less than a tenth of a millisecond.
const piecesAtOnce = 128

// having is Having for some pieces, from the one on where a UID would stand, and tells
// where to go on, 0 at the end.
func (x *Index[T]) having(dst []mailstore.UID, from mailstore.UID, all, none mailstore.System) (uids []mailstore.UID, next mailstore.UID) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if all&none != 0 || none&mailstore.Seen != 0 && int(x.counts.seen) == x.entries.n {
		return dst, 0
	}
	list := x.entries.list
	list = list[sort.Search(len(list), func(i int) bool { return list[i].last() >= from }):]
	for i := range list[:min(len(list), piecesAtOnce)] {
		dst = list[i].having(dst, all, none)
	}
	if len(list) <= piecesAtOnce {
		return dst, 0
	}
	return dst, list[piecesAtOnce-1].last() + 1
}

// Outline tells which keywords messages have, and which is the first message that
// is not seen: what would otherwise need a walk over all records.
func (x *Index[T]) Outline() (o mailstore.Outline) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i, n := range x.words.used {
		if n > 0 {
			o.Keywords = append(o.Keywords, x.words.list[i])
		}
	}
	if int(x.counts.seen) == x.entries.n {
		return o
	}
	for i := range x.entries.list {
		p := &x.entries.list[i]
		if p.pack != nil && p.pack.unseen() == 0 {
			continue
		}
		for j := range p.n() {
			if p.system(j)&mailstore.Seen == 0 {
				o.FirstUnseen = p.uid(j)
				return o
			}
		}
	}
	return o
}

// Status returns the mailbox's numbers. Size is -1 while the size of any
// message is unknown, DeletedSize while that of any with \Deleted is.
func (x *Index[T]) Status(uidValidity uint32) mailstore.Status {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.counts.status(uint32(x.entries.n))
	s.UIDValidity, s.UIDNext, s.HighestModSeq = uidValidity, x.uidNext, x.modSeq
	return s
}

// status is what the counts say of a mailbox of n messages.
func (c *counts) status(n uint32) mailstore.Status {
	s := mailstore.Status{
		Messages: n, Unseen: n - c.seen, Recent: c.recent, Deleted: c.deleted, Size: c.size, DeletedSize: c.deletedSize,
	}
	if c.unknownSize > 0 {
		s.Size = -1
	}
	if c.unknownSizeWithDeleted > 0 {
		s.DeletedSize = -1
	}
	return s
}

// Follow returns all UIDs and a cursor that stands behind exactly this state. The
// list is shared: nobody may change it.
func (x *Index[T]) Follow() ([]mailstore.UID, mailstore.Cursor) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := &x.log
	if l.uids == nil {
		l.uids = make([]mailstore.UID, 0, x.entries.n)
		for i := range x.entries.list {
			l.uids = x.entries.list[i].uids(l.uids)
		}
	}
	return slices.Clip(l.uids), l.newCursor(&x.mu)
}

// count adds (sign 1) or takes away (sign -1) what a message gives to the sums.
func (x *Index[T]) count(s *slot, sign int64) {
	c, n := &x.counts, uint32(sign)
	x.words.count(s.words, n)
	if s.has(mailstore.Seen) {
		c.seen += n
	}
	if s.has(mailstore.Recent) {
		c.recent += n
	}
	if s.summary != 0 {
		c.summaries += n
	}
	deleted := s.has(mailstore.Deleted)
	if deleted {
		c.deleted += n
	}
	if s.size < 0 {
		c.unknownSize += n
		if deleted {
			c.unknownSizeWithDeleted += n
		}
		return
	}
	c.size += sign * s.size
	if deleted {
		c.deletedSize += sign * s.size
	}
}
