package sanitize

import (
	"slices"
	"strings"
	"unicode"
)

// attrRule says what becomes of an attribute's value, and whether the attribute stays.
type attrRule func(w *walker, val string) (string, bool)

// element holds the attributes that an element may carry beside the global ones.
type element map[string]attrRule

// globalAttrs stand on every element. Not among them are all event handlers, tabindex, contenteditable, popover,
// accesskey, is, slot, nonce, itemprop and whatever comes next.
var globalAttrs = element{
	"align":       word,
	"aria-hidden": oneOf("true", "false"),
	"aria-label":  text,
	"bgcolor":     colour,
	"class":       names,
	"dir":         oneOf("ltr", "rtl", "auto"),
	"height":      length,
	"id":          name,
	"lang":        word,
	"role":        oneOf("presentation", "none", "img", "heading", "list", "listitem", "article", "region", "separator"),
	"style":       style,
	"title":       text,
	"valign":      word,
	"width":       length,
}

// allowedElements are written with their tags. What is neither here nor in droppedElements loses its tags and keeps
// its contents.
var allowedElements = map[string]element{
	"a": {"name": name}, "area": {"alt": text, "coords": coords, "shape": oneOf("rect", "circle", "poly", "default")},
	"map": {"name": name},
	"img": {"alt": text, "border": length, "hspace": length, "vspace": length, "usemap": usemap},

	"abbr": nil, "acronym": nil, "address": nil, "article": nil, "aside": nil, "b": nil, "bdi": nil, "bdo": nil, "big": nil,
	"blockquote": {"type": oneOf("cite")}, "br": {"clear": word}, "center": nil, "cite": nil, "code": nil, "dd": nil,
	"del": nil, "details": {"open": oneOf("")}, "dfn": nil, "dir": nil, "div": nil, "dl": nil, "dt": nil, "em": nil,
	"figcaption": nil, "figure": nil, "font": {"color": colour, "face": text, "size": number}, "footer": nil,
	"h1": nil, "h2": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil, "header": nil,
	"hr": {"color": colour, "noshade": flag, "size": number}, "i": nil, "ins": nil, "kbd": nil,
	"li": {"type": word, "value": number}, "main": nil, "mark": nil, "menu": nil, "nav": nil, "nobr": nil,
	"ol": {"reversed": flag, "start": number, "type": word}, "p": nil, "pre": nil, "q": nil, "rp": nil, "rt": nil, "ruby": nil,
	"s": nil, "samp": nil, "section": nil, "small": nil, "span": nil, "strike": nil, "strong": nil, "sub": nil, "summary": nil,
	"sup": nil, "time": {"datetime": text}, "tt": nil, "u": nil, "ul": {"type": word}, "var": nil, "wbr": nil,

	"table": {"background": picture, "border": length, "bordercolor": colour, "cellpadding": length, "cellspacing": length,
		"frame": word, "rules": word, "summary": text},
	"caption": nil, "colgroup": {"span": number}, "col": {"span": number},
	"thead": nil, "tbody": nil, "tfoot": nil, "tr": {"background": picture, "bordercolor": colour},
	"td": cell, "th": cell,
}

var cell = element{"abbr": text, "axis": text, "background": picture, "bordercolor": colour, "colspan": number, "nowrap": flag,
	"rowspan": number, "scope": word}

// droppedElements go with everything in them. SVG and MathML go as whole namespaces (walker.element).
var droppedElements = set(`base basefont bgsound command datalist embed fencedframe frame frameset head iframe input
	keygen link meta nextid noembed noframes optgroup option param portal script select source style
	template title track`)

// allowedFunctions are the CSS functions that only compute: colours, sizes, gradients, filters, timing. url() is
// handled by itself; image-set(), image(), cross-fade(), element(), src(), attr(), paint() and env() are not here, as they
// load or read something.
var allowedFunctions = set(`rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark
	calc min max clamp round mod rem abs sign var counter counters
	linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient
	repeating-conic-gradient -webkit-linear-gradient -webkit-radial-gradient -moz-linear-gradient -webkit-gradient
	blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia
	cubic-bezier steps minmax fit-content repeat inset circle ellipse polygon`)

// allowedProperties are those that decide how a thing looks within its own place. Not among them: offsets, z-index
// and transforms (with position they cover what is not theirs), pointer-events, behavior, -moz-binding, src, all.
// position and margin have rules of their own (propertyAllowed).
var allowedProperties = set(`
	accent-color align-content align-items align-self
	animation animation-delay animation-direction animation-duration animation-fill-mode animation-iteration-count
	animation-name animation-play-state animation-timing-function aspect-ratio
	background background-attachment background-blend-mode background-clip background-color background-image background-origin
	background-position background-position-x background-position-y background-repeat background-size
	block-size border border-block border-block-color border-block-end border-block-start border-block-style border-block-width
	border-bottom border-bottom-color border-bottom-left-radius border-bottom-right-radius border-bottom-style
	border-bottom-width border-collapse border-color border-image border-image-outset border-image-repeat border-image-slice
	border-image-source border-image-width border-inline border-inline-color border-inline-end border-inline-end-color
	border-inline-end-style border-inline-end-width border-inline-start border-inline-start-color border-inline-start-style
	border-inline-start-width border-inline-style border-inline-width border-left border-left-color border-left-style
	border-left-width border-radius border-right border-right-color border-right-style border-right-width border-spacing
	border-style border-top border-top-color border-top-left-radius border-top-right-radius border-top-style border-top-width
	border-width box-decoration-break box-shadow box-sizing break-after break-before break-inside
	caption-side clear color color-scheme column-count column-fill column-gap column-rule column-rule-color column-rule-style
	column-rule-width column-span column-width columns content counter-increment counter-reset counter-set cursor
	direction display empty-cells filter flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float
	font font-family font-feature-settings font-kerning font-optical-sizing font-size font-size-adjust font-stretch font-style
	font-synthesis font-variant font-variant-caps font-variant-east-asian font-variant-ligatures font-variant-numeric
	font-variation-settings font-weight forced-color-adjust gap
	grid grid-area grid-auto-columns grid-auto-flow grid-auto-rows grid-column grid-column-end grid-column-gap
	grid-column-start grid-gap grid-row grid-row-end grid-row-gap grid-row-start grid-template grid-template-areas
	grid-template-columns grid-template-rows
	hanging-punctuation height hyphenate-character hyphenate-limit-chars hyphens image-orientation image-rendering inline-size
	isolation justify-content justify-items justify-self letter-spacing line-break line-height list-style list-style-image
	list-style-position list-style-type mask-image mask mask-size mask-repeat mask-position
	max-block-size max-height max-inline-size max-width min-block-size min-height min-inline-size min-width mix-blend-mode
	object-fit object-position opacity order orphans outline outline-color outline-style outline-width overflow
	overflow-wrap overflow-x overflow-y padding padding-block padding-block-end padding-block-start padding-bottom
	padding-inline padding-inline-end padding-inline-start padding-left padding-right padding-top page-break-after
	page-break-before page-break-inside place-content place-items place-self print-color-adjust quotes resize row-gap
	ruby-align ruby-position scroll-snap-align scroll-snap-type shape-margin shape-outside tab-size table-layout text-align
	text-align-last text-combine-upright text-decoration text-decoration-color text-decoration-line text-decoration-skip-ink
	text-decoration-style text-decoration-thickness text-emphasis text-emphasis-color text-emphasis-position
	text-emphasis-style text-indent text-justify text-orientation text-overflow text-rendering text-shadow text-size-adjust
	text-transform text-underline-offset text-underline-position text-wrap transition transition-delay transition-duration
	transition-property transition-timing-function unicode-bidi user-select vertical-align visibility white-space
	white-space-collapse widows width word-break word-spacing word-wrap writing-mode
	-webkit-border-radius -moz-border-radius -webkit-box-shadow -moz-box-shadow -webkit-box-sizing -moz-box-sizing
	-webkit-font-smoothing -moz-osx-font-smoothing -webkit-hyphens -moz-hyphens -ms-hyphens -webkit-line-clamp
	-webkit-box-orient -webkit-text-fill-color -webkit-text-size-adjust -ms-text-size-adjust -moz-text-size-adjust
	-ms-interpolation-mode -webkit-columns -webkit-column-count -webkit-print-color-adjust -webkit-text-stroke
	-webkit-user-select -webkit-animation -webkit-transition`)

// allowedPseudo are the pseudo-classes and pseudo-elements without arguments. ::selection and the like could not harm, but
// nobody needs them.
var allowedPseudo = set(`active after before checked default disabled empty enabled first-child first-letter first-line
	first-of-type focus focus-visible focus-within hover last-child last-of-type link marker only-child only-of-type
	visited any-link`)

func set(list string) map[string]bool {
	m := make(map[string]bool)
	for _, s := range strings.Fields(list) {
		m[s] = true
	}
	return m
}

func text(_ *walker, v string) (string, bool) { return v, len(v) <= 4<<10 }
func flag(_ *walker, _ string) (string, bool) { return "", true }

func oneOf(words ...string) attrRule {
	return func(_ *walker, v string) (string, bool) {
		v = strings.ToLower(strings.TrimSpace(v))
		return v, slices.Contains(words, v)
	}
}

// word is a keyword or language tag.
func word(_ *walker, v string) (string, bool) {
	v = strings.TrimSpace(v)
	return v, v != "" && len(v) <= 40 && strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// number is a small whole number, with a sign for font sizes.
func number(_ *walker, v string) (string, bool) {
	v = strings.TrimSpace(v)
	digits := strings.TrimLeft(v, "+-")
	return v, digits != "" && len(v)-len(digits) <= 1 && len(digits) <= 4 && strings.Trim(digits, "0123456789") == ""
}

// length is a number of pixels or a percentage.
func length(_ *walker, v string) (string, bool) {
	v = strings.ToLower(strings.TrimSpace(v))
	digits := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(v, "%"), "px"), "*")
	return v, digits != "" && len(digits) <= 8 && strings.Trim(digits, "0123456789.") == ""
}

func colour(_ *walker, v string) (string, bool) {
	v = strings.TrimSpace(v)
	ok := v != "" && len(v) <= 40 && !strings.ContainsFunc(v, func(r rune) bool {
		return r > unicode.MaxASCII || !(isName(byte(r)) || strings.ContainsRune("#(),.% ", r))
	})
	return v, ok
}

func coords(_ *walker, v string) (string, bool) {
	return v, len(v) <= 1<<10 && strings.Trim(v, "0123456789,. %-") == ""
}

// name prefixes one id.
func name(_ *walker, v string) (string, bool) {
	v = strings.TrimSpace(v)
	if v == "" || len(v) > 200 || strings.ContainsAny(v, " \t\n\f\r") {
		return "", false
	}
	return namePrefix + v, true
}

func usemap(_ *walker, v string) (string, bool) {
	v, ok := strings.CutPrefix(strings.TrimSpace(v), "#")
	if !ok || v == "" || len(v) > 200 {
		return "", false
	}
	return "#" + namePrefix + v, true
}

// names prefixes each class.
func names(_ *walker, v string) (string, bool) {
	v = prefixNames(v)
	return v, v != ""
}

func prefixNames(v string) string {
	fields := strings.Fields(v)
	if len(fields) > 40 {
		fields = fields[:40]
	}
	for i, f := range fields {
		fields[i] = namePrefix + f
	}
	return strings.Join(fields, " ")
}

func style(w *walker, v string) (string, bool) {
	if len(v) > maxAttrStyle {
		return "", false
	}
	v = w.declarations(tokenize(v))
	return v, v != ""
}

// picture is the background attribute of tables.
func picture(w *walker, v string) (string, bool) { return w.image(v) }
