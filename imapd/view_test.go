package imapd

import (
	"math/rand/v2"
	"slices"
	"testing"

	"restante/mailstore"
)

// lossy is a mailbox whose cursors lose everything.
type lossy struct{ mailstore.Mailbox }

type lossyCursor struct{ mailstore.Cursor }

func (m lossy) Follow() ([]mailstore.UID, mailstore.Cursor) {
	uids, c := m.Mailbox.Follow()
	return uids, lossyCursor{c}
}

func (c lossyCursor) Next() ([]mailstore.Change, bool) {
	changes, _ := c.Cursor.Next()
	return nil, len(changes) > 0
}

// TestLost: when the stream of changes has a gap, the view finds out by itself
// what is new, gone and changed.
func TestLost(t *testing.T) {
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", "a\n", "b\n", "c\n", "d\n")
	account, err := opt.Store.OpenAccount(t.Context(), mailstore.User{Name: "user"})
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	v := newView(lossy{box}, false)
	v.told = len(v.uids)
	set := func(uid mailstore.UID, f mailstore.System) {
		t.Helper()
		if _, err := box.SetFlags(t.Context(), mailstore.NewUIDSet(uid), mailstore.AddFlags, mailstore.NewFlags(f), mailstore.SetFlagsOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	set(2, mailstore.Flagged)
	set(3, mailstore.Deleted)
	if _, err := box.Expunge(t.Context(), mailstore.AllUIDs(), true); err != nil {
		t.Fatal(err)
	}
	fill(t, opt.Store, "INBOX", "e\n")
	v.poll()
	if want := []mailstore.UID{1, 2, 3, 4, 5}; !slices.Equal(v.uids, want) || v.told != 4 {
		t.Errorf("uids %v, %d told; want %v, 4", v.uids, v.told, want)
	}
	if !slices.Equal(v.gone, mailstore.NewUIDSet(3)) || !slices.Equal(v.changed, mailstore.NewUIDSet(2)) {
		t.Errorf("gone %v, changed %v; want 3 and 2", v.gone, v.changed)
	}
	if nums := v.dropGone(); !slices.Equal(nums, []uint32{3}) || v.told != 3 {
		t.Errorf("EXPUNGE %v, %d told", nums, v.told)
	}
	v.told = len(v.uids)
	v.changed = nil
	set(5, mailstore.Seen)
	v.poll()
	if !slices.Equal(v.changed, mailstore.NewUIDSet(5)) {
		t.Errorf("after the next gap changed %v, want 5", v.changed)
	}
}

// changesCursor tells changes that were made up.
type changesCursor struct {
	mailstore.Cursor
	polls [][]mailstore.Change
}

func (c *changesCursor) Next() (next []mailstore.Change, lost bool) {
	next, c.polls = c.polls[0], c.polls[1:]
	return next, false
}

// TestGoneInAnyOrder: what several programs expunge comes in the order in which
// they did it, and adds up.
func TestGoneInAnyOrder(t *testing.T) {
	expunged := func(uids ...mailstore.UID) (list []mailstore.Change) {
		for _, uid := range uids {
			list = append(list, mailstore.Change{Kind: mailstore.Expunged, UID: uid})
		}
		return list
	}
	v := &view{uids: []mailstore.UID{1, 2, 3, 4, 5, 6, 7, 8}, told: 7}
	v.cursor = &changesCursor{polls: [][]mailstore.Change{expunged(5, 7, 1, 9), expunged(8, 6, 3), nil}}
	for _, want := range []mailstore.UIDSet{mailstore.NewUIDSet(1, 5, 7), mailstore.NewUIDSet(1, 3, 5, 6, 7), mailstore.NewUIDSet(1, 3, 5, 6, 7)} {
		if v.poll(); !slices.Equal(v.gone, want) {
			t.Errorf("gone %v, want %v", v.gone, want)
		}
	}
	if want := []mailstore.UID{1, 2, 3, 4, 5, 6, 7}; !slices.Equal(v.uids, want) {
		t.Errorf("UIDs %v, want %v: what was not announced goes at once", v.uids, want)
	}
}

// TestSetsOfViews: what is done with whole sets gives the same as done message
// by message.
func TestSetsOfViews(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func(share int) (set mailstore.UIDSet) {
		for uid := mailstore.UID(1); uid <= 40; uid++ {
			if rnd.IntN(10) < share {
				set.Add(uid)
			}
		}
		return set
	}
	for range 500 {
		b := some(rnd.IntN(10))
		v := &view{}
		for uid := mailstore.UID(1); uid <= 40; uid++ {
			if rnd.IntN(3) > 0 {
				v.uids = append(v.uids, uid)
				if b.Contains(uid) {
					v.gone.Add(uid)
				}
			}
		}
		i := rnd.IntN(len(v.uids))
		sp := span{i, i + 1 + rnd.IntN(len(v.uids)-i)}
		if got, want := v.anyGone([]span{sp}), countIn(v.uids[sp.i:sp.j], v.gone) > 0; got != want {
			t.Fatalf("%v of %v with %v gone: %v", sp, v.uids, v.gone, got)
		}
	}
}

// TestSpansWithout: a walk over what is left of a view, forwards and in pieces from its end,
// comes by each message that is not left out, once.
func TestSpansWithout(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		var v view
		for uid := mailstore.UID(1); uid < 140; uid++ {
			if rng.IntN(3) > 0 {
				v.uids = append(v.uids, uid)
			}
		}
		v.told = rng.IntN(len(v.uids) + 1)
		var set mailstore.UIDSet
		for range rng.IntN(5) {
			first := mailstore.UID(1 + rng.IntN(150))
			set.AddRange(first, first+mailstore.UID(rng.IntN(60)))
		}
		var want []int
		for i, uid := range v.uids[:v.told] {
			if !set.Contains(uid) {
				want = append(want, i)
			}
		}
		rest := v.spansWithout(set)
		all := indexes(rest)
		var got []int
		for k, sp := range rest {
			if k > 0 && sp.i-rest[k-1].j <= fewBetween || sp.i == sp.j {
				t.Fatalf("%v without %v: spans %v", v.uids[:v.told], set, rest)
			}
		}
		for _, i := range all {
			if !set.Contains(v.uids[i]) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v without %v: %v, want %v", v.uids[:v.told], set, got, want)
		}
		var pages [][]int
		for n := 1 + rng.IntN(6); len(rest) > 0; {
			var page []span
			rest, page = splitLast(rest, n)
			pages = append(pages, indexes(page))
			if size := count(page); size != n && len(rest) > 0 || size == 0 || size > n {
				t.Fatalf("a page of %d, want %d", size, n)
			}
		}
		slices.Reverse(pages)
		if got := slices.Concat(pages...); !slices.Equal(got, all) {
			t.Fatalf("%v without %v, from the end: %v, want %v", v.uids[:v.told], set, got, all)
		}
	}
}

func indexes(spans []span) (list []int) {
	for _, sp := range spans {
		for i := sp.i; i < sp.j; i++ {
			list = append(list, i)
		}
	}
	return list
}

// TestAnnounced: of a list those messages are kept that the client knows, however many
// there are between two.
func TestAnnounced(t *testing.T) {
	for range 2000 {
		v := view{uids: someUIDs(60)}
		v.told = rand.IntN(len(v.uids) + 1)
		list := someUIDs(40)
		var want []mailstore.UID
		var numbers []uint32
		for i, uid := range v.uids[:v.told] {
			if slices.Contains(list, uid) {
				want, numbers = append(want, uid), append(numbers, uint32(i+1))
			}
		}
		got := v.announced(slices.Clone(list))
		if !slices.Equal(got, want) {
			t.Fatalf("of %v in %v, %d announced: %v, want %v", list, v.uids, v.told, got, want)
		}
		order := rand.Perm(len(got))
		if rand.IntN(2) == 0 {
			slices.Sort(order)
		}
		mixed := make([]mailstore.UID, len(got))
		for i, n := range order {
			mixed[i] = got[n]
		}
		i := 0
		v.numbers(mixed, false, func(n uint32) {
			if want := numbers[order[i]]; n != want {
				t.Fatalf("UID %d of %v is number %d, want %d", mixed[i], v.uids, n, want)
			}
			i++
		})
	}
}

// someUIDs gives up to n UIDs in order.
func someUIDs(n int) (uids []mailstore.UID) {
	uid := mailstore.UID(0)
	for range rand.IntN(n + 1) {
		uid += 1 + mailstore.UID(rand.IntN(1+rand.IntN(8)))
		uids = append(uids, uid)
	}
	return uids
}
