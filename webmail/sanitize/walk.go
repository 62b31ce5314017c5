package sanitize

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// walker writes the allowed part of a parsed message.
type walker struct {
	opt Options
	res Result
	out bytes.Buffer
	css int // octets of style sheets so far
}

// Limits of style. The largest newsletters bring a hundred kilobytes; what is beyond these costs more to read than the
// rest of the message, here and in the browser.
const (
	maxSheets    = 512 << 10 // all style elements together
	maxAttrStyle = 32 << 10  // one style attribute
)

// document writes the whole fragment: the root, the style sheet, the body.
func (w *walker) document(doc *html.Node) {
	root := child(doc, atom.Html)
	body := child(root, atom.Body)
	w.out.WriteString(`<div class="` + RootClass)
	w.pageAttrs(root)
	if css := linkColours(body) + w.styles(doc); css != "" {
		w.out.WriteString("<style>\n" + css + "</style>\n")
	}
	w.out.WriteString(`<div class="` + BodyClass)
	w.pageAttrs(body)
	if body != nil {
		w.children(body)
	}
	w.out.WriteString("</div></div>\n")
}

// child gives the first child of n that is this element, or nil.
func child(n *html.Node, a atom.Atom) *html.Node {
	if n == nil {
		return nil
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && c.DataAtom == a {
			return c
		}
	}
	return nil
}

// pageAttrs closes the class attribute and the tag of one of the two outer elements with what html or body carried:
// the colours and background of body become styles, as the element is a div now.
func (w *walker) pageAttrs(n *html.Node) {
	var classes, style string
	rest := make([]html.Attribute, 0, 4)
	if n != nil {
		for _, a := range n.Attr {
			switch a.Key {
			case "class":
				if c := prefixNames(a.Val); c != "" {
					classes += " " + c
				}
			case "bgcolor":
				style += "background-color:" + colourHash(a.Val) + ";"
			case "text":
				style += "color:" + colourHash(a.Val) + ";"
			case "background":
				style += "background-image:url(" + cssQuote(a.Val) + ");"
			case "style", "align", "topmargin", "leftmargin", "marginwidth", "marginheight":
			default:
				rest = append(rest, a)
			}
		}
		style += attrOf(n, "style")
	}
	writeAttrValue(&w.out, classes)
	w.out.WriteByte('"')
	if s := w.declarations(tokenize(style)); s != "" {
		w.attr("style", s)
	}
	w.attrs(element{}, rest)
	w.out.WriteByte('>')
}

// colourHash makes a legacy colour ("ff0000", "red") one that CSS reads.
func colourHash(s string) string {
	s = strings.TrimSpace(s)
	if (len(s) == 6 || len(s) == 3) && strings.Trim(s, "0123456789abcdefABCDEF") == "" {
		return "#" + s
	}
	return s
}

func cssQuote(s string) string {
	var b strings.Builder
	writeString(&b, s)
	return b.String()
}

func attrOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// linkColours turns the link attribute of body into the rule that it stands for.
func linkColours(body *html.Node) string {
	if body == nil {
		return ""
	}
	colour := colourHash(attrOf(body, "link"))
	toks := tokenize(colour)
	if len(toks) != 1 || (toks[0].kind != tokHash && toks[0].kind != tokIdent) {
		return ""
	}
	var b strings.Builder
	b.WriteString("." + RootClass + " a{color:")
	writeSimple(&b, toks[0])
	b.WriteString("}\n")
	return b.String()
}

// styles collects the style elements of the whole message, wherever they stand.
func (w *walker) styles(n *html.Node) string {
	var b strings.Builder
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.ElementNode {
			switch {
			case n.Namespace != "" || n.DataAtom == atom.Template:
				return
			case n.DataAtom == atom.Style:
				b.WriteString(w.styleElement(n))
				return
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
	}
	visit(n)
	return b.String()
}

func (w *walker) styleElement(n *html.Node) string {
	var text strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			text.WriteString(c.Data)
		}
	}
	if w.css += text.Len(); w.css > maxSheets {
		w.res.Truncated = true
		return ""
	}
	media := attrOf(n, "media")
	if strings.TrimSpace(media) == "" {
		return w.stylesheet(text.String())
	}
	cond, ok := condition(trimSpace(tokenize(media)), false)
	if !ok {
		return ""
	}
	var b strings.Builder
	w.group(&b, "@media "+cond, tokenize(text.String()), 0)
	return b.String()
}

func (w *walker) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c)
	}
}

func (w *walker) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		writeText(&w.out, n.Data)
	case html.ElementNode:
		w.element(n)
	}
}

func (w *walker) element(n *html.Node) {
	if n.Namespace != "" || droppedElements[n.Data] {
		return
	}
	switch n.DataAtom {
	case atom.Img:
		w.img(n)
		return
	case atom.A, atom.Area:
		w.anchor(n)
		return
	case atom.Xmp, atom.Listing, atom.Plaintext, atom.Textarea:
		w.preformatted(n)
		return
	}
	el, ok := allowedElements[n.Data]
	if !ok {
		w.children(n) // an element nobody knows is harmless once its tags are gone
		return
	}
	w.out.WriteString("<" + n.Data)
	w.attrs(el, n.Attr)
	w.out.WriteByte('>')
	if isVoid(n.Data) {
		return
	}
	if n.DataAtom == atom.Pre {
		w.out.WriteByte('\n') // the first line end after the tag does not count
	}
	w.children(n)
	w.out.WriteString("</" + n.Data + ">")
}

// preformatted writes the elements of old whose text is shown as it stands.
func (w *walker) preformatted(n *html.Node) {
	w.out.WriteString("<pre>\n")
	w.children(n)
	w.out.WriteString("</pre>")
}

// anchor writes a link. One that leads out of the message opens in a window that cannot reach back.
func (w *walker) anchor(n *html.Node) {
	w.out.WriteString("<" + n.Data)
	w.attrs(allowedElements[n.Data], n.Attr)
	if href, ok := link(attrOf(n, "href")); ok && attrOf(n, "href") != "" {
		w.attr("href", href)
		if !strings.HasPrefix(href, "#") {
			w.attr("target", "_blank")
			w.attr("rel", "noopener noreferrer nofollow")
		}
	}
	w.out.WriteByte('>')
	if n.DataAtom == atom.Area {
		return
	}
	w.children(n)
	w.out.WriteString("</a>")
}

// img writes a picture. A remote one that is not to be loaded leaves a span in its place, with its size and its
// alternative text; the pictures that nobody can see, which report the reading, leave nothing.
func (w *walker) img(n *html.Node) {
	blocked := w.res.BlockedRemote
	src, ok := w.image(attrOf(n, "src"))
	switch {
	case ok:
		w.out.WriteString("<img")
		w.attr("src", src)
		w.attrs(allowedElements["img"], n.Attr)
		w.out.WriteByte('>')
	case w.res.BlockedRemote == blocked:
		writeText(&w.out, attrOf(n, "alt"))
	default:
		w.placeholder(n)
	}
}

// placeholder stands for a remote picture.
func (w *walker) placeholder(n *html.Node) {
	alt, width, height := attrOf(n, "alt"), pixels(n, "width"), pixels(n, "height")
	if strings.TrimSpace(alt) == "" && (width <= 2 || height <= 2) {
		return
	}
	class := BlockedClass
	if c := prefixNames(attrOf(n, "class")); c != "" {
		class += " " + c
	}
	w.out.WriteString("<span")
	w.attr("class", class)
	size := ""
	if width > 0 {
		size += fmt.Sprintf("width:%dpx;", width)
	}
	if height > 0 {
		size += fmt.Sprintf("height:%dpx;", height)
	}
	if s := w.declarations(tokenize(size + attrOf(n, "style"))); s != "" {
		w.attr("style", s)
	}
	w.out.WriteByte('>')
	writeText(&w.out, alt)
	w.out.WriteString("</span>")
}

// pixels reads a size in pixels, 0 if it is none.
func pixels(n *html.Node, key string) int {
	v, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(attrOf(n, key)), "px"))
	if err != nil || v < 0 || v > 10000 {
		return 0
	}
	return v
}

// attrs writes the attributes that the tables allow, each at most once.
func (w *walker) attrs(el element, attrs []html.Attribute) {
	seen := make(map[string]bool, len(attrs))
	for _, a := range attrs {
		if a.Namespace != "" || seen[a.Key] {
			continue
		}
		rule, ok := el[a.Key]
		if !ok {
			rule, ok = globalAttrs[a.Key]
		}
		if !ok {
			continue
		}
		seen[a.Key] = true
		if val, ok := rule(w, a.Val); ok {
			w.attr(a.Key, val)
		}
	}
}

func (w *walker) attr(key, val string) {
	w.out.WriteString(" " + key + `="`)
	writeAttrValue(&w.out, val)
	w.out.WriteByte('"')
}

var (
	textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\x00", "\uFFFD", "\r", "\n")
	attrEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "`", "&#96;", "\x00", "\uFFFD")
)

func writeText(b *bytes.Buffer, s string)      { textEscaper.WriteString(b, s) }
func writeAttrValue(b *bytes.Buffer, s string) { attrEscaper.WriteString(b, s) }
