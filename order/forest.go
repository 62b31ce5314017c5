package order

import (
	"iter"

	"restante/mailstore"
)

// A Forest is messages in threads.
type Forest struct {
	uids        []mailstore.UID // by node, 0 for what stands for a message that is not there
	child, next []int32         // first child, next sibling
	roots       []int32
}

// A Node is a place in a thread.
type Node struct {
	f *Forest
	n int32
}

// Threads yields the topmost node of each thread in order.
func (f *Forest) Threads() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for _, n := range f.roots {
			if !yield(Node{f, n}) {
				return
			}
		}
	}
}

// UID is the message that stands there, 0 where none does. That is only the case at
// the top of a thread, above two messages at least.
func (n Node) UID() mailstore.UID { return n.f.uids[n.n] }

// Child gives the first of the nodes below. Its siblings follow with Next.
func (n Node) Child() (Node, bool) { return Node{n.f, n.f.child[n.n]}, n.f.child[n.n] != none }

// Next gives the next node below the same one. The topmost nodes have none.
func (n Node) Next() (Node, bool) { return Node{n.f, n.f.next[n.n]}, n.f.next[n.n] != none }
