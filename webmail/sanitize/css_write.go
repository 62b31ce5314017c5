package sanitize

import (
	"fmt"
	"strings"
	"unicode"
)

// writeIdent writes name so that every CSS reader gets the same identifier back (CSSOM, "serialize an identifier").
// Nothing but letters, digits, "-" and "_" goes out as itself, so no name can end a style element or an attribute.
func writeIdent(b *strings.Builder, name string) {
	for i, r := range name {
		switch {
		case isDigitRune(r) && (i == 0 || (i == 1 && name[0] == '-')):
			writeHex(b, r)
		case r == '-' && len(name) == 1:
			b.WriteString(`\-`)
		case r < 0x80 && isName(byte(r)):
			b.WriteRune(r)
		case r >= 0x80 && unicode.IsLetter(r):
			b.WriteRune(r)
		default:
			writeHex(b, r)
		}
	}
}

// writeUnit writes the unit of a dimension. A unit that looks like an exponent must not
// join the number before it.
func writeUnit(b *strings.Builder, unit string) {
	if unit != "" && (unit[0] == 'e' || unit[0] == 'E') && len(unit) > 1 && (isDigit(unit[1]) || unit[1] == '-') {
		writeHex(b, rune(unit[0]))
		unit = unit[1:]
		for _, r := range unit {
			writeNameRune(b, r)
		}
		return
	}
	writeIdent(b, unit)
}

func writeNameRune(b *strings.Builder, r rune) {
	if r < 0x80 && isName(byte(r)) || r >= 0x80 && unicode.IsLetter(r) {
		b.WriteRune(r)
		return
	}
	writeHex(b, r)
}

// writeHash writes a colour or other hash: its name may begin with a digit.
func writeHash(b *strings.Builder, name string) {
	b.WriteByte('#')
	for _, r := range name {
		writeNameRune(b, r)
	}
}

func writeHex(b *strings.Builder, r rune) { fmt.Fprintf(b, `\%x `, r) }

// writeString writes a quoted string; quotes, backslashes, angle brackets, ampersands and all that cannot be seen go
// out as escapes.
func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case strings.ContainsRune("\"\\<>&'", r), !unicode.IsPrint(r):
			writeHex(b, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

func isDigitRune(r rune) bool { return '0' <= r && r <= '9' }
