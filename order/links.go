package order

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// A node is a message id: of a message that is there, or one that others refer to.
type node struct {
	parent  int32 // none, or a node
	message int32 // none, or the place of the message
	kids    bool  // it is, or was, the parent of another
}

const none = -1

// links is which message answers which, by message ids: step 1 of REFERENCES (RFC
// 5256 section 3). Ids are known by their hashes, whose seed nobody outside knows.
type links struct {
	nodes []node
	ids   idTable
	// steps is how many may still be gone in search of circles. It grows with
	// each message; no real mailbox comes near the end. Where it is used up,
	// messages are not linked that might be in a circle.
	steps int
}

const (
	// maxReferences is how many ids of a message count: the last ones, which are
	// the nearest.
	maxReferences = 1000
	firstSteps    = 1 << 20
	stepsEach     = 1000
)

func newLinks() *links { return &links{steps: firstSteps} }

// expect makes room for so many messages.
func (l *links) expect(n int) {
	l.nodes = make([]node, 0, n)
	l.ids.expect(n)
}

// add takes the message at a place and its ids (key.ids), and says at which node it is.
func (l *links) add(message int32, ids []uint64) int32 {
	l.steps += stepsEach
	parent := int32(none)
	for _, id := range ids[1:] {
		ref := l.node(id)
		if parent != none && l.nodes[ref].parent == none {
			l.link(parent, ref)
		}
		parent = ref
	}
	own := l.own(message, ids[0])
	if l.nodes[own].parent != parent {
		l.nodes[own].parent = none
		if parent != none {
			l.link(parent, own)
		}
	}
	return own
}

// readIDs makes ids those of the header at hand (key.ids): behind its own those of
// References or, if there are none, the first of In-Reply-To.
func (t *Threader) readIDs() {
	t.ids = append(t.ids[:0], 0)
	t.ids[0], _ = t.nextID(t.header.value(fieldMessageID))
	for rest := t.header.value(fieldReferences); ; {
		var id uint64
		if id, rest = t.nextID(rest); id == 0 {
			break
		}
		t.ids = append(t.ids, id)
	}
	if beyond := len(t.ids) - 1 - maxReferences; beyond > 0 {
		t.ids = slices.Delete(t.ids, 1, 1+beyond)
	}
	if len(t.ids) == 1 {
		if id, _ := t.nextID(t.header.value(fieldInReplyTo)); id != 0 {
			t.ids = append(t.ids, id)
		}
	}
}

// nextID gives the hash of the next id in a value, 0 where there is none.
func (t *Threader) nextID(value []byte) (id uint64, rest []byte) {
	var ok bool
	if t.id, rest, ok = nextID(t.id[:0], value); !ok {
		return 0, nil
	}
	return max(maphash.Bytes(t.seed, t.id), 1), rest
}

// own gives the node of a message: a new one if it has no valid id, or one that
// another message has already.
func (l *links) own(message int32, id uint64) int32 {
	if id != 0 {
		n := l.node(id)
		if l.nodes[n].message == none {
			l.nodes[n].message = message
			return n
		}
	}
	l.nodes = append(l.nodes, node{parent: none, message: message})
	return int32(len(l.nodes) - 1)
}

// node finds or makes the node of an id.
func (l *links) node(id uint64) int32 {
	s := l.ids.slot(id)
	if s.id == 0 {
		l.ids.used++
		s.id, s.node = id, int32(len(l.nodes))
		l.nodes = append(l.nodes, node{parent: none, message: none})
	}
	return s.node
}

// An idTable finds the nodes of ids, which are hashes already and not 0.
type idTable struct {
	slots []idSlot // a power of two; at most three quarters are in use
	used  int
}

type idSlot struct {
	id   uint64
	node int32
}

// expect makes room for the ids of so many messages, which are more than these.
func (t *idTable) expect(n int) { t.resize(n + n/2) }

func (t *idTable) resize(ids int) {
	old := t.slots
	t.slots = make([]idSlot, 1<<bits.Len(uint(max(ids, 16)*4/3)))
	for _, s := range old {
		if s.id != 0 {
			*t.slot(s.id) = s
		}
	}
}

// slot gives the slot of an id, which is empty if the id is a new one.
func (t *idTable) slot(id uint64) *idSlot {
	if t.used >= len(t.slots)/4*3 {
		t.resize(2 * t.used)
	}
	mask := uint64(len(t.slots) - 1)
	for i := id & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.id == id || s.id == 0 {
			return s
		}
	}
}

// link makes a node without parent the child of another, unless that would close a
// circle.
func (l *links) link(parent, child int32) {
	// What never had a child cannot be above anything: that is nearly every
	// message, as answers come in after what they answer.
	if parent == child || l.nodes[child].kids && l.above(child, parent) {
		return
	}
	l.nodes[child].parent = parent
	l.nodes[parent].kids = true
}

// above reports whether a is above b, or that this would take too long to find out.
func (l *links) above(a, b int32) bool {
	for n := b; n != none; n = l.nodes[n].parent {
		if l.steps--; n == a || l.steps < 0 {
			return true
		}
	}
	return false
}

// parents gives the parent of each message: a message, or a dummy (a number from
// len(at) on), of which it also gives how many there are, or none. at are the nodes of the messages. Ids without
// a message are taken out, and their children belong to what is above (step 3); only
// where nothing is above, and they would be several, they get a dummy.
func (l *links) parents(at []int32) (parent []int32, dummies int) {
	tops := l.tops(at)
	count := make(map[int32]int32)
	for _, top := range tops {
		if top < none {
			count[top]++
		}
	}
	for i, top := range tops {
		if top >= none {
			continue
		}
		switch n := count[top]; {
		case n == 1:
			tops[i] = none
		case n > 1:
			// From here on the number of the dummy, below zero.
			count[top] = -int32(len(at) + dummies)
			tops[i] = int32(len(at) + dummies)
			dummies++
		default:
			tops[i] = -n
		}
	}
	return tops, dummies
}

// tops gives for each message the nearest message above; where there is none, but
// ids are above it, a number below none that stands for the topmost of these.
func (l *links) tops(at []int32) []int32 {
	const open = 1<<31 - 1
	known := make([]int32, len(l.nodes)) // of ids without a message
	for i := range known {
		known[i] = open
	}
	tops := make([]int32, len(at))
	for i, own := range at {
		first := l.nodes[own].parent
		top, n := int32(open), first
		for top == open {
			switch {
			case n == none:
				top = none
			case l.nodes[n].message != none:
				top = l.nodes[n].message
			case known[n] != open:
				top = known[n]
			case l.nodes[n].parent == none:
				top = none - 1 - n
			default:
				n = l.nodes[n].parent
			}
		}
		tops[i] = top
		for n := first; n != none && l.nodes[n].message == none && known[n] == open; n = l.nodes[n].parent {
			known[n] = top
		}
	}
	return tops
}
