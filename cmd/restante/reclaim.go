package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// calmAfter is how long little must be allocated until the server is at rest.
	calmAfter = 3 * time.Second
	// calmBelow is how little, in octets. Less garbage than that is not worth a collection.
	calmBelow = 4 << 20
)

// A reclaimer gives memory back to the system when the server has come to rest.
// The collector alone leaves what the last burst of work has dropped until as much
// has been allocated again, which at rest is never, and the stacks as large as
// logging in made them. While the server works, or rests since long, it does nothing.
type reclaimer struct {
	allocated func() uint64 // octets since the start
	collect   func()

	mu    sync.Mutex
	timer *time.Timer // nil while nothing is to be done
	seen  uint64      // what was allocated when the timer was set
	left  uint64      // and after the last reclaim
	done  bool
}

// newReclaimer begins to watch the collections of this process.
func newReclaimer() *reclaimer {
	r := &reclaimer{allocated: allocatedOctets, collect: func() {
		runtime.GC() // each halves the stacks that are not used
		debug.FreeOSMemory()
	}}
	r.watch()
	r.arm() // for what starting has left
	return r
}

// close ends the watch.
func (r *reclaimer) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

// watch has collected called after each collection of garbage.
func (r *reclaimer) watch() {
	// Two pointers, so that it does not share its piece of memory with others.
	sentinel := new([2]*reclaimer)
	runtime.AddCleanup(sentinel, func(r *reclaimer) {
		if r.collected() {
			r.watch()
		}
	}, r)
}

// collected notes a collection: there has been work. It reports whether it wants
// to hear of the next.
func (r *reclaimer) collected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.done && r.timer == nil && r.allocated()-r.left >= calmBelow {
		r.arm()
	}
	return !r.done
}

func (r *reclaimer) arm() {
	r.seen = r.allocated()
	r.timer = time.AfterFunc(calmAfter, r.look)
}

// look reclaims if little was allocated since the timer was set.
func (r *reclaimer) look() {
	if !r.calm() {
		return
	}
	r.collect()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.timer = r.allocated(), nil
}

// calm sets the timer again if there is still work.
func (r *reclaimer) calm() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return false
	}
	if r.allocated()-r.seen >= calmBelow {
		r.arm()
		return false
	}
	return true
}

func allocatedOctets() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
