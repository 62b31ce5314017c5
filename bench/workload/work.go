package workload

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// together has workers do n pieces of work and tells how long each took, in order.
func together(workers, n int, work func(worker, i int) error) ([]time.Duration, error) {
	var wg sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, workers)
	took := make([]time.Duration, n)
	for w := range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
				start := time.Now()
				if errs[w] = work(w, i); errs[w] != nil {
					failed.Store(true)
				}
				took[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// countEach counts n pieces of work and has their latencies.
func (e *Env) countEach(workers, n int, work func(worker, i int) error) (Sample, error) {
	var took []time.Duration
	s, err := e.Count(func() (float64, error) {
		var err error
		took, err = together(workers, n, work)
		return float64(n), err
	})
	s.Latencies = took
	return s, err
}

// countCommand counts a command that has to bring so many FETCH responses, and is
// for as many units.
func (e *Env) countCommand(b *box, command string, fetches int, units float64) (Sample, error) {
	before := b.Received()
	s, err := e.Count(func() (float64, error) {
		reply, err := b.Command(command)
		if err == nil && reply.Fetches != fetches {
			err = fmt.Errorf("%s: %d FETCH responses, want %d", command, reply.Fetches, fetches)
		}
		return units, err
	})
	s.Received = b.Received() - before
	return s, err
}

// plus is what two samples of the same work are together.
func (s Sample) plus(o Sample) Sample {
	s.Units += o.Units
	s.CPU += o.CPU
	s.Wall += o.Wall
	s.Received += o.Received
	s.Latencies = slices.Concat(s.Latencies, o.Latencies)
	slices.Sort(s.Latencies)
	return s
}

// repeat adds up n samples.
func repeat(n int, work func() (Sample, error)) (Sample, error) {
	var sum Sample
	for range n {
		s, err := work()
		if err != nil {
			return sum, err
		}
		sum = sum.plus(s)
	}
	return sum, nil
}

// want is an error unless the server has done what was asked.
func want(what string, got, want int) error {
	if got != want {
		return fmt.Errorf("%s: %d, want %d", what, got, want)
	}
	return nil
}

// spread is the numbers of count messages spread over a mailbox.
func spread(count, messages int) []int {
	count = min(count, messages)
	list := make([]int, count)
	for i := range list {
		list[i] = 1 + i*messages/count
	}
	return list
}
