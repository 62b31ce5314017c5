package maildir

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Directories are named in the modified UTF-7 of RFC 3501 section 5.1.3, as
// Dovecot and Courier do it. Names that others made in plain UTF-8 are shown
// and used as they are.

var utf7Base64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

func isDirect(r rune) bool { return 0x20 <= r && r <= 0x7e && r != '&' }

// encodeUTF7 writes a valid UTF-8 string in modified UTF-7.
func encodeUTF7(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !isDirect(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return !isDirect(r) })
		if n < 0 {
			n = len(s)
		}
		b.WriteString(s[:n])
		s = s[n:]
		switch {
		case s == "":
		case s[0] == '&':
			b.WriteString("&-")
			s = s[1:]
		default:
			n := strings.IndexFunc(s, func(r rune) bool { return isDirect(r) || r == '&' })
			if n < 0 {
				n = len(s)
			}
			b.WriteString("&" + encodeUTF16(s[:n]) + "-")
			s = s[n:]
		}
	}
	return b.String()
}

func encodeUTF16(s string) string {
	units := utf16.Encode([]rune(s))
	octets := make([]byte, 0, 2*len(units))
	for _, u := range units {
		octets = append(octets, byte(u>>8), byte(u))
	}
	return utf7Base64.EncodeToString(octets)
}

// decodeUTF7 reads modified UTF-7. It is strict: only what encodeUTF7 would
// write is ok.
func decodeUTF7(s string) (string, bool) {
	name, ok := looseUTF7(s)
	return name, ok && encodeUTF7(name) == s
}

// looseUTF7 also accepts what could have been written more simply.
func looseUTF7(s string) (string, bool) {
	var b strings.Builder
	for rest := s; rest != ""; {
		before, after, found := strings.Cut(rest, "&")
		b.WriteString(before)
		if !found {
			break
		}
		encoded, after, found := strings.Cut(after, "-")
		if !found {
			return "", false
		}
		if encoded == "" {
			b.WriteByte('&')
		}
		octets, err := utf7Base64.DecodeString(encoded)
		if err != nil || len(octets)%2 != 0 {
			return "", false
		}
		units := make([]uint16, 0, len(octets)/2)
		for i := 0; i < len(octets); i += 2 {
			units = append(units, uint16(octets[i])<<8|uint16(octets[i+1]))
		}
		b.WriteString(string(utf16.Decode(units)))
		rest = after
	}
	return b.String(), true
}

// decodeName returns the mailbox name that a directory's name stands for. It is
// not ok when there is none: the name is neither modified UTF-7 nor UTF-8, or
// holds control characters.
func decodeName(s string) (name string, ok bool) {
	name, ok = decodeUTF7(s)
	if !ok {
		name = s
	}
	return name, utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// encodings returns the directory names that may stand for a mailbox name, the
// one for new directories first.
func encodings(name string) []string {
	encoded := encodeUTF7(name)
	if literal, ok := decodeName(name); encoded == name || !ok || literal != name {
		return []string{encoded}
	}
	return []string{encoded, name}
}
