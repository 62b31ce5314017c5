package mbox

import (
	"errors"
	"fmt"
	"math"
)

// notesAtClose is how much may be moved so that all messages have their notes
// when a mailbox is closed. Where it would be more they are written together with
// a change that moves about as much anyway, or by Rebuild; until then the state
// file has what they would say.
const notesAtClose = 32 << 20

var errManyMoves = errors.New("the messages behind would have to be moved, and there is much of them")

// writeAllNotes writes what the mbox should hold and does not yet: UIDs, the
// last UID, keywords, and that messages are no longer recent.
func (m *Mailbox) writeAllNotes(r *rewriter) error { return m.giveNotes(r, 0) }

// writeFewNotes is writeAllNotes if few octets move.
func (m *Mailbox) writeFewNotes(r *rewriter) error { return m.giveNotes(r, notesAtClose) }

func (m *Mailbox) giveNotes(r *rewriter, limit int64) error {
	e := m.newEditing(r)
	e.all, e.limit = true, limit
	if _, err := e.run(); err != nil {
		return fmt.Errorf("writing notes: %w", err)
	}
	return nil
}

// notesAtAppend is how much may be moved so that a message that is appended has none
// without notes in front of it.
const notesAtAppend = 1 << 20

// noteEnd gives the messages at the end of the file their notes before others, which bear
// theirs, are written behind them. Another program that is at the same file numbers what
// has no X-UID in turn, and believes an X-UID that is not the next one in turn no more than
// one that came with a mail: where messages have gone that it did not see, it would give
// each that follows another UID than clients were told here. Where much would have to be
// moved, or they cannot be written, the messages stay as they are, and Close tries again.
func (m *Mailbox) noteEnd(r *rewriter) error {
	if m.endIsNoted() || m.notesMove() > notesAtAppend {
		return nil
	}
	err := m.giveNotes(r, notesAtAppend)
	if errors.Is(err, errHalfDone) || m.gone() != nil {
		return err
	}
	m.lost = m.lost && err != nil
	return nil // the file is as it was, and an append may do without them
}

// endIsNoted reports whether readers of the file alone believe that the next message has
// the next UID, and those in front theirs. As long as others have removed nothing the last
// message tells.
func (m *Mailbox) endIsNoted() bool {
	used := m.base.last
	if last := m.lastEntry(); last != nil {
		if !last.Data.has(bitStamped) || !m.base.found || m.lost {
			return false
		}
		used = max(used, last.UID)
	}
	return !m.base.found || m.UIDNext() <= used+1
}

// notesMove is about how many octets move when all messages get their notes: all
// behind the first one that has no place for them.
func (m *Mailbox) notesMove() int64 {
	for entry := range m.all() {
		if m.lacksPlace(&entry.Data) {
			return m.snap.size - entry.Data.off
		}
	}
	return 0
}

// lacksPlace reports whether a message moves those behind it when it gets its
// notes.
func (m *Mailbox) lacksPlace(l *loc) bool {
	return !l.has(bitStamped) || !m.base.found && l.off == m.style.start
}

// movesMost reports whether the change moves half of what would move if all
// messages got their notes at the same time. Few octets can wait for Close.
func (e *editing) movesMost() bool {
	var moved, notes int64
	changed, lacking := false, false
	for entry := range e.m.all() {
		l := &entry.Data
		if e.gone.Contains(entry.UID) {
			changed = true
			continue
		}
		if lacking = lacking || e.m.lacksPlace(l); lacking {
			notes += l.end() - l.off
		}
		if changed {
			moved += l.end() - l.off
		}
		if !changed && !l.has(bitStamped) {
			_, changed = e.flagsOf(entry.UID)
		}
	}
	return notes > notesAtClose && moved >= notes/2
}

// notesAtLeast is how much of the end of the file gets its notes when anything has to
// move for the notes of one message.
const notesAtLeast = 1 << 20

// notedFrom is where the messages begin that get their notes together with one that
// has no place for its flags. Those behind it move for them; of those in front so many
// are added that twice as much moves. So the next time that a message has no place,
// what moves is twice what it was this time: whoever changes flags one by one, from the
// last message to the first, moves each octet a few times and not once for each message.
func (e *editing) notedFrom() int64 {
	if e.bare {
		return math.MaxInt64
	}
	size := e.m.snap.size
	for _, f := range e.flags {
		if _, l, there := e.m.Get(f.uid); there && !l.has(bitStamped) && !e.gone.Contains(f.uid) {
			return size - max(2*(size-l.off), notesAtLeast)
		}
	}
	return math.MaxInt64
}

// moves is how many octets behind the first edit come to stand elsewhere.
func (p *plan) moves() int64 {
	for _, e := range p.edits {
		if e.ins != e.del {
			return p.old - e.off - e.del
		}
	}
	return 0
}
