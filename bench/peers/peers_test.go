package main

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"restante/bench/mail"
	"restante/bench/result"
	"restante/bench/workload"
)

// TestRows: equal mail stands together, in the order in which it first comes, and
// the rest of the order stays.
func TestRows(t *testing.T) {
	a, b := mail.Spec{Format: mail.Maildir, Users: 1, Messages: 10}, mail.Spec{Format: mail.Mbox, Users: 1, Messages: 10}
	all := []workload.Row{{Name: "open", Mail: a}, {Name: "mbox open", Mail: b}, {Name: "store", Mail: a}, {Name: "mbox store", Mail: b}, {Name: "open", Mail: a}}
	for _, c := range []struct{ only, want, why string }{
		{"", "open, store, mbox open, mbox store", "a row is measured once"},
		{"^mbox|store", "mbox open, mbox store, store", "the first wanted row decides"},
		{"nothing", "", "no row"},
	} {
		opt := options{only: regexp.MustCompile(c.only)}
		var names []string
		for _, r := range opt.rows(all) {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, ", "); got != c.want {
			t.Errorf("%s: %s", c.why, got)
		}
	}
}

func TestSizes(t *testing.T) {
	full := workload.Full()
	if s, is := (&options{}).sizes(); !is || s.Big != full.Big {
		t.Errorf("without flags: %+v, %t", s, is)
	}
	if s, _ := (&options{idle: 3000}).sizes(); !slices.Equal(s.Idle, []int{1000, 3000}) {
		t.Errorf("with -idle 3000: %v", s.Idle)
	}
	for _, c := range []struct {
		opt options
		big int
		why string
	}{
		{options{quick: true}, 5000, "little"},
		{options{size: 20_000}, 20_000, "as asked"},
		{options{quick: true, size: 1000}, 1000, "as asked, all else little"},
	} {
		s, is := c.opt.sizes()
		if is || s.Big != c.big || s.Middle > s.Big || s.Pop3 > s.Big || s.Small > s.Big || slices.Max(s.Growth) > 10*c.big {
			t.Errorf("%s: %+v, %t", c.why, s, is)
		}
	}
}

func TestChoose(t *testing.T) {
	opt := options{repeat: 1}
	if err := opt.choose("restante, dovecot-reuse"); err != nil || !opt.wants("dovecot-reuse") || opt.wants("dovecot") {
		t.Errorf("%v, %v", err, opt.servers)
	}
	if err := opt.choose(""); err != nil || !opt.wants("dovecot") {
		t.Errorf("nothing said means all: %v, %v", err, opt.servers)
	}
	if err := opt.choose("cyrus"); err == nil || !strings.Contains(err.Error(), "dovecot-reuse") {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestJudge(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		ratio, must, stretch float64
		want                 string
	}{
		{0.1, 0.5, 0.2, "reached"}, {0.3, 0.5, 0.2, "misses stretch"}, {0.6, 0.5, 0.2, "MISSES MUST"},
		{nan, 0.5, 0.2, "not measured"}, {0.3, nan, 0.2, "misses stretch"}, {0.3, 0.5, nan, "reached"},
		{0.3, nan, nan, ""}, // nothing is asked
	} {
		if got := judge(result.Comparison{Ratio: c.ratio, Must: c.must, Stretch: c.stretch}); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestTable pins what people read: each row once, each figure, each problem, the sum.
func TestTable(t *testing.T) {
	run := func(name string, cpu float64) result.Server {
		return result.Server{Name: name, Runs: []result.Run{{Units: 1, CPU: cpu}}}
	}
	goal := func(most float64) workload.Goal {
		return workload.Goal{{Of: workload.CPU, Peer: workload.Packaged, Max: most}}
	}
	r := &result.Report{Ours: "restante", Rows: []result.Row{
		{Name: "login", Unit: "session", Must: goal(0.5), Stretch: goal(0.1), Servers: []result.Server{run("restante", 0.001), run("dovecot", 0.004)}},
		{Name: "open", Unit: "message", Must: goal(0.5), Servers: []result.Server{run("restante", 0.003), run("dovecot", 0.004)}},
		{Name: "idle", Unit: "connection", Must: goal(0.5), Servers: []result.Server{run("restante", 0.003), {Name: "dovecot", Problem: "no memory"}}},
		{Name: "growth 10", Unit: "change", Servers: []result.Server{run("restante", 0.003), run("dovecot", 0.006)}},
		{Name: "growth 1000", Unit: "change", Servers: []result.Server{run("restante", 0.003)}},
	}}
	var b bytes.Buffer
	for i := range r.Rows {
		printRow(&b, r.Ours, &r.Rows[i])
	}
	printSum(&b, r)
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"login session CPU 1 ms dovecot 4 ms 0.25 (0.25–0.25) 0.5 0.1 misses stretch",
		"open message CPU 3 ms dovecot 4 ms 0.75 (0.75–0.75) 0.5 – MISSES MUST",
		"not measured dovecot: no memory", "growth 10 change CPU 3 ms dovecot 6 ms 0.5 (0.5–0.5) – –", "growth 1000 change CPU 3 ms 3 rows",
		"rows: 1 at must or better, 0 at stretch misses must open misses stretch login not measured idle",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

// TestServers: who is measured follows from what is asked.
func TestServers(t *testing.T) {
	bound := func(p workload.Peer) workload.Goal { return workload.Goal{{Of: workload.CPU, Peer: p, Max: 1}} }
	for _, c := range []struct {
		row  workload.Row
		want string
		why  string
	}{
		{workload.Row{Must: bound(workload.Packaged), Stretch: bound(workload.Reused)}, "restante dovecot dovecot-reuse", "those that goals name"},
		{workload.Row{Must: bound(workload.Hibernate)}, "restante dovecot-hibernate", "and no others"},
		{workload.Row{Must: bound(workload.Absolute)}, "restante dovecot", "a bound of its own is seen beside the usual one"},
		{workload.Row{Must: bound(workload.Absolute), Point: workload.Point{Plot: "p"}}, "restante dovecot dovecot-reuse dovecot-hibernate", "a plot has all"},
	} {
		g := &group{runner: &runner{}}
		if got := strings.Join(g.servers(&c.row), " "); got != c.want {
			t.Errorf("%s: %s", c.why, got)
		}
		g.opt.servers = map[string]bool{"restante": true}
		if got := strings.Join(g.servers(&c.row), " "); got != "restante" {
			t.Errorf("%s, but restante alone is wanted: %s", c.why, got)
		}
	}
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{"login + SELECT, 16 at once": "login---SELECT--16-at-once", "../x": "x"} {
		if got := fileName(name); got != want {
			t.Errorf("%q is %q", name, got)
		}
	}
}
