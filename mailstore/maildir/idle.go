package maildir

import (
	"container/list"
	"iter"
)

// mailboxWeight is what a mailbox in memory costs beside its messages, as a number
// of those: an account may have thousands of mailboxes with a few in each.
const mailboxWeight = 64

// idleList holds the mailboxes that nobody has open, in the order in which they
// were closed, and knows what they weigh. Its zero value is empty.
type idleList struct {
	order  list.List // of idleBox
	at     map[*mailbox]*list.Element
	weight int
}

type idleBox struct {
	m      *mailbox
	weight int
}

// add puts a mailbox at the end.
func (l *idleList) add(m *mailbox) {
	l.remove(m)
	if l.at == nil {
		l.at = make(map[*mailbox]*list.Element)
	}
	b := idleBox{m, m.Len() + mailboxWeight}
	l.at[m] = l.order.PushBack(b)
	l.weight += b.weight
}

// remove takes a mailbox out, if it is there.
func (l *idleList) remove(m *mailbox) {
	if e := l.at[m]; e != nil {
		delete(l.at, m)
		l.weight -= l.order.Remove(e).(idleBox).weight
	}
}

// tooMuch takes mailboxes out: all of them, or else the last one if it is of no
// use and those that were closed first until the rest weighs no more than keep
// messages. The last one may weigh anything: whoever closes it often comes back.
func (l *idleList) tooMuch(keep int, all bool) iter.Seq[*mailbox] {
	return func(yield func(*mailbox) bool) {
		if e := l.order.Back(); e != nil {
			if m := e.Value.(idleBox).m; !m.useful() {
				l.remove(m)
				if !yield(m) {
					return
				}
			}
		}
		for l.order.Len() > 0 && (all || l.weight > keep && l.order.Len() > 1) {
			m := l.order.Front().Value.(idleBox).m
			l.remove(m)
			if !yield(m) {
				return
			}
		}
	}
}

// useful reports whether it helps to have the mailbox in memory.
func (m *mailbox) useful() bool { return m.loaded.Load() && !m.gone.Load() }
