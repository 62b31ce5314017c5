package webmail

import (
	"net/url"
	"strings"
	"unicode"
)

// A mailbox name is one segment of a path. "/" and a leading "." would be taken for steps by browsers and proxies, so they
// are written as "~1" and "~2", and "~" itself as "~0" (after RFC 6901, which escapes names in the same way).
var (
	boxEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	boxUnescaper = strings.NewReplacer("~1", "/", "~2", ".", "~0", "~")
)

// boxPath is the path of a mailbox's list.
func boxPath(name string) string { return "/m/" + boxSegment(name) }

func boxSegment(name string) string {
	seg := boxEscaper.Replace(name)
	if strings.HasPrefix(seg, ".") {
		seg = "~2" + seg[1:]
	}
	return url.PathEscape(seg)
}

// boxName is the mailbox that an unescaped path segment names.
func boxName(segment string) string { return boxUnescaper.Replace(segment) }

// shown makes a name from outside fit to be shown within a line of ours: characters that turn the direction of text
// (and with it make "gpj.exe" out of "exe.jpg") and those that nobody sees are taken out. The pages isolate each such text with
// <bdi> besides.
func shown(s string) string {
	bad := func(r rune) bool {
		return unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) || invisible(r)
	}
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case bad(r):
			return -1
		}
		return r
	}, s)
}

// invisible are the format characters with no place in a line of text. Joiners stay: Persian, Hindi and emoji need them.
func invisible(r rune) bool {
	switch r {
	case '\u200B', '\u2060', '\uFEFF', '\u00AD', '\u034F', '\u180E':
		return true
	}
	return r >= 0xE0000 && r <= 0xE0FFF // tags
}
