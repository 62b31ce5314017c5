package search

import (
	"restante/mailstore"
)

// Places are where text stands in a message.
type Places uint8

// The places of text. A text that is found stands in one of them.
const (
	InHeader Places = 1 << iota // fields of the header, and of those of parts
	InBody                      // bodies
)

// MinText is how many octets a text has to have, in the form in which it is compared,
// for an Index to be asked about it.
const MinText = 3

// An Index knows, without opening messages, that a text is not in them.
type Index interface {
	// Find tells of a text, in the form in which texts are compared, which messages the
	// index knows, and which of these may have it in one of the places. It is of MinText
	// octets at least.
	Find(in Places, text []byte) (known, may mailstore.UIDSet)
}

// Indexable reports whether Narrow would ask an index anything.
func (q *Query) Indexable() bool { return q.indexable }

func (n *needle) indexable() bool { return len(n.folded) >= MinText }

// Narrow lets the query open only those messages of which the index does not know
// that they cannot match: what is found is the same. It is for the mailbox whose index
// it is, now and later, as the text of a message never changes.
func (q *Query) Narrow(ix Index) {
	for _, n := range q.heads {
		q.narrow(ix, n, InHeader)
	}
	for _, n := range q.texts {
		in := InBody
		if n.inHeaders {
			in |= InHeader
		}
		q.narrow(ix, n, in)
	}
}

func (q *Query) narrow(ix Index, n *needle, in Places) {
	if !n.indexable() {
		return
	}
	n.known, n.may = ix.Find(in, n.folded)
	if q.known == nil || n.known.Len() < q.known.Len() {
		q.known = n.known
	}
}

// count notes that a message is opened.
func (q *Query) count(uid mailstore.UID, octets int64) {
	if q.indexable && !q.known.Contains(uid) {
		q.Unindexed.Messages++
		q.Unindexed.Octets += octets
	}
}
