package netserve

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// brisk is the time between two reads of all connections below which they follow
	// each other closely. With fewer a vigil takes more than it saves.
	brisk = 10 * time.Millisecond
	// briskReads is how many of them begin a vigil.
	briskReads = 16
	// nap is how long a vigil is in a system call. The monitor takes a processor away
	// that is in one for 10 ms, or sooner when all others are busy: then it is up anyway.
	nap = 8 * time.Millisecond
)

// A vigil keeps the monitor thread of Go's runtime from going to sleep while clients are
// served that wait for each answer before they send the next command. Between two
// commands there is no goroutine to run; then that thread sleeps until there is one, and
// wakes with each command, only to find out after 20 microseconds that it may sleep
// again. These wakings cost more than most commands do: answering a line takes 13
// microseconds of processor time without them instead of 43. As long as some goroutine
// is in a system call with its processor, the monitor is up and looks each 10 ms; so
// one goroutine sleeps in the kernel, piece by piece, and ends when nobody is brisk.
//
// It occupies a processor of the runtime (GOMAXPROCS), not of the machine. Whoever uses
// it gives the runtime one more.
type vigil struct {
	nap func() // in a system call

	last atomic.Int64 // when something was read, in nanoseconds
	run  atomic.Int32 // reads that followed each other closely
	up   atomic.Bool  // a goroutine keeps it
}

func newVigil() *vigil {
	return &vigil{nap: func() {
		t := syscall.NsecToTimespec(int64(nap))
		_ = syscall.Nanosleep(&t, nil) // a signal that ends it early does no harm
	}}
}

// read notes that a connection has got something. A nil vigil is none.
func (v *vigil) read() {
	if v == nil {
		return
	}
	now := time.Now().UnixNano()
	if now-v.last.Swap(now) > int64(brisk) {
		v.run.Store(0)
		return
	}
	if v.run.Load() < briskReads {
		v.run.Add(1)
		return
	}
	if !v.up.Load() && v.up.CompareAndSwap(false, true) {
		go v.keep()
	}
}

// keep lasts as long as reads are brisk. It ends its time slice after each nap: a
// processor that runs one goroutine all the time is taken away as well.
func (v *vigil) keep() {
	defer v.up.Store(false)
	for time.Now().UnixNano()-v.last.Load() <= int64(brisk) {
		v.nap()
		runtime.Gosched()
	}
}
