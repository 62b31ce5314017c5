package main

import (
	"errors"
	"testing"

	"restante/bench/workload"
)

func TestUndisturbed(t *testing.T) {
	failure := errors.New("it is gone")
	latencies := workload.Goal{{Of: workload.P99, Peer: workload.Packaged, Max: 1}}
	for _, c := range []struct {
		goal   workload.Goal
		stolen []float64 // in one run after the other; then they fail
		want   float64
		runs   int
		err    error
		why    string
	}{
		{latencies, []float64{0.0005}, 0.0005, 1, nil, "quiet"},
		{latencies, []float64{0.2, 0.01, 0}, 0, 3, nil, "until it is quiet"},
		{latencies, []float64{0.2, 0.3, 0.05, 0.4, 0.5, 0.6, 0}, 0.05, tries, nil, "or the best"},
		{latencies, []float64{0.2}, 0.2, 2, failure, "a server that fails then has failed"},
		{latencies, nil, 0, 1, failure, "at once"},
		{workload.Goal{{Of: workload.CPU, Peer: workload.Packaged, Max: 1}}, []float64{0.2}, 0.2, 1, nil, "processor time is the server's own"},
	} {
		runs, told := 0, 0
		var last float64
		got, err := undisturbed(&workload.Row{Must: c.goal}, func(again bool) (workload.Sample, error) {
			if again != (runs > 0) {
				t.Errorf("%s: run %d is told again=%v", c.why, runs, again)
			}
			runs++
			if runs > len(c.stolen) {
				return workload.Sample{}, failure
			}
			last = c.stolen[runs-1]
			return workload.Sample{Stolen: last}, nil
		}, func(stolen float64) {
			told++
			if stolen != last {
				t.Errorf("%s: of run %d it is told %v", c.why, runs, stolen)
			}
		})
		if !errors.Is(err, c.err) || runs != c.runs || told != c.runs-1 || err == nil && got.Stolen != c.want {
			t.Errorf("%s: %v after %d runs, %d told, %v", c.why, got.Stolen, runs, told, err)
		}
	}
}
