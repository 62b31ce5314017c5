package imap

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"
)

// A NumSet is a sequence-set of RFC 9051: message numbers or UIDs, kept as ranges in ascending order
// that neither overlap nor touch. Its size does not depend on how many numbers a range holds. The zero
// value is the empty set. Sets are compared with [NumSet.Equal].
//
// "*" is the largest number in use and known only later: [NumSet.Resolve] puts it in.
type NumSet struct {
	ranges []NumRange
	// star is the lowest n of all ranges "n:*", MaxUint32 for "*" alone (the two mean the same, as no
	// number is larger), 0 for none. Several such ranges join into the widest.
	star  uint32
	saved bool
}

// A NumRange is the numbers from Start to Stop, both included; 1 <= Start <= Stop.
type NumRange struct {
	Start, Stop uint32
}

var errNumSet = errors.New(`imap: expected a set of numbers such as "1:5,7,9:*"`)

// SavedSet is "$", the result of the last SEARCH RETURN (SAVE) (RFC 5182). The engine puts the real set
// in its place.
func SavedSet() NumSet { return NumSet{saved: true} }

// NumSetOf gives the set of some numbers, which may be in any order; 0 is passed over.
func NumSetOf(nums ...uint32) NumSet {
	var s NumSet
	for _, n := range nums {
		s.AddNum(n)
	}
	return s
}

// ParseNumSet reads a set as it stands in a command:
//
//	sequence-set = (seq-number / seq-range) ["," sequence-set]
//	sequence-set =/ seq-last-command ; "$"
func ParseNumSet(text string) (NumSet, error) {
	if text == "$" {
		return SavedSet(), nil
	}
	var b numSetBuilder
	for i := range len(text) {
		if !b.feed(text[i]) {
			return NumSet{}, errNumSet
		}
	}
	return b.finish()
}

// IsSaved reports whether the set is "$".
func (s NumSet) IsSaved() bool { return s.saved }

// IsEmpty reports whether the set holds nothing, "*" and "$" included.
func (s NumSet) IsEmpty() bool { return len(s.ranges) == 0 && s.star == 0 && !s.saved }

// HasStar reports whether "*" is in the set, so that its meaning depends on the mailbox.
func (s NumSet) HasStar() bool { return s.star != 0 }

// Ranges gives the ranges without "*". The slice is the set's own and must not be changed.
func (s NumSet) Ranges() []NumRange { return s.ranges }

// Max gives the largest number that is named, 0 when there is none; "*" and the numbers of "n:*" do not
// count. A message number above the number of messages is a client's error.
func (s NumSet) Max() uint32 {
	if len(s.ranges) == 0 {
		return 0
	}
	return s.ranges[len(s.ranges)-1].Stop
}

// Count gives how many numbers the ranges hold, "*" left out.
func (s NumSet) Count() uint64 {
	var n uint64
	for _, r := range s.ranges {
		n += uint64(r.Stop-r.Start) + 1
	}
	return n
}

// Equal reports whether two sets are written the same once normalised.
func (s NumSet) Equal(t NumSet) bool {
	return s.star == t.star && s.saved == t.saved && slices.Equal(s.ranges, t.ranges)
}

// Resolve puts largest in the place of "*" and gives a set without it. With largest 0 (nothing in the
// mailbox) "*" stands for nothing. Of a range "n:*" with n above largest only largest is left: RFC 9051
// section 9 reads it as "largest:n", and nothing has the other numbers.
func (s NumSet) Resolve(largest uint32) NumSet {
	if s.star == 0 {
		return s
	}
	static := NumSet{ranges: s.ranges}
	if largest == 0 {
		return static
	}
	static.ranges = slices.Clone(s.ranges)
	static.AddRange(min(s.star, largest), largest)
	return static
}

// Contains reports whether n is in the set when largest is the largest number in use.
func (s NumSet) Contains(n, largest uint32) bool {
	if s.star != 0 && n <= largest && n >= min(s.star, largest) && n != 0 {
		return true
	}
	i, _ := slices.BinarySearchFunc(s.ranges, n, func(r NumRange, n uint32) int { return cmp.Compare(r.Stop, n) })
	return i < len(s.ranges) && s.ranges[i].Start <= n && n != 0
}

// AddNum adds a number; numbers in ascending order cost no more than an append. 0 is passed over.
func (s *NumSet) AddNum(n uint32) { s.AddRange(n, n) }

// AddRange adds the numbers between a and b, in either order. A range with 0 is passed over. It must not
// be used on a copy while the original is in use.
func (s *NumSet) AddRange(a, b uint32) {
	r := NumRange{min(a, b), max(a, b)}
	if r.Start == 0 {
		return
	}
	if s.appendRange(r) {
		return
	}
	// The ranges [i, j) overlap or touch the new one.
	i, _ := slices.BinarySearchFunc(s.ranges, r.Start-1, func(x NumRange, n uint32) int { return cmp.Compare(x.Stop, n) })
	j := i
	for j < len(s.ranges) && (r.Stop == math.MaxUint32 || s.ranges[j].Start <= r.Stop+1) {
		r.Start = min(r.Start, s.ranges[j].Start)
		r.Stop = max(r.Stop, s.ranges[j].Stop)
		j++
	}
	s.ranges = slices.Replace(s.ranges, i, j, r)
}

// appendRange adds a range that begins behind or in the last one; it reports false when it does not.
func (s *NumSet) appendRange(r NumRange) bool {
	if len(s.ranges) == 0 {
		s.ranges = append(s.ranges, r)
		return true
	}
	last := &s.ranges[len(s.ranges)-1]
	switch {
	case r.Start < last.Start:
		return false
	case last.Stop == math.MaxUint32 || r.Start <= last.Stop+1:
		last.Stop = max(last.Stop, r.Stop)
	default:
		s.ranges = append(s.ranges, r)
	}
	return true
}

// Numbers yields the numbers of the ranges in ascending order, "*" left out. On a client's set it may be
// four thousand million: use [Intersect] there.
func (s NumSet) Numbers() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, r := range s.ranges {
			for n := r.Start; ; n++ {
				if !yield(n) {
					return
				}
				if n == r.Stop {
					break
				}
			}
		}
	}
}

// Intersect yields the index ranges [i, j) of sorted, an ascending array of UIDs, whose elements are in
// the set; "*" is the last element. The cost follows the ranges and the matches, not the numbers.
func Intersect[N ~uint32](s NumSet, sorted []N) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		if len(sorted) == 0 {
			return
		}
		base := 0
		for _, r := range s.Resolve(uint32(sorted[len(sorted)-1])).ranges {
			i, _ := slices.BinarySearch(sorted[base:], N(r.Start))
			i += base
			j, found := slices.BinarySearch(sorted[i:], N(r.Stop))
			j += i
			if found {
				j++
			}
			if i < j && !yield(i, j) {
				return
			}
			base = j
		}
	}
}

// AppendTo appends the set as it stands in commands and answers. The empty set appends nothing.
func (s NumSet) AppendTo(b []byte) []byte {
	if s.saved {
		return append(b, '$')
	}
	for i, r := range s.ranges {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.Start), 10)
		if r.Stop != r.Start {
			b = append(b, ':')
			b = strconv.AppendUint(b, uint64(r.Stop), 10)
		}
	}
	return s.appendStar(b)
}

func (s NumSet) appendStar(b []byte) []byte {
	if s.star == 0 {
		return b
	}
	if len(s.ranges) > 0 {
		b = append(b, ',')
	}
	if s.star != math.MaxUint32 {
		b = strconv.AppendUint(b, uint64(s.star), 10)
		b = append(b, ':')
	}
	return append(b, '*')
}

// String gives what AppendTo appends.
func (s NumSet) String() string { return string(s.AppendTo(nil)) }

// numSetBuilder reads a set octet by octet, so that its text is never held. Clients write sets in
// ascending order as a rule; those that do not are put in order once, at the end.
type numSetBuilder struct {
	set      NumSet
	unsorted bool
	from     setNumber // what stands before ":"
	cur      setNumber
	inRange  bool
}

// setNumber is a seq-number while it is read.
type setNumber struct {
	n     uint64
	state byte // 0 nothing yet, 'n' digits, '*'
}

func (x *setNumber) feed(c byte) bool {
	if c == '*' {
		if x.state != 0 {
			return false
		}
		x.state = '*'
		return true
	}
	if c < '0' || c > '9' || x.state == '*' || (x.state == 0 && c == '0') {
		return false
	}
	x.state = 'n'
	x.n = x.n*10 + uint64(c-'0')
	return x.n <= math.MaxUint32
}

// feed takes the next octet and reports whether the set may go on like this.
func (b *numSetBuilder) feed(c byte) bool {
	switch c {
	case ',':
		return b.endElement()
	case ':':
		if b.inRange || b.cur.state == 0 {
			return false
		}
		b.from, b.cur, b.inRange = b.cur, setNumber{}, true
		return true
	}
	return b.cur.feed(c)
}

func (b *numSetBuilder) endElement() bool {
	if b.cur.state == 0 {
		return false
	}
	if !b.inRange {
		b.from = b.cur
	}
	b.add(b.from, b.cur)
	b.from, b.cur, b.inRange = setNumber{}, setNumber{}, false
	return true
}

func (b *numSetBuilder) add(x, y setNumber) {
	if x.state == 'n' && y.state == 'n' {
		r := NumRange{uint32(min(x.n, y.n)), uint32(max(x.n, y.n))}
		if b.unsorted || !b.set.appendRange(r) {
			b.unsorted = true
			b.set.ranges = append(b.set.ranges, r)
		}
		return
	}
	from := uint32(math.MaxUint32)
	for _, s := range [...]setNumber{x, y} {
		if s.state == 'n' {
			from = uint32(s.n)
		}
	}
	if b.set.star == 0 || from < b.set.star {
		b.set.star = from
	}
}

func (b *numSetBuilder) finish() (NumSet, error) {
	if !b.endElement() {
		return NumSet{}, errNumSet
	}
	if b.unsorted {
		b.sort()
	}
	return b.set, nil
}

func (b *numSetBuilder) sort() {
	ranges := b.set.ranges
	slices.SortFunc(ranges, func(x, y NumRange) int { return cmp.Compare(x.Start, y.Start) })
	b.set.ranges = ranges[:0]
	for _, r := range ranges {
		b.set.appendRange(r)
	}
}
