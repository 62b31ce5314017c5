package mailstore

import "slices"

// UID is a message's unique identifier in its mailbox (RFC 9051 section
// 2.3.1.1). Zero is no UID.
type UID uint32

// MaxUID is the largest UID there can be.
const MaxUID = UID(1<<32 - 1)

// UIDRange is all UIDs from First to Last, both included. First <= Last.
type UIDRange struct{ First, Last UID }

// UIDSet is a set of UIDs as ranges: sorted, not touching one another. The
// nil set is empty. Build it with Add or AddRange, which keep the order.
type UIDSet []UIDRange

// NewUIDSet makes a set of single UIDs, in any order.
func NewUIDSet(uids ...UID) UIDSet {
	var s UIDSet
	for _, u := range uids {
		s.Add(u)
	}
	return s
}

// AllUIDs is the set that holds every UID.
func AllUIDs() UIDSet { return UIDSet{{1, MaxUID}} }

// Add adds one UID; cheap when UIDs come in rising order.
func (s *UIDSet) Add(u UID) { s.AddRange(u, u) }

// AddRange adds all UIDs from first to last, in either order.
func (s *UIDSet) AddRange(first, last UID) {
	if first > last {
		first, last = last, first
	}
	set := *s
	if n := len(set); n == 0 || first > set[n-1].Last && first-set[n-1].Last > 1 {
		*s = append(set, UIDRange{first, last})
		return
	}
	// i: the first range that touches the new one; j: the first beyond it.
	i, _ := slices.BinarySearchFunc(set, first, func(r UIDRange, u UID) int {
		if r.Last < u && u-r.Last > 1 {
			return -1
		}
		return 1
	})
	j := i
	for j < len(set) && (set[j].First <= last || set[j].First-last == 1) {
		first, last = min(first, set[j].First), max(last, set[j].Last)
		j++
	}
	*s = slices.Replace(set, i, j, UIDRange{first, last})
}

// Contains reports whether the set holds u.
func (s UIDSet) Contains(u UID) bool {
	i, found := slices.BinarySearchFunc(s, u, func(r UIDRange, u UID) int {
		switch {
		case r.Last < u:
			return -1
		case r.First > u:
			return 1
		}
		return 0
	})
	return found && i < len(s)
}

// Empty reports whether the set holds nothing.
func (s UIDSet) Empty() bool { return len(s) == 0 }

// Len returns the number of UIDs in the set.
func (s UIDSet) Len() int64 {
	var n int64
	for _, r := range s {
		n += int64(r.Last-r.First) + 1
	}
	return n
}

// Union is what is in either set, joined in one walk: adding the ranges of a large one to
// another one by one would move the rest of that each time. It may share memory with s.
func (s UIDSet) Union(t UIDSet) UIDSet {
	if len(s) == 0 || len(t) == 0 {
		return append(s, t...)
	}
	all := make(UIDSet, 0, len(s)+len(t))
	for len(s) > 0 || len(t) > 0 {
		if len(t) == 0 || len(s) > 0 && s[0].First <= t[0].First {
			all.AddRange(s[0].First, s[0].Last)
			s = s[1:]
		} else {
			all.AddRange(t[0].First, t[0].Last)
			t = t[1:]
		}
	}
	return all
}

// Minus is what is in s and not in t.
func (s UIDSet) Minus(t UIDSet) UIDSet {
	var rest UIDSet
	for _, r := range s {
		for len(t) > 0 && t[0].Last < r.First {
			t = t[1:]
		}
		first := uint64(r.First) // may go beyond the largest
		for _, hole := range t {
			if hole.First > r.Last {
				break
			}
			if first < uint64(hole.First) {
				rest.AddRange(UID(first), hole.First-1)
			}
			first = uint64(hole.Last) + 1
		}
		if first <= uint64(r.Last) {
			rest.AddRange(UID(first), r.Last)
		}
	}
	return rest
}
