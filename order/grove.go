package order

import (
	"cmp"
	"slices"

	"restante/mailstore"
)

// A grove is messages with their parents, while threads are made of them. Messages
// are known by their places; the numbers from len(uids) on are dummies, which stand
// for what is above several threads that belong together and is not there itself.
type grove struct {
	uids    []mailstore.UID
	sorted  []int32 // the messages by date
	parent  []int32 // of messages: none, a message or a dummy. Dummies have none
	dummies int
	alias   map[int32]int32 // dummies whose children have become another's
	rank    []int32         // of roots, where their own place in sorted is not what counts
}

func (g *grove) isDummy(n int32) bool { return n >= int32(len(g.uids)) }

// above gives the parent of a message.
func (g *grove) above(i int32) int32 {
	p := g.parent[i]
	if g.isDummy(p) {
		if other, ok := g.alias[p]; ok {
			return other
		}
	}
	return p
}

// roots gives what is at the top, in the order of dates (step 4 of REFERENCES),
// and for each dummy its first child.
func (g *grove) roots() (roots []int32, first map[int32]int32) {
	first = make(map[int32]int32, g.dummies)
	for _, i := range g.sorted {
		switch p := g.above(i); {
		case p == none:
			roots = append(roots, i)
		case g.isDummy(p):
			if _, ok := first[p]; !ok {
				first[p] = i
				roots = append(roots, p)
			}
		}
	}
	return roots, first
}

// mergeSubjects joins threads with the same base subject (step 5 of REFERENCES).
func (g *grove) mergeSubjects(subjects []subject) {
	roots, first := g.roots()
	of := func(n int32) subject {
		if g.isDummy(n) {
			n = first[n]
		}
		return subjects[n]
	}
	table := make(map[subject]int32)
	for _, n := range roots {
		s := of(n)
		if s.empty() {
			continue
		}
		t, found := table[s.text()]
		if !found || !g.isDummy(t) && (g.isDummy(n) || of(t).reply() && !s.reply()) {
			table[s.text()] = n
		}
	}
	g.alias = make(map[int32]int32)
	for _, n := range roots {
		s := of(n)
		if t := table[s.text()]; !s.empty() && t != n {
			table[s.text()] = g.merge(n, t, s.reply() && !of(t).reply(), first)
		}
	}
}

// merge joins the thread of n with that of t, which has the same subject and stands
// for it, and gives what stands for it now. answer tells that n answers t.
func (g *grove) merge(n, t int32, answer bool, first map[int32]int32) int32 {
	switch {
	case g.isDummy(n):
		g.alias[n] = t // then t is one too: no message replaces a dummy
	case g.isDummy(t), answer:
		g.parent[n] = t
	default:
		d := int32(len(g.uids) + g.dummies)
		g.dummies++
		g.parent[t], g.parent[n] = d, d
		first[d] = t // of the same subject as n
		return d
	}
	return t
}

// latest gives for each root the place in sorted of the latest message below.
func (g *grove) latest() []int32 {
	top := make([]int32, len(g.uids)+g.dummies)
	for i := range top {
		top[i] = none
	}
	copy(top, g.parent)
	rank := make([]int32, len(top))
	for place, i := range g.sorted {
		n := i
		for top[n] != none {
			if up := top[top[n]]; up != none {
				top[n] = up // the way gets shorter for who goes it next
			}
			n = top[n]
		}
		rank[n] = int32(place)
	}
	return rank
}

// forest makes the threads. Messages are hung up in the order of their dates, so
// that all siblings stand in it (step 6 of REFERENCES).
func (g *grove) forest() *Forest {
	n := len(g.uids) + g.dummies
	f := &Forest{uids: make([]mailstore.UID, n), child: fill(n, none), next: fill(n, none)}
	copy(f.uids, g.uids)
	last := fill(n, none) // child of each
	roots, _ := g.roots()
	for _, i := range g.sorted {
		p := g.above(i)
		switch {
		case p == none:
			continue
		case last[p] == none:
			f.child[p] = i
		default:
			f.next[last[p]] = i
		}
		last[p] = i
	}
	if g.rank != nil {
		slices.SortFunc(roots, func(a, b int32) int { return cmp.Compare(g.rank[a], g.rank[b]) })
	}
	f.roots = roots
	return f
}

func fill(n int, value int32) []int32 {
	list := make([]int32, n)
	for i := range list {
		list[i] = value
	}
	return list
}
