package result

import (
	"math"
	"slices"

	"restante/bench/workload"
)

// Verdict is whether a goal is reached.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota // something that it compares was not measured
	Missed
	Reached
)

func (v Verdict) String() string { return [...]string{"not measured", "missed", "reached"}[v] }

// Comparison is one figure of ours beside that of a peer or an absolute bound.
type Comparison struct {
	Of   workload.Figure
	Peer workload.Peer
	// Must and Stretch are the bounds on Ratio, NaN where there is none.
	Must, Stretch float64
	// Ours and Theirs are medians for one unit. Theirs is NaN for Absolute.
	Ours, Theirs Stats
	// Ratio is what is compared with the bounds: ours by theirs, or ours alone. Of
	// EveryP99 it is that of the command that is worst, which is Command. NaN if
	// something was not measured.
	Ratio   float64
	Command string
	// Low and High are the ratio in the best and in the worst round.
	Low, High float64
}

// Compare lists what the row's goals speak of, in their order.
func (r *Row) Compare(ours string) []Comparison {
	var list []Comparison
	find := func(b workload.Bound) *Comparison {
		for i := range list {
			if list[i].Of == b.Of && list[i].Peer == b.Peer {
				return &list[i]
			}
		}
		c := r.compare(ours, b.Of, b.Peer)
		c.Must, c.Stretch = math.NaN(), math.NaN()
		list = append(list, c)
		return &list[len(list)-1]
	}
	for _, b := range r.Must {
		find(b).Must = b.Max
	}
	for _, b := range r.Stretch {
		find(b).Stretch = b.Max
	}
	return list
}

// Beside lists the servers that no goal of the row names, for what it is about: no
// bound is on these.
func (r *Row) Beside(ours string) []Comparison {
	var list []Comparison
	named := r.Compare(ours)
	for _, s := range r.Servers {
		peer := workload.Peer(s.Name)
		if s.Name == ours || len(s.Runs) == 0 || slices.ContainsFunc(named, func(c Comparison) bool { return c.Peer == peer }) {
			continue
		}
		c := r.compare(ours, r.Main(), peer)
		c.Must, c.Stretch = math.NaN(), math.NaN()
		list = append(list, c)
	}
	return list
}

// compare finds the ratio of one figure.
func (r *Row) compare(ours string, of workload.Figure, peer workload.Peer) Comparison {
	nan := math.NaN()
	c := Comparison{Of: of, Peer: peer, Ours: Of(r.values(ours, of)), Theirs: Of(nil), Ratio: nan, Low: nan, High: nan}
	if peer == workload.Absolute {
		c.Ratio, c.Low, c.High = c.Ours.Median, c.Ours.Min, c.Ours.Max
		return c
	}
	c.Theirs = Of(r.values(string(peer), of))
	if of == workload.EveryP99 {
		r.worstCommand(&c, ours)
		return c
	}
	c.Ratio, c.Low, c.High = ratio(r.values(ours, of), r.values(string(peer), of))
	return c
}

// ratio is that of the medians, and the least and the most of those of the rounds:
// both ran in each, one after the other, so what slows the machine down for a
// while slows both.
func ratio(ours, theirs []float64) (middle, low, high float64) {
	o, t := Of(ours), Of(theirs)
	middle = divide(o.Median, t.Median)
	low, high = middle, middle
	for i := range min(len(ours), len(theirs)) {
		one := divide(ours[i], theirs[i])
		low, high = min(low, one), max(high, one)
	}
	return middle, low, high
}

// divide has no infinity, which nothing can print: what the clock of the machine
// does not see of the peer cannot be compared with.
func divide(a, b float64) float64 {
	if b <= 0 {
		return math.NaN()
	}
	return a / b
}

// worstCommand compares each kind of command by itself.
func (r *Row) worstCommand(c *Comparison, ours string) {
	names := map[string]bool{}
	if s := r.Server(ours); s != nil {
		for _, run := range s.Runs {
			for name := range run.Commands {
				names[name] = true
			}
		}
	}
	for _, name := range sortedKeys(names) {
		a, b := r.commands(ours, name), r.commands(string(c.Peer), name)
		middle, low, high := ratio(a, b)
		if !math.IsNaN(middle) && (c.Command == "" || middle > c.Ratio) {
			c.Command, c.Ratio, c.Low, c.High, c.Ours, c.Theirs = name, middle, low, high, Of(a), Of(b)
		}
	}
}

// values are a figure in all runs on a server.
func (r *Row) values(server string, f workload.Figure) []float64 {
	s := r.Server(server)
	if s == nil {
		return nil
	}
	list := make([]float64, len(s.Runs))
	for i, run := range s.Runs {
		list[i] = run.Value(f)
	}
	return list
}

// Stats is a figure on a server in all runs.
func (r *Row) Stats(server string, f workload.Figure) Stats { return Of(r.values(server, f)) }

func (r *Row) commands(server, name string) (list []float64) {
	if s := r.Server(server); s != nil {
		for _, run := range s.Runs {
			if v, ok := run.Commands[name]; ok {
				list = append(list, v)
			}
		}
	}
	return list
}

// Verdicts tell whether must and stretch are reached. A row without goals has
// reached neither.
func (r *Row) Verdicts(ours string) (must, stretch Verdict) {
	list := r.Compare(ours)
	return verdict(list, func(c Comparison) float64 { return c.Must }), verdict(list, func(c Comparison) float64 { return c.Stretch })
}

func verdict(list []Comparison, bound func(Comparison) float64) Verdict {
	v := Unknown
	for _, c := range list {
		switch most := bound(c); {
		case math.IsNaN(most): // no bound on this one
		case math.IsNaN(c.Ratio):
			return Unknown
		case c.Ratio > most:
			v = Missed
		case v == Unknown:
			v = Reached
		}
	}
	return v
}

// Main is the figure that the row is about: the first that its goals name, else
// memory where that was looked at, else CPU.
func (r *Row) Main() workload.Figure {
	for _, g := range []workload.Goal{r.Must, r.Stretch} {
		if len(g) > 0 {
			return g[0].Of
		}
	}
	for _, s := range r.Servers {
		if len(s.Runs) > 0 && s.Runs[0].PSS > 0 {
			return workload.PSS
		}
	}
	return workload.CPU
}

func sortedKeys(m map[string]bool) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
