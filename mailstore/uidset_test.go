package mailstore

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestUIDSet(t *testing.T) {
	const top = MaxUID
	for _, test := range []struct {
		why  string
		add  []UIDRange // Last may be the smaller one
		want UIDSet
	}{
		{"nothing", nil, nil},
		{"one", []UIDRange{{5, 5}}, UIDSet{{5, 5}}},
		{"twice the same", []UIDRange{{5, 5}, {5, 5}}, UIDSet{{5, 5}}},
		{"rising, neighbours join", []UIDRange{{5, 5}, {6, 6}, {7, 7}, {9, 9}}, UIDSet{{5, 7}, {9, 9}}},
		{"falling", []UIDRange{{9, 9}, {7, 7}, {6, 6}, {5, 5}}, UIDSet{{5, 7}, {9, 9}}},
		{"a gap is filled", []UIDRange{{1, 1}, {3, 3}, {2, 2}}, UIDSet{{1, 3}}},
		{"in the wrong order", []UIDRange{{9, 4}}, UIDSet{{4, 9}}},
		{"over several", []UIDRange{{1, 2}, {5, 6}, {9, 9}, {20, 30}, {4, 10}}, UIDSet{{1, 2}, {4, 10}, {20, 30}}},
		{"touching on both sides", []UIDRange{{1, 2}, {6, 7}, {3, 5}}, UIDSet{{1, 7}}},
		{"inside another", []UIDRange{{1, 100}, {50, 60}}, UIDSet{{1, 100}}},
		{"around another", []UIDRange{{50, 60}, {1, 100}}, UIDSet{{1, 100}}},
		{"before all", []UIDRange{{50, 60}, {1, 2}}, UIDSet{{1, 2}, {50, 60}}},
		{"at the end of the number space", []UIDRange{{top, top}, {top - 1, top - 1}, {1, 1}}, UIDSet{{1, 1}, {top - 1, top}}},
		{"all", []UIDRange{{7, 9}, {1, top}}, AllUIDs()},
		{"below all", []UIDRange{{1, top}, {0, 0}}, UIDSet{{0, top}}},
	} {
		var s UIDSet
		for _, r := range test.add {
			s.AddRange(r.First, r.Last)
		}
		if !slices.Equal(s, test.want) {
			t.Errorf("%s: %v gives %v, want %v", test.why, test.add, s, test.want)
		}
	}
	if n := AllUIDs().Len(); n != 1<<32-1 {
		t.Errorf("all UIDs are %d", n)
	}
}

// FuzzUIDSet compares a set with a plain table of small UIDs.
func FuzzUIDSet(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 3, 0, 3, 0, 2, 0, 2, 0})
	f.Add([]byte{9, 0, 4, 0, 255, 0, 5, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var set UIDSet
		var has [512]bool
		var singles []UID
		for len(data) >= 4 {
			a := UID(binary.LittleEndian.Uint16(data)) % 512
			b := UID(binary.LittleEndian.Uint16(data[2:])) % 512
			data = data[4:]
			set.AddRange(a, b)
			for u := min(a, b); u <= max(a, b); u++ {
				has[u] = true
			}
		}
		var n int64
		for u, in := range has {
			if set.Contains(UID(u)) != in {
				t.Fatalf("%v: %d is in the set: %v, want %v", set, u, !in, in)
			}
			if in {
				n++
				singles = append(singles, UID(u))
			}
		}
		if set.Len() != n || set.Empty() != (n == 0) {
			t.Fatalf("%v: Len %d, Empty %v; want %d", set, set.Len(), set.Empty(), n)
		}
		for i, r := range set {
			if r.First > r.Last || i > 0 && r.First <= set[i-1].Last+1 {
				t.Fatalf("%v is not in order at %d", set, i)
			}
		}
		slices.Reverse(singles)
		if again := NewUIDSet(singles...); !slices.Equal(again, set) {
			t.Fatalf("one by one it is %v, want %v", again, set)
		}
	})
}

// TestSetLaws: sets are put together and taken away from one another as their members are.
func TestSetLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const base = MaxUID - 39 // up to the largest
	set := func() (s UIDSet) {
		for range rng.IntN(6) {
			s.AddRange(base+UID(rng.IntN(40)), base+UID(rng.IntN(40)))
		}
		return s
	}
	for range 5000 {
		a, b := set(), set()
		var both, rest UIDSet
		for i := range UID(40) {
			if a.Contains(base+i) || b.Contains(base+i) {
				both.Add(base + i)
			}
			if a.Contains(base+i) && !b.Contains(base+i) {
				rest.Add(base + i)
			}
		}
		if got := a.Union(b); !slices.Equal(got, both) {
			t.Fatalf("%v and %v: %v, want %v", a, b, got, both)
		}
		if got := a.Minus(b); !slices.Equal(got, rest) {
			t.Fatalf("%v without %v: %v, want %v", a, b, got, rest)
		}
	}
}
