package machine

import "testing"

func TestParsing(t *testing.T) {
	const info = "processor\t: 0\nvendor_id\t: x\nmodel name\t: Some CPU @ 2.00GHz\nmodel\t\t: 7\nmodel name\t: another\n"
	for _, c := range []struct{ text, want, why string }{
		{info, "Some CPU @ 2.00GHz", "the first one"},
		{"processor\t: 0\nBogoMIPS\t: 50\n", "unknown processor", "arm64 tells no model"},
		{"", "unknown processor", "nothing"},
	} {
		if got := processor(c.text); got != c.want {
			t.Errorf("%s: %q", c.why, got)
		}
	}
	for _, c := range []struct {
		text string
		want int64
		why  string
	}{
		{"MemTotal: 9 kB\nMemAvailable:   22 kB\n", 22 << 10, "as it is"},
		{"MemTotal: 9 kB\n", 0, "an old kernel"},
		{"MemAvailable: x kB\n", 0, "no number"},
	} {
		if got := available(c.text); got != c.want {
			t.Errorf("%s: %d", c.why, got)
		}
	}
}
