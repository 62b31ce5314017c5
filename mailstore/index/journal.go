package index

import (
	"slices"

	"restante/mailstore"
)

// journal notes what a Store has not written yet. It is guarded by the index's
// lock. All methods work on nil, which notes nothing.
type journal struct {
	uids  []mailstore.UID // touched; some may be expunged since
	all   bool            // too many to name: everything must be written
	dirty bool            // something changed
	gone  uint64          // expunged UIDs before this position are written
	wake  func()          // called when the first change is noted; it must not wait
}

// mark notes a change that concerns no message that is there.
func (j *journal) mark() {
	if j != nil && !j.dirty {
		j.dirty = true
		j.wake()
	}
}

// touch notes that the record of a message has changed in a mailbox of n.
func (j *journal) touch(uid mailstore.UID, n int) {
	if j == nil {
		return
	}
	j.mark()
	if j.all || len(j.uids) > 0 && j.uids[len(j.uids)-1] == uid {
		return
	}
	if len(j.uids) >= 4096+n/4 {
		j.all, j.uids = true, nil
		return
	}
	j.uids = append(j.uids, uid)
}

// A delta is what changed since the last delta was taken, and the state that
// this leads to.
type delta[T any] struct {
	all   bool // only everything will do
	clean bool // nothing
	list  []changed[T]
	gone  []goneRange
	state state
}

// take empties the journal.
func (x *Index[T]) take() delta[T] {
	x.mu.Lock()
	defer x.mu.Unlock()
	j := x.journal
	d := delta[T]{all: j.all || j.gone < x.gone.base, clean: !j.dirty}
	d.state = state{uidNext: x.uidNext, modSeq: x.modSeq, goneSince: x.gone.since, messages: uint32(x.entries.n), counts: x.counts}
	if !d.all {
		slices.Sort(j.uids)
		for _, uid := range slices.Compact(j.uids) {
			if p, i := x.entries.place(uid); p != nil {
				c := changed[T]{slot: p.at(i)}
				c.words = x.words.get(c.slot.words)
				c.data, c.known = p.datum(i)
				d.list = append(d.list, c)
			}
		}
		d.gone = slices.Clone(x.gone.ranges[j.gone-x.gone.base:])
	}
	x.restart()
	return d
}

// restart lets the journal be empty.
func (x *Index[T]) restart() {
	j := x.journal
	j.uids, j.all, j.dirty, j.gone = nil, false, false, x.gone.end()
}

// takeGone empties the journal and returns all expunged UIDs that are known:
// the begin of a snapshot.
func (x *Index[T]) takeGone() []goneRange {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.restart()
	return slices.Clone(x.gone.ranges)
}

// spoil notes that what was taken has not been written. The next change wakes
// the Store.
func (x *Index[T]) spoil() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.journal.all = true
}
