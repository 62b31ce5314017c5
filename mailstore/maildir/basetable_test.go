package maildir

import (
	"fmt"
	"strings"
	"testing"
)

// TestListingFinds: what was added is found under its base name, as text and as
// octets, while the table grows, and nothing else is.
func TestListingFinds(t *testing.T) {
	l := listing{bases: newBaseTable(0)}
	name := func(i int) string { return fmt.Sprintf("%d.host,S=%d", i, i%7) }
	for i := range 3000 {
		l.add(file{name(i) + ":2,S", i%2 == 0})
	}
	for i := range 3000 {
		place, found := l.find(name(i))
		if !found || place != uint32(i) {
			t.Fatalf("%d is at %d, %v", i, place, found)
		}
		if !l.give(uidRecord{uid: 7, base: []byte(name(i))}) || l.entries[i].uid != 7 {
			t.Fatalf("%d is not found by octets", i)
		}
	}
	if l.has(name(3000)) || l.has("") || l.has(name(1)+":2,S") || l.give(uidRecord{base: []byte("none")}) {
		t.Error("found what was not added")
	}
	l.add(file{name(4) + ":2,F", false})
	if len(l.entries) != 3000 || len(l.twins) != 1 || l.entries[4].name != name(4)+":2,F" {
		t.Errorf("%d entries, twins %v: one in cur/ counts, and the other is its twin", len(l.entries), l.twins)
	}
}

// TestBaseTableCollisions: names with one hash are told apart.
func TestBaseTableCollisions(t *testing.T) {
	table := newBaseTable(0)
	for place := range uint32(100) {
		table.add(15, place) // the last slot, so that the search goes on at the first
	}
	for want := range uint32(100) {
		if got, found := table.find(15, func(place uint32) bool { return place == want }); !found || got != want {
			t.Errorf("%d: %d, %v", want, got, found)
		}
	}
	if _, found := table.find(15, func(uint32) bool { return false }); found {
		t.Error("found what is none of them")
	}
}

// TestOwnNames: a name that is kept for long does not hold a thousand others.
func TestOwnNames(t *testing.T) {
	for _, c := range []struct {
		fresh int
		why   string
	}{
		{1, "one new message of ten has memory of its own"},
		{9, "most are kept, so all share"},
	} {
		text := strings.Repeat("0123456789", 10)
		l := listing{bases: newBaseTable(0)}
		for i := range 10 {
			l.add(file{name: text[i : i+20]})
			l.entries[i].known = i >= c.fresh
		}
		shared := l.entries[0].name
		n := testing.AllocsPerRun(1, func() { l.ownNames(c.fresh) })
		if want := c.fresh; c.fresh == 1 && n != float64(want) || c.fresh == 9 && n != 0 || l.entries[0].name != shared {
			t.Errorf("%s: %v allocations", c.why, n)
		}
	}
}
