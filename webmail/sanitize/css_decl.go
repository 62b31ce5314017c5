package sanitize

import (
	"strings"
)

// maxNesting bounds brackets within a value, rules within rules and selectors within selectors.
const maxNesting = 16

// declarations rewrites a declaration list (the inside of a style attribute or of a rule) and leaves out each
// declaration whose property or value is not allowed.
func (w *walker) declarations(toks []token) string {
	var b strings.Builder
	for len(toks) > 0 {
		var decl []token
		decl, toks = cutDeclaration(toks)
		if s, ok := w.declaration(decl); ok {
			if b.Len() > 0 {
				b.WriteByte(';')
			}
			b.WriteString(s)
		}
	}
	return b.String()
}

// cutDeclaration takes the tokens up to the next ";" outside brackets. A block in braces ends the declaration too: it
// is a nested rule (CSS Nesting), which goes.
func cutDeclaration(toks []token) (decl, rest []token) {
	depth := 0
	for i, t := range toks {
		switch t.kind {
		case tokSemicolon:
			if depth == 0 {
				return toks[:i], toks[i+1:]
			}
		case tokOpenBrace, tokOpenParen, tokOpenSquare, tokFunction:
			depth++
		case tokCloseBrace, tokCloseParen, tokCloseSquare:
			if depth > 0 {
				depth--
			}
			if t.kind == tokCloseBrace && depth == 0 {
				return nil, toks[i+1:]
			}
		}
	}
	return toks, nil
}

// declaration rewrites "name: value" or "name: value !important".
func (w *walker) declaration(toks []token) (string, bool) {
	toks = trimSpace(toks)
	if len(toks) == 0 || toks[0].kind != tokIdent {
		return "", false
	}
	name := toks[0].text
	rest := trimSpace(toks[1:])
	if len(rest) < 2 || rest[0].kind != tokColon {
		return "", false
	}
	value, important := cutImportant(trimSpace(rest[1:]))
	custom := strings.HasPrefix(name, "--")
	if !custom {
		name = strings.ToLower(name)
	}
	if len(value) == 0 || !propertyAllowed(name, value) {
		return "", false
	}
	before := w.res
	s, ok := w.value(value)
	if !ok {
		w.res = before // nothing of it would have been shown
		return "", false
	}
	var b strings.Builder
	writeIdent(&b, name)
	b.WriteByte(':')
	b.WriteString(s)
	if important {
		b.WriteString("!important")
	}
	return b.String(), true
}

func cutImportant(toks []token) ([]token, bool) {
	n := len(toks)
	if n < 2 || toks[n-1].kind != tokIdent || !strings.EqualFold(toks[n-1].text, "important") {
		return toks, false
	}
	head := trimSpace(toks[:n-1])
	if len(head) == 0 || !head[len(head)-1].isDelim("!") {
		return toks, false
	}
	return trimSpace(head[:len(head)-1]), true
}

func (t token) isDelim(s string) bool { return t.kind == tokDelim && t.text == s }

func trimSpace(toks []token) []token {
	for len(toks) > 0 && toks[0].kind == tokSpace {
		toks = toks[1:]
	}
	for len(toks) > 0 && toks[len(toks)-1].kind == tokSpace {
		toks = toks[:len(toks)-1]
	}
	return toks
}

// value writes the tokens of a value again. It refuses braces, semicolons, colons (IE's "progid:"), unknown functions
// and unbalanced brackets, so that what it returns is one value for any reader.
func (w *walker) value(toks []token) (string, bool) {
	var b strings.Builder
	open := make([]kind, 0, 4)
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		switch t.kind {
		case tokFunction:
			if strings.EqualFold(t.text, "url") {
				n, ok := w.urlFunction(&b, toks[i+1:])
				if !ok || len(open) > 0 {
					return "", false
				}
				i += n
				continue
			}
			if !allowedFunctions[strings.ToLower(t.text)] {
				return "", false
			}
			writeIdent(&b, strings.ToLower(t.text))
			b.WriteByte('(')
			open = append(open, tokCloseParen)
		case tokURL:
			// A url() inside another function could be a source of image-set() or of something yet to come.
			if len(open) > 0 {
				return "", false
			}
			w.writeURL(&b, t.text)
		case tokOpenParen, tokOpenSquare:
			open = append(open, t.kind+1)
			b.WriteByte("[]()"[t.kind-tokOpenSquare])
		case tokCloseParen, tokCloseSquare:
			if len(open) == 0 || open[len(open)-1] != t.kind {
				return "", false
			}
			open = open[:len(open)-1]
			b.WriteByte("[]()"[t.kind-tokOpenSquare])
		default:
			if !writeSimple(&b, t) {
				return "", false
			}
		}
		if len(open) > maxNesting {
			return "", false
		}
	}
	return b.String(), len(open) == 0
}

// writeSimple writes a token that stands for itself; ok is false for those that no value may hold.
func writeSimple(b *strings.Builder, t token) bool {
	switch t.kind {
	case tokIdent:
		writeIdent(b, t.text)
	case tokHash:
		writeHash(b, t.text)
	case tokString:
		writeString(b, t.text)
	case tokNumber:
		b.WriteString(t.num)
	case tokPercent:
		b.WriteString(t.num + "%")
	case tokDimension:
		b.WriteString(t.num)
		writeUnit(b, t.text)
	case tokSpace:
		b.WriteByte(' ')
	case tokComma:
		b.WriteByte(',')
	case tokDelim:
		// A "/" must not become half of a comment, "-" and "+" not part of what follows.
		switch t.text {
		case "/":
			b.WriteString(" / ")
		case "*", "+", "-":
			b.WriteString(" " + t.text + " ")
		default:
			return false
		}
	default:
		return false
	}
	return true
}

// urlFunction reads the rest of url("…") and tells how many tokens it took.
func (w *walker) urlFunction(b *strings.Builder, toks []token) (int, bool) {
	n, url, seen := 0, "", false
	for n < len(toks) {
		switch t := toks[n]; {
		case t.kind == tokSpace:
		case t.kind == tokString && !seen:
			url, seen = t.text, true
		case t.kind == tokCloseParen && seen:
			w.writeURL(b, url)
			return n + 1, true
		default:
			return 0, false
		}
		n++
	}
	return 0, false
}

// writeURL writes the picture as url("…"), or the keyword that stands for no picture.
func (w *walker) writeURL(b *strings.Builder, raw string) {
	url, ok := w.image(raw)
	if !ok {
		b.WriteString("none")
		return
	}
	b.WriteString("url(")
	writeString(b, url)
	b.WriteByte(')')
}

// propertyAllowed looks at the name of a property and, for those where it matters, at what it is set to.
func propertyAllowed(name string, value []token) bool {
	switch {
	case strings.HasPrefix(name, "--"):
		return len(name) <= 80
	case name == "position":
		// fixed, absolute and sticky could cover what is not theirs; without offsets relative moves nothing.
		return isKeyword(value, "static", "relative", "initial")
	case name == "margin" || strings.HasPrefix(name, "margin-"):
		return noNegative(value)
	}
	return allowedProperties[name]
}

func isKeyword(value []token, words ...string) bool {
	if len(value) != 1 || value[0].kind != tokIdent {
		return false
	}
	for _, word := range words {
		if strings.EqualFold(value[0].text, word) {
			return true
		}
	}
	return false
}

// noNegative refuses numbers below zero and functions, whose result could be below zero.
func noNegative(value []token) bool {
	for _, t := range value {
		if t.negative() || t.kind == tokFunction || t.kind == tokDelim {
			return false
		}
	}
	return true
}
