package main

import (
	"slices"

	"restante/bench/workload"
)

const (
	// mayBeStolen is how much of the processors' time the host of a virtual machine may
	// take for others in a run whose latencies count: far less than the hundredth part of
	// commands that is slower than the 99th percentile.
	mayBeStolen = 0.001
	// tries is how often such a run is made at most.
	tries = 6
)

// undisturbed runs a row that is about latencies again when the host took the machine
// away meanwhile, whichever server it was: those slow commands are not the server's. If
// that does not end, the run that lost least counts. report hears of runs that do not.
func undisturbed(row *workload.Row, run func(again bool) (workload.Sample, error), report func(stolen float64)) (workload.Sample, error) {
	best, err := run(false)
	last := best
	for try := 1; try < tries && err == nil && best.Stolen > mayBeStolen && ofLatencies(row); try++ {
		report(last.Stolen)
		if last, err = run(true); last.Stolen < best.Stolen {
			best = last
		}
	}
	return best, err
}

// ofLatencies reports whether a goal of the row is about them.
func ofLatencies(row *workload.Row) bool {
	return slices.ContainsFunc(slices.Concat(row.Must, row.Stretch), func(b workload.Bound) bool {
		return b.Of == workload.P50 || b.Of == workload.P99 || b.Of == workload.EveryP99
	})
}
