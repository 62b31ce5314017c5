package index

import (
	"fmt"
	"iter"

	"restante/mailstore"
)

// Tx is one batch of changes; it is good only inside the function given to
// Update.
type Tx[T any] struct {
	x       *Index[T]
	modSeq  uint64
	changed bool
}

// ModSeq is the mod-sequence that this batch gives to what it changes.
func (tx *Tx[T]) ModSeq() uint64 { return tx.modSeq }

// UIDNext is the smallest UID that the next message may get.
func (tx *Tx[T]) UIDNext() mailstore.UID { return tx.x.uidNext }

// Add adds a message behind all others. Its UID must be above every UID that
// was ever added and below MaxUID: anything else is a fault of the caller and
// panics, since going on would give one UID to two messages. A format that runs
// out of UIDs has to begin a new UIDValidity. A zero ModSeq becomes the batch's.
func (tx *Tx[T]) Add(r mailstore.Record, data T) {
	x := tx.x
	if r.UID < x.uidNext || r.UID == mailstore.MaxUID {
		panic(fmt.Sprintf("index: UID %d added after UIDNEXT %d", r.UID, x.uidNext))
	}
	if r.ModSeq == 0 {
		r.ModSeq = tx.modSeq
	}
	tx.modSeq = max(tx.modSeq, r.ModSeq)
	x.entries.append(Entry[T]{r, data})
	x.counts.count(&r, 1)
	x.uidNext = r.UID + 1
	tx.note(mailstore.Added, r.UID)
}

// SetFlags gives a message other flags and reports whether it is there. Equal
// flags are no change.
func (tx *Tx[T]) SetFlags(uid mailstore.UID, f mailstore.Flags) bool {
	e := tx.x.entries.get(uid)
	if e == nil {
		return false
	}
	if e.Flags == f {
		return true
	}
	tx.x.counts.count(&e.Record, -1)
	e.Flags = f
	e.ModSeq = tx.modSeq
	tx.x.counts.count(&e.Record, 1)
	tx.note(mailstore.FlagsChanged, uid)
	return true
}

// SetData replaces the format's datum; clients are told nothing.
func (tx *Tx[T]) SetData(uid mailstore.UID, data T) bool {
	e := tx.x.entries.get(uid)
	if e == nil {
		return false
	}
	e.Data = data
	return true
}

// SetAttrs makes size and date known; mailstore.Unknown leaves one as it is.
// Clients are told nothing.
func (tx *Tx[T]) SetAttrs(uid mailstore.UID, size, date int64) bool {
	e := tx.x.entries.get(uid)
	if e == nil {
		return false
	}
	tx.x.counts.count(&e.Record, -1)
	if size != mailstore.Unknown {
		e.Size = size
	}
	if date != mailstore.Unknown {
		e.Date = date
	}
	tx.x.counts.count(&e.Record, 1)
	return true
}

// Expunge takes a message out and reports whether it was there.
func (tx *Tx[T]) Expunge(uid mailstore.UID) bool {
	e, found := tx.x.entries.remove(uid)
	if found {
		tx.x.counts.count(&e.Record, -1)
		tx.note(mailstore.Expunged, uid)
	}
	return found
}

// SetUIDNext raises the next UID; it never lowers it.
func (tx *Tx[T]) SetUIDNext(uid mailstore.UID) { tx.x.uidNext = max(tx.x.uidNext, uid) }

// Get returns record and datum of one message.
func (tx *Tx[T]) Get(uid mailstore.UID) (mailstore.Record, T, bool) {
	if e := tx.x.entries.get(uid); e != nil {
		return e.Record, e.Data, true
	}
	var none T
	return mailstore.Record{}, none, false
}

// All walks the messages of the set in order. While it runs, the batch must not
// add or expunge.
func (tx *Tx[T]) All(set mailstore.UIDSet) iter.Seq2[mailstore.Record, T] {
	return tx.x.entries.pairs(set)
}

func (tx *Tx[T]) note(kind mailstore.ChangeKind, uid mailstore.UID) {
	tx.changed = true
	tx.x.log.add(mailstore.Change{Kind: kind, UID: uid, ModSeq: tx.modSeq})
}
