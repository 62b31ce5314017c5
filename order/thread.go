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
	seed      maphash.Seed
	uids      []mailstore.UID
	dates     []int64   // when they were sent
	subjects  []subject // not for Refs
	links     *links    // not for OrderedSubject
	at        []int32   // their nodes
}

// A subject is a base subject, known by its hash.
type subject struct {
	hash  uint64
	empty bool
	reply bool
}

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

// Add takes the next message. Nothing of header is kept; it is nil if the message
// could not be read, which then stands as if it had no fields.
func (t *Threader) Add(rec *mailstore.Record, header []byte) {
	t.header.read(header)
	t.uids = append(t.uids, rec.UID)
	t.dates = append(t.dates, t.header.sent(rec))
	if t.algorithm != Refs {
		key, reply := t.header.subject()
		t.subjects = append(t.subjects, subject{maphash.Bytes(t.seed, key), len(key) == 0, reply})
	}
	if t.links != nil {
		t.at = append(t.at, t.links.add(int32(len(t.uids)-1), &t.header))
	}
}

// Threads gives the threads. It ends the Threader.
func (t *Threader) Threads() *Forest {
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
	first := make(map[uint64]int32)
	for _, i := range sorted {
		p, ok := first[t.subjects[i].hash]
		if !ok {
			p = none
			first[t.subjects[i].hash] = i
		}
		parent[i] = p
	}
	return parent
}
