package index

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"restante/mailstore"
)

// TestPack: what is packed is read again as it was, whatever the records are.
func TestPack(t *testing.T) {
	for why, list := range map[string][]slot{
		"one message, nothing known of it": {{uid: 1, size: mailstore.Unknown, date: mailstore.Unknown}},
		"neighbours that are equal": {
			{uid: 7, modSeq: 9, date: 5, size: 5}, {uid: 8, modSeq: 9, date: 5, size: 5}, {uid: 9, modSeq: 9, date: 5, size: 5}},
		"the largest differences": {
			{uid: 1, words: 0, modSeq: 1, date: math.MinInt64, size: mailstore.Unknown, summary: 0},
			{uid: mailstore.MaxUID - 1, words: math.MaxUint32, modSeq: 1<<63 - 1, date: math.MaxInt64, size: math.MaxInt64, summary: math.MaxUint32, system: 0xff}},
		"known beside unknown": {
			{uid: 3, size: 1 << 40, date: mailstore.Unknown}, {uid: 4, size: mailstore.Unknown, date: 1 << 33}, {uid: 4000, size: 1, date: -1}},
	} {
		t.Run(why, func(t *testing.T) { checkPack(t, list) })
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		checkPack(t, randomSlots(rng))
	}
}

// randomSlots are records whose fields have widths of all kinds.
func randomSlots(rng *rand.Rand) []slot {
	list := make([]slot, 1+rng.IntN(chunkLen))
	wide := func() uint64 { return rng.Uint64() >> (1 + rng.IntN(63)) }
	date, size, modSeq, gap := 1+wide(), 1+wide(), 1+wide(), 1+rng.Uint32N(1000)
	uid := 1 + mailstore.UID(rng.Uint32N(1000))
	for j := range list {
		list[j] = slot{
			uid: uid, words: rng.Uint32N(1 + gap), modSeq: rng.Uint64N(modSeq), date: int64(rng.Uint64N(date)) - int64(date/2),
			size: int64(rng.Uint64N(size)), summary: rng.Uint32() >> rng.IntN(32), system: mailstore.System(rng.IntN(64)),
		}
		uid += mailstore.UID(1 + rng.Uint32N(gap))
	}
	return list
}

func checkPack(t *testing.T, list []slot) {
	t.Helper()
	ref := dataRef{1 << 40, 12345, 0xdeadbeef}
	front := []byte("in front")
	b := append(appendPack(slices.Clone(front), list, 77, ref), "behind"...)
	p, rest, ok := cutPack(b[len(front):])
	if !ok || string(rest) != "behind" || !bytes.HasPrefix(b, front) {
		t.Fatalf("cutPack: %v, rest %q", ok, rest)
	}
	for _, since := range []uint64{0, list[0].modSeq, list[len(list)/2].modSeq, 1<<63 - 1} {
		var got, want []int
		for j := p.changed(0, since); j < p.n(); j = p.changed(j+1, since) {
			got = append(got, j)
		}
		for j := range list {
			if list[j].modSeq > since {
				want = append(want, j)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("changed since %d: %v, want %v", since, got, want)
		}
	}
	if got := p.slots(nil); !slices.Equal(got, list) {
		t.Fatalf("packed\n%v\nread\n%v", list, got)
	}
	var unseen, recent int
	for j, s := range list {
		if p.uid(j) != s.uid || p.system(j) != s.system {
			t.Fatalf("record %d: UID %d and flags %d, want %d and %d", j, p.uid(j), p.system(j), s.uid, s.system)
		}
		if !s.has(mailstore.Seen) {
			unseen++
		}
		if s.has(mailstore.Recent) {
			recent++
		}
	}
	if p.unseen() != unseen || p.recent() != recent || p.top() != 77 || p.ref() != ref || p.last() != list[len(list)-1].uid {
		t.Fatalf("unseen %d, recent %d, top %d, data %v", p.unseen(), p.recent(), p.top(), p.ref())
	}
	to := dataRef{5, 6, 7}
	if q := p.moved(to); q.ref() != to || p.ref() != ref || !slices.Equal(q.slots(nil), list) {
		t.Fatal("a pack whose data have moved is another")
	}
}

// FuzzCutPack: octets that are no pack make none, and what is one can be read.
func FuzzCutPack(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		f.Add(appendPack(nil, randomSlots(rng), 1, dataRef{}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, rest, ok := cutPack(b)
		if !ok {
			return
		}
		if len(p)+len(rest) != len(b) || p.n() != len(p.slots(nil)) || p.n() != len(p.uids(nil)) || p.last() >= mailstore.MaxUID {
			t.Fatalf("a pack of %d records in %d octets", p.n(), len(p))
		}
	})
}
