// Package htmlcheck finds elements of a page by a selector, for tests. It knows type, class, id and attribute selectors,
// joined to compounds, and the descendant combinator: "ol.rows li.unread a[href]".
package htmlcheck

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A Page is a parsed page.
type Page struct{ root *html.Node }

// Parse reads a page.
func Parse(r io.Reader) (*Page, error) {
	root, err := html.Parse(r)
	if err != nil {
		return nil, err
	}
	return &Page{root}, nil
}

// compound is one step of a selector.
type compound struct {
	tag     string
	classes []string
	attrs   []html.Attribute // Namespace "=" where the value counts
}

func parse(selector string) ([]compound, error) {
	var steps []compound
	for field := range strings.FieldsSeq(selector) {
		step, err := parseCompound(field)
		if err != nil {
			return nil, fmt.Errorf("selector %q: %w", selector, err)
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("selector %q is empty", selector)
	}
	return steps, nil
}

func parseCompound(s string) (c compound, err error) {
	cut := func() string {
		i := strings.IndexAny(s, ".#[")
		if i < 0 {
			i = len(s)
		}
		word := s[:i]
		s = s[i:]
		return word
	}
	c.tag = cut()
	for s != "" {
		kind := s[0]
		s = s[1:]
		switch kind {
		case '.':
			c.classes = append(c.classes, cut())
		case '#':
			c.attrs = append(c.attrs, html.Attribute{Namespace: "=", Key: "id", Val: cut()})
		case '[':
			inside, rest, ok := strings.Cut(s, "]")
			if !ok {
				return c, fmt.Errorf("no ] after [%s", s)
			}
			s = rest
			key, val, valued := strings.Cut(inside, "=")
			a := html.Attribute{Key: key, Val: strings.Trim(val, `"`)}
			if valued {
				a.Namespace = "="
			}
			c.attrs = append(c.attrs, a)
		}
	}
	return c, nil
}

func (c compound) matches(n *html.Node) bool {
	if n.Type != html.ElementNode || (c.tag != "" && c.tag != "*" && c.tag != n.Data) {
		return false
	}
	have := strings.Fields(attr(n, "class"))
	for _, class := range c.classes {
		if !slices.Contains(have, class) {
			return false
		}
	}
	for _, want := range c.attrs {
		if !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool {
			return a.Key == want.Key && (want.Namespace == "" || a.Val == want.Val)
		}) {
			return false
		}
	}
	return true
}

// Find gives the elements that the selector finds, in document order. A selector that cannot be read panics, as it is part
// of a test.
func (p *Page) Find(selector string) []Element {
	steps, err := parse(selector)
	if err != nil {
		panic(err)
	}
	var found []Element
	for n := range p.root.Descendants() {
		if steps[len(steps)-1].matches(n) && ancestorsMatch(n, steps[:len(steps)-1]) {
			found = append(found, Element{n})
		}
	}
	return found
}

func ancestorsMatch(n *html.Node, steps []compound) bool {
	for n = n.Parent; len(steps) > 0 && n != nil; n = n.Parent {
		if steps[len(steps)-1].matches(n) {
			steps = steps[:len(steps)-1]
		}
	}
	return len(steps) == 0
}

// An Element is one that was found.
type Element struct{ Node *html.Node }

// Attr is the value of an attribute, or "".
func (e Element) Attr(key string) string { return attr(e.Node, key) }

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// Text is the text in the element, white space folded.
func (e Element) Text() string {
	var b strings.Builder
	for n := range e.Node.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
