// Package result holds what a run of the rows of performance has found: as it is
// written to a file, and what follows from it.
package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"restante/bench/workload"
)

// Report is all that was found, with where and when.
type Report struct {
	Date    time.Time         `json:"date"`
	Machine string            `json:"machine"`
	Counted string            `json:"counted"` // how processor time was
	Servers map[string]string `json:"servers"` // version of each
	Ours    string            `json:"ours"`    // the name of the server whose goals these are
	Sizes   workload.Sizes    `json:"sizes"`
	Full    bool              `json:"full"` // whether the sizes are those of the table
	Repeat  int               `json:"repeat"`
	Load    string            `json:"load"` // of the machine before and after, as /proc/loadavg has it
	Rows    []Row             `json:"rows"`
}

// Row is a line of the table with what was found on each server.
type Row struct {
	Name    string         `json:"name"`
	Unit    string         `json:"unit"`
	Must    workload.Goal  `json:"must,omitempty"`
	Stretch workload.Goal  `json:"stretch,omitempty"`
	Point   workload.Point `json:"point,omitzero"`
	Servers []Server       `json:"servers"`
}

// Server is what was found on one.
type Server struct {
	Name string `json:"name"`
	Runs []Run  `json:"runs,omitempty"`
	// Problem is why there are no runs, or not all.
	Problem string `json:"problem,omitempty"`
}

// Run is one sample with its latencies condensed.
type Run struct {
	Units     float64            `json:"units"`
	CPU       float64            `json:"cpu"`  // seconds, of all units
	Wall      float64            `json:"wall"` // seconds
	P50       float64            `json:"p50,omitempty"`
	P99       float64            `json:"p99,omitempty"`
	Slowest   float64            `json:"slowest,omitempty"`
	Commands  map[string]float64 `json:"commands,omitempty"` // p99 of each kind
	PSS       int64              `json:"pss,omitempty"`
	Processes int                `json:"processes,omitempty"`
	Received  int64              `json:"received,omitempty"`
	IndexCPU  float64            `json:"index_cpu,omitempty"`  // seconds for a GB of mail
	IndexSize float64            `json:"index_size,omitempty"` // octets for one of mail
	Stolen    float64            `json:"stolen,omitempty"`     // part of the processors' time that a host took
}

// FromSample condenses a sample.
func FromSample(s workload.Sample) Run {
	r := Run{
		Units: s.Units, CPU: s.CPU.Seconds(), Wall: s.Wall.Seconds(), PSS: s.Memory.PSS, Processes: s.Memory.Processes, Received: s.Received, Stolen: s.Stolen,
		P50: s.Value(workload.P50), P99: s.Value(workload.P99), Slowest: workload.Percentile(s.Latencies, 1).Seconds(),
	}
	if s.Index.Mail > 0 {
		r.IndexCPU, r.IndexSize = s.Value(workload.IndexCPU), s.Value(workload.IndexSize)
	}
	for name, list := range s.Commands {
		if r.Commands == nil {
			r.Commands = map[string]float64{}
		}
		r.Commands[name] = workload.Percentile(list, 0.99).Seconds()
	}
	return r
}

// Value is a figure of the run for one unit, as workload.Sample has it.
func (r Run) Value(f workload.Figure) float64 {
	switch f {
	case workload.CPU:
		return r.CPU / r.Units
	case workload.P50:
		return r.P50
	case workload.P99:
		return r.P99
	case workload.IndexCPU:
		return r.IndexCPU
	case workload.IndexSize:
		return r.IndexSize
	case workload.EveryP99:
		worst := 0.0
		for _, v := range r.Commands {
			worst = max(worst, v)
		}
		return worst
	default:
		return float64(r.PSS) / r.Units
	}
}

// Server is what was found on the server of that name, nil if it was not asked.
func (r *Row) Server(name string) *Server {
	for i := range r.Servers {
		if r.Servers[i].Name == name {
			return &r.Servers[i]
		}
	}
	return nil
}

// Read reads a report.
func Read(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Write writes it, so that a reader finds the old one or the new one.
func (r *Report) Write(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	part := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".part")
	if err := os.WriteFile(part, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}
