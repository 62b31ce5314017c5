package imapd

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
)

// TestWalk: records comes by the messages that pages comes by, whatever has gone and come
// since the view was made.
func TestWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", slices.Repeat([]string{"m\n"}, 3*pageLen)...)
	account, err := opt.Store.OpenAccount(t.Context(), mailstore.User{Name: "user"})
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	v := newView(box, false)
	v.told = len(v.uids)
	for round := range 60 {
		spans := randomSpans(rng, v.told)
		var want, got []mailstore.UID
		if _, err := v.pages(spans, func(items []item) error {
			for _, it := range items {
				want = append(want, it.UID)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := v.records(spans, func(recs []mailstore.Record) error {
			if len(recs) == 0 || len(recs) > pageLen {
				t.Fatalf("a page of %d", len(recs))
			}
			for _, r := range recs {
				got = append(got, r.UID)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d, spans %v: %v, want %v", round, spans, got, want)
		}
		var gone mailstore.UIDSet
		first := mailstore.UID(1 + rng.IntN(3*pageLen))
		gone.AddRange(first, first+mailstore.UID(rng.IntN(20)))
		if _, err := box.SetFlags(t.Context(), gone, mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), mailstore.SetFlagsOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := box.Expunge(t.Context(), gone, true); err != nil {
			t.Fatal(err)
		}
		if round%10 == 0 {
			fill(t, opt.Store, "INBOX", strings.Repeat("n", round)+"\n")
		}
	}
}

// randomSpans are some in order, now and then one of all.
func randomSpans(rng *rand.Rand, n int) []span {
	if rng.IntN(4) == 0 {
		return []span{{0, n}}
	}
	var spans []span
	for i := rng.IntN(40); i < n; i += 1 + rng.IntN(200) {
		j := min(i+1+rng.IntN(1+rng.IntN(2*pageLen)), n)
		spans = append(spans, span{i, j})
		i = j
	}
	return spans
}
