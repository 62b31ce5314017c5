package result

import (
	"math"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"restante/bench/workload"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		why               string
		values            []float64
		median, mad       float64
		smallest, biggest float64
	}{
		{"one", []float64{3}, 3, 0, 3, 3},
		{"odd, in no order", []float64{5, 1, 3}, 3, 2, 1, 5},
		{"even: between both", []float64{4, 1, 3, 2}, 2.5, 1, 1, 4},
		{"one that is far off moves neither", []float64{10, 11, 9, 10, 1000}, 10, 1, 9, 1000},
	} {
		got := Of(c.values)
		want := Stats{c.median, c.mad, c.smallest, c.biggest, len(c.values)}
		if got != want {
			t.Errorf("%s: %+v, want %+v", c.why, got, want)
		}
	}
	if s := Of(nil); !math.IsNaN(s.Median) || s.N != 0 {
		t.Errorf("of nothing: %+v", s)
	}
}

// cpu is a server whose runs have cost so many seconds for one unit.
func cpu(name string, seconds ...float64) Server {
	s := Server{Name: name}
	for _, v := range seconds {
		s.Runs = append(s.Runs, Run{Units: 10, CPU: v * 10, PSS: int64(v * 1000)})
	}
	return s
}

func TestVerdicts(t *testing.T) {
	bound := func(p workload.Peer, most float64) workload.Bound {
		return workload.Bound{Of: workload.CPU, Peer: p, Max: most}
	}
	both := workload.Goal{bound(workload.Packaged, 0.1), bound(workload.Reused, 0.6)}
	stretch := workload.Goal{bound(workload.Reused, 0.25)}
	for _, c := range []struct {
		why           string
		servers       []Server
		must, stretch Verdict
	}{
		{"both bounds hold", []Server{cpu("restante", 0.2), cpu("dovecot", 4), cpu("dovecot-reuse", 1)}, Reached, Reached},
		{"the bound itself is enough", []Server{cpu("restante", 0.25), cpu("dovecot", 2.5), cpu("dovecot-reuse", 1)}, Reached, Reached},
		{"one of two does not hold", []Server{cpu("restante", 0.2), cpu("dovecot", 1), cpu("dovecot-reuse", 1)}, Missed, Reached},
		{"stretch alone is missed", []Server{cpu("restante", 0.3), cpu("dovecot", 4), cpu("dovecot-reuse", 1)}, Reached, Missed},
		{"the medians count", []Server{cpu("restante", 0.2, 9, 0.2), cpu("dovecot", 4, 4, 0.1), cpu("dovecot-reuse", 1, 1, 1)}, Reached, Reached},
		{"a peer is not there", []Server{cpu("restante", 0.2), cpu("dovecot", 4)}, Unknown, Unknown},
		{"ours failed", []Server{{Name: "restante", Problem: "x"}, cpu("dovecot", 4), cpu("dovecot-reuse", 1)}, Unknown, Unknown},
		{"the clock saw nothing of the peer", []Server{cpu("restante", 0.2), cpu("dovecot", 0), cpu("dovecot-reuse", 1)}, Unknown, Reached},
	} {
		r := Row{Must: both, Stretch: stretch, Servers: c.servers}
		if must, stretch := r.Verdicts("restante"); must != c.must || stretch != c.stretch {
			t.Errorf("%s: must %v, stretch %v", c.why, must, stretch)
		}
	}
	if must, stretch := (&Row{Servers: []Server{cpu("restante", 1)}}).Verdicts("restante"); must != Unknown || stretch != Unknown {
		t.Errorf("a row without goals has reached %v, %v", must, stretch)
	}
}

// TestCompare: an absolute bound is on ours alone, ratios are of one round each,
// and bounds on the same figure are one line.
func TestCompare(t *testing.T) {
	r := Row{
		Must:    workload.Goal{{Of: workload.CPU, Peer: "a", Max: 0.5}, {Of: workload.PSS, Max: 32}},
		Stretch: workload.Goal{{Of: workload.CPU, Peer: "a", Max: 0.2}},
		Servers: []Server{cpu("us", 1, 2, 3), cpu("a", 10, 4, 10)},
	}
	list := r.Compare("us")
	if len(list) != 2 {
		t.Fatalf("%d comparisons: %+v", len(list), list)
	}
	c := list[0]
	if c.Must != 0.5 || c.Stretch != 0.2 || c.Ratio != 0.2 || c.Low != 0.1 || c.High != 0.5 {
		t.Errorf("%+v", c)
	}
	if c = list[1]; c.Ratio != 200 || c.Low != 100 || c.High != 300 || !math.IsNaN(c.Stretch) || c.RatioText(c.Ratio) != "200 B" {
		t.Errorf("%+v", c)
	}
}

// TestWorstCommand: of mixed sessions each command is compared with its like.
func TestWorstCommand(t *testing.T) {
	run := func(fetch, store float64) Server {
		return Server{Runs: []Run{{Units: 1, Commands: map[string]float64{"FETCH": fetch, "STORE": store}}}}
	}
	us, them := run(0.1, 0.002), run(1, 0.004)
	us.Name, them.Name = "us", "a"
	r := Row{Must: workload.Goal{{Of: workload.EveryP99, Peer: "a", Max: 0.7}}, Servers: []Server{us, them}}
	if c := r.Compare("us")[0]; c.Command != "STORE" || c.Ratio != 0.5 {
		t.Errorf("%+v", c)
	}
}

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		of   workload.Figure
		v    float64
		want string
	}{
		{workload.CPU, 0.0000123, "12.3 µs"}, {workload.CPU, 0.5e-9, "0.5 ns"}, {workload.CPU, 12, "12 s"}, {workload.CPU, 0, "0"},
		{workload.CPU, 4321, "4321 s"}, {workload.P99, math.NaN(), "–"}, {workload.PSS, 8192, "8 KB"}, {workload.PSS, 1.5 * (1 << 30), "1.5 GB"},
	} {
		if got := Figure(c.of, c.v); got != c.want {
			t.Errorf("%v: %q, want %q", c.v, got, c.want)
		}
	}
}

// TestFile: what is written is read again.
func TestFile(t *testing.T) {
	sample := workload.Sample{Units: 2, CPU: time.Second, Wall: 2 * time.Second, Latencies: []time.Duration{1, 2, 3e6},
		Commands: map[string][]time.Duration{"FETCH": {4e6}}, Memory: workload.Memory{PSS: 5, Processes: 1}, Received: 6}
	r := &Report{Date: time.Unix(1e9, 0).UTC(), Machine: "m", Servers: map[string]string{"us": "1"}, Rows: []Row{{
		Name: "n", Unit: "u", Must: workload.Goal{{Of: workload.CPU, Peer: workload.Packaged, Max: 0.5}},
		Servers: []Server{{Name: "us", Runs: []Run{FromSample(sample)}}, {Name: "a", Problem: "none"}}}}}
	file := filepath.Join(t.TempDir(), "r.json")
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%v\n%+v\n%+v", err, got, r)
	}
	run := got.Rows[0].Servers[0].Runs[0]
	for f, want := range map[workload.Figure]float64{workload.CPU: 0.5, workload.P99: 0.003, workload.EveryP99: 0.004, workload.PSS: 2.5} {
		if run.Value(f) != want || run.Value(f) != sample.Value(f) {
			t.Errorf("%s is %v, in the sample %v, want %v", f, run.Value(f), sample.Value(f), want)
		}
	}
}

// TestBeside: who was measured and is in no goal stands beside what the row is about.
func TestBeside(t *testing.T) {
	r := Row{
		Must:    workload.Goal{{Of: workload.PSS, Max: 32}, {Of: workload.CPU, Peer: "a", Max: 0.5}},
		Servers: []Server{cpu("us", 1), cpu("a", 2), cpu("b", 4), {Name: "c", Problem: "none"}},
	}
	list := r.Beside("us")
	if len(list) != 1 || list[0].Peer != "b" || list[0].Of != workload.PSS || list[0].Ratio != 0.25 || !math.IsNaN(list[0].Must) {
		t.Errorf("%+v", list)
	}
	if must, _ := r.Verdicts("us"); must != Missed {
		t.Errorf("what stands beside has changed the verdict to %v", must)
	}
}

func TestMerge(t *testing.T) {
	report := func(machine string, big int, rows ...Row) *Report {
		return &Report{Machine: machine, Load: "1", Repeat: 3, Servers: map[string]string{"us": "1"}, Sizes: workload.Sizes{Big: big}, Rows: rows}
	}
	first := report("m", 1, Row{Name: "a", Unit: "old"}, Row{Name: "b"})
	second := report("m", 1, Row{Name: "c"}, Row{Name: "a", Unit: "new"})
	second.Sizes.Idle = []int{19000} // which rows have in their names
	second.Servers = map[string]string{"us": "2", "them": "3"}
	got, err := Merge([]*Report{first, second, first})
	if err != nil || len(got.Rows) != 3 || got.Rows[2].Name != "c" || got.Load != "1; 1; 1" || got.Servers["us"] != "1, in other rows 2" || got.Servers["them"] != "3" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = Merge([]*Report{first, second})
	if err != nil || len(got.Rows) != 3 || got.Rows[0].Unit != "new" || got.Rows[2].Name != "c" || got.Load != "1; 1" {
		t.Errorf("%+v, %v", got, err)
	}
	if first.Rows[0].Unit != "old" {
		t.Error("Merge has changed what it was given")
	}
	for why, list := range map[string][]*Report{"nothing": nil, "another machine": {first, report("n", 1)}, "other mail": {first, report("m", 2)}} {
		if _, err := Merge(list); err == nil {
			t.Errorf("%s: no error", why)
		}
	}
}
