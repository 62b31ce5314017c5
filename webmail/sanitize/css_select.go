package sanitize

import "strings"

// selectorList rewrites the selectors before a rule's block; each becomes one that can only match inside the root
// element. One that is not understood is left out, the others stay. The result is empty when none is left.
func selectorList(toks []token) string {
	var out []string
	for _, one := range splitCommas(toks) {
		p := selector{toks: trimSpace(one)}
		if s, ok := p.complex(true); ok {
			out = append(out, s)
		}
	}
	return strings.Join(out, ",")
}

func splitCommas(toks []token) [][]token {
	var parts [][]token
	depth, start := 0, 0
	for i, t := range toks {
		switch t.kind {
		case tokOpenParen, tokOpenSquare, tokFunction:
			depth++
		case tokCloseParen, tokCloseSquare:
			depth--
		case tokComma:
			if depth == 0 {
				parts = append(parts, toks[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, toks[start:])
}

// selector reads one complex selector (Selectors Level 4, section 15).
type selector struct {
	toks  []token
	depth int
}

// complex rewrites compound selectors and the combinators between them. With scope the result begins with the root
// class, unless the first compound names the root itself (html or :root).
func (p *selector) complex(scope bool) (string, bool) {
	var b strings.Builder
	first, isRoot, ok := p.compound()
	if !ok {
		return "", false
	}
	if scope && !isRoot {
		b.WriteString("." + RootClass + " ")
	}
	b.WriteString(first)
	for len(p.toks) > 0 {
		comb, ok := p.combinator()
		if !ok {
			return "", false
		}
		next, _, ok := p.compound()
		if !ok {
			return "", false
		}
		b.WriteString(comb + next)
	}
	return b.String(), true
}

func (p *selector) combinator() (string, bool) {
	space := false
	for len(p.toks) > 0 && p.toks[0].kind == tokSpace {
		space, p.toks = true, p.toks[1:]
	}
	if len(p.toks) == 0 {
		return "", false
	}
	for _, sign := range []string{">", "+", "~"} {
		if p.toks[0].isDelim(sign) {
			p.toks = trimSpace(p.toks[1:])
			return sign, true
		}
	}
	return " ", space
}

// compound rewrites one compound selector; isRoot says that it can only match the root element.
func (p *selector) compound() (s string, isRoot, ok bool) {
	var b strings.Builder
	for len(p.toks) > 0 {
		t := p.toks[0]
		switch {
		case t.kind == tokIdent && b.Len() == 0:
			isRoot = writeType(&b, t.text)
			p.toks = p.toks[1:]
		case t.isDelim("*") && b.Len() == 0:
			b.WriteByte('*')
			p.toks = p.toks[1:]
		case t.kind == tokHash:
			b.WriteString("#" + namePrefix)
			writeNameTail(&b, t.text)
			p.toks = p.toks[1:]
		case t.isDelim(".") && len(p.toks) > 1 && p.toks[1].kind == tokIdent:
			b.WriteString("." + namePrefix)
			writeNameTail(&b, p.toks[1].text)
			p.toks = p.toks[2:]
		case t.kind == tokOpenSquare:
			if !p.attribute(&b) {
				return "", false, false
			}
		case t.kind == tokColon:
			root, ok := p.pseudo(&b)
			if !ok {
				return "", false, false
			}
			isRoot = isRoot || root
		default:
			return b.String(), isRoot, b.Len() > 0
		}
	}
	return b.String(), isRoot, b.Len() > 0
}

// writeType writes a type selector. html and body stand for the two elements that take their place; the weight of
// the body's class is taken away, as the message meant a type selector.
func writeType(b *strings.Builder, name string) (isRoot bool) {
	switch strings.ToLower(name) {
	case "html":
		b.WriteString("." + RootClass)
		return true
	case "body":
		b.WriteString(":where(." + BodyClass + ")")
	default:
		writeIdent(b, name)
	}
	return false
}

// writeNameTail writes what follows a prefix: any name character may come first.
func writeNameTail(b *strings.Builder, name string) {
	for _, r := range name {
		writeNameRune(b, r)
	}
}

// attribute rewrites "[name op value flag]". Values of class and id get the prefix that these attributes got.
func (p *selector) attribute(b *strings.Builder) bool {
	end := matching(p.toks, 0)
	if end == len(p.toks) {
		return false
	}
	in := trimSpace(p.toks[1:end])
	p.toks = p.toks[end+1:]
	if len(in) == 0 || in[0].kind != tokIdent {
		return false
	}
	name := strings.ToLower(in[0].text)
	b.WriteByte('[')
	writeIdent(b, name)
	rest := trimSpace(in[1:])
	if len(rest) == 0 {
		b.WriteByte(']')
		return true
	}
	op, rest, ok := attributeOp(rest)
	if !ok || len(rest) == 0 || (rest[0].kind != tokIdent && rest[0].kind != tokString) {
		return false
	}
	b.WriteString(op)
	writeString(b, prefixedValue(name, op, rest[0].text))
	switch rest = trimSpace(rest[1:]); {
	case len(rest) == 0:
	case len(rest) == 1 && isKeyword(rest, "i", "s"):
		b.WriteString(" " + strings.ToLower(rest[0].text))
	default:
		return false
	}
	b.WriteByte(']')
	return true
}

func attributeOp(toks []token) (op string, rest []token, ok bool) {
	for _, sign := range []string{"~", "|", "^", "$", "*"} {
		if toks[0].isDelim(sign) {
			op, toks = sign, toks[1:]
			break
		}
	}
	if len(toks) == 0 || !toks[0].isDelim("=") {
		return "", nil, false
	}
	return op + "=", trimSpace(toks[1:]), true
}

func prefixedValue(attr, op, value string) string {
	if attr != "class" && attr != "id" {
		return value
	}
	switch op {
	case "*=", "$=":
		return value
	case "=":
		return prefixNames(value)
	}
	return namePrefix + value
}

// pseudo rewrites a pseudo-class or pseudo-element; isRoot is true for :root.
func (p *selector) pseudo(b *strings.Builder) (isRoot, ok bool) {
	p.toks = p.toks[1:]
	colons := ":"
	if len(p.toks) > 0 && p.toks[0].kind == tokColon {
		colons, p.toks = "::", p.toks[1:]
	}
	if len(p.toks) == 0 {
		return false, false
	}
	t := p.toks[0]
	name := strings.ToLower(t.text)
	switch {
	case t.kind == tokIdent && name == "root":
		b.WriteString("." + RootClass)
		p.toks = p.toks[1:]
		return true, true
	case t.kind == tokIdent && allowedPseudo[name]:
		b.WriteString(colons + name)
		p.toks = p.toks[1:]
		return false, true
	case t.kind == tokFunction && colons == ":":
		return false, p.pseudoFunction(b, name)
	}
	return false, false
}

func (p *selector) pseudoFunction(b *strings.Builder, name string) bool {
	end := matching(p.toks, 0)
	if end == len(p.toks) || p.depth >= maxNesting {
		return false
	}
	args := trimSpace(p.toks[1:end])
	p.toks = p.toks[end+1:]
	b.WriteString(":" + name + "(")
	switch name {
	case "nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type", "lang", "dir":
		for _, t := range args {
			if t.isDelim("+") || t.isDelim("-") {
				b.WriteString(t.text)
				continue
			}
			switch t.kind {
			case tokIdent, tokNumber, tokDimension, tokSpace, tokComma, tokString:
				writeSimple(b, t)
			default:
				return false
			}
		}
	case "not", "is", "where":
		for i, one := range splitCommas(args) {
			inner := selector{toks: trimSpace(one), depth: p.depth + 1}
			s, ok := inner.complex(false)
			if !ok {
				return false
			}
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(s)
		}
	default:
		return false
	}
	b.WriteByte(')')
	return true
}
