package search

import "restante/mailstore"

// Without are messages that do not match, as far as the UIDs that are asked for and what
// indexes know tell it, without a look at a message. Who walks over a large mailbox
// with Filter may leave them out.
func (q *Query) Without() mailstore.UIDSet { return without(q.root) }

func without(x Expr) mailstore.UIDSet {
	switch x := x.(type) {
	case And:
		var all mailstore.UIDSet
		for _, e := range x {
			all = union(all, without(e))
		}
		return all
	case Or:
		all := mailstore.AllUIDs()
		for _, e := range x {
			all = minus(all, minus(mailstore.AllUIDs(), without(e)))
		}
		return all
	case UIDs:
		return minus(mailstore.AllUIDs(), x.Set)
	case fieldMatch:
		return x.text.without()
	case textMatch:
		return x.without()
	}
	return nil
}

// without are the messages that an index rules out.
func (n *needle) without() mailstore.UIDSet { return minus(n.known, n.may) }

// union is the set of what is in a or b.
func union(a, b mailstore.UIDSet) mailstore.UIDSet {
	var s mailstore.UIDSet
	for len(a) > 0 && len(b) > 0 {
		next := &a
		if b[0].First < a[0].First {
			next = &b
		}
		s.AddRange((*next)[0].First, (*next)[0].Last)
		*next = (*next)[1:]
	}
	for _, r := range append(a[:len(a):len(a)], b...) {
		s.AddRange(r.First, r.Last)
	}
	return s
}

// minus is the set of what is in a and not in b.
func minus(a, b mailstore.UIDSet) mailstore.UIDSet {
	var s mailstore.UIDSet
	for _, r := range a {
		for len(b) > 0 && b[0].Last < r.First {
			b = b[1:]
		}
		first := uint64(r.First) // may go beyond the largest
		for _, hole := range b {
			if hole.First > r.Last {
				break
			}
			if first < uint64(hole.First) {
				s.AddRange(mailstore.UID(first), hole.First-1)
			}
			first = uint64(hole.Last) + 1
		}
		if first <= uint64(r.Last) {
			s.AddRange(mailstore.UID(first), r.Last)
		}
	}
	return s
}
