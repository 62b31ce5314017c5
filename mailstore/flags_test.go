package mailstore

import (
	"slices"
	"strings"
	"testing"
)

func TestNewFlags(t *testing.T) {
	for _, test := range []struct {
		why   string
		words []string
		want  string
	}{
		{"none", nil, ""},
		{"sorted, so that equal sets are equal", []string{"b", "a", "c"}, "a b c"},
		{"case does not count for order or equality", []string{"b", "A", "B", "a"}, "A b"},
		{"the first spelling stays", []string{"$FORWARDED", "$Forwarded"}, "$FORWARDED"},
		{"empty words are none", []string{"", "x", ""}, "x"},
	} {
		f := NewFlags(Seen, test.words...)
		if got := f.Keywords.String(); got != test.want || f.System != Seen {
			t.Errorf("%s: %q gives %q, want %q", test.why, test.words, got, test.want)
		}
	}
	if NewFlags(Seen, "b", "a") != NewFlags(Seen, "a", "b", "B") {
		t.Error("equal sets do not compare equal")
	}
	if (NewFlags(0) != Flags{}) || NewFlags(0).Keywords.List() != nil && len(NewFlags(0).Keywords.List()) != 0 {
		t.Error("the empty set is not the zero value")
	}
	if k := NewFlags(0, "$Junk", "ab").Keywords; !k.Has("$jUNK") || k.Has("junk") || k.Has("a") || k.Has("") || k.Has("$Junk ab") {
		t.Error("Has takes a part for a keyword, or does not fold case")
	}
}

func TestFlagOps(t *testing.T) {
	old := NewFlags(Seen|Recent, "a", "B")
	for _, test := range []struct {
		why  string
		op   FlagOp
		arg  Flags
		want Flags
	}{
		{"add", AddFlags, NewFlags(Flagged, "c"), NewFlags(Seen|Flagged|Recent, "a", "B", "c")},
		{"add what is there in other case: the old spelling stays", AddFlags, NewFlags(Seen, "A", "b"), old},
		{"add nothing", AddFlags, Flags{}, old},
		{"remove", RemoveFlags, NewFlags(Seen|Draft, "b", "x"), NewFlags(Recent, "a")},
		{"remove nothing", RemoveFlags, Flags{}, old},
		{"replace", ReplaceFlags, NewFlags(Deleted, "x"), NewFlags(Deleted|Recent, "x")},
		{"replace by nothing", ReplaceFlags, Flags{}, NewFlags(Recent)},
		{"Recent cannot be removed", RemoveFlags, NewFlags(Recent), old},
	} {
		if got := test.op.Apply(old, test.arg); got != test.want {
			t.Errorf("%s: %v, want %v", test.why, got, test.want)
		}
	}
	for _, op := range []FlagOp{AddFlags, ReplaceFlags} {
		if op.Apply(Flags{}, NewFlags(Recent)).Has(Recent) {
			t.Errorf("operation %d sets Recent", op)
		}
	}
	if !old.Has(Seen|Recent) || old.Has(Seen|Draft) || !old.Has(0) {
		t.Error("Has wants all of the flags")
	}
}

// FuzzFlags holds the laws of sets.
func FuzzFlags(f *testing.F) {
	f.Add(byte(1), "a b $Junk", byte(2), "B c")
	f.Add(byte(0), "", byte(255), "ſ k K K")
	f.Fuzz(func(t *testing.T, sysA byte, wordsA string, sysB byte, wordsB string) {
		a, b := NewFlags(System(sysA), strings.Fields(wordsA)...), NewFlags(System(sysB), strings.Fields(wordsB)...)
		list := a.Keywords.List()
		if NewFlags(a.System, list...) != a || strings.Join(list, " ") != a.Keywords.String() {
			t.Errorf("%v does not give itself back", a)
		}
		slices.Reverse(list)
		if NewFlags(a.System, list...) != a {
			t.Errorf("the order of %v counts", list)
		}
		union := a.With(b)
		for _, w := range slices.Concat(list, b.Keywords.List()) {
			if !union.Keywords.Has(w) || union.Without(b).Keywords.Has(w) && b.Keywords.Has(w) {
				t.Errorf("%v and %v: %q is not where it belongs", a, b, w)
			}
		}
		for name, ok := range map[string]bool{
			"a with a is a":                         a.With(a) == a,
			"a with nothing is a":                   a.With(Flags{}) == a,
			"adding twice is adding once":           union.With(b) == union,
			"what was removed is not there":         union.Without(b).Without(b) == union.Without(b),
			"a without a is nothing":                a.Without(a) == Flags{},
			"removing all of the union, nothing":    a.Without(union) == Flags{},
			"what is new is what b has more than a": union.Without(a) == b.Without(a),
		} {
			if !ok {
				t.Errorf("%s: not for %v and %v", name, a, b)
			}
		}
	})
}
