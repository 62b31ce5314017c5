package sanitize

import "strings"

// stylesheet rewrites the contents of a style element. What it returns holds only rules that begin with the root
// class, @media, @supports and @keyframes.
func (w *walker) stylesheet(src string) string {
	var b strings.Builder
	w.rules(&b, tokenize(src), 0)
	return b.String()
}

// rules is "consume a list of rules" (CSS Syntax 5.4.1).
func (w *walker) rules(b *strings.Builder, toks []token, depth int) {
	if depth > maxNesting {
		return
	}
	for len(toks) > 0 {
		switch t := toks[0]; t.kind {
		case tokSpace, tokCDO, tokCDC, tokSemicolon, tokCloseBrace:
			toks = toks[1:]
		default:
			prelude, block, rest := cutRule(toks)
			if t.kind == tokAt {
				w.atRule(b, strings.ToLower(t.text), prelude[1:], block, depth)
			} else if block != nil {
				w.styleRule(b, prelude, block)
			}
			toks = rest
		}
	}
}

// cutRule parts the first rule into what stands before its block and the block without its braces. The block is nil
// for an at-rule that ends with ";" and for a rule cut off by the end of the sheet.
func cutRule(toks []token) (prelude, block, rest []token) {
	at := toks[0].kind == tokAt
	for i := 0; i < len(toks); i++ {
		switch toks[i].kind {
		case tokSemicolon:
			if at {
				return toks[:i], nil, toks[i+1:]
			}
		case tokOpenBrace:
			end := matching(toks, i)
			block = toks[i+1 : end]
			if block == nil {
				block = []token{}
			}
			return toks[:i], block, toks[min(end+1, len(toks)):]
		case tokOpenParen, tokOpenSquare, tokFunction:
			i = min(matching(toks, i), len(toks)-1)
		}
	}
	return toks, nil, nil
}

// matching gives the index of the token that closes the bracket at i, or len(toks).
func matching(toks []token, i int) int {
	var open []kind
	for ; i < len(toks); i++ {
		switch k := toks[i].kind; k {
		case tokFunction:
			open = append(open, tokCloseParen)
		case tokOpenParen, tokOpenSquare, tokOpenBrace:
			open = append(open, k+1)
		case tokCloseParen, tokCloseSquare, tokCloseBrace:
			if len(open) > 0 && open[len(open)-1] == k {
				if open = open[:len(open)-1]; len(open) == 0 {
					return i
				}
			}
		}
	}
	return len(toks)
}

func (w *walker) styleRule(b *strings.Builder, prelude, block []token) {
	sel := selectorList(prelude)
	if sel == "" {
		return
	}
	if decls := w.declarations(block); decls != "" {
		b.WriteString(sel + "{" + decls + "}\n")
	}
}

func (w *walker) atRule(b *strings.Builder, name string, prelude, block []token, depth int) {
	if block == nil {
		return // @import, @charset, @namespace
	}
	prelude = trimSpace(prelude)
	switch name {
	case "media":
		if cond, ok := condition(prelude, false); ok {
			w.group(b, "@media "+cond, block, depth)
		}
	case "supports":
		if cond, ok := condition(prelude, true); ok && cond != "" {
			w.group(b, "@supports "+cond, block, depth)
		}
	case "keyframes", "-webkit-keyframes":
		w.keyframes(b, name, prelude, block)
	}
}

func (w *walker) group(b *strings.Builder, head string, block []token, depth int) {
	var inner strings.Builder
	w.rules(&inner, block, depth+1)
	if inner.Len() > 0 {
		b.WriteString(head + "{\n" + inner.String() + "}\n")
	}
}

// condition rewrites a media query list or a supports condition: words, numbers and brackets. The signs of range
// queries are refused, as "<" has no place in a style element.
func condition(toks []token, functions bool) (string, bool) {
	var b strings.Builder
	depth := 0
	for _, t := range toks {
		switch t.kind {
		case tokOpenParen:
			depth++
			b.WriteByte('(')
		case tokFunction:
			if name := strings.ToLower(t.text); !functions || !allowedFunctions[name] {
				return "", false
			}
			depth++
			writeIdent(&b, strings.ToLower(t.text))
			b.WriteByte('(')
		case tokCloseParen:
			if depth--; depth < 0 {
				return "", false
			}
			b.WriteByte(')')
		case tokColon:
			b.WriteByte(':')
		case tokIdent, tokNumber, tokPercent, tokDimension, tokSpace, tokComma, tokHash:
			writeSimple(&b, t)
		case tokDelim:
			if t.text != "/" {
				return "", false
			}
			b.WriteString(" / ")
		default:
			return "", false
		}
	}
	return b.String(), depth == 0
}

// keyframes rewrites @keyframes: a name and a list of "from", "to" or percentages with declarations.
func (w *walker) keyframes(b *strings.Builder, at string, prelude, block []token) {
	if len(prelude) != 1 || prelude[0].kind != tokIdent {
		return
	}
	var inner strings.Builder
	for len(block) > 0 {
		if block[0].kind == tokSpace {
			block = block[1:]
			continue
		}
		var when, decls []token
		when, decls, block = cutRule(block)
		if s, ok := keyframeSelector(when); ok && decls != nil {
			inner.WriteString(s + "{" + w.declarations(decls) + "}\n")
		}
	}
	b.WriteString("@" + at + " ")
	writeIdent(b, prelude[0].text)
	b.WriteString("{\n" + inner.String() + "}\n")
}

func keyframeSelector(toks []token) (string, bool) {
	var b strings.Builder
	for _, t := range trimSpace(toks) {
		switch {
		case t.kind == tokPercent, t.kind == tokComma, t.kind == tokSpace:
			writeSimple(&b, t)
		case t.kind == tokIdent && isKeyword([]token{t}, "from", "to"):
			b.WriteString(strings.ToLower(t.text))
		default:
			return "", false
		}
	}
	return b.String(), b.Len() > 0
}
