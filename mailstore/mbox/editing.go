package mbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"restante/mailstore"
	"restante/mailstore/index"
)

// editing is a change of the file: flags of some messages, others that go.
type editing struct {
	m     *Mailbox
	r     *rewriter
	flags []newFlags       // in the order of UIDs
	gone  mailstore.UIDSet // of messages that are there
	all   bool             // all messages get their notes
	limit int64            // of octets that the change may move; 0 is none
	// from is the place in the file from which on messages get their notes, too.
	from int64
	// bare: nothing is written that is not needed, because there is no room.
	bare bool
	buf  *[]byte // for the header of a message

	// What is planned: by how much the first message moves, and the messages that
	// get other notes. A message moves by what those in front of it lose and grow.
	start     int64
	rewritten []rewritten
}

// newFlags are the flags that a message is to have.
type newFlags struct {
	uid   mailstore.UID
	flags mailstore.Flags
}

func (m *Mailbox) newEditing(r *rewriter) *editing { return &editing{m: m, r: r} }

// flagsOf returns the new flags of a message, if it is to have others.
func (e *editing) flagsOf(uid mailstore.UID) (f mailstore.Flags, changes bool) {
	i, found := slices.BinarySearchFunc(e.flags, uid, func(f newFlags, uid mailstore.UID) int { return cmp.Compare(f.uid, uid) })
	if !found {
		return f, false
	}
	return e.flags[i].flags, true
}

// rewritten is a message with other notes.
type rewritten struct {
	uid   mailstore.UID
	grown int32
	bits  uint8 // of its loc
	exact bool  // grown is all that changes; else it must be parsed again
}

// goneAtOnce is how many messages go at a time where there is no room for a
// journal that lists more.
const goneAtOnce = 1024

// run makes the change. On a full disk the reserve helps, if the change is one
// that makes room; then of many messages the last ones go first, as a change of
// its own.
func (e *editing) run() (modSeq uint64, err error) {
	modSeq, err = e.try()
	if !isFull(err) || errors.Is(err, errHalfDone) || !e.makesRoom() {
		return modSeq, err
	}
	e.bare, e.all = true, false
	_ = e.useReserve() // where there is none it may do without
	first, last := cutUIDs(e.gone, goneAtOnce)
	if first.Empty() {
		return e.try()
	}
	e.gone = last
	if modSeq, err = e.try(); err != nil {
		return modSeq, err
	}
	e.gone, e.flags, e.bare = first, nil, false
	return e.run()
}

// cutUIDs divides a set so that the last part has n UIDs.
func cutUIDs(set mailstore.UIDSet, n int64) (first, last mailstore.UIDSet) {
	first = slices.Clone(set)
	for n > 0 && len(first) > 0 {
		r := &first[len(first)-1]
		size := int64(r.Last-r.First) + 1
		if size > n {
			last = append(last, mailstore.UIDRange{First: r.Last - mailstore.UID(n) + 1, Last: r.Last})
			r.Last -= mailstore.UID(n)
			break
		}
		last = append(last, *r)
		n -= size
		first = first[:len(first)-1]
	}
	slices.Reverse(last)
	return first, last
}

// try plans the change, applies it, and brings the index up to date.
func (e *editing) try() (modSeq uint64, err error) {
	e.buf = takeBuffer(&e.m.acct.buffers)
	defer e.m.acct.buffers.Put(e.buf)
	if modSeq, ok, err := e.runInPlace(); ok || err != nil {
		return modSeq, err
	}
	m := e.m
	e.from = e.notedFrom()
	e.all = e.all || e.from <= m.style.start || m.wantNotes && !e.bare && e.movesMost()
	p := e.newPlan()
	b, err := e.planBase(p)
	if err != nil {
		return 0, err
	}
	if err := e.planMessages(p, b); err != nil {
		return 0, err
	}
	if e.limit > 0 && p.moves() > e.limit {
		return 0, errManyMoves
	}
	if err := e.keepUIDNext(); err != nil {
		return 0, err
	}
	modSeq, err = e.apply(p, b)
	if err != nil {
		return 0, err
	}
	return modSeq, e.afterwards()
}

func (e *editing) newPlan() *plan {
	e.start, e.rewritten = 0, e.rewritten[:0]
	p := newPlan(e.r.j, e.m.snap.size)
	p.buf = e.buf
	return p
}

// runInPlace changes the flags of some messages if that moves nothing, without
// looking at the other messages of the mailbox.
func (e *editing) runInPlace() (modSeq uint64, ok bool, err error) {
	m := e.m
	if e.all || !e.gone.Empty() {
		return 0, false, nil
	}
	p := e.newPlan()
	p.late = true // latesync.go
	for _, f := range e.flags {
		if len(withWords(m.base.keywords, f.flags.Keywords)) > len(m.base.keywords) {
			return 0, false, nil
		}
		r, l, _ := m.Get(f.uid)
		entry := index.Entry[loc]{Record: r, Data: l}
		if err := e.write(p, entry, nil); err != nil || p.shift != 0 {
			return 0, false, err
		}
	}
	if m.disk != nil {
		m.disk.Mark() // before the file has what a loss of power could take back
	}
	modSeq, err = e.apply(p, nil)
	return modSeq, err == nil, err
}

// planBase decides whether X-IMAPbase must be written, and plans it when it
// stands in UW's pseudo message.
func (e *editing) planBase(p *plan) (*base, error) {
	m := e.m
	b := m.base
	b.found, b.validity = true, m.validity
	b.last = max(b.last, m.UIDNext()-1)
	for _, f := range e.flags {
		b.keywords = withWords(b.keywords, f.flags.Keywords)
	}
	if e.all {
		for entry := range m.all() {
			b.keywords = withWords(b.keywords, entry.Flags.Keywords)
		}
	}
	if !e.baseNeeded(b) {
		return nil, nil
	}
	if !m.base.pseudo {
		return &b, nil
	}
	l, err := m.pseudoPlace()
	if err != nil {
		return nil, err
	}
	n := notes{base: &b, pseudo: true, system: mailstore.Seen, old: true, length: -1}
	if l.has(bitLength) {
		n.length = l.body
	}
	_, err = writeNotes(p, m.h, l, &n)
	return &b, err
}

// baseNeeded reports whether X-IMAPbase says too little: not the keywords, not
// that UIDs were used which no message bears any more, or nothing at all.
func (e *editing) baseNeeded(b base) bool {
	m := e.m
	if len(b.keywords) > len(m.base.keywords) {
		return true
	}
	if !m.base.found {
		return e.all
	}
	// What a reader who knows only the file would give as the next UID. He
	// believes no UID that is larger, since it may have come with a mail.
	next := m.base.last + 1
	first := true
	for entry := range m.all() {
		carries := first && !m.base.pseudo
		first = false
		if e.gone.Contains(entry.UID) {
			if carries {
				return true
			}
			continue
		}
		if entry.UID > next {
			return true
		}
		next = max(next, entry.UID+1)
	}
	return next < m.UIDNext()
}

// pseudoPlace parses UW's pseudo message again.
func (m *Mailbox) pseudoPlace() (loc, error) {
	p := newParser(m.h, m.style.start, m.snap.size, m.acct.opt.Zone)
	p.style, p.first = m.style, true
	f := p.message(m.style.start)
	return f.loc, p.w.err
}

// planMessages plans what happens to each message. Once something in front has
// changed its length, messages that lack their notes get them: they move anyway.
func (e *editing) planMessages(p *plan, b *base) error {
	e.start = p.shift
	e.makeRoom(p)
	first := true
	for entry := range e.m.all() {
		if e.gone.Contains(entry.UID) {
			p.remove(entry.Data.off, entry.Data.end()-entry.Data.off)
			continue
		}
		var carried *base
		if first && b != nil && !b.pseudo {
			carried = b
		}
		first = false
		if !e.touches(p, entry, carried) {
			continue
		}
		if err := e.write(p, entry, carried); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom makes room for as many edits as there can be, so that long lists need
// not be copied to grow.
func (e *editing) makeRoom(p *plan) {
	lacking := 0
	if !e.bare {
		for entry := range e.m.all() {
			if e.lacks(entry) {
				lacking++
			}
		}
	}
	p.edits = slices.Grow(p.edits, len(e.gone)+len(e.flags)+lacking+1)
	e.rewritten = slices.Grow(e.rewritten, len(e.flags)+lacking+1)
}

// write plans the notes of one message.
func (e *editing) write(p *plan, entry index.Entry[loc], carried *base) error {
	if entry.Data.overlong() {
		return fmt.Errorf("%w: message %d has a header of more than %d octets", mailstore.ErrTooBig, entry.UID, maxHeader)
	}
	n := e.notesOf(entry, carried)
	before := p.shift
	exact, err := writeNotes(p, e.m.h, entry.Data, n)
	w := rewritten{uid: entry.UID, grown: int32(p.shift - before), bits: entry.Data.bits | bitStamped, exact: exact}
	if n.old {
		w.bits |= bitOld
	}
	e.rewritten = append(e.rewritten, w)
	return err
}

// touches reports whether the header of a message is to be written.
func (e *editing) touches(p *plan, entry index.Entry[loc], carried *base) bool {
	if _, changes := e.flagsOf(entry.UID); changes || carried != nil {
		return true
	}
	if entry.Data.overlong() {
		return false
	}
	return !e.bare && (e.all || p.shift != 0 || entry.Data.off >= e.from) && e.lacks(entry)
}

// lacks reports whether the notes of a message do not say what they should.
func (e *editing) lacks(entry index.Entry[loc]) bool {
	return !entry.Data.has(bitStamped) || !entry.Data.has(bitOld) && !entry.Flags.Has(mailstore.Recent)
}

func (e *editing) notesOf(entry index.Entry[loc], carried *base) *notes {
	f, changes := e.flagsOf(entry.UID)
	if !changes {
		f = entry.Flags
	}
	n := &notes{base: carried, uid: entry.UID, system: f.System, old: !f.Has(mailstore.Recent), keywords: f.Keywords, length: -1, tight: e.bare}
	if carried == nil && !e.m.base.pseudo && e.m.isCarrier(entry.Data) {
		kept := e.m.base
		n.base = &kept
	}
	if entry.Data.has(bitLength) {
		n.length = entry.Data.body
	}
	return n
}

// isCarrier reports whether a message is the first of the file, and has
// X-IMAPbase.
func (m *Mailbox) isCarrier(l loc) bool { return m.base.found && l.off == m.style.start }

// keepUIDNext makes UIDNEXT durable in the state file when the mbox can no
// longer tell it, because no message is left to carry it.
func (e *editing) keepUIDNext() error {
	if e.gone.Len() < int64(e.m.Len()) || e.m.base.pseudo {
		return nil
	}
	m := e.m
	return m.saveNew(m.UIDNext(), none)
}
