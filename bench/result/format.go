package result

import (
	"fmt"
	"math"

	"restante/bench/workload"
)

// Figure writes a number as people do: seconds or octets with three digits.
func Figure(f workload.Figure, v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if f == workload.PSS {
		return scaled(v, 1024, []string{"B", "KB", "MB", "GB"})
	}
	if f == workload.IndexSize {
		return fmt.Sprintf("%.2g", v)
	}
	if v == 0 {
		return "0"
	}
	return scaled(v*1e9, 1000, []string{"ns", "µs", "ms", "s"})
}

func scaled(v, step float64, units []string) string {
	i := 0
	for ; i+1 < len(units) && math.Abs(v) >= step; i++ {
		v /= step
	}
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f %s", v, units[i])
	}
	return fmt.Sprintf("%.3g %s", v, units[i])
}

// RatioText writes the ratio of a comparison, and the bound of one.
func (c Comparison) RatioText(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case c.Peer == workload.Absolute:
		return Figure(c.Of, v)
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// Spread says how far the rounds lie apart.
func (c Comparison) Spread() string {
	if math.IsNaN(c.Low) || math.IsNaN(c.High) {
		return "–"
	}
	return c.RatioText(c.Low) + "–" + c.RatioText(c.High)
}
