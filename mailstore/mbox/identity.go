package mbox

import (
	"cmp"
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
	known []text // in the order of UIDs
	base  base
	next  mailstore.UID
	// trust: the UIDVALIDITY is one that was known before or stands in the file.
	trust bool

	// disputed: the file gives a message a UID that is not the one it has.
	disputed bool

	byText []int32 // of known, in the order of their texts and then of their UIDs
}

// resolved is what the resolver found out about a message.
type resolved struct {
	// stamped: the UID stands in the file, and is believed.
	stamped bool
	// fresh: the message was not known before.
	fresh bool
}

// run gives each message its UID, and returns the next free one. Not ok means
// that there are no UIDs left.
func (r *resolver) run(list *foundList) (next mailstore.UID, ok bool) {
	limit := r.limits(list)
	r.next = max(r.next, 1)
	low := r.next // what is below and not known was given to a message that has gone
	prev := mailstore.UID(0)
	if r.base.found {
		r.next = max(r.next, r.base.last+1)
	}
	for i := range list.len() {
		m := list.at(i)
		if m.pseudo {
			continue
		}
		uid, o := r.stamped(m, prev, low)
		if uid == 0 {
			r.disputed = r.disputed || m.uid != 0
			uid, o = r.byChecksum(m, prev, limit(i)), resolved{}
		}
		if uid == 0 {
			if r.next >= mailstore.MaxUID {
				return 0, false
			}
			uid, o = r.next, resolved{fresh: true}
		}
		r.next = max(r.next, uid+1)
		prev = uid
		m.uid, m.resolved = uid, o
	}
	return r.next, true
}

// stamped decides about the X-UID of a message.
func (r *resolver) stamped(m *found, prev, low mailstore.UID) (mailstore.UID, resolved) {
	if !r.trust || m.uid <= prev {
		return 0, resolved{}
	}
	if k := r.find(m.uid); k != nil {
		if k.sameText(m.loc) {
			return m.uid, resolved{stamped: true}
		}
		return 0, resolved{}
	}
	if m.uid >= low && (r.base.found && m.uid <= r.base.last || m.uid == r.next) {
		return m.uid, resolved{stamped: true, fresh: true}
	}
	return 0, resolved{}
}

func (r *resolver) find(uid mailstore.UID) *text {
	i, ok := slices.BinarySearchFunc(r.known, uid, func(k text, uid mailstore.UID) int {
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

// limits tells, for each message, the smallest UID that a later one is known to
// have: what stands in front of it must not get a larger one.
func (r *resolver) limits(list *foundList) func(i int) mailstore.UID {
	if len(r.known) == 0 {
		return func(int) mailstore.UID { return mailstore.MaxUID }
	}
	limit := make([]mailstore.UID, list.len())
	low := mailstore.MaxUID
	for i := len(limit) - 1; i >= 0; i-- {
		limit[i] = low
		if m := list.at(i); r.knows(m.uid, m.loc) {
			low = min(low, m.uid)
		}
	}
	return func(i int) mailstore.UID { return limit[i] }
}

// knows reports whether a UID is known to stand for a text.
func (r *resolver) knows(uid mailstore.UID, l loc) bool {
	k := r.find(uid)
	return k != nil && k.sameText(l)
}

// byChecksum looks for a known message with the same text between two UIDs.
func (r *resolver) byChecksum(m *found, prev, limit mailstore.UID) mailstore.UID {
	if len(r.known) == 0 {
		return 0
	}
	if r.byText == nil {
		r.sortTexts()
	}
	i := sort.Search(len(r.byText), func(i int) bool {
		k := &r.known[r.byText[i]]
		c := cmp.Or(cmp.Compare(k.hsum, m.hsum), cmp.Compare(k.bsum, m.bsum))
		return c > 0 || c == 0 && k.uid > prev
	})
	if i == len(r.byText) {
		return 0
	}
	if k := &r.known[r.byText[i]]; k.sameText(m.loc) && k.uid < limit {
		return k.uid
	}
	return 0
}

func (r *resolver) sortTexts() {
	r.byText = make([]int32, len(r.known))
	for i := range r.byText {
		r.byText[i] = int32(i)
	}
	slices.SortFunc(r.byText, func(a, b int32) int {
		x, y := &r.known[a], &r.known[b]
		return cmp.Or(cmp.Compare(x.hsum, y.hsum), cmp.Compare(x.bsum, y.bsum), cmp.Compare(x.uid, y.uid))
	})
}

func byUID(k known, uid mailstore.UID) int { return cmp.Compare(k.uid, uid) }

// unknownTo leaves out of what the state file lists the messages that an index
// with this UIDNEXT has: those of them that it does not hold have gone, and a text
// that comes back gets another UID.
func unknownTo(next mailstore.UID, list []known) []known {
	i := sort.Search(len(list), func(i int) bool { return list[i].uid >= next })
	return list[i:]
}

// lost reports whether a message that was known has gone.
func (r *resolver) lost(list *foundList) bool {
	there := 0
	for f := range list.all() {
		if !f.fresh {
			there++
		}
	}
	return there < len(r.known)
}

// keywordsOf decides which keywords a message has: X-Keywords of a message that
// carries no UID to be believed may have come with the mail, unless X-IMAPbase
// lists its words.
func keywordsOf(m *found, b base) mailstore.Keywords {
	if m.keywords == (mailstore.Keywords{}) || m.stamped {
		return m.keywords
	}
	for _, w := range m.keywords.List() {
		if !slices.ContainsFunc(b.keywords, func(have string) bool { return strings.EqualFold(have, w) }) {
			return mailstore.Keywords{}
		}
	}
	return m.keywords
}
