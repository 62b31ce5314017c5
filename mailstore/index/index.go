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
func (x *Index[T]) record(s *slot[T]) mailstore.Record {
	return mailstore.Record{
		UID: s.uid, Flags: mailstore.Flags{System: s.system, Keywords: x.words.get(s.words)},
		ModSeq: s.modSeq, Date: s.date, Size: s.size,
	}
}

// Get returns the record and datum of one message.
func (x *Index[T]) Get(uid mailstore.UID) (mailstore.Record, T, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if s := x.entries.get(uid); s != nil {
		return x.record(s), s.data, true
	}
	var none T
	return mailstore.Record{}, none, false
}

// Record returns the record of one message.
func (x *Index[T]) Record(uid mailstore.UID) (mailstore.Record, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if s := x.entries.get(uid); s != nil {
		return x.record(s), true
	}
	return mailstore.Record{}, false
}

// Records appends records with UIDs from first on to dst, up to its capacity.
func (x *Index[T]) Records(dst []mailstore.Record, first mailstore.UID) []mailstore.Record {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for s := range x.entries.from(first, mailstore.MaxUID) {
		if len(dst) == cap(dst) {
			break
		}
		dst = append(dst, x.record(s))
	}
	return dst
}

// View calls fn with all records in order, under the read lock: fn must be
// short, do no I/O and not call the index.
func (x *Index[T]) View(fn func(records iter.Seq2[mailstore.Record, T])) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	fn(x.pairs(mailstore.AllUIDs()))
}

// Collect returns copies of the entries whose UIDs stand in the set, in order.
func (x *Index[T]) Collect(set mailstore.UIDSet) []Entry[T] {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var list []Entry[T]
	for s := range x.entries.in(set) {
		list = append(list, Entry[T]{x.record(s), s.data})
	}
	return list
}

// pairs walks records and data of a set.
func (x *Index[T]) pairs(set mailstore.UIDSet) iter.Seq2[mailstore.Record, T] {
	return func(yield func(mailstore.Record, T) bool) {
		for s := range x.entries.in(set) {
			if !yield(x.record(s), s.data) {
				return
			}
		}
	}
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

// Follow returns all UIDs and a cursor that stands behind exactly this state.
func (x *Index[T]) Follow() ([]mailstore.UID, mailstore.Cursor) {
	x.mu.Lock()
	defer x.mu.Unlock()
	uids := make([]mailstore.UID, 0, x.entries.n)
	for i := range x.entries.list {
		slots := x.entries.list[i].slots
		for j := range slots {
			uids = append(uids, slots[j].uid)
		}
	}
	return uids, x.log.newCursor(&x.mu)
}

// count adds (sign 1) or takes away (sign -1) what a message gives to the sums.
func (x *Index[T]) count(s *slot[T], sign int64) {
	c, n := &x.counts, uint32(sign)
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
