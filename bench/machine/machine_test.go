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

func TestStolen(t *testing.T) {
	for _, c := range []struct {
		text string
		want Times
		why  string
	}{
		{"cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", Times{36, 8}, "what guests of this machine use is in the first two"},
		{"cpu 1 2 3 4 5 6 7 8", Times{36, 8}, "an old kernel"},
		{"cpu 1 2 3 4 5 6 7\n", Times{}, "a very old one"},
		{"cpu 1 2 3 4 5 6 7 x 9\n", Times{}, "no number"},
		{"", Times{}, "nothing"},
	} {
		if got := processorTimes(c.text); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
	}
	for _, c := range []struct {
		before, after Times
		want          float64
	}{
		{Times{100, 10}, Times{300, 60}, 0.25},
		{Times{100, 10}, Times{100, 10}, 0},
		{Times{100, 10}, Times{}, 0},
		{Times{100, 10}, Times{200, 5}, 0},
	} {
		if got := c.after.StolenSince(c.before); got != c.want {
			t.Errorf("from %v to %v: %v", c.before, c.after, got)
		}
	}
}
