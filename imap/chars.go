package imap

import "unicode/utf8"

// Classes of characters (RFC 9051 section 9).

// isAtomChar:
//
//	ATOM-CHAR      = <any CHAR except atom-specials>
//	atom-specials  = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
func isAtomChar(c byte) bool {
	switch c {
	case '(', ')', '{', ' ', '%', '*', '"', '\\', ']', 0x7f:
		return false
	}
	return c > ' ' && c < 0x80
}

// isAStringChar:
//
//	ASTRING-CHAR = ATOM-CHAR / resp-specials
func isAStringChar(c byte) bool { return c == ']' || isAtomChar(c) }

// isListChar:
//
//	list-char = ATOM-CHAR / list-wildcards / resp-specials
func isListChar(c byte) bool { return c == '%' || c == '*' || isAStringChar(c) }

// isTagChar:
//
//	tag = 1*<any ASTRING-CHAR except "+">
func isTagChar(c byte) bool { return c != '+' && isAStringChar(c) }

// isValueChar has what an unquoted word of a tagged-ext-val may have: an astring, a set with "*", and the
// backslash of the attributes of CREATE (USE).
func isValueChar(c byte) bool { return c == '*' || c == '\\' || isAStringChar(c) }

// isWordChar has the letters of keywords: command names, data items, parameter names.
func isWordChar(c byte) bool {
	switch {
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', isDigit(c):
		return true
	}
	return c == '.' || c == '-' || c == '_'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

func isUTF8(s string) bool { return utf8.ValidString(s) }
