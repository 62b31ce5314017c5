package main

import (
	"fmt"
	"io"
	"math"

	"restante/bench/result"
	"restante/bench/workload"
)

// The table has a line for each figure that a row's goals compare. It is printed
// as it comes, as the whole takes long.
const line = "%-46s %-8s %-10s %-10s %-18s %-9s %-19s %-8s %-8s %s\n"

func printHead(w io.Writer) {
	fmt.Fprintf(w, line, "row", "unit", "figure", "ours", "beside", "its", "ratio (rounds)", "must", "stretch", "")
}

// show prints the table of what was found earlier.
func show(w io.Writer, files []string) error {
	var list []*result.Report
	for _, file := range files {
		r, err := result.Read(file)
		if err != nil {
			return err
		}
		list = append(list, r)
	}
	all, err := result.Merge(list)
	if err != nil {
		return err
	}
	printHead(w)
	for i := range all.Rows {
		printRow(w, all.Ours, &all.Rows[i])
	}
	printSum(w, all)
	return nil
}

func printRow(w io.Writer, ours string, r *result.Row) {
	name, unit := r.Name, r.Unit
	for _, c := range append(r.Compare(ours), r.Beside(ours)...) {
		peer, theirs := string(c.Peer), result.Figure(c.Of, c.Theirs.Median)
		if c.Peer == workload.Absolute {
			peer, theirs = "bound", "–"
		}
		fmt.Fprintf(w, line, name, unit, figureName(c), result.Figure(c.Of, c.Ours.Median), peer, theirs,
			c.RatioText(c.Ratio)+" ("+c.Spread()+")", c.RatioText(c.Must), c.RatioText(c.Stretch), judge(c))
		name, unit = "", ""
	}
	if s := r.Stats(ours, r.Main()); name != "" && s.N > 0 { // nobody else was asked
		fmt.Fprintf(w, line, name, unit, r.Main(), result.Figure(r.Main(), s.Median), "", "", "", "", "", "")
		name = ""
	}
	for _, s := range r.Servers {
		if s.Problem != "" {
			fmt.Fprintf(w, "%-46s %s: %s\n", name, s.Name, s.Problem)
			name = ""
		}
	}
}

func figureName(c result.Comparison) string {
	if c.Command != "" {
		return "p99 " + c.Command
	}
	return string(c.Of)
}

// judge says in a word where a figure stands.
func judge(c result.Comparison) string {
	switch {
	case math.IsNaN(c.Must) && math.IsNaN(c.Stretch):
		return ""
	case math.IsNaN(c.Ratio):
		return "not measured"
	case !math.IsNaN(c.Must) && c.Ratio > c.Must:
		return "MISSES MUST"
	case !math.IsNaN(c.Stretch) && c.Ratio > c.Stretch:
		return "misses stretch"
	}
	return "reached"
}

// printSum counts the rows and names those that are not where they should be.
func printSum(w io.Writer, r *result.Report) {
	var rows, must, stretch int
	var notMust, notStretch, unknown []string
	for i := range r.Rows {
		row := &r.Rows[i]
		if len(row.Must)+len(row.Stretch) == 0 {
			continue
		}
		rows++
		m, s := row.Verdicts(r.Ours)
		switch {
		case m == result.Reached:
			must++
		case m == result.Missed:
			notMust = append(notMust, row.Name)
		default:
			unknown = append(unknown, row.Name)
		}
		if s == result.Reached {
			stretch++
		} else if m == result.Reached && s == result.Missed {
			notStretch = append(notStretch, row.Name)
		}
	}
	fmt.Fprintf(w, "\n%d rows: %d at must or better, %d at stretch\n", rows, must, stretch)
	for _, l := range []struct {
		title string
		names []string
	}{{"misses must", notMust}, {"misses stretch", notStretch}, {"not measured", unknown}} {
		for _, name := range l.names {
			fmt.Fprintf(w, "  %-15s %s\n", l.title, name)
		}
	}
	fmt.Fprintf(w, "%s; %s; load %s\n", r.Machine, r.Counted, r.Load)
	if !r.Full {
		fmt.Fprintln(w, "The sizes are not those for which the goals were set (-quick or -size).")
	}
}
