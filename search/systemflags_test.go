package search

import (
	"slices"
	"testing"

	"restante/mailstore"
)

// TestSystemFlags: where system flags are all that counts, they tell what Filter finds.
func TestSystemFlags(t *testing.T) {
	texts := make([]string, 1<<5)
	b := newBox(texts...)
	for i := range b.recs {
		b.recs[i].Flags.System = mailstore.System(i)
	}
	seen, deleted := Flags{mailstore.Seen}, Flags{mailstore.Deleted}
	for _, c := range []struct {
		x  Expr
		ok bool
	}{
		{All{}, true},
		{And{}, true},
		{seen, true},
		{Not{seen}, true},
		{And{Not{seen}, Not{deleted}}, true},
		{And{seen, And{Not{deleted}, Flags{mailstore.Flagged | mailstore.Draft}}}, true},
		{And{seen, Not{seen}}, true},
		{And{seen, Keyword{"a"}}, false},
		{Not{Flags{mailstore.Seen | mailstore.Deleted}}, false},
		{Not{And{seen, deleted}}, false},
		{Not{Not{seen}}, false},
		{Or{seen, deleted}, false},
		{UIDs{mailstore.NewUIDSet(1)}, false},
	} {
		all, none, ok := New(c.x).SystemFlags()
		if ok != c.ok {
			t.Errorf("%#v: %v, want %v", c.x, ok, c.ok)
		}
		if !ok {
			continue
		}
		var got []mailstore.UID
		for _, rec := range b.recs {
			if rec.Flags.Has(all) && rec.Flags.System&none == 0 {
				got = append(got, rec.UID)
			}
		}
		if want := b.find(t, c.x); !slices.Equal(got, want) {
			t.Errorf("%#v: %v, want %v", c.x, got, want)
		}
	}
}
