package index

import (
	"fmt"
	"iter"

	"restante/mailstore"
)

// Tx is one batch of changes; it is good only inside the function given to
// Update.
type Tx[T any] struct {
	x        *Index[T]
	modSeq   uint64
	changed  bool
	learning bool // begun by Learn
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
	s := slot{
		uid: r.UID, words: x.words.of(r.Flags.Keywords), modSeq: r.ModSeq,
		date: r.Date, size: r.Size, system: r.Flags.System,
	}
	x.entries.add(s, data, 0)
	x.log.added(r.UID)
	x.count(&s, 1)
	x.uidNext = r.UID + 1
	x.journal.touch(r.UID, x.entries.n)
	tx.note(mailstore.Added, r.UID)
}

// SetFlags gives a message other flags and reports whether it is there. Equal
// flags are no change.
func (tx *Tx[T]) SetFlags(uid mailstore.UID, f mailstore.Flags) bool {
	tx.mustChange("SetFlags")
	x := tx.x
	old, found := x.entries.get(uid)
	if !found {
		return false
	}
	words := x.words.of(f.Keywords)
	if old.system == f.System && old.words == words {
		return true
	}
	s := x.entries.edit(uid, tx.modSeq)
	x.count(s, -1)
	s.system, s.words, s.modSeq = f.System, words, tx.modSeq
	x.count(s, 1)
	x.journal.touch(uid, x.entries.n)
	tx.note(mailstore.FlagsChanged, uid)
	return true
}

// Claim takes Recent from a message and reports whether it had that. It is no change:
// the flag belongs to whoever is told of the message first (RFC 3501 section 2.3.2),
// and others have nothing to be told when it goes.
func (tx *Tx[T]) Claim(uid mailstore.UID) bool {
	x := tx.x
	if old, _ := x.entries.get(uid); !old.has(mailstore.Recent) {
		return false
	}
	s := x.entries.edit(uid, 0)
	x.count(s, -1)
	s.system &^= mailstore.Recent
	x.count(s, 1)
	return true
}

// SetData replaces the format's datum; clients are told nothing.
func (tx *Tx[T]) SetData(uid mailstore.UID, data T) bool {
	p, j := tx.x.entries.place(uid)
	if p == nil {
		return false
	}
	p.setDatum(j, data)
	tx.x.journal.touch(uid, tx.x.entries.n)
	return true
}

// SetAttrs makes size and date known; mailstore.Unknown leaves one as it is.
// Clients are told nothing.
func (tx *Tx[T]) SetAttrs(uid mailstore.UID, size, date int64) bool {
	x := tx.x
	s := x.entries.edit(uid, 0)
	if s == nil {
		return false
	}
	x.count(s, -1)
	if size != mailstore.Unknown {
		s.size = size
	}
	if date != mailstore.Unknown {
		s.date = date
	}
	x.count(s, 1)
	x.journal.touch(uid, x.entries.n)
	return true
}

// Expunge takes a message out and reports whether it was there.
func (tx *Tx[T]) Expunge(uid mailstore.UID) bool {
	tx.mustChange("Expunge")
	x := tx.x
	s, found := x.entries.remove(uid)
	if found {
		x.count(&s, -1)
		x.log.removed()
		x.gone.add(goneRange{uid, uid, tx.modSeq})
		x.journal.mark()
		tx.note(mailstore.Expunged, uid)
	}
	return found
}

// mustChange refuses what Learn must not do: it is a fault of the caller, and
// going on could make a client miss a change after a loss of power.
func (tx *Tx[T]) mustChange(what string) {
	if tx.learning {
		panic("index: " + what + " in a batch that was begun by Learn")
	}
}

// SetUIDNext raises the next UID; it never lowers it.
func (tx *Tx[T]) SetUIDNext(uid mailstore.UID) {
	if uid > tx.x.uidNext {
		tx.x.uidNext = uid
		tx.x.journal.mark()
	}
}

// Record returns the record of one message.
func (tx *Tx[T]) Record(uid mailstore.UID) (mailstore.Record, bool) {
	s, found := tx.x.entries.get(uid)
	return tx.x.record(&s), found
}

// Get returns record and datum of one message. Where the datum has not been asked
// for since the mailbox was opened, that waits for the disk and so does everybody
// else: who needs many asks for them before the batch.
func (tx *Tx[T]) Get(uid mailstore.UID) (mailstore.Record, T, bool) {
	p, j := tx.x.entries.place(uid)
	if p == nil {
		var none T
		return mailstore.Record{}, none, false
	}
	data, known := p.datum(j)
	if !known {
		tx.x.fetchLocked(p)
		data, _ = p.datum(j)
	}
	s := p.at(j)
	return tx.x.record(&s), data, true
}

// All walks the messages of the set in order. While it runs, the batch must not
// add or expunge. The note about Get holds for it too.
func (tx *Tx[T]) All(set mailstore.UIDSet) iter.Seq2[mailstore.Record, T] {
	return func(yield func(mailstore.Record, T) bool) {
		for p, j := range tx.x.entries.in(set) {
			tx.x.fetchLocked(p)
			if s := p.at(j); !yield(tx.x.record(&s), p.data[j]) {
				return
			}
		}
	}
}

func (tx *Tx[T]) note(kind mailstore.ChangeKind, uid mailstore.UID) {
	tx.changed = true
	tx.x.log.add(mailstore.Change{Kind: kind, UID: uid, ModSeq: tx.modSeq})
}
