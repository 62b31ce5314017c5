package mbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

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
	// bare: nothing is written that is not needed, because there is no room.
	bare bool
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

// moved is a message with its place after the change.
type moved struct {
	uid   mailstore.UID
	loc   loc
	exact bool
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
	if modSeq, ok, err := e.runInPlace(); ok || err != nil {
		return modSeq, err
	}
	m := e.m
	e.all = e.all || m.wantNotes && !e.bare && e.movesMost()
	p := newPlan(e.r.j, m.snap.size)
	b, err := e.planBase(p)
	if err != nil {
		return 0, err
	}
	places, err := e.planMessages(p, b)
	if err != nil {
		return 0, err
	}
	if e.limit > 0 && p.moves() > e.limit {
		return 0, errManyMoves
	}
	if err := e.keepUIDNext(); err != nil {
		return 0, err
	}
	modSeq, err = e.apply(p, places, b)
	if err != nil {
		return 0, err
	}
	return modSeq, e.afterwards(places)
}

// runInPlace changes the flags of some messages if that moves nothing, without
// looking at the other messages of the mailbox.
func (e *editing) runInPlace() (modSeq uint64, ok bool, err error) {
	m := e.m
	if e.all || !e.gone.Empty() {
		return 0, false, nil
	}
	p := newPlan(e.r.j, m.snap.size)
	var places []moved
	for _, f := range e.flags {
		if len(withWords(m.base.keywords, f.flags.Keywords)) > len(m.base.keywords) {
			return 0, false, nil
		}
		r, l, _ := m.Get(f.uid)
		entry := index.Entry[loc]{Record: r, Data: l}
		pl, err := e.write(p, entry, nil)
		if err != nil || p.shift != 0 {
			return 0, false, err
		}
		places = append(places, pl)
	}
	modSeq, err = e.apply(p, places, nil)
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
	_, _, err = writeNotes(p, m.h, l, &n)
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

// planMessages plans what happens to each message and returns those that stay
// and whose place changes. Once something in front has changed its length, messages
// that lack their notes get them: they move anyway.
func (e *editing) planMessages(p *plan, b *base) ([]moved, error) {
	var places []moved
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
		pl := moved{entry.UID, entry.Data, true}
		shift := p.shift
		if e.touches(p, entry, carried) {
			var err error
			if pl, err = e.write(p, entry, carried); err != nil {
				return nil, err
			}
		}
		pl.loc.off += shift
		if pl.loc != entry.Data || !pl.exact {
			places = append(places, pl)
		}
	}
	return places, nil
}

// write plans the notes of one message.
func (e *editing) write(p *plan, entry index.Entry[loc], carried *base) (moved, error) {
	if entry.Data.overlong() {
		return moved{}, fmt.Errorf("%w: message %d has a header of more than %d octets", mailstore.ErrTooBig, entry.UID, maxHeader)
	}
	n := e.notesOf(entry, carried)
	l, exact, err := writeNotes(p, e.m.h, entry.Data, n)
	l.bits |= bitStamped
	if n.old {
		l.bits |= bitOld
	}
	return moved{entry.UID, l, exact}, err
}

// touches reports whether the header of a message is to be written.
func (e *editing) touches(p *plan, entry index.Entry[loc], carried *base) bool {
	if _, changes := e.flagsOf(entry.UID); changes || carried != nil {
		return true
	}
	if entry.Data.overlong() {
		return false
	}
	if e.bare {
		return false
	}
	lacking := !entry.Data.has(bitStamped) || !entry.Data.has(bitOld) && !entry.Flags.Has(mailstore.Recent)
	return lacking && (e.all || p.shift != 0)
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
	return m.saveNew(m.UIDNext())
}

// apply changes the file and the index. Whoever reads messages sees the state
// before or after.
func (e *editing) apply(p *plan, places []moved, b *base) (modSeq uint64, err error) {
	m := e.m
	m.io.Lock()
	defer m.io.Unlock()
	if p.empty() {
		return e.publish(places, b), nil
	}
	before := m.snap
	if err := e.rewrite(p); err != nil {
		return 0, err
	}
	fi, err := m.stat()
	if err != nil {
		return 0, err
	}
	m.snap = stampOf(fi)
	m.layoutGen++
	if err := e.newSecond(before); err != nil {
		return 0, err
	}
	return e.publish(places, b), nil
}

// rewrite applies the plan. What is left half done is finished at once, or at
// the next access if that fails too.
func (e *editing) rewrite(p *plan) error {
	err := e.r.apply(p)
	if !errors.Is(err, errHalfDone) {
		return err
	}
	e.m.snap = fileStamp{}
	done, rerr := e.r.recover()
	if done && rerr == nil {
		return nil
	}
	return errors.Join(err, rerr)
}

// newSecond sees to it that mutt notices a change that left the size as it was.
//
// QUIRK: mutt compares size and modification time, in seconds.
func (e *editing) newSecond(before fileStamp) error {
	m := e.m
	if m.snap.size != before.size || m.snap.mtime/1e9 != before.mtime/1e9 {
		return nil
	}
	at, err := accessTime(m.h)
	if err != nil {
		return err
	}
	mtime := time.Unix(before.mtime/1e9+1, 0)
	if err := m.acct.opt.FS.Chtimes(m.paths().mbox, at, mtime); err != nil {
		return nil // as when the file is somebody else's: then mutt must do without
	}
	fi, err := m.stat()
	if err == nil {
		m.snap = stampOf(fi)
	}
	return err
}

// publish gives the index the new places and tells the sessions. The caller
// holds io.
func (e *editing) publish(places []moved, b *base) (modSeq uint64) {
	m := e.m
	if b != nil {
		m.base = *b
	}
	m.Update(func(tx *index.Tx[loc]) {
		for _, pl := range places {
			tx.SetData(pl.uid, pl.loc)
		}
		for _, r := range e.gone {
			for uid := r.First; uid <= r.Last; uid++ {
				tx.Expunge(uid)
			}
		}
		for _, f := range e.flags {
			tx.SetFlags(f.uid, f.flags)
		}
		modSeq = tx.ModSeq()
	})
	if m.carriesNoMail() {
		m.base = base{}
	}
	m.wantNotes = !e.all
	m.stale = m.stale || !e.gone.Empty()
	return modSeq
}

// afterwards reads the file again when a new place could not be foretold.
func (e *editing) afterwards(places []moved) error {
	for _, pl := range places {
		if !pl.exact {
			fi, err := e.m.stat()
			if err != nil {
				return err
			}
			return e.m.parse(fi, nil)
		}
	}
	return nil
}

func accessTime(h *handle) (time.Time, error) {
	fi, err := h.Stat()
	if err != nil {
		return time.Time{}, err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Atim.Unix()), nil
	}
	return fi.ModTime(), nil
}
