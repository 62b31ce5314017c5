package imap

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseNumSet(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1", "1"},
		{"1:3", "1:3"},
		{"3:1", "1:3"}, // either order, RFC 9051 section 9
		{"1,2,3", "1:3"},
		{"5,1:2,9:7,2:4", "1:5,7:9"},
		{"1:10,3:4,12", "1:10,12"},
		{"*", "*"},
		{"*:*", "*"},
		{"4294967295:*", "*"},
		{"*:5", "5:*"},
		{"5:*,3:*,*", "3:*"},
		{"9,5:*,1", "1,9,5:*"},
		{"1:4294967295", "1:4294967295"},
		{"4294967295,4294967294", "4294967294:4294967295"},
		{"$", "$"},
	}
	for _, tt := range tests {
		s, err := ParseNumSet(tt.in)
		if err != nil || s.String() != tt.want {
			t.Errorf("%q: got %v, %v, want %s", tt.in, s, err, tt.want)
		}
		again, err := ParseNumSet(s.String())
		if err != nil || !again.Equal(s) {
			t.Errorf("%q parses to %v, %v", s, again, err)
		}
	}
	for _, in := range []string{"", "0", "01", ",", "1,", ",1", "1:", ":1", "1:2:3", "1:0", "a", "1 ", "$,1", "**", "1*", "*1", "4294967296", "99999999999999999999", "-1"} {
		if s, err := ParseNumSet(in); err == nil || !s.IsEmpty() {
			t.Errorf("%q: got %v, %v", in, s, err)
		}
	}
}

func TestNumSetResolve(t *testing.T) {
	tests := []struct {
		in      string
		largest uint32
		want    string
	}{
		{"*", 7, "7"},
		{"*", 0, ""},
		{"3:*", 7, "3:7"},
		{"9:*", 7, "7"}, // RFC 9051 section 9: contains the last message at least
		{"2,9:*", 7, "2,7"},
		{"1:4,3:*", 9, "1:9"},
		{"1:4294967295", 9, "1:4294967295"},
		{"20:30,5:*", 9, "5:9,20:30"},
	}
	for _, tt := range tests {
		s, err := ParseNumSet(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		before := s.String()
		if got := s.Resolve(tt.largest); got.String() != tt.want || got.HasStar() {
			t.Errorf("%s of %d: got %s, want %s", tt.in, tt.largest, got, tt.want)
		}
		if s.String() != before {
			t.Errorf("%s was changed to %s", before, s)
		}
	}
}

func TestIntersect(t *testing.T) {
	sorted := []uint32{2, 3, 5, 8, 9, 100, math.MaxUint32}
	tests := []struct {
		set  string
		want string
	}{
		{"1:4294967295", "[0 7]"},
		{"1,4,6:7", ""},
		{"3:8", "[1 4]"},
		{"1:2,5,9:99", "[0 1][2 3][4 5]"},
		{"*", "[6 7]"},
		{"100:*", "[5 7]"},
	}
	for _, tt := range tests {
		s, err := ParseNumSet(tt.set)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for i, j := range Intersect(s, sorted) {
			fmt.Fprint(&got, []int{i, j})
		}
		if got.String() != tt.want {
			t.Errorf("%s: got %s, want %s", tt.set, got.String(), tt.want)
		}
	}
	for range Intersect(NumSet{star: 1}, []uint32(nil)) {
		t.Error("something in nothing")
	}
}

func TestNumSetValues(t *testing.T) {
	s := NumSetOf(5, 1, 2, 0, 9)
	if s.String() != "1:2,5,9" || s.Count() != 4 || s.Max() != 9 || s.HasStar() || s.IsEmpty() || s.IsSaved() {
		t.Errorf("got %s, count %d, max %d", s, s.Count(), s.Max())
	}
	if got := slices.Collect(s.Numbers()); !slices.Equal(got, []uint32{1, 2, 5, 9}) {
		t.Errorf("numbers %v", got)
	}
	s.AddRange(8, 3)
	if s.String() != "1:9" {
		t.Errorf("filled: %s", s)
	}
	s.AddRange(math.MaxUint32, 20)
	s.AddNum(math.MaxUint32)
	if s.String() != "1:9,20:4294967295" || s.Count() != 9+math.MaxUint32-19 {
		t.Errorf("got %s, count %d", s, s.Count())
	}
	var zero NumSet
	if !zero.IsEmpty() || zero.Max() != 0 || zero.String() != "" {
		t.Error("the zero value is not empty")
	}
	if !SavedSet().IsSaved() || SavedSet().IsEmpty() {
		t.Error("$ is not $")
	}
}

// FuzzNumSet compares with a set of bits.
func FuzzNumSet(f *testing.F) {
	for _, s := range []string{"1:*", "3,1,2", "60:5,*", "*:9,70", "1,3,5:4,2", "9:*,1"} {
		f.Add(s, uint8(20))
	}
	f.Fuzz(func(t *testing.T, text string, largest uint8) {
		s, err := ParseNumSet(text)
		if err != nil || s.IsSaved() {
			return
		}
		again, err := ParseNumSet(s.String())
		if err != nil || !again.Equal(s) {
			t.Fatalf("%q prints as %q and parses to %v, %v", text, s, again, err)
		}
		max := uint32(largest % 64)
		model := modelSet(text, max)
		resolved := s.Resolve(max)
		var built NumSet
		for n := uint32(80); n > 0; n-- {
			if s.Contains(n, max) != model[n] || resolved.Contains(n, 0) != model[n] {
				t.Fatalf("%q of %d: Contains(%d) is %v, want %v", text, max, n, s.Contains(n, max), model[n])
			}
			if model[n] {
				built.AddNum(n)
			}
		}
		if s.Max() <= 80 && !reflect.DeepEqual(built.Ranges(), resolved.Ranges()) {
			t.Fatalf("%q of %d: added one by one %v, resolved %v", text, max, built, resolved)
		}
		checkIntersect(t, s, max, model)
	})
}

// modelSet reads a valid set the slow way, up to 80; numbers above largest count only where they stand by
// themselves, as nothing has them.
func modelSet(text string, largest uint32) map[uint32]bool {
	m := make(map[uint32]bool)
	number := func(s string) uint32 {
		if s == "*" {
			return largest
		}
		n, _ := strconv.ParseUint(s, 10, 32)
		return uint32(n)
	}
	for _, part := range strings.Split(text, ",") {
		a, b, _ := strings.Cut(part+":"+part, ":")
		if strings.Contains(part, ":") {
			a, b, _ = strings.Cut(part, ":")
		}
		star := strings.Contains(part, "*")
		x, y := number(a), number(b)
		for n := uint32(1); n <= 80; n++ {
			if n >= min(x, y) && n <= max(x, y) && (!star || n <= largest) {
				m[n] = true
			}
		}
	}
	return m
}

func checkIntersect(t *testing.T, s NumSet, largest uint32, model map[uint32]bool) {
	var sorted, want, got []uint32
	for n := uint32(1); n <= largest; n++ {
		if n%3 != 0 || n == largest {
			sorted = append(sorted, n)
			if model[n] {
				want = append(want, n)
			}
		}
	}
	for i, j := range Intersect(s, sorted) {
		got = append(got, sorted[i:j]...)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s of %v: got %v, want %v", s, sorted, got, want)
	}
}
