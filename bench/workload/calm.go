package workload

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// nap is shorter than what Go's monitor thread lets a system call take before it gives
// its processor away.
const nap = 8 * time.Millisecond

// calm keeps the monitor thread of this program's Go runtime up until end is called.
// Otherwise it sleeps whenever no goroutine runs, and each answer that comes in wakes it:
// then there is another thread to run on the machine's processor just when the next
// command is sent, and the kernel takes the server to another one, whatever server that
// is. What clients do on machines of their own would not be measured, but this.
//
// One goroutine stays in a system call, piece by piece, which takes one processor of the
// runtime; it gets one more for that.
func calm() (end func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	procs := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			t := syscall.NsecToTimespec(int64(nap))
			_ = syscall.Nanosleep(&t, nil) // a signal that ends it early does no harm
			runtime.Gosched()
		}
	})
	return func() {
		close(over)
		wg.Wait()
		runtime.GOMAXPROCS(procs)
	}
}
