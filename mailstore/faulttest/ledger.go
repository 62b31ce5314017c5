package faulttest

import (
	"fmt"
	"maps"

	"restante/mailstore"
)

// A ledger holds what clients were told, over all processes and crashes, and
// complains when something is told that contradicts it.
type ledger struct {
	boxes      map[place]*toldBox
	acked      []ack
	complaints []string
}

// place is by what clients know a mailbox again.
type place struct {
	name     string
	validity uint32
}

type toldBox struct {
	id      string // once told
	next    mailstore.UID
	highest uint64
	texts   map[mailstore.UID]string
	flags   map[mailstore.UID]string // at highest, of messages that were there
}

// ack is a message of which a client was told that it is there.
type ack struct {
	place
	uid  mailstore.UID
	text string
}

func newLedger() *ledger { return &ledger{boxes: make(map[place]*toldBox)} }

func (l *ledger) clone() *ledger {
	c := newLedger()
	for at, b := range l.boxes {
		c.boxes[at] = &toldBox{id: b.id, next: b.next, highest: b.highest, texts: maps.Clone(b.texts), flags: maps.Clone(b.flags)}
	}
	return c
}

func (l *ledger) complain(format string, args ...any) {
	l.complaints = append(l.complaints, fmt.Sprintf(format, args...))
}

func (l *ledger) at(at place) *toldBox {
	b := l.boxes[at]
	if b == nil {
		b = &toldBox{texts: make(map[mailstore.UID]string), flags: make(map[mailstore.UID]string)}
		l.boxes[at] = b
	}
	return b
}

// name notes what a UID means.
func (l *ledger) name(at place, uid mailstore.UID, text string) {
	b := l.at(at)
	if was, known := b.texts[uid]; known && was != text {
		l.complain("%s, UIDVALIDITY %d: UID %d was told for %q, now for %q", at.name, at.validity, uid, brief(was), brief(text))
	}
	b.texts[uid] = text
}

// acknowledge notes that a message was told to be there.
func (l *ledger) acknowledge(at place, uid mailstore.UID, text string) {
	if _, known := l.at(at).texts[uid]; known {
		l.complain("%s, UIDVALIDITY %d: UID %d is given again", at.name, at.validity, uid)
	}
	l.name(at, uid, text)
	l.acked = append(l.acked, ack{at, uid, text})
}

// observe notes what a client sees that looks at a mailbox, and checks that it
// can be the later state of what it saw before.
func (l *ledger) observe(m mailstore.Mailbox, name string, b box) {
	at := place{name, b.validity}
	told := l.at(at)
	if b.next < told.next || b.highest < told.highest {
		l.complain("%s, UIDVALIDITY %d: UIDNEXT went from %d to %d, HIGHESTMODSEQ from %d to %d", name, b.validity, told.next, b.next, told.highest, b.highest)
	}
	now := make(map[mailstore.UID]string)
	for _, msg := range b.messages {
		now[msg.uid] = msg.flags
		if _, known := told.texts[msg.uid]; !known && msg.uid < told.next {
			l.complain("%s, UIDVALIDITY %d: UID %d comes up below UIDNEXT %d", name, b.validity, msg.uid, told.next)
		}
		l.name(at, msg.uid, msg.text)
		if msg.modSeq <= told.highest && told.flags[msg.uid] != msg.flags {
			l.complain("%s: UID %d went from flags %q to %q without a mod-sequence above %d", name, msg.uid, told.flags[msg.uid], msg.flags, told.highest)
		}
	}
	vanished, complete := m.Vanished(told.highest)
	for uid := range told.flags {
		if _, there := now[uid]; !there && complete && !vanished.Contains(uid) {
			l.complain("%s: a client with mod-sequence %d never learns that UID %d has gone", name, told.highest, uid)
		}
	}
	told.next, told.highest, told.flags = b.next, b.highest, now
}
