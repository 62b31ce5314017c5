package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"restante/bench/result"
	"restante/bench/workload"
)

// chart is a plot of points: a panel for each series, and in it a line for each
// server.
type chart struct {
	title  string
	panels []panel
}

type panel struct {
	series string
	unit   string
	figure workload.Figure
	lines  []curve
}

// curve is what was found on a server.
type curve struct {
	server string
	points [][2]float64
}

// charts puts points together, in the order in which they come.
func charts(r *result.Report) []chart {
	var list []chart
	for i := range r.Rows {
		row := &r.Rows[i]
		p := row.Point
		if p.Plot == "" {
			continue
		}
		c := slices.IndexFunc(list, func(c chart) bool { return c.title == p.Plot })
		if c < 0 {
			c, list = len(list), append(list, chart{title: p.Plot})
		}
		list[c].add(row)
	}
	return list
}

func (c *chart) add(row *result.Row) {
	i := slices.IndexFunc(c.panels, func(p panel) bool { return p.series == row.Point.Series })
	if i < 0 {
		i, c.panels = len(c.panels), append(c.panels, panel{series: row.Point.Series, unit: row.Unit, figure: row.Main()})
	}
	p := &c.panels[i]
	for _, s := range row.Servers {
		y := row.Stats(s.Name, p.figure).Median
		if math.IsNaN(y) || y <= 0 {
			continue
		}
		j := slices.IndexFunc(p.lines, func(l curve) bool { return l.server == s.Name })
		if j < 0 {
			j, p.lines = len(p.lines), append(p.lines, curve{server: s.Name})
		}
		p.lines[j].points = append(p.lines[j].points, [2]float64{row.Point.X, y})
	}
}

// The measures of a chart.
const (
	panelWidth  = 320.0
	panelHeight = 220.0
	panelLeft   = 64.0
	panelTop    = 34.0
	panelFoot   = 30.0
	perLine     = 3 // panels
	chartTop    = 56.0
)

// svg draws the chart. All panels have one scale for y where they show the same
// figure, so that they can be compared.
func (c *chart) svg() string {
	rows := (len(c.panels) + perLine - 1) / perLine
	d := &drawing{width: panelWidth*float64(min(perLine, max(len(c.panels), 1))) + 20, height: chartTop + panelHeight*float64(max(rows, 1)) + 10}
	d.width = max(d.width, 620) // the legend
	d.text(10, 20, "start", "title", sentence(c.title))
	d.legend(10, 42, c.servers())
	for i, p := range c.panels {
		left, top := 10+panelWidth*float64(i%perLine), chartTop+panelHeight*float64(i/perLine)
		d.panel(p, left, top, c.values(p.figure, 0), c.values(p.figure, 1))
	}
	return d.String()
}

// values are all x (0) or y (1) of panels that show a figure.
func (c *chart) values(f workload.Figure, axis int) (list []float64) {
	for _, p := range c.panels {
		for _, l := range p.lines {
			for _, at := range l.points {
				if p.figure == f {
					list = append(list, at[axis])
				}
			}
		}
	}
	return list
}

func (c *chart) servers() (names []string) {
	for _, p := range c.panels {
		for _, l := range p.lines {
			if !slices.Contains(names, l.server) {
				names = append(names, l.server)
			}
		}
	}
	return names
}

// look is how a server is drawn in all charts.
func look(server string) (color string, s shape) {
	switch workload.Peer(server) {
	case workload.Packaged:
		return "c1", square
	case workload.Reused:
		return "c2", triangle
	case workload.Hibernate:
		return "c3", diamond
	}
	return "c0", circle
}

func (d *drawing) legend(x, y float64, servers []string) {
	for _, name := range servers {
		color, s := look(name)
		d.mark(s, x+6, y-4, 5, color, name)
		d.text(x+16, y, "start", "", name)
		x += 40 + 7*float64(len(name))
	}
}

// panel draws one series.
func (d *drawing) panel(p panel, left, top float64, xs, ys []float64) {
	x := newScale(xs, left+panelLeft, left+panelWidth-20)
	y := newScale(ys, top+panelHeight-panelFoot, top+panelTop)
	d.text(left+panelLeft, top+panelTop-12, "start", "title", fmt.Sprintf("%s (%s/%s)", p.series, p.figure, p.unit))
	for _, t := range x.ticks() {
		d.line(x.at(t), y.from, x.at(t), y.to, 1, "grid")
		d.text(x.at(t), y.from+16, "middle", "small", count(t))
	}
	for _, t := range y.ticks() {
		d.line(x.from, y.at(t), x.to, y.at(t), 1, "grid")
		d.text(x.from-6, y.at(t)+4, "end", "small", result.Figure(p.figure, t))
	}
	for _, l := range p.lines {
		color, s := look(l.server)
		var at [][2]float64
		for _, point := range l.points {
			at = append(at, [2]float64{x.at(point[0]), y.at(point[1])})
		}
		d.path(at, color)
		for i, point := range l.points {
			d.mark(s, at[i][0], at[i][1], 4, color, fmt.Sprintf("%s, %s at %s: %s", l.server, p.series, count(point[0]), result.Figure(p.figure, point[1])))
		}
	}
}

// count writes a number of messages or connections.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1000:
		return fmt.Sprintf("%gk", v/1000)
	}
	return fmt.Sprintf("%g", v)
}

// fileName makes a title fit for a file.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(title))
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '-' }), "-")
}
