package order

import (
	"cmp"
	"hash/maphash"
	"slices"

	"restante/mailstore"
)

// An Algorithm says what makes messages a thread.
type Algorithm uint8

// The algorithms.
const (
	// OrderedSubject: the same base subject (RFC 5256 section 3).
	OrderedSubject Algorithm = iota
	// References: one answers the other; threads with the same base subject
	// belong together (RFC 5256 section 3).
	References
	// Refs: one answers the other. Threads stand in the order of their latest
	// messages (draft-ietf-morg-inthread-01 section 4).
	Refs
)

// A Threader puts messages into threads.
type Threader struct {
	algorithm Algorithm
	header    headerReader
	seed      maphash.Seed // of all hashes
	recalled  recollection
	ids       []uint64 // of the message at hand
	id        []byte
	uids      []mailstore.UID
	dates     []int64   // when they were sent
	subjects  []subject // not for Refs
	links     *links    // not for OrderedSubject
	at        []int32   // their nodes
}

// A subject is a base subject, known by its hash, whose lowest bits say more.
type subject uint64

const (
	replySubject subject = 1 << iota
	emptySubject
)

func newSubject(hash uint64, empty, reply bool) subject {
	s := subject(hash) &^ (replySubject | emptySubject)
	if empty {
		s |= emptySubject
	}
	if reply {
		s |= replySubject
	}
	return s
}

// text stands for the subject's text.
func (s subject) text() subject { return s &^ replySubject }

func (s subject) empty() bool { return s&emptySubject != 0 }
func (s subject) reply() bool { return s&replySubject != 0 }

// NewThreader prepares to put messages into threads.
func NewThreader(a Algorithm) *Threader {
	t := &Threader{algorithm: a, seed: maphash.MakeSeed()}
	if a != OrderedSubject {
		t.links = newLinks()
	}
	return t
}

// Attrs are those that the records have to have filled.
func (t *Threader) Attrs() mailstore.Attrs { return mailstore.AttrDate }

// NeedsHeader reports whether Add looks at headers.
func (t *Threader) NeedsHeader() bool { return true }

// Remember lets the Threader recall from memory what it can, and keep there what it
// finds out. It comes before all messages, of which n are expected; m is that of the
// mailbox in which they are, whose UIDVALIDITY is the same.
func (t *Threader) Remember(m *Memory, n int) {
	known, seed := m.snapshot()
	t.recalled, t.seed = recollection{memory: m, known: known}, seed
	t.uids, t.dates = make([]mailstore.UID, 0, n), make([]int64, 0, n)
	if t.algorithm != Refs {
		t.subjects = make([]subject, 0, n)
	}
	if t.links != nil {
		t.at = make([]int32, 0, n)
		t.links.expect(n)
	}
}

// Recall takes the next message if its header need not be looked at; else it is false,
// and Add has to follow.
func (t *Threader) Recall(rec *mailstore.Record) bool {
	k, ok := t.recalled.find(rec.UID)
	if !ok || k.date == noDate && rec.Date == mailstore.Unknown {
		return false
	}
	t.add(rec, k)
	return true
}

// Add takes the next message. Nothing of header is kept; it is nil if the message
// could not be read, which then stands as if it had no fields.
func (t *Threader) Add(rec *mailstore.Record, header []byte) {
	t.header.read(header)
	k := t.key()
	if t.recalled.memory != nil && header != nil {
		t.recalled.learn(rec.UID, k)
	}
	t.add(rec, k)
}

// key gives what the header at hand says, as far as that is needed. Its ids are good
// until the next call.
func (t *Threader) key() key {
	k := key{date: t.header.sent()}
	all := t.recalled.memory != nil
	if all || t.algorithm != Refs {
		text, reply := t.header.subject()
		k.subject = newSubject(maphash.Bytes(t.seed, text), len(text) == 0, reply)
	}
	if all || t.links != nil {
		t.readIDs()
		k.ids = t.ids
	}
	return k
}

func (t *Threader) add(rec *mailstore.Record, k key) {
	if k.date == noDate {
		k.date = arrived(rec)
	}
	t.uids = append(t.uids, rec.UID)
	t.dates = append(t.dates, k.date)
	if t.algorithm != Refs {
		t.subjects = append(t.subjects, k.subject)
	}
	if t.links != nil {
		t.at = append(t.at, t.links.add(int32(len(t.uids)-1), k.ids))
	}
}

// Threads gives the threads. It ends the Threader.
func (t *Threader) Threads() *Forest {
	t.recalled.end()
	g := grove{uids: t.uids, sorted: t.byDate()}
	switch t.algorithm {
	case OrderedSubject:
		g.parent = t.bySubject(g.sorted)
	default:
		g.parent, g.dummies = t.links.parents(t.at)
		t.links = nil
	}
	switch t.algorithm {
	case References:
		g.mergeSubjects(t.subjects)
	case Refs:
		g.rank = g.latest()
	}
	return g.forest()
}

// byDate gives the messages in the order of their sent dates, by their places.
func (t *Threader) byDate() []int32 {
	places := make([]int32, len(t.uids))
	for i := range places {
		places[i] = int32(i)
	}
	slices.SortFunc(places, func(a, b int32) int {
		return cmp.Or(cmp.Compare(t.dates[a], t.dates[b]), cmp.Compare(a, b))
	})
	return places
}

// bySubject gives the parents that ORDEREDSUBJECT wants: the first message of a
// subject is that of all others.
func (t *Threader) bySubject(sorted []int32) (parent []int32) {
	parent = make([]int32, len(sorted))
	first := make(map[subject]int32)
	for _, i := range sorted {
		p, ok := first[t.subjects[i].text()]
		if !ok {
			p = none
			first[t.subjects[i].text()] = i
		}
		parent[i] = p
	}
	return parent
}
