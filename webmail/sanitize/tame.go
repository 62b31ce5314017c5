package sanitize

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Limits of the tree. The parser gives up at 512 open elements; honest mail stays far below (real newsletters nest
// about 60 deep), while long threads with elements that nobody closed go beyond: those lose the innermost tags and
// keep their text.
const (
	maxDepth      = 180 // open elements
	maxFormatting = 100 // open formatting elements, which the parser opens again in every paragraph
	maxAttrs      = 48  // attributes of one tag
)

// tame rewrites the tags of text so that parsing it takes linear time and cannot fail for depth. It is no part of
// the protection (the walker is): it only leaves out tags that the parser would choke on, which are those nested
// beyond the limits above and second html and body tags, whose attributes the parser merges one by one.
func tame(text string) []byte {
	t := &tamer{seen: make(map[string]bool)}
	t.out.Grow(len(text))
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return t.out.Bytes()
		case html.StartTagToken:
			t.start(z)
		case html.EndTagToken:
			t.end(z)
		case html.CommentToken, html.DoctypeToken:
			// The walker drops them anyway, and a doctype would only switch quirks mode.
		default:
			t.out.Write(z.Raw())
		}
	}
}

type tamer struct {
	out        bytes.Buffer
	open       []string // names of the open elements, as far as they were let through
	formatting int
	skipped    []string // names of the tags left out, innermost last
	seen       map[string]bool
}

func (t *tamer) start(z *html.Tokenizer) {
	raw := slices.Clone(z.Raw()) // TagName changes the case in place
	b, more := z.TagName()
	name := string(b)
	if isRawText(name) {
		// The tokenizer takes what follows as raw text up to the end tag: the pair passes together.
		t.out.Write(t.bounded(raw, z, name, more))
		return
	}
	if name == "html" || name == "body" {
		if t.seen[name] {
			return
		}
		t.seen[name] = true
	}
	if isVoid(name) {
		t.out.Write(t.bounded(raw, z, name, more))
		return
	}
	if len(t.open) >= maxDepth || (isFormatting(name) && t.formatting >= maxFormatting) {
		if len(t.skipped) < maxDepth {
			t.skipped = append(t.skipped, name)
		}
		return
	}
	t.open = append(t.open, name)
	if isFormatting(name) {
		t.formatting++
	}
	t.out.Write(t.bounded(raw, z, name, more))
}

// bounded gives the tag as it was written, or its first attributes when it has too many.
func (t *tamer) bounded(raw []byte, z *html.Tokenizer, name string, more bool) []byte {
	attrs := make([]html.Attribute, 0, 8)
	for more && len(attrs) <= maxAttrs {
		var key, val []byte
		key, val, more = z.TagAttr()
		attrs = append(attrs, html.Attribute{Key: string(key), Val: string(val)})
	}
	if len(attrs) <= maxAttrs {
		return raw
	}
	tok := html.Token{Type: html.StartTagToken, Data: name, Attr: attrs[:maxAttrs]}
	return []byte(tok.String())
}

func (t *tamer) end(z *html.Tokenizer) {
	raw := slices.Clone(z.Raw())
	b, _ := z.TagName()
	name := string(b)
	if n := len(t.skipped); n > 0 && t.skipped[n-1] == name {
		t.skipped = t.skipped[:n-1]
		return
	}
	if isFormatting(name) && t.formatting > 0 {
		t.formatting--
	}
	for i := len(t.open) - 1; i >= 0; i-- {
		if t.open[i] == name {
			t.open = t.open[:i]
			t.skipped = t.skipped[:0]
			break
		}
	}
	t.out.Write(raw)
}

func isRawText(name string) bool {
	switch name {
	case "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext":
		return true
	}
	return false
}

func isVoid(name string) bool {
	switch name {
	case "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "image", "input", "keygen", "link",
		"meta", "param", "source", "track", "wbr":
		return true
	}
	return false
}

// isFormatting names the elements of the list of active formatting elements (HTML Standard, 13.2.4.3).
func isFormatting(name string) bool {
	switch name {
	case "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u":
		return true
	}
	return false
}
