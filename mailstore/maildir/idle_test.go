package maildir

import (
	"slices"
	"testing"
)

// TestIdleList: mailboxes leave the memory in the order in which they were closed,
// when together they weigh more than may be kept.
func TestIdleList(t *testing.T) {
	a := &account{boxes: make(map[string]*mailbox), retiring: make(map[string]*mailbox)}
	var l idleList
	var boxes []*mailbox
	for range 5 {
		m := newMailbox(a, "x", 1, 1)
		m.loaded.Store(true)
		boxes = append(boxes, m)
		l.add(m)
	}
	out := func(keep int, all bool) []*mailbox { return slices.Collect(l.tooMuch(keep, all)) }
	if got := out(5*mailboxWeight, false); len(got) != 0 {
		t.Errorf("%d of 5 empty mailboxes are too much for %d messages", len(got), 5*mailboxWeight)
	}
	l.add(boxes[0]) // closed once more
	if got := out(4*mailboxWeight, false); !slices.Equal(got, boxes[1:2]) {
		t.Errorf("the mailboxes %v had to go, not the one closed first", got)
	}
	l.remove(boxes[2])
	boxes[3].gone.Store(true)
	l.add(boxes[3])
	if got := out(9*mailboxWeight, false); !slices.Equal(got, boxes[3:4]) {
		t.Errorf("the mailboxes %v had to go, not the one that is gone", got)
	}
	if got := out(1, false); !slices.Equal(got, boxes[4:]) {
		t.Errorf("the mailboxes %v had to go, not all but the last", got)
	}
	if got := out(1, true); !slices.Equal(got, boxes[:1]) || l.weight != 0 || l.order.Len()+len(l.at) > 0 {
		t.Errorf("the mailboxes %v had to go, not the last; a weight of %d is left", got, l.weight)
	}
}
