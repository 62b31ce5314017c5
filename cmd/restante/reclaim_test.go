package main

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestReclaim: memory is reclaimed once, when the work is over.
func TestReclaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allocated atomic.Uint64
		var reclaimed atomic.Int32
		r := &reclaimer{allocated: allocated.Load, collect: func() { reclaimed.Add(1) }}
		want := func(n int32, when string) {
			t.Helper()
			if synctest.Wait(); reclaimed.Load() != n {
				t.Fatalf("%s it was reclaimed %d times, not %d", when, reclaimed.Load(), n)
			}
		}
		r.collected()
		time.Sleep(time.Hour)
		want(0, "when nothing was allocated")
		for range 10 { // work
			allocated.Add(calmBelow)
			r.collected()
			time.Sleep(calmAfter / 2)
			want(0, "in the middle of work")
		}
		time.Sleep(2 * calmAfter)
		want(1, "after work")
		r.collected() // as the runtime does each two minutes
		time.Sleep(time.Hour)
		want(1, "at rest")
		allocated.Add(calmBelow)
		r.collected()
		r.close()
		time.Sleep(time.Hour)
		want(1, "when it was closed")
		if r.collected() {
			t.Error("it goes on watching when it was closed")
		}
	})
}

// TestReclaimWatches: it hears of the collections of this process, more than once.
func TestReclaimWatches(t *testing.T) {
	asked := make(chan struct{}, 1)
	r := &reclaimer{collect: func() {}, allocated: func() uint64 {
		select {
		case asked <- struct{}{}:
		default:
		}
		return 0
	}}
	r.watch()
	for heard := 0; heard < 3; {
		runtime.GC() // one that begins before it watches again is none that it hears of
		select {
		case <-asked:
			heard++
		case <-time.After(10 * time.Millisecond):
		}
	}
	r.mu.Lock()
	r.done = true
	r.mu.Unlock()
}
