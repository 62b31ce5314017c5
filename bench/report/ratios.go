package main

import (
	"fmt"
	"math"

	"restante/bench/result"
	"restante/bench/workload"
)

// The measures of the plot of ratios.
const (
	ratioLabels = 420.0 // of the left side, with the names
	ratioWidth  = 960.0
	ratioLine   = 20.0
	ratioTop    = 46.0
)

// ratios draws each comparison with a peer on one line.
func ratios(r *result.Report) string {
	type entry struct {
		label string
		c     result.Comparison
	}
	var list []entry
	var values []float64
	for i := range r.Rows {
		for _, c := range r.Rows[i].Compare(r.Ours) {
			if c.Peer == workload.Absolute || math.IsNaN(c.Ratio) {
				continue
			}
			label := r.Rows[i].Name
			if c.Of != workload.CPU {
				label += ", " + string(c.Of)
			}
			list = append(list, entry{label + " / " + string(c.Peer), c})
			values = append(values, c.Low, c.High, c.Ratio, 1)
			if c.Must > 0 {
				values = append(values, c.Must)
			}
			if c.Stretch > 0 {
				values = append(values, c.Stretch)
			}
		}
	}
	d := &drawing{width: ratioWidth, height: ratioTop + ratioLine*float64(len(list)) + 16}
	x := newScale(values, ratioLabels, ratioWidth-30)
	bottom := d.height - 12
	for _, t := range x.ticks() {
		width, color := 1.0, "grid"
		if t == 1 {
			width, color = 2, "faint" // as much as the peer
		}
		d.line(x.at(t), ratioTop-8, x.at(t), bottom, width, color)
		d.text(x.at(t), ratioTop-14, "middle", "small", fmt.Sprintf("%g", t))
	}
	d.text(10, 18, "start", "title", "restante / Dovecot, CPU time unless said (left is better)")
	for i, e := range list {
		d.ratio(x, ratioTop+ratioLine*(float64(i)+0.5), e.label, e.c)
	}
	return d.String()
}

// ratio draws one comparison.
func (d *drawing) ratio(x scale, y float64, label string, c result.Comparison) {
	color, s := "good", circle
	switch level(c) {
	case levelMust:
		color, s = "fair", square
	case levelMissed:
		color, s = "bad", triangle
	}
	d.text(ratioLabels-10, y+4, "end", "", label)
	for _, bound := range []float64{c.Stretch, c.Must} {
		if !math.IsNaN(bound) {
			d.line(x.at(bound), y-6, x.at(bound), y+6, 2, "faint")
		}
	}
	d.line(x.at(c.Low), y, x.at(c.High), y, 3, color)
	d.mark(s, x.at(c.Ratio), y, 5, color, fmt.Sprintf("%s: %s, must %s, stretch %s", label, c.RatioText(c.Ratio), c.RatioText(c.Must), c.RatioText(c.Stretch)))
}
