package search

import (
	"sync"
	"sync/atomic"

	"restante/mailstore"
)

// A Memory keeps what searches in one mailbox have found out about the text of
// messages, so that nothing is opened or read twice for the same question. As the text of
// a message never changes under one UID and UIDVALIDITY, it is never out of date: of a
// search that comes again only new messages are read. It may be used by many goroutines;
// the zero value is ready.
//
// QUIRK: iOS Mail searches the same a dozen times as soon as a mailbox is shown.
type Memory struct {
	mu       sync.Mutex
	verdicts []*verdicts // what was asked last stands last
}

const (
	// maxTexts is for how many texts a Memory has verdicts, and maxBlocks how many
	// blocks of them they may have together: half a megabyte.
	maxTexts  = 16
	maxBlocks = 2048
)

// A question is what is asked of messages: whether a text stands in a place.
type question struct {
	text  string // in its collation form
	in    Places
	field string // in lower case; "" for all that is searched there
}

// verdicts are the answers to a question.
type verdicts struct {
	question
	mu     sync.Mutex
	blocks map[uint32]*block // by the UIDs' higher bits
}

// A block has the answers for neighbouring UIDs. What is judged has been answered before
// it is called so.
type block struct {
	judged, have [blockUIDs / 64]atomic.Uint64
}

const blockUIDs = 1024

// of gives the verdicts on a question, which is the one that was asked last now. What
// was asked longest ago is forgotten if there is too much.
func (m *Memory) of(q question) *verdicts {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &verdicts{question: q, blocks: make(map[uint32]*block)}
	kept := m.verdicts[:0]
	for _, old := range m.verdicts {
		if old.question == q {
			v = old
		} else {
			kept = append(kept, old)
		}
	}
	clear(m.verdicts[len(kept):])
	m.verdicts = append(kept, v)
	size := m.blocks()
	for len(m.verdicts) > maxTexts || size > maxBlocks && len(m.verdicts) > 1 {
		size -= m.verdicts[0].len()
		m.verdicts[0] = nil
		m.verdicts = m.verdicts[1:]
	}
	return v
}

// blocks is how many blocks there are. The caller has the lock.
func (m *Memory) blocks() (n int) {
	for _, v := range m.verdicts {
		n += v.len()
	}
	return n
}

// Size is about how many octets are held.
func (m *Memory) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	const octets = blockUIDs / 8 * 2
	size := m.blocks() * octets
	for _, v := range m.verdicts {
		size += len(v.text) + len(v.field)
	}
	return size
}

// Forget drops all that is kept.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verdicts = nil
}

func (v *verdicts) len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.blocks)
}

// block gives a block, a new one if there is none and it is to be made. A question
// whose answers take too much room is asked anew.
func (v *verdicts) block(no uint32, fresh bool) *block {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.blocks[no]
	if b == nil && fresh {
		if len(v.blocks) >= maxBlocks {
			clear(v.blocks)
		}
		b = new(block)
		v.blocks[no] = b
	}
	return b
}

// nearBy is the block that was asked for last: the next message's is nearly always the
// same.
type nearBy struct {
	valid bool
	no    uint32
	block *block // nil where there was none
}

// Memorable reports whether Remember would be of use: whether the query looks for a
// text.
func (q *Query) Memorable() bool { return len(q.texts) > 0 || len(q.heads) > 0 }

// Remember lets the query answer from memory what it can, and keep there what it finds
// out. m is that of the mailbox that is searched, whose UIDVALIDITY is the same.
func (q *Query) Remember(m *Memory) {
	for _, n := range q.texts {
		if len(n.folded) > 0 {
			in := InBody
			if n.inHeaders {
				in |= InHeader
			}
			n.verdicts = m.of(question{text: string(n.folded), in: in})
		}
	}
	for _, n := range q.heads {
		n.verdicts = m.of(question{text: string(n.folded), in: InHeader, field: n.field})
	}
}

// block gives the block of a message.
func (n *needle) block(uid mailstore.UID, fresh bool) *block {
	no := uint32(uid) / blockUIDs
	if last := &n.near; !last.valid || last.no != no || last.block == nil && fresh {
		*last = nearBy{true, no, n.verdicts.block(no, fresh)}
	}
	return n.near.block
}

// recall answers from memory whether a message has the needle.
func (n *needle) recall(uid mailstore.UID) answer {
	if n.verdicts == nil {
		return maybe
	}
	b := n.block(uid, false)
	word, bit := uid%blockUIDs/64, uint64(1)<<(uid%64)
	if b == nil || b.judged[word].Load()&bit == 0 {
		return maybe
	}
	return is(b.have[word].Load()&bit != 0)
}

// judge keeps an answer.
func (n *needle) judge(uid mailstore.UID, has bool) {
	if n.verdicts == nil {
		return
	}
	b := n.block(uid, true)
	word, bit := uid%blockUIDs/64, uint64(1)<<(uid%64)
	if has {
		b.have[word].Or(bit)
	}
	b.judged[word].Or(bit)
}

// judgeTexts keeps what was found out about the texts of a message that was read.
func (q *Query) judgeTexts(c *candidate) {
	for _, n := range q.texts {
		switch uid := c.rec.UID; {
		case n.verdicts == nil || n.recall(uid) != maybe:
		case q.found[n.index]:
			n.judge(uid, true)
		case c.searched && (n.looked || !n.inHeaders) && !n.rulesOut(uid):
			n.judge(uid, false)
		}
	}
}
