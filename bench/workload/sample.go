package workload

import (
	"maps"
	"time"
)

// Sample is what one run of a row has found.
type Sample struct {
	Units     float64 // of the row's unit; above 0
	CPU, Wall time.Duration
	// Latencies are how long the client waited, in order; nil where that is not
	// measured.
	Latencies []time.Duration
	// Commands are the latencies of each kind of command, in order, of mixed
	// sessions.
	Commands map[string][]time.Duration
	// Memory is what the server had more than before (for one unit each), or all
	// that it has where Units is 1.
	Memory Memory
	// Index is what the full-text index costs that the work has used.
	Index Index
	// Received is how many octets the client has read.
	Received int64
	// Stolen is the part of all processors' time that the host of a virtual machine took
	// for others meanwhile, from 0 to 1.
	Stolen float64
}

// Figure names a number of a Sample.
type Figure string

// The figures that goals speak of.
const (
	CPU      Figure = "CPU"       // seconds for one unit
	P50      Figure = "p50"       // seconds
	P99      Figure = "p99"       // seconds
	EveryP99 Figure = "every p99" // seconds, of each kind of command: Commands has them
	PSS      Figure = "memory"    // octets for one unit
	// What a full-text index costs.
	IndexCPU  Figure = "index CPU"  // seconds for a GB of mail
	IndexSize Figure = "index size" // octets for one of mail
)

// Value is a figure of the sample, for one unit where that applies. For EveryP99,
// which is compared command by command, it is the worst.
func (s Sample) Value(f Figure) float64 {
	switch f {
	case CPU:
		return s.CPU.Seconds() / s.Units
	case P50:
		return Percentile(s.Latencies, 0.5).Seconds()
	case P99:
		return Percentile(s.Latencies, 0.99).Seconds()
	case EveryP99:
		worst := time.Duration(0)
		for name := range maps.Keys(s.Commands) {
			worst = max(worst, Percentile(s.Commands[name], 0.99))
		}
		return worst.Seconds()
	case IndexCPU:
		return s.Index.CPU.Seconds() / (float64(s.Index.Mail) / 1e9)
	case IndexSize:
		return float64(s.Index.Size) / float64(s.Index.Mail)
	default: // PSS
		return float64(s.Memory.PSS) / s.Units
	}
}

// Percentile is the smallest of an ordered list that part p of it does not
// exceed; 0 if the list is empty.
func Percentile(ordered []time.Duration, p float64) time.Duration {
	if len(ordered) == 0 {
		return 0
	}
	i := int(p*float64(len(ordered))+0.999999) - 1
	return ordered[min(max(i, 0), len(ordered)-1)]
}
