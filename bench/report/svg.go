package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// drawing is an SVG that reads well on light and dark pages: it has a background of
// its own and takes its colours from the reader's preference.
type drawing struct {
	width, height float64
	b             strings.Builder
}

const style = `<style>
svg{--page:#fff;--text:#1f2328;--faint:#656d76;--grid:#d8dee4;--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--good:#0969da;--fair:#9a6700;--bad:#cf222e}
@media (prefers-color-scheme:dark){svg{--page:#0d1117;--text:#e6edf3;--faint:#8d96a0;--grid:#30363d;--c0:#58a6ff;--c1:#ffa657;--c2:#3fb950;--c3:#d2a8ff;--good:#58a6ff;--fair:#d29922;--bad:#ff7b72}}
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--text)}
.small{font-size:11px;fill:var(--faint)}.title{font-weight:600}
</style>
`

// text places a text; anchor is start, middle or end.
func (d *drawing) text(x, y float64, anchor, class, s string) {
	fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n", x, y, anchor, class, escape(s))
}

// line draws one; color is a name of the style without its dashes.
func (d *drawing) line(x1, y1, x2, y2, width float64, color string) {
	fmt.Fprintf(&d.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="var(--%s)" stroke-width="%.1f"/>`+"\n", x1, y1, x2, y2, color, width)
}

// A shape tells apart for those who see no colours.
type shape int

const (
	circle shape = iota
	square
	triangle
	diamond
)

func (d *drawing) mark(s shape, x, y, r float64, color, title string) {
	tip := "<title>" + escape(title) + "</title>"
	switch s {
	case circle:
		fmt.Fprintf(&d.b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="var(--%s)">%s</circle>`+"\n", x, y, r, color, tip)
	case square:
		fmt.Fprintf(&d.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="var(--%s)">%s</rect>`+"\n", x-r, y-r, 2*r, 2*r, color, tip)
	case triangle:
		fmt.Fprintf(&d.b, `<path d="M%.1f %.1fl%.1f %.1fh%.1fz" fill="var(--%s)">%s</path>`+"\n", x, y-r, r, 2*r, -2*r, color, tip)
	default:
		fmt.Fprintf(&d.b, `<path d="M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz" fill="var(--%s)">%s</path>`+"\n", x, y-r, r, r, -r, r, -r, -r, color, tip)
	}
}

// path draws a line through points.
func (d *drawing) path(points [][2]float64, color string) {
	var b strings.Builder
	for i, p := range points {
		b.WriteByte("ML"[min(i, 1)])
		fmt.Fprintf(&b, "%.1f %.1f", p[0], p[1])
	}
	fmt.Fprintf(&d.b, `<path d="%s" fill="none" stroke="var(--%s)" stroke-width="2"/>`+"\n", b.String(), color)
}

// String is the whole document.
func (d *drawing) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`+"\n", d.width, d.height, d.width, d.height) +
		style + `<rect width="100%" height="100%" fill="var(--page)"/>` + "\n" + d.b.String() + "</svg>\n"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}
