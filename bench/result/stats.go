package result

import (
	"math"
	"slices"
)

// Stats tells of a row of numbers what is in the middle and how far they lie apart.
type Stats struct {
	Median   float64
	MAD      float64 // median of the distances from the median
	Min, Max float64
	N        int
}

// Of computes them. Without numbers all is NaN but N.
func Of(values []float64) Stats {
	if len(values) == 0 {
		return Stats{Median: math.NaN(), MAD: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	}
	m := median(values)
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - m)
	}
	return Stats{Median: m, MAD: median(distances), Min: slices.Min(values), Max: slices.Max(values), N: len(values)}
}

// median is the one in the middle, or what lies between both.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
