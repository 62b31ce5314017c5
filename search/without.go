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
			all = all.Union(without(e))
		}
		return all
	case Or:
		all := mailstore.AllUIDs()
		for _, e := range x {
			all = all.Minus(mailstore.AllUIDs().Minus(without(e)))
		}
		return all
	case UIDs:
		return mailstore.AllUIDs().Minus(x.Set)
	case fieldMatch:
		return x.text.without()
	case textMatch:
		return x.without()
	}
	return nil
}

// without are the messages that an index rules out.
func (n *needle) without() mailstore.UIDSet { return n.known.Minus(n.may) }
