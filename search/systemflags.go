package search

import (
	"math/bits"

	"restante/mailstore"
)

// SystemFlags tells that nothing but system flags counts, if ok: a message matches that
// has all of some and none of others.
func (q *Query) SystemFlags() (all, none mailstore.System, ok bool) { return systemFlags(q.root) }

func systemFlags(x Expr) (all, none mailstore.System, ok bool) {
	switch x := x.(type) {
	case All:
		return 0, 0, true
	case Flags:
		return x.System, 0, true
	case Not:
		f, ok := x.X.(Flags)
		return 0, f.System, ok && bits.OnesCount8(uint8(f.System)) == 1
	case And:
		for _, e := range x {
			a, n, ok := systemFlags(e)
			if !ok {
				return 0, 0, false
			}
			all, none = all|a, none|n
		}
		return all, none, true
	}
	return 0, 0, false
}
