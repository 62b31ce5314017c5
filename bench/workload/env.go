package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"restante/bench/machine"
)

// Env is what a row works in.
type Env struct {
	Target Target
	// Settle is how long the server must have used next to nothing before it is
	// taken for done; 0 is 50 ms. Some go on working after their answer.
	Settle time.Duration
	// Rest is how long memory must have stayed as it is before it is taken down; 0
	// is 10 s. Servers give it back slowly.
	Rest time.Duration
	// Ours is set for the server whose goals are looked at. Bounds that compare with
	// no peer need not be measured on others.
	Ours bool
	// Around is called when counting begins, and what it returns when the work is
	// done, for who wants a profile of what is counted. May be nil.
	Around func() (end func() error)
}

// Count runs work and tells what it has cost. Work returns how many units it has
// done.
func (e *Env) Count(work func() (units float64, err error)) (Sample, error) {
	if err := e.settle(); err != nil {
		return Sample{}, err
	}
	end := func() error { return nil }
	if e.Around != nil {
		end = e.Around()
	}
	before, err := e.Target.CPU()
	if err != nil {
		return Sample{}, errors.Join(err, end())
	}
	times, start := machine.ProcessorTimes(), time.Now()
	units, err := work()
	wall, stolen := time.Since(start), machine.ProcessorTimes().StolenSince(times)
	if err := errors.Join(err, end()); err != nil {
		return Sample{}, err
	}
	if err := e.settle(); err != nil {
		return Sample{}, err
	}
	after, err := e.Target.CPU()
	if err == nil && units <= 0 {
		err = fmt.Errorf("%s: the work did nothing", e.Target.Name())
	}
	return Sample{Units: units, CPU: after - before, Wall: wall, Stolen: stolen}, err
}

// settle waits until the server does no more, but not for ever: one that never
// rests is counted as it is.
func (e *Env) settle() error {
	step := e.Settle
	if step == 0 {
		step = 50 * time.Millisecond
	}
	last, err := e.Target.CPU()
	for range 100 {
		if err != nil {
			return err
		}
		time.Sleep(step)
		var now time.Duration
		if now, err = e.Target.CPU(); err == nil && now-last <= step/50 {
			return nil
		}
		last = now
	}
	return err
}

// memory is what the server has when it has given back what it gives back: when
// that has become less by no more than a fiftieth for some time.
func (e *Env) memory(ctx context.Context) (Memory, error) {
	step := e.Rest
	if step == 0 {
		step = 10 * time.Second
	}
	last, err := e.Target.Memory()
	for range 15 {
		if err != nil {
			return last, err
		}
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-time.After(step):
		}
		var now Memory
		if now, err = e.Target.Memory(); err == nil && now.PSS >= last.PSS-last.PSS/50 {
			return now, nil
		}
		last = now
	}
	return last, err
}
