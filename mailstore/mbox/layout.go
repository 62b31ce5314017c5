package mbox

import (
	"io"
	"slices"
	"sort"
)

// edit replaces del octets of the old content at off by ins octets that stand in
// the journal at lit.
type edit struct{ off, del, ins, lit int64 }

// layout maps the new content of a file to the old one: the old octets between
// the edits, each stretch moved by what the edits in front of it add and take.
type layout struct {
	edits   []edit // sorted, not overlapping
	dst     []int64
	oldSize int64
	newSize int64
	old     io.ReaderAt // the file
	lits    io.ReaderAt // the journal
}

func newLayout(edits []edit, oldSize int64, old, lits io.ReaderAt) *layout {
	l := &layout{edits: edits, dst: make([]int64, len(edits)), oldSize: oldSize, old: old, lits: lits}
	shift := int64(0)
	for i, e := range edits {
		l.dst[i] = e.off + shift
		shift += e.ins - e.del
	}
	l.newSize = oldSize + shift
	return l
}

// shift is how far old octets in front of edit i move.
func (l *layout) shift(i int) int64 {
	switch {
	case i == 0:
		return 0
	case i == len(l.edits):
		return l.newSize - l.oldSize
	}
	return l.dst[i] - l.edits[i].off
}

// stretch is a part of the new content that comes from one place.
type stretch struct {
	lo, hi int64 // in the new content
	src    int64 // in the old content, or in the journal if lit
	lit    bool
}

// find returns the stretch of the new content at d, cut to begin there.
func (l *layout) find(d int64) stretch {
	i := sort.Search(len(l.edits), func(i int) bool { return l.dst[i]+l.edits[i].ins > d })
	if i < len(l.edits) && d >= l.dst[i] {
		e := l.edits[i]
		return stretch{d, l.dst[i] + e.ins, e.lit + d - l.dst[i], true}
	}
	hi := l.newSize
	if i < len(l.edits) {
		hi = l.dst[i]
	}
	return stretch{d, hi, d - l.shift(i), false}
}

// read fills b with the new content at d. What it reads of the old content must
// not have been overwritten yet.
func (l *layout) read(b []byte, d int64) error {
	for len(b) > 0 {
		s := l.find(d)
		n := min(int64(len(b)), s.hi-s.lo)
		from := l.old
		if s.lit {
			from = l.lits
		}
		if _, err := io.ReadFull(io.NewSectionReader(from, s.src, n), b[:n]); err != nil {
			return err
		}
		b = b[n:]
		d += n
	}
	return nil
}

// span is a range of the new content.
type span struct{ lo, hi int64 }

// step is what is written between two points at which everything before is
// durable.
type step struct {
	spans []span
	// data: the new content is put into the journal first, because writing it
	// destroys octets of the old content that the step itself needs.
	data bool
}

const (
	// stepData bounds a step that goes through the journal, and with it memory.
	stepData = 8 << 20
	// minStepData is the bound when there is hardly any room for the journal.
	minStepData = 4 << 10
	// stepDirect bounds a step that copies within the file.
	stepDirect = 64 << 20
	// minDirect is the distance from which on copying within the file is worth it;
	// where steps are smaller, so is the distance.
	minDirect = 1 << 20
)

// steps cuts the rewrite into steps that together write every octet that moves
// or is new. Their order and the reason why it is safe stand in
// docs/design/mbox.md, "Rewriting in place": what moves towards the front goes
// first, front to back; then what moves back, back to front; then the edits
// between the two.
// limit bounds the steps that go through the journal.
func (l *layout) steps(limit int64) []step {
	var front, back, last []span
	for i := 0; i <= len(l.edits); i++ {
		before := l.shift(i)
		if s := l.oldStretch(i); s.lo < s.hi && before != 0 {
			if before < 0 {
				front = joinSpan(front, s)
			} else {
				back = joinSpan(back, s)
			}
		}
		if i == len(l.edits) || l.edits[i].ins == 0 {
			continue
		}
		lit := span{l.dst[i], l.dst[i] + l.edits[i].ins}
		switch after := l.shift(i + 1); {
		case before <= 0 && after <= 0:
			front = joinSpan(front, lit)
		case before >= 0 && after >= 0:
			back = joinSpan(back, lit)
		default:
			last = append(last, lit)
		}
	}
	c := cutter{l: l, limit: limit}
	for _, s := range front {
		c.forwards(s)
	}
	c.flush()
	slices.Reverse(back)
	for _, s := range back {
		c.backwards(s)
	}
	c.flush()
	for _, s := range last {
		c.forwards(s)
	}
	c.flush()
	return c.list
}

// oldStretch is where the old octets in front of edit i come to stand.
func (l *layout) oldStretch(i int) span {
	start, end := int64(0), l.oldSize
	if i > 0 {
		start = l.edits[i-1].off + l.edits[i-1].del
	}
	if i < len(l.edits) {
		end = l.edits[i].off
	}
	s := l.shift(i)
	return span{start + s, end + s}
}

func joinSpan(list []span, s span) []span {
	if n := len(list); n > 0 && list[n-1].hi == s.lo {
		list[n-1].hi = s.hi
		return list
	}
	return append(list, s)
}

// cutter cuts spans into steps.
type cutter struct {
	l     *layout
	limit int64
	list  []step
	open  step  // collects small spans
	size  int64 // of what it has
}

func (c *cutter) flush() {
	if len(c.open.spans) > 0 {
		c.list = append(c.list, c.open)
	}
	c.open, c.size = step{}, 0
}

// add puts a span into the open step, which goes through the journal if the
// span holds old octets.
func (c *cutter) add(s span) {
	if c.size+s.hi-s.lo > c.limit {
		c.flush()
	}
	c.open.spans = append(c.open.spans, s)
	c.open.data = c.open.data || c.l.hasOld(s)
	c.size += s.hi - s.lo
}

// hasOld reports whether old octets come to stand in s.
func (l *layout) hasOld(s span) bool {
	for d := s.lo; d < s.hi; {
		part := l.find(d)
		if !part.lit {
			return true
		}
		d = part.hi
	}
	return false
}

// forwards cuts a span whose octets move towards the front, or that is new.
func (c *cutter) forwards(s span) {
	for s.lo < s.hi {
		free := min(c.l.firstOld(s)-s.lo, s.hi-s.lo, stepDirect)
		if free >= min(minDirect, c.limit) {
			c.flush()
			c.list = append(c.list, step{spans: []span{{s.lo, s.lo + free}}})
			s.lo += free
			continue
		}
		n := min(s.hi-s.lo, c.limit)
		c.add(span{s.lo, s.lo + n})
		s.lo += n
	}
}

// firstOld is the first place in the old content that s needs.
func (l *layout) firstOld(s span) int64 {
	for d := s.lo; d < s.hi; {
		part := l.find(d)
		if !part.lit {
			return part.src
		}
		d = part.hi
	}
	return l.oldSize
}

// backwards cuts a span whose octets move back, from its end.
func (c *cutter) backwards(s span) {
	for s.lo < s.hi {
		free := min(s.hi-c.l.lastOld(s), s.hi-s.lo, stepDirect)
		if free >= min(minDirect, c.limit) {
			c.flush()
			c.list = append(c.list, step{spans: []span{{s.hi - free, s.hi}}})
			s.hi -= free
			continue
		}
		n := min(s.hi-s.lo, c.limit)
		c.add(span{s.hi - n, s.hi})
		s.hi -= n
	}
}

// lastOld is the end of what s needs of the old content.
func (l *layout) lastOld(s span) int64 {
	for hi := s.hi; hi > s.lo; {
		part := l.find(hi - 1)
		if !part.lit {
			return part.src + 1
		}
		i := sort.Search(len(l.dst), func(i int) bool { return l.dst[i]+l.edits[i].ins > hi-1 })
		hi = l.dst[i]
	}
	return 0
}
