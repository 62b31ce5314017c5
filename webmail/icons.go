package webmail

import "html/template"

// icon gives one of our line drawings. It is decoration: the text that says the same stands beside it or in the label of
// what it is on.
func icon(name string) template.HTML {
	shape, ok := iconShapes[name]
	if !ok {
		shape = iconShapes["folder"]
	}
	return `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + shape + `</svg>`
}

var iconShapes = map[string]template.HTML{
	"inbox":    `<path d="M3 13.5 5.6 5.7A1 1 0 0 1 6.6 5h10.8a1 1 0 0 1 1 .7L21 13.5V18a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18z"/><path d="M3 13.5h5l1.5 2.5h5l1.5-2.5h5"/>`,
	"draft":    `<path d="M4 20l1-4L16 5l3 3L8 19z"/><path d="M13.5 7.5l3 3"/>`,
	"sent":     `<path d="M20.5 3.5 3.5 10.5l6.5 3 3 6.5z"/><path d="M20.5 3.5 10 13.5"/>`,
	"archive":  `<path d="M3.5 5h17v4h-17z"/><path d="M5 9v9.5a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1V9"/><path d="M10 13h4"/>`,
	"junk":     `<path d="M12 3.5l7 2.7v5.3c0 4.2-2.9 7.4-7 9-4.1-1.6-7-4.8-7-9V6.2z"/><path d="M12 8.5v4M12 15.6v.1"/>`,
	"trash":    `<path d="M4.5 6.5h15M9.5 6.5v-2a1 1 0 0 1 1-1h3a1 1 0 0 1 1 1v2M6.5 6.5l.9 12.6a1 1 0 0 0 1 .9h7.2a1 1 0 0 0 1-.9l.9-12.6"/><path d="M10.2 10.5v5.5M13.8 10.5v5.5"/>`,
	"folder":   `<path d="M3.5 7A1.5 1.5 0 0 1 5 5.5h4l2 2.5h8A1.5 1.5 0 0 1 20.5 9.500v8A1.5 1.5 0 0 1 19 19H5a1.5 1.5 0 0 1-1.500-1.500z"/>`,
	"star":     `<path class="fillable" d="M12 3.800l2.500 5.200 5.700.8-4.100 4 1 5.700-5.100-2.700-5.100 2.700 1-5.700-4.100-4 5.700-.8z"/>`,
	"clip":     `<path d="M19 11.500l-7.300 7.300a4.300 4.300 0 0 1-6.100-6.100l7.700-7.700a2.900 2.900 0 0 1 4.100 4.100l-7.600 7.600a1.400 1.400 0 0 1-2-2l6.900-6.900"/>`,
	"answered": `<path d="M9 6.500 4 11.500l5 5"/><path d="M4.500 11.500H14a6 6 0 0 1 6 6v1"/>`,
	"refresh":  `<path d="M19.500 11a7.600 7.600 0 1 0-.7 4.500"/><path d="M19.900 5v6h-6"/>`,
	"menu":     `<path d="M4 7h16M4 12h16M4 17h16"/>`,
	"close":    `<path d="M6 6l12 12M18 6 6 18"/>`,
	"back":     `<path d="M11 5.500 4.500 12l6.500 6.500M5 12h15"/>`,
	"newer":    `<path d="M6 14.500l6-6 6 6"/>`,
	"older":    `<path d="M6 9.500l6 6 6-6"/>`,
	"left":     `<path d="M14.500 6l-6 6 6 6"/>`,
	"right":    `<path d="M9.500 6l6 6-6 6"/>`,
	"image":    `<path d="M4 5.500h16v13H4z"/><path d="M4 16l4.500-4.500 4 4 2.500-2.500 5 5"/><path d="M15.500 9.200v.1"/>`,
	"file":     `<path d="M6.500 3.500h7l4 4v13h-11z"/><path d="M13.500 3.500v4h4"/>`,
	"download": `<path d="M12 4v11M7.500 11 12 15.500 16.500 11M5 19.500h14"/>`,
	"unread":   `<path d="M3.500 6.500h10M20.500 11v7.500h-17v-12"/><path d="M3.800 7l8.200 6.500 4.500-3.500"/><circle class="dot" cx="19" cy="6" r="2.700"/>`,
	"read":     `<path d="M3.500 10 12 4.500 20.500 10v9h-17z"/><path d="M3.800 10.500 12 15.500l8.200-5"/>`,
	"move":     `<path d="M3.500 7A1.500 1.500 0 0 1 5 5.500h4l2 2.500h8A1.500 1.500 0 0 1 20.500 9.500v8A1.500 1.500 0 0 1 19 19H5a1.500 1.500 0 0 1-1.500-1.500z"/><path d="M8.500 13.500h7M13 11l2.500 2.500L13 16"/>`,
	"signout":  `<path d="M10 4.500H5.500v15H10M14.500 8l4 4-4 4M18 12H9.500"/>`,
	"more":     `<path d="M6 12v.1M12 12v.1M18 12v.1"/>`,
	"warning":  `<path d="M12 4.500l8.500 15h-17z"/><path d="M12 10v4.500M12 17v.1"/>`,
	"envelope": `<path d="M3.500 5.500h17v13h-17z"/><path d="M4 6l8 6.500L20 6"/>`,
}
