package search

import (
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
