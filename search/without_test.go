package search

import (
	"math/rand/v2"
	"slices"
	"testing"

	"restante/mailstore"
)

// TestWithout: what need not be looked at is what UIDs and an index leave out, and no more.
func TestWithout(t *testing.T) {
	b := newBox("Subject: a\n\nneedle\n", "Subject: needle\n\nhay\n", "Subject: c\n\nneedle\n", "Subject: d\n\nhay\n")
	ix := indexed{}
	for _, uid := range []mailstore.UID{1, 2, 4} {
		ix.add(uid, piecesOf(t, b, uid))
	}
	first := UIDs{mailstore.NewUIDSet(1, 4)}
	for _, c := range []struct {
		x    Expr
		want []mailstore.UID // of 1 to 4
	}{
		{All{}, nil},
		{Body{"needle"}, uids(2, 4)},
		{Text{"needle"}, uids(4)},
		{Header{"Subject", "needle"}, uids(1, 4)},
		{Body{"ne"}, nil},
		{Not{Body{"needle"}}, nil},
		{first, uids(2, 3)},
		{Not{first}, nil},
		{And{first, Body{"needle"}}, uids(2, 3, 4)},
		{And{}, nil},
		{Or{first, Body{"needle"}}, uids(2)},
		{Or{first, All{}}, nil},
		{Or{}, uids(1, 2, 3, 4)},
	} {
		q := New(c.x)
		q.Narrow(ix)
		var got []mailstore.UID
		for _, rec := range b.recs {
			if q.Without().Contains(rec.UID) {
				got = append(got, rec.UID)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%#v: without %v, want %v", c.x, got, c.want)
		}
		for _, uid := range b.find(t, c.x) {
			if slices.Contains(got, uid) {
				t.Errorf("%#v: matches %d and is without it", c.x, uid)
			}
		}
	}
}

// TestSetLaws: sets are put together and taken away from one another as their members are.
func TestSetLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const base = mailstore.MaxUID - 39 // up to the largest
	set := func() (s mailstore.UIDSet) {
		for range rng.IntN(6) {
			s.AddRange(base+mailstore.UID(rng.IntN(40)), base+mailstore.UID(rng.IntN(40)))
		}
		return s
	}
	for range 5000 {
		a, b := set(), set()
		var both, rest mailstore.UIDSet
		for i := range mailstore.UID(40) {
			if a.Contains(base+i) || b.Contains(base+i) {
				both.Add(base + i)
			}
			if a.Contains(base+i) && !b.Contains(base+i) {
				rest.Add(base + i)
			}
		}
		if got := union(a, b); !slices.Equal(got, both) {
			t.Fatalf("%v and %v: %v, want %v", a, b, got, both)
		}
		if got := minus(a, b); !slices.Equal(got, rest) {
			t.Fatalf("%v without %v: %v, want %v", a, b, got, rest)
		}
	}
}
