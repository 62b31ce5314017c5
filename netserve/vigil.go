package netserve

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// nap is how long a vigil is in a system call. The monitor takes a processor away
	// that is in one for 10 ms, or sooner when all others are busy: then it is up anyway.
	nap = 8 * time.Millisecond
	// spell is the time for which reads are counted: a vigil costs the same however many
	// there are, so it asks for some.
	spell = 16 * nap
	// briskReads in a spell begin a vigil. One session that looks for mail has fewer.
	briskReads = 24
	// fewReads in a spell end it: with so few it takes more than it saves.
	fewReads = 15
)

// A vigil keeps the monitor thread of Go's runtime from going to sleep while clients are
// served that wait for each answer before they send the next command. Between two
// commands there is no goroutine to run; then that thread sleeps until there is one, and
// wakes with each command, only to find out after 20 microseconds that it may sleep
// again. These wakings cost more than most commands do: answering a line takes 13
// microseconds of processor time without them instead of 43. As long as some goroutine
// is in a system call with its processor, the monitor is up and looks each 10 ms; so
// one goroutine sleeps in the kernel, piece by piece, and ends when reads are few.
//
// It occupies a processor of the runtime (GOMAXPROCS), not of the machine. Whoever uses
// it gives the runtime one more.
type vigil struct {
	nap func() // in a system call

	begin atomic.Int64 // of the spell, in nanoseconds, while there is no vigil
	reads atomic.Int32 // in this spell
	up    atomic.Bool  // a goroutine keeps it
}

func newVigil() *vigil {
	return &vigil{nap: func() {
		t := syscall.NsecToTimespec(int64(nap))
		_ = syscall.Nanosleep(&t, nil) // a signal that ends it early does no harm
	}}
}

// read notes that a connection has got something. A nil vigil is none.
func (v *vigil) read() {
	switch {
	case v == nil:
	case v.up.Load():
		v.reads.Add(1)
	case v.another() >= briskReads && v.up.CompareAndSwap(false, true):
		go v.keep()
	}
}

// another counts a read while there is no vigil. Reads at the same time may be lost.
func (v *vigil) another() int32 {
	now := time.Now().UnixNano()
	if now-v.begin.Load() > int64(spell) {
		v.begin.Store(now)
		v.reads.Store(0)
	}
	return v.reads.Add(1)
}

// keep lasts as long as reads are brisk. It ends its time slice after each nap: a
// processor that runs one goroutine all the time is taken away as well.
func (v *vigil) keep() {
	defer v.up.Store(false)
	v.reads.Store(0)
	for brisk := true; brisk; brisk = v.reads.Swap(0) > fewReads {
		for range spell / nap {
			v.nap()
			runtime.Gosched()
		}
	}
}
