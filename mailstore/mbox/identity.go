package mbox

import (
	"slices"
	"sort"
	"strings"

	"restante/mailstore"
)

// resolver gives the messages that were found in a file their UIDs.
//
// A UID in the file (X-UID) is believed when it is one that we know for this very
// text, or one that another program may have given since we looked last: not
// below our UIDNEXT, and either covered by X-IMAPbase or the next in turn. Any
// other X-UID came with a delivered message. Messages without a UID to be
// believed are recognized by the checksums of their text. What is left is new.
// UIDs rise along the file, as every reader of X-UID expects.
type resolver struct {
	known []known // in the order of UIDs
	base  base
	next  mailstore.UID
	// trust: the UIDVALIDITY is one that was known before or stands in the file.
	trust bool

	byText map[uint64][]int32
}

// resolved is what the resolver found out about a message.
type resolved struct {
	uid mailstore.UID
	// stamped: the UID stands in the file.
	stamped bool
	// fresh: the message was not known before.
	fresh bool
}

// run returns a UID for each message, and the next free one. Not ok means that
// there are no UIDs left.
func (r *resolver) run(list []found) (out []resolved, next mailstore.UID, ok bool) {
	out = make([]resolved, len(list))
	limit := r.limits(list)
	r.next = max(r.next, 1)
	low := r.next // what is below and not known was given to a message that has gone
	prev := mailstore.UID(0)
	if r.base.found {
		r.next = max(r.next, r.base.last+1)
	}
	for i := range list {
		m := &list[i]
		if m.pseudo {
			continue
		}
		o := r.stamped(m, prev, low)
		if o.uid == 0 {
			o = r.byChecksum(m, prev, limit[i])
		}
		if o.uid == 0 {
			if r.next >= mailstore.MaxUID {
				return nil, 0, false
			}
			o = resolved{uid: r.next, fresh: true}
		}
		r.next = max(r.next, o.uid+1)
		prev = o.uid
		out[i] = o
	}
	return out, r.next, true
}

// stamped decides about the X-UID of a message.
func (r *resolver) stamped(m *found, prev, low mailstore.UID) resolved {
	if !r.trust || m.uid <= prev {
		return resolved{}
	}
	if k := r.find(m.uid); k != nil {
		return resolved{uid: m.uid, stamped: true}.onlyIf(k.sameText(m.loc))
	}
	other := m.uid >= low && (r.base.found && m.uid <= r.base.last || m.uid == r.next)
	return resolved{uid: m.uid, stamped: true, fresh: true}.onlyIf(other)
}

func (o resolved) onlyIf(ok bool) resolved {
	if !ok {
		return resolved{}
	}
	return o
}

func (r *resolver) find(uid mailstore.UID) *known {
	i, ok := slices.BinarySearchFunc(r.known, uid, func(k known, uid mailstore.UID) int {
		switch {
		case k.uid < uid:
			return -1
		case k.uid > uid:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &r.known[i]
}

// limits returns, for each message, the smallest UID that a later one is known
// to have: what stands in front of it must not get a larger one.
func (r *resolver) limits(list []found) []mailstore.UID {
	limit := make([]mailstore.UID, len(list))
	low := mailstore.MaxUID
	for i := len(list) - 1; i >= 0; i-- {
		limit[i] = low
		if k := r.find(list[i].uid); k != nil && k.sameText(list[i].loc) {
			low = min(low, k.uid)
		}
	}
	return limit
}

// byChecksum looks for a known message with the same text between two UIDs.
func (r *resolver) byChecksum(m *found, prev, limit mailstore.UID) resolved {
	if r.byText == nil {
		r.byText = make(map[uint64][]int32, len(r.known))
		for i, k := range r.known {
			key := uint64(k.hsum)<<32 | uint64(k.bsum)
			r.byText[key] = append(r.byText[key], int32(i))
		}
	}
	same := r.byText[uint64(m.hsum)<<32|uint64(m.bsum)]
	i := sort.Search(len(same), func(i int) bool { return r.known[same[i]].uid > prev })
	if i == len(same) || r.known[same[i]].uid >= limit {
		return resolved{}
	}
	return resolved{uid: r.known[same[i]].uid}
}

// keywordsOf decides which keywords a message has: X-Keywords of a message that
// carries no UID to be believed may have come with the mail, unless X-IMAPbase
// lists its words.
func keywordsOf(m *found, o resolved, b base) mailstore.Keywords {
	if m.keywords == (mailstore.Keywords{}) || o.stamped {
		return m.keywords
	}
	for _, w := range m.keywords.List() {
		if !slices.ContainsFunc(b.keywords, func(have string) bool { return strings.EqualFold(have, w) }) {
			return mailstore.Keywords{}
		}
	}
	return m.keywords
}
