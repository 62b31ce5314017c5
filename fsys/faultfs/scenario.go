package faultfs

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
)

// A Scenario is an operation that must leave the files whole whatever happens
// in the middle of it.
type Scenario struct {
	// Prepare makes the files that Run begins with; nil is an empty file system.
	Prepare func(t *testing.T, fsys *FS)
	// Run does the operation, on a copy of what Prepare made, and returns its
	// error. It closes what it opens, and it does the same each time.
	Run func(t *testing.T, fsys *FS) error
	// Check looks at what is there afterwards, when nothing fails any more. err
	// is what Run has returned: what was acknowledged with nil must be there.
	Check func(t *testing.T, fsys *FS, err error)
}

// EachFault runs the scenario again and again: first the first operation that
// changes something fails, then only the second, and so on until Run does not
// get so far. All is done for each of the errors; without any for ENOSPC and EIO.
func (s Scenario) EachFault(t *testing.T, errs ...error) {
	if len(errs) == 0 {
		errs = []error{syscall.ENOSPC, syscall.EIO}
	}
	start := s.start(t)
	for _, fault := range errs {
		s.each(t, fault.Error(), func(n int) (*FS, error) {
			fsys := start.Clone()
			fsys.Inject(FailAt(n, fault))
			return fsys, s.Run(t, fsys)
		}, func(fsys *FS) { fsys.Inject(nil) })
	}
}

// EachCut cuts the power before each operation in turn. It starts anew with
// nothing that was not synced, and then as often as variants says with a random
// part of it.
func (s Scenario) EachCut(t *testing.T, variants int) {
	start := s.start(t)
	for v := range variants + 1 {
		var rnd *rand.Rand
		name := "cut, nothing unsynced is left"
		if v > 0 {
			rnd = rand.New(rand.NewPCG(uint64(v), 0))
			name = fmt.Sprintf("cut, variant %d", v)
		}
		s.each(t, name, func(n int) (*FS, error) {
			fsys := start.Clone()
			fsys.CutAt(n)
			return fsys, s.Run(t, fsys)
		}, func(fsys *FS) { fsys.Crash(rnd) })
	}
}

func (s Scenario) start(t *testing.T) *FS {
	fsys := New()
	if s.Prepare != nil {
		s.Prepare(t, fsys)
	}
	return fsys
}

// each does run for n from 1 until it makes fewer than n operations.
func (s Scenario) each(t *testing.T, name string, run func(n int) (*FS, error), heal func(*FS)) {
	for n := 1; ; n++ {
		fsys, err := run(n)
		trace := fsys.Trace()
		at := "nothing"
		if n <= len(trace) {
			at = trace[n-1]
		}
		heal(fsys)
		t.Run(name+" at "+at, func(t *testing.T) { s.Check(t, fsys, err) })
		if n > len(trace) {
			if err != nil {
				t.Errorf("%s: fails without a fault: %v", name, err)
			}
			return
		}
	}
}
