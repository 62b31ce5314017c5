package watch

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// makeDirs makes n directories.
func makeDirs(b *testing.B, n int) []string {
	root := b.TempDir()
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = fmt.Sprint(root, "/", i)
		must(b, os.Mkdir(dirs[i], 0o700))
	}
	return dirs
}

const many = 10000

// BenchmarkWatch adds and removes 10,000 watches.
func BenchmarkWatch(b *testing.B) {
	dirs := makeDirs(b, many)
	for _, c := range []struct {
		name string
		path func(i int) string
		open func() (kernel, error)
	}{
		{"directories", func(i int) string { return dirs[i] }, openKernel},
		{"absent files", func(i int) string { return dirs[i] + "/box" }, openKernel},
		{"one directory", func(int) string { return dirs[0] }, openKernel},
		{"polled", func(i int) string { return dirs[i] }, func() (kernel, error) { return nil, errors.ErrUnsupported }},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := New(Options{})
			w.open = c.open
			defer w.Close()
			stops := make([]func(), many)
			b.ReportAllocs()
			for b.Loop() {
				for i := range stops {
					stops[i] = w.Watch([]string{c.path(i)}, func() {})
				}
				for _, stop := range stops {
					stop()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/watch")
		})
	}
}

// BenchmarkSweep looks at 10,000 paths, which happens twice a minute.
func BenchmarkSweep(b *testing.B) {
	w := New(Options{SweepInterval: time.Hour})
	defer w.Close()
	for _, d := range makeDirs(b, many) {
		w.Watch([]string{d}, func() {})
	}
	b.ReportAllocs()
	for b.Loop() {
		w.sweep()
	}
}

// BenchmarkDeliveries is 10,000 renames into a watched directory, until the last
// is told.
func BenchmarkDeliveries(b *testing.B) {
	dirs := makeDirs(b, 2)
	w := New(Options{})
	defer w.Close()
	var calls atomic.Int64
	last := make(chan struct{}, 1)
	w.Watch(dirs[1:], func() {
		calls.Add(1)
		select {
		case last <- struct{}{}:
		default:
		}
	})
	write(b, dirs[0]+"/m", "x")
	for b.Loop() {
		for range many / 2 {
			must(b, os.Rename(dirs[0]+"/m", dirs[1]+"/m"), os.Rename(dirs[1]+"/m", dirs[0]+"/m"))
		}
		<-last
	}
	b.ReportMetric(float64(calls.Load())/float64(b.N), "calls/op")
}
