package sanitize_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"restante/webmail/sanitize"
)

// The law: what every output must keep, whatever the input was. It knows nothing of the sanitizer's tables; it has
// lists of its own, written from the rules, and looks at the output as browsers do: parsed as a page, parsed again
// after being written, parsed with scripting on, parsed inside other elements.

const cidBase = "/inline/"

// cid is the mail that the law's messages came with: it has every part.
func cid(id string) (string, bool) { return cidBase + fmt.Sprintf("%x", id), id != "" }

// violations lists how out breaks the rules; remote says that pictures may be loaded over the network.
func violations(out []byte, remote bool) []string {
	c := &checker{remote: remote, styles: make(map[string]bool)}
	text := string(out)
	if !utf8.ValidString(text) {
		c.add("output is not UTF-8")
	}
	for round := range 3 {
		for _, scripting := range []bool{false, true} {
			c.where = fmt.Sprintf("parse %d, scripting %t", round+1, scripting)
			c.page(text, scripting)
		}
		doc, err := html.Parse(strings.NewReader(text))
		if err != nil {
			c.add("does not parse: %v", err)
			return c.found
		}
		var b strings.Builder
		if err := html.Render(&b, doc); err != nil {
			c.add("does not render: %v", err)
			return c.found
		}
		text = b.String()
	}
	for _, around := range []string{"<table><tr><td>%s</td></tr></table>", "<p>%s</p>", "<noscript>%s</noscript>", "<form>%s</form>", "<a href=x>%s</a>"} {
		c.where = "inside " + around
		c.inside = true
		c.page(fmt.Sprintf(around, out), true)
		c.page(fmt.Sprintf(around, out), false)
	}
	return c.found
}

type checker struct {
	remote bool
	inside bool // the output stands in other elements, which are not to be judged
	where  string
	found  []string
	styles map[string]bool // style texts that were judged in an earlier parse
}

// known says whether this text was judged before, and keeps it.
func (c *checker) known(style string) bool {
	was := c.styles[style]
	c.styles[style] = true
	return was
}

func (c *checker) add(format string, args ...any) {
	if len(c.found) < 10 {
		c.found = append(c.found, c.where+": "+fmt.Sprintf(format, args...))
	}
}

func (c *checker) page(text string, scripting bool) {
	doc, err := html.ParseWithOptions(strings.NewReader(text), html.ParseOptionEnableScripting(scripting))
	if err != nil {
		c.add("does not parse: %v", err)
		return
	}
	for n := range doc.Descendants() {
		c.node(n)
	}
}

// harmless are the elements that can do nothing but show text, a table, a list, a picture or a link.
var harmless = strings.Fields(`html head body div span p br hr a img map area style b i u s em strong small big tt code pre kbd samp
	var sub sup font center blockquote q cite abbr acronym address h1 h2 h3 h4 h5 h6 ul ol li dl dt dd dir menu table caption
	colgroup col thead tbody tfoot tr td th del ins strike nobr wbr bdi bdo dfn mark ruby rt rp time details summary
	figure figcaption article aside section header footer main nav`)

func (c *checker) node(n *html.Node) {
	switch n.Type {
	case html.CommentNode, html.DoctypeNode:
		c.add("a comment or doctype: %.60q", n.Data)
	case html.ElementNode:
		if n.Namespace != "" {
			c.add("foreign element %s:%s", n.Namespace, n.Data)
		}
		if !slices.Contains(harmless, n.Data) && !c.inside {
			c.add("element %s", n.Data)
		}
		if c.inside && slices.Contains(strings.Fields("script iframe object embed svg math base meta link input button"), n.Data) {
			c.add("element %s", n.Data)
		}
		for _, a := range n.Attr {
			c.attribute(n, a)
		}
		if n.Data == "a" || n.Data == "area" {
			c.opensOutside(n)
		}
		if n.Data == "style" && n.FirstChild != nil {
			c.sheet(n.FirstChild.Data)
		}
	}
}

var plainAttrs = strings.Fields(`align valign width height bgcolor color face size border cellpadding cellspacing bordercolor frame rules
	summary colspan rowspan nowrap scope abbr axis span start reversed type value clear noshade alt hspace vspace dir lang
	title role aria-label aria-hidden datetime open coords shape target rel`)

func (c *checker) attribute(n *html.Node, a html.Attribute) {
	if c.inside && n.Data == "a" && a.Key == "href" && a.Val == "x" {
		return
	}
	switch a.Key {
	case "href":
		if n.Data != "a" && n.Data != "area" {
			c.add("href on %s", n.Data)
		}
		c.link(a.Val)
	case "src", "background":
		if a.Key == "src" && n.Data != "img" {
			c.add("src on %s", n.Data)
		}
		c.picture(a.Val)
	case "style":
		c.declarations(a.Val)
	case "class":
		for _, name := range strings.Fields(a.Val) {
			if !strings.HasPrefix(name, "m-") && !slices.Contains([]string{"mail", "mail-body", "mail-blocked"}, name) {
				c.add("class %q", name)
			}
		}
	case "id", "name":
		if !strings.HasPrefix(a.Val, "m-") {
			c.add("%s %q", a.Key, a.Val)
		}
	case "usemap":
		if !strings.HasPrefix(a.Val, "#m-") {
			c.add("usemap %q", a.Val)
		}
	default:
		if !slices.Contains(plainAttrs, a.Key) || a.Namespace != "" {
			c.add("attribute %s=%.60q on %s", a.Key, a.Val, n.Data)
		}
	}
}

// link holds rule 5: the scheme as the strictest and the laxest reader see it.
func (c *checker) link(href string) {
	for _, r := range href {
		if r <= ' ' || r >= 0x7f {
			c.add("href holds %U: %.80q", r, href)
			return
		}
	}
	if strings.HasPrefix(href, "#") {
		return
	}
	if !goodLink.MatchString(href) {
		c.add("href %.80q", href)
	}
}

func (c *checker) picture(src string) {
	switch {
	case goodData.MatchString(src):
	case strings.HasPrefix(src, cidBase):
	case c.remote && goodRemote.MatchString(src):
	default:
		c.add("loads %.80q", src)
	}
}

func (c *checker) opensOutside(n *html.Node) {
	attrs := make(map[string]string)
	for _, a := range n.Attr {
		attrs[a.Key] = a.Val
	}
	href, ok := attrs["href"]
	if !ok || strings.HasPrefix(href, "#") || (c.inside && href == "x") {
		return
	}
	if attrs["target"] != "_blank" || !strings.Contains(attrs["rel"], "noopener") || !strings.Contains(attrs["rel"], "noreferrer") {
		c.add("link without target or rel: %v", n.Attr)
	}
}

var (
	goodLink   = regexp.MustCompile(`^(https?://[^/?#]|mailto:.|tel:.)`)
	goodData   = regexp.MustCompile(`^data:image/(png|gif|jpeg|webp|bmp);base64,[A-Za-z0-9+/]+=*$`)
	goodRemote = regexp.MustCompile(`^https?://[^/]`)
	frameRule  = regexp.MustCompile(`^(from|to|[\d.,% ]|e)+\{`)
	underRoot  = regexp.MustCompile(`^\.mail($|[^-\w])`)

	cssURL      = regexp.MustCompile(`(?i)url\(\s*"([^"]*)"\s*\)`)
	cssString   = regexp.MustCompile(`"[^"]*"`)
	cssHexEsc   = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})\s?`)
	cssSupports = regexp.MustCompile(`@supports[^{]*\{`)
	cssBad      = regexp.MustCompile(`(?i)expression|behavior|-moz-binding|javascript|vbscript|@import|@font-face|@charset|@namespace|progid|` +
		`image-set\(|position:\s*(fixed|absolute|sticky)|z-index|(^|[;{])margin[^;}]*[: ]-|(^|[;{\s])(top|left|right|bottom|inset|transform|pointer-events):`)
)

// css is what declarations and sheets have in common. It reads the text after its escapes are resolved, so nothing can
// hide behind them.
func (c *checker) css(s string) (bare string) {
	for _, m := range cssURL.FindAllStringSubmatch(s, -1) {
		c.picture(unescapeCSS(m[1]))
	}
	bare = cssString.ReplaceAllString(cssURL.ReplaceAllString(s, "none"), `""`)
	if strings.ContainsAny(s, "<\x00") || strings.Contains(bare, "/*") {
		c.add("style holds < or a comment: %.80q", s)
	}
	if strings.Contains(strings.ToLower(bare), "url(") {
		c.add("an url() that is not in the plain form: %.80q", s)
	}
	bare = unescapeCSS(cssSupports.ReplaceAllString(bare, "{"))
	if m := cssBad.FindString(bare); m != "" {
		c.add("style holds %q: %.120q", m, s)
	}
	return bare
}

func unescapeCSS(s string) string {
	return cssHexEsc.ReplaceAllStringFunc(s, func(m string) string {
		v, err := strconv.ParseUint(strings.TrimSpace(m[1:]), 16, 32)
		if err != nil {
			return "\uFFFD"
		}
		return string(rune(v))
	})
}

func (c *checker) declarations(s string) {
	if c.known(s) {
		return
	}
	if strings.ContainsAny(c.css(s), "{}@") && !strings.Contains(s, `\`) {
		c.add("style attribute holds a block: %.80q", s)
	}
}

// sheet holds rule 4 for style elements: every rule stands under the root class.
func (c *checker) sheet(s string) {
	if c.known(s) {
		return
	}
	c.css(s)
	plain := cssString.ReplaceAllString(s, `""`)
	if strings.Count(plain, "{") != strings.Count(plain, "}") {
		c.add("unbalanced braces")
	}
	inFrames := 0
	for line := range strings.Lines(plain) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "@keyframes"), strings.HasPrefix(line, "@-webkit-keyframes"):
			inFrames = 1
		case line == "}":
			inFrames = 0
		case line == "" || strings.HasPrefix(line, "@media") || strings.HasPrefix(line, "@supports"):
		case inFrames > 0 && frameRule.MatchString(line):
		default:
			c.rule(line)
		}
	}
}

func (c *checker) rule(line string) {
	head, _, _ := strings.Cut(line, "{")
	depth := 0
	for one := range strings.FieldsFuncSeq(head, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return r == ',' && depth == 0
	}) {
		if !underRoot.MatchString(strings.TrimSpace(one)) {
			c.add("selector reaches outside: %.80q", one)
		}
	}
}

// check runs Sanitize in its two ways over one input and returns what broke.
func check(src []byte) []string {
	out, _ := sanitize.Sanitize(src, sanitize.Options{CID: cid})
	found := violations(out, false)
	out, _ = sanitize.Sanitize(src, sanitize.Options{CID: cid, RemoteImages: true})
	return append(found, violations(out, true)...)
}
