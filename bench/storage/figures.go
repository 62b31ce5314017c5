package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"restante/bench/machine"
)

// bench is one measurement in its process.
type bench struct {
	ctx context.Context
	dir string
	n   int // messages in the mailbox

	wall, cpu time.Duration
	heap      uint64 // what the work left in memory
	units     int    // how many of the row's unit were done
	has       int    // what the heap is told for each of, as messages
}

// time measures fn, which does units of the row's unit.
func (b *bench) time(units int, fn func() error) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	err := fn()
	b.wall, b.cpu = time.Since(start), cpuTime()-cpu
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.units = units
	b.heap = max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
	return err
}

// figures are what a measurement has found.
type figures struct {
	Wall, CPU time.Duration
	Units     int
	Has       int    // how many of what the row's heapOf names
	Heap      uint64 // octets on the heap when all was done
	RSS       uint64 // the most that the process had resident
}

func (b *bench) figures() figures {
	return figures{Wall: b.wall, CPU: b.cpu, Units: b.units, Has: b.has, Heap: b.heap, RSS: resident()}
}

// resident is the most that this process had resident. Rusage tells that of the
// process that started it, if that was more.
func resident() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kB uint64
			if _, err := fmt.Sscan(value, &kB); err == nil {
				return kB << 10
			}
		}
	}
	return 0
}

// cpuTime is what this process has used, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// result are all measurements of a row.
type result struct {
	row
	ours, bare []figures
}

// median of what get takes from the figures, for one unit.
func median(list []figures, get func(figures) float64) float64 {
	values := make([]float64, len(list))
	for i, f := range list {
		values[i] = get(f) / float64(max(f.Units, 1))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func wall(f figures) float64 { return float64(f.Wall) }
func cpu(f figures) float64  { return float64(f.CPU) }

// spread is how far the fastest and the slowest lie apart, in parts of the median.
func spread(list []figures) float64 {
	lo, hi := wall(list[0]), wall(list[0])
	for _, f := range list {
		lo, hi = min(lo, wall(f)), max(hi, wall(f))
	}
	return (hi - lo) / max(median(list, wall)*float64(max(list[0].Units, 1)), 1)
}

// write prints the table, and writes it to a file if one was asked for.
func write(opt options, results []result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", where(opt))
	b.WriteString("| work | unit | wall | bare loop | ratio | CPU | bare loop | ratio | spread | heap | resident |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		b.WriteString(r.line())
	}
	fmt.Print(b.String())
	if opt.out == "" {
		return nil
	}
	return os.WriteFile(opt.out, []byte(b.String()), 0o644)
}

func (r result) line() string {
	wallTime, cpuUsed := median(r.ours, wall), median(r.ours, cpu)
	cells := make([]string, 4)
	if len(r.bare) > 0 {
		bareWall, bareCPU := median(r.bare, wall), median(r.bare, cpu)
		units := float64(max(r.bare[0].Units, 1))
		cells = []string{human(bareWall), ratio(wallTime, bareWall, units), human(bareCPU), ratio(cpuUsed, bareCPU, units)}
	}
	last := r.ours[len(r.ours)-1]
	heap := fmt.Sprintf("%.0f MB", float64(last.Heap)/(1<<20))
	if r.heapOf != "" {
		heap += fmt.Sprintf(", %.0f B/%s", float64(last.Heap)/float64(max(last.Has, 1)), r.heapOf)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s | ±%.0f %% | %s | %.0f MB |\n", r.name(), r.unit,
		human(wallTime), cells[0], cells[1], human(cpuUsed), cells[2], cells[3], 50*spread(r.ours), heap, float64(last.RSS)/(1<<20))
}

func ratio(a, b, units float64) string {
	if b*units < 1000 { // less than a clock can tell
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

func human(ns float64) string {
	switch d := time.Duration(ns); {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	default:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
}

// where tells where this was measured.
func where(opt options) string {
	return fmt.Sprintf("%s, %d processors, %s of memory, %s, %s on %s, %s; medians of %d rounds (3 above 500,000 messages, 1 for a first look at many mailboxes); %s",
		machine.Processor(), runtime.NumCPU(), machine.Memory(), runtime.Version(), machine.Kernel(), machine.FileSystem(opt.dir), "page cache warm",
		opt.rounds, time.Now().Format(time.DateOnly))
}
