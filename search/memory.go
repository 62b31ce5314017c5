package search

import (
	"slices"

	"restante/mailstore"
)

// A Memory keeps what searches in one mailbox have found out about the text of
// messages, so that nothing is opened twice for the same question. As the text of a
// message never changes under one UID and UIDVALIDITY, it is never out of date: of a
// search that comes again only new messages are read. It belongs to one goroutine;
// the zero value is ready.
//
// QUIRK: iOS Mail searches the same a dozen times as soon as a mailbox is shown.
type Memory struct {
	verdicts []*verdicts // what was asked last stands last
}

const (
	// maxTexts is for how many texts a Memory has verdicts, and maxRanges how many
	// ranges of UIDs they may have together: half a megabyte.
	maxTexts  = 16
	maxRanges = 1 << 16
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
	judged, have mailstore.UIDSet
}

// of gives the verdicts on a question, which is the one that was asked last now. What
// was asked longest ago is forgotten if there is too much.
func (m *Memory) of(q question) *verdicts {
	v := &verdicts{question: q}
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
	size := 0
	for _, v := range m.verdicts {
		size += len(v.judged) + len(v.have)
	}
	for len(m.verdicts) > maxTexts || size > maxRanges && len(m.verdicts) > 1 {
		size -= len(m.verdicts[0].judged) + len(m.verdicts[0].have)
		m.verdicts[0] = nil
		m.verdicts = m.verdicts[1:]
	}
	return v
}

// Memorable reports whether Remember would be of use: whether the query may open
// messages for a text.
func (q *Query) Memorable() bool {
	return len(q.texts) > 0 || slices.ContainsFunc(q.heads, func(n *needle) bool { return n.field != "" })
}

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
		if n.field != "" {
			n.verdicts = m.of(question{text: string(n.folded), in: InHeader, field: n.field})
		}
	}
}

// recall answers from memory whether a message has the needle.
func (n *needle) recall(uid mailstore.UID) answer {
	switch v := n.verdicts; {
	case v == nil || !v.judged.Contains(uid):
		return maybe
	default:
		return is(v.have.Contains(uid))
	}
}

// judge keeps an answer. A question whose answers take too much room is asked anew.
func (n *needle) judge(uid mailstore.UID, has bool) {
	v := n.verdicts
	if v == nil {
		return
	}
	if len(v.judged)+len(v.have) > maxRanges {
		v.judged, v.have = nil, nil
	}
	v.judged.Add(uid)
	if has {
		v.have.Add(uid)
	}
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
