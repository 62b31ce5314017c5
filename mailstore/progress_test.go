package mailstore

import (
	"context"
	"slices"
	"testing"
)

func TestProgress(t *testing.T) {
	for _, c := range []struct {
		why   string
		total int64
		adds  []int64
		want  [][2]int64
	}{
		{"few units are told one by one", 3, []int64{1, 1, 1}, [][2]int64{{0, 3}, {1, 3}, {2, 3}, {3, 3}}},
		{"of many each hundredth", 1000, []int64{9, 1, 1, 1, 988}, [][2]int64{{0, 1000}, {10, 1000}, {1000, 1000}}},
		{"the end is told although it is no full step", 150, []int64{148, 1, 1}, [][2]int64{{0, 150}, {148, 150}, {149, 150}, {150, 150}}},
		{"a total that is not known", 0, []int64{1, 1022, 1, 1}, [][2]int64{{0, 0}, {1024, 0}}},
		{"more than was expected", 2, []int64{2, 1}, [][2]int64{{0, 2}, {2, 2}, {3, 2}}},
	} {
		var told [][2]int64
		ctx := WithProgress(t.Context(), func(done, total int64) { told = append(told, [2]int64{done, total}) })
		track := ProgressOf(ctx).Track(c.total)
		for _, n := range c.adds {
			track.Add(n)
		}
		if !slices.Equal(told, c.want) {
			t.Errorf("%s: told %v, want %v", c.why, told, c.want)
		}
	}
}

// TestProgressOfNobody: where nobody asks, counting is free of consequences.
func TestProgressOfNobody(t *testing.T) {
	track := ProgressOf(context.Background()).Track(5)
	if n := testing.AllocsPerRun(100, func() { track.Add(1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	var zero Tracker
	zero.Add(1)
}
