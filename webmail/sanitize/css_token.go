package sanitize

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The tokens of CSS Syntax Module Level 3, section 4.
type kind uint8

const (
	tokIdent kind = iota
	tokFunction
	tokAt
	tokHash
	tokString
	tokURL
	tokBad // <bad-string-token> and <bad-url-token>
	tokDelim
	tokNumber
	tokPercent
	tokDimension
	tokSpace
	tokCDO
	tokCDC
	tokColon
	tokSemicolon
	tokComma
	tokOpenSquare
	tokCloseSquare
	tokOpenParen
	tokCloseParen
	tokOpenBrace
	tokCloseBrace
)

// A token has its text with the escapes taken away: the name of an identifier, function, at-keyword or hash, the
// contents of a string or URL, the unit of a dimension, the character of a delimiter.
type token struct {
	kind kind
	text string
	num  string // of a number, percentage or dimension: as it was written
}

// negative says whether a numeric token is below zero.
func (t token) negative() bool { return strings.HasPrefix(t.num, "-") }

// tokenize takes a style sheet or a declaration list apart. Comments vanish, and every input gives some tokens.
func tokenize(src string) []token {
	z := &cssScanner{src: preprocess(src)}
	var toks []token
	for z.pos < len(z.src) {
		if t, ok := z.next(); ok {
			toks = append(toks, t)
		}
	}
	return toks
}

// preprocess is section 3.3 of CSS Syntax.
func preprocess(s string) string {
	if !strings.ContainsAny(s, "\r\f\x00") {
		return s
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n", "\x00", "\uFFFD").Replace(s)
}

type cssScanner struct {
	src string
	pos int
}

// at gives the byte n places ahead, or 0 behind the end (a NUL cannot stand in the input any more).
func (z *cssScanner) at(n int) byte {
	if z.pos+n < len(z.src) {
		return z.src[z.pos+n]
	}
	return 0
}

// next is "consume a token" (4.3.1); ok is false for a comment.
func (z *cssScanner) next() (t token, ok bool) {
	c := z.at(0)
	switch {
	case c == '/' && z.at(1) == '*':
		z.comment()
		return token{}, false
	case isSpace(c):
		for isSpace(z.at(0)) {
			z.pos++
		}
		return token{kind: tokSpace}, true
	case c == '"' || c == '\'':
		return z.str(c), true
	case c == '#' && (isName(z.at(1)) || z.escapeAt(1)):
		z.pos++
		return token{kind: tokHash, text: z.name()}, true
	case z.numberStarts():
		return z.numeric(), true
	case c == '-' && z.at(1) == '-' && z.at(2) == '>':
		z.pos += 3
		return token{kind: tokCDC}, true
	case z.identStarts(0):
		return z.identLike(), true
	case c == '<' && strings.HasPrefix(z.src[z.pos:], "<!--"):
		z.pos += 4
		return token{kind: tokCDO}, true
	case c == '@':
		z.pos++
		if z.identStarts(0) {
			return token{kind: tokAt, text: z.name()}, true
		}
		return token{kind: tokDelim, text: "@"}, true
	}
	return z.punctuation(), true
}

func (z *cssScanner) punctuation() token {
	r, size := utf8.DecodeRuneInString(z.src[z.pos:])
	z.pos += size
	switch r {
	case ':':
		return token{kind: tokColon}
	case ';':
		return token{kind: tokSemicolon}
	case ',':
		return token{kind: tokComma}
	case '[':
		return token{kind: tokOpenSquare}
	case ']':
		return token{kind: tokCloseSquare}
	case '(':
		return token{kind: tokOpenParen}
	case ')':
		return token{kind: tokCloseParen}
	case '{':
		return token{kind: tokOpenBrace}
	case '}':
		return token{kind: tokCloseBrace}
	}
	return token{kind: tokDelim, text: string(r)}
}

func (z *cssScanner) comment() {
	end := strings.Index(z.src[z.pos+2:], "*/")
	if end < 0 {
		z.pos = len(z.src)
		return
	}
	z.pos += 2 + end + 2
}

// str is "consume a string token" (4.3.5).
func (z *cssScanner) str(quote byte) token {
	z.pos++
	var b strings.Builder
	for z.pos < len(z.src) {
		switch c := z.src[z.pos]; {
		case c == quote:
			z.pos++
			return token{kind: tokString, text: b.String()}
		case c == '\n':
			return token{kind: tokBad}
		case c == '\\' && z.pos+1 == len(z.src):
			z.pos++
		case c == '\\' && z.at(1) == '\n':
			z.pos += 2
		case c == '\\':
			z.pos++
			b.WriteRune(z.escape())
		default:
			b.WriteByte(c)
			z.pos++
		}
	}
	return token{kind: tokString, text: b.String()}
}

// identLike is "consume an ident-like token" (4.3.4).
func (z *cssScanner) identLike() token {
	name := z.name()
	if z.at(0) != '(' {
		return token{kind: tokIdent, text: name}
	}
	z.pos++
	if !strings.EqualFold(name, "url") {
		return token{kind: tokFunction, text: name}
	}
	p := z.pos
	for isSpace(z.at(0)) {
		z.pos++
	}
	if c := z.at(0); c == '"' || c == '\'' {
		z.pos = p
		return token{kind: tokFunction, text: name}
	}
	return z.url()
}

// url is "consume a url token" (4.3.6); white space before it is already gone.
func (z *cssScanner) url() token {
	var b strings.Builder
	for z.pos < len(z.src) {
		switch c := z.src[z.pos]; {
		case c == ')':
			z.pos++
			return token{kind: tokURL, text: b.String()}
		case isSpace(c):
			for isSpace(z.at(0)) {
				z.pos++
			}
			if z.pos == len(z.src) || z.at(0) == ')' {
				z.pos++
				return token{kind: tokURL, text: b.String()}
			}
			return z.badURL()
		case c == '"' || c == '\'' || c == '(' || c < 0x20 || c == 0x7f:
			return z.badURL()
		case c == '\\' && z.escapeAt(0):
			z.pos++
			b.WriteRune(z.escape())
		case c == '\\':
			return z.badURL()
		default:
			b.WriteByte(c)
			z.pos++
		}
	}
	return token{kind: tokURL, text: b.String()}
}

// badURL is "consume the remnants of a bad url" (4.3.14).
func (z *cssScanner) badURL() token {
	for z.pos < len(z.src) {
		switch {
		case z.src[z.pos] == ')':
			z.pos++
			return token{kind: tokBad}
		case z.escapeAt(0):
			z.pos++
			z.escape()
		default:
			z.pos++
		}
	}
	return token{kind: tokBad}
}

// numeric is "consume a numeric token" (4.3.3).
func (z *cssScanner) numeric() token {
	start := z.pos
	if c := z.at(0); c == '+' || c == '-' {
		z.pos++
	}
	z.digits()
	if z.at(0) == '.' && isDigit(z.at(1)) {
		z.pos++
		z.digits()
	}
	if c := z.at(0); c == 'e' || c == 'E' {
		if isDigit(z.at(1)) || ((z.at(1) == '+' || z.at(1) == '-') && isDigit(z.at(2))) {
			z.pos += 2
			z.digits()
		}
	}
	num := z.src[start:z.pos]
	switch {
	case z.identStarts(0):
		return token{kind: tokDimension, num: num, text: z.name()}
	case z.at(0) == '%':
		z.pos++
		return token{kind: tokPercent, num: num}
	}
	return token{kind: tokNumber, num: num}
}

func (z *cssScanner) digits() {
	for isDigit(z.at(0)) {
		z.pos++
	}
}

// name is "consume an ident sequence" (4.3.11).
func (z *cssScanner) name() string {
	var b strings.Builder
	for z.pos < len(z.src) {
		switch c := z.src[z.pos]; {
		case isName(c):
			b.WriteByte(c)
			z.pos++
		case z.escapeAt(0):
			z.pos++
			b.WriteRune(z.escape())
		default:
			return b.String()
		}
	}
	return b.String()
}

// escape is "consume an escaped code point" (4.3.7), the backslash being gone.
func (z *cssScanner) escape() rune {
	n := 0
	for n < 6 && isHex(z.at(n)) {
		n++
	}
	if n == 0 {
		r, size := utf8.DecodeRuneInString(z.src[z.pos:])
		z.pos += size
		return r
	}
	v, _ := strconv.ParseUint(z.src[z.pos:z.pos+n], 16, 32) // at most six hex digits
	z.pos += n
	if isSpace(z.at(0)) {
		z.pos++
	}
	if v == 0 || !utf8.ValidRune(rune(v)) {
		return utf8.RuneError
	}
	return rune(v)
}

// escapeAt says whether a valid escape stands n bytes ahead (4.3.8).
func (z *cssScanner) escapeAt(n int) bool {
	return z.at(n) == '\\' && z.pos+n+1 < len(z.src) && z.at(n+1) != '\n'
}

// identStarts is 4.3.9.
func (z *cssScanner) identStarts(n int) bool {
	switch c := z.at(n); {
	case c == '-':
		return isNameStart(z.at(n+1)) || z.at(n+1) == '-' || z.escapeAt(n+1)
	case c == '\\':
		return z.escapeAt(n)
	default:
		return isNameStart(c)
	}
}

// numberStarts is 4.3.10.
func (z *cssScanner) numberStarts() bool {
	n := 0
	if c := z.at(0); c == '+' || c == '-' {
		n = 1
	}
	return isDigit(z.at(n)) || (z.at(n) == '.' && isDigit(z.at(n+1)))
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool {
	return isDigit(c) || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F')
}
func isNameStart(c byte) bool {
	return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || c == '_' || c >= utf8.RuneSelf
}
func isName(c byte) bool { return isNameStart(c) || isDigit(c) || c == '-' }
