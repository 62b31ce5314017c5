package main

import "math"

// scale places numbers on a logarithmic axis.
type scale struct{ low, high, from, to float64 }

// newScale spans whole powers of ten around the numbers, which are above 0.
func newScale(values []float64, from, to float64) scale {
	s := scale{math.Inf(1), 0, from, to}
	for _, v := range values {
		if v > 0 && !math.IsInf(v, 0) {
			s.low, s.high = min(s.low, v), max(s.high, v)
		}
	}
	if s.high == 0 {
		s.low, s.high = 0.1, 1
	}
	s.low = math.Pow(10, math.Floor(math.Log10(s.low)))
	s.high = math.Pow(10, math.Ceil(math.Log10(s.high)))
	if s.low == s.high {
		s.high *= 10
	}
	return s
}

// at is where a number stands; what is beyond an end stands there.
func (s scale) at(v float64) float64 {
	v = min(max(v, s.low), s.high)
	return s.from + (s.to-s.from)*(math.Log10(v)-math.Log10(s.low))/(math.Log10(s.high)-math.Log10(s.low))
}

// ticks are the powers of ten.
func (s scale) ticks() (list []float64) {
	for e := math.Round(math.Log10(s.low)); e <= math.Round(math.Log10(s.high)); e++ {
		list = append(list, math.Pow(10, e))
	}
	return list
}
