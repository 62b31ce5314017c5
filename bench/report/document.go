package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"restante/bench/result"
	"restante/bench/workload"
)

const preface = `# Beside Dovecot

<!-- made by make bench-report: change bench/report or docs/performance/bounds.txt, not this file -->

restante and Debian's Dovecot do the same work on the same mail, in turns, on one machine. What counts is the processor time of all of a
server's processes for one unit of work, ours as a part of theirs: 0.5 is half of what Dovecot needs. *must* is what we ask of ourselves, *stretch* what good work
should reach. ` + "`make bench-peers`" + ` makes all figures anew; [bench/README.md](../bench/README.md) says how to read them and what is noise.

The peers are Dovecot as packaged with login processes for high performance (*dovecot*), with processes that serve session after session of one
user id (*dovecot-reuse*), and with idle connections parked (*dovecot-hibernate*). Where two releases were measured, *dovecot* is the later one;
*dovecot-older* is the earlier in the same configuration, and the other two are of the earlier as well. A dash in place of a peer is a bound on our figure itself.

`

// write makes the document.
func write(r *result.Report, pictures []picture, why map[string]string) string {
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString(where(r))
	b.WriteString(sum(r))
	b.WriteString(table(r))
	b.WriteString(short(r, why))
	b.WriteString(problems(r))
	b.WriteString("## Plots\n")
	for _, p := range pictures {
		fmt.Fprintf(&b, "\n%s\n\n![%s](%s/%s)\n", sentence(p.title), cell(p.title), plots, p.file)
	}
	return b.String()
}

func where(r *result.Report) string {
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Servers)) {
		versions = append(versions, name+": "+r.Servers[name])
	}
	text := fmt.Sprintf("%s. Processor time by %s; load of the machine %s. Medians of %d rounds; %s.\n%s.\n\n",
		r.Machine, r.Counted, r.Load, r.Repeat, r.Date.Format(time.DateOnly), strings.Join(versions, "; "))
	if !r.Full {
		text += "**The mail was smaller than that for which the goals were set**, so this shows where things stand and is no acceptance.\n\n"
	}
	return text
}

func sum(r *result.Report) string {
	rows, must, stretch := 0, 0, 0
	for i := range r.Rows {
		if !hasGoal(&r.Rows[i]) {
			continue
		}
		rows++
		m, s := r.Rows[i].Verdicts(r.Ours)
		if m == result.Reached {
			must++
		}
		if s == result.Reached {
			stretch++
		}
	}
	return fmt.Sprintf("Of %d rows %d are at *must* or better, %d at *stretch*.%s\n\n", rows, must, stretch, older(r))
}

// older says how many of the rows would be at must beside the earlier release too.
func older(r *result.Report) string {
	rows, must := 0, 0
	for i := range r.Rows {
		row := r.Rows[i]
		if row.Server(string(workload.Older)) == nil || !hasGoal(&row) {
			continue
		}
		row.Must = slices.Clone(row.Must)
		for j := range row.Must {
			if row.Must[j].Peer == workload.Packaged {
				row.Must[j].Peer = workload.Older
			}
		}
		rows++
		if m, _ := row.Verdicts(r.Ours); m == result.Reached {
			must++
		}
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf(" Of the %d that were run beside the earlier release too, %d are within the same bounds there.", rows, must)
}

func hasGoal(r *result.Row) bool { return len(r.Must)+len(r.Stretch) > 0 }

// table has a line for each figure that goals compare.
func table(r *result.Report) string {
	var b strings.Builder
	b.WriteString("| row | unit | figure | ours | peer | its | ratio | rounds | must | stretch | |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Point.Plot != "" && !hasGoal(row) {
			continue // it is in a plot
		}
		name, unit := row.Name, row.Unit
		for _, c := range append(row.Compare(r.Ours), row.Beside(r.Ours)...) {
			peer, theirs := string(c.Peer), result.Figure(c.Of, c.Theirs.Median)
			if c.Peer == workload.Absolute {
				peer, theirs = "–", "–"
			}
			figure := string(c.Of)
			if c.Command != "" {
				figure = "p99 of " + c.Command
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", cell(name), cell(unit), figure, deviating(c),
				peer, theirs, c.RatioText(c.Ratio), c.Spread(), c.RatioText(c.Must), c.RatioText(c.Stretch), mark(c))
			name, unit = "", ""
		}
	}
	b.WriteString("\n")
	return b.String()
}

// deviating is our figure with the median distance of the rounds from it.
func deviating(c result.Comparison) string {
	text := result.Figure(c.Of, c.Ours.Median)
	if c.Ours.N > 1 && c.Ours.Median > 0 {
		text += fmt.Sprintf(" ± %.0f %%", 100*c.Ours.MAD/c.Ours.Median)
	}
	return text
}

// mark says where a figure stands.
func mark(c result.Comparison) string {
	if math.IsNaN(c.Must) && math.IsNaN(c.Stretch) {
		return ""
	}
	switch level(c) {
	case levelUnknown:
		return "not measured"
	case levelMissed:
		return "**misses must**"
	case levelMust:
		return "must"
	}
	return "stretch"
}

// The levels that a figure can reach.
const (
	levelUnknown = iota
	levelMissed
	levelMust
	levelStretch
)

// level is the best that a figure reaches. Where only one goal speaks of it, that
// decides.
func level(c result.Comparison) int {
	switch {
	case math.IsNaN(c.Ratio):
		return levelUnknown
	case !math.IsNaN(c.Must) && c.Ratio > c.Must:
		return levelMissed
	case !math.IsNaN(c.Stretch) && c.Ratio > c.Stretch:
		return levelMust
	}
	return levelStretch
}

// short tells of the rows that are not at stretch what bounds them.
func short(r *result.Report, why map[string]string) string {
	var b strings.Builder
	for i := range r.Rows {
		row := &r.Rows[i]
		must, stretch := row.Verdicts(r.Ours)
		if !hasGoal(row) || stretch == result.Reached && must == result.Reached || must == result.Unknown {
			continue
		}
		reason := why[row.Name]
		if reason == "" {
			reason = "not explained yet."
		}
		b.WriteString("- ")
		if must == result.Missed {
			b.WriteString("**Misses must:** ")
		}
		fmt.Fprintf(&b, "*%s*: %s\n", row.Name, reason)
	}
	if b.Len() == 0 {
		return ""
	}
	return "## What bounds the rows that are not at stretch\n\n" + b.String() + "\n"
}

// problems tells what could not be measured.
func problems(r *result.Report) string {
	var b strings.Builder
	for _, row := range r.Rows {
		for _, s := range row.Servers {
			if s.Problem != "" {
				first, _, _ := strings.Cut(s.Problem, "\n")
				fmt.Fprintf(&b, "- *%s* on %s: %s\n", row.Name, s.Name, first)
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "## What could not be measured\n\n" + b.String() + "\n"
}

// cell makes a text fit for a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	s = strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
