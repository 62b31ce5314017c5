package mbox

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Modified UTF-7 (RFC 3501 section 5.1.3) is how Dovecot, Courier and UW-IMAP
// write names of mailboxes into the file system.

var mutf7Base64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// encodeMUTF7 writes valid UTF-8 in modified UTF-7.
func encodeMUTF7(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '&':
			b.WriteString("&-")
			i++
		case c >= ' ' && c <= '~':
			b.WriteByte(c)
			i++
		default:
			j := i
			for j < len(s) && (s[j] < ' ' || s[j] > '~') {
				j++
			}
			var raw []byte
			for _, u := range utf16.Encode([]rune(s[i:j])) {
				raw = append(raw, byte(u>>8), byte(u))
			}
			b.WriteString("&" + mutf7Base64.EncodeToString(raw) + "-")
			i = j
		}
	}
	return b.String()
}

// decodeMUTF7 reads what encodeMUTF7 writes, and nothing else.
func decodeMUTF7(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '&' {
			b.WriteByte(s[i])
			i++
			continue
		}
		end := strings.IndexByte(s[i:], '-')
		if end < 0 {
			return "", false
		}
		if end == 1 {
			b.WriteByte('&')
		} else {
			raw, err := mutf7Base64.DecodeString(s[i+1 : i+end])
			if err != nil || len(raw)%2 != 0 {
				return "", false
			}
			units := make([]uint16, len(raw)/2)
			for k := range units {
				units[k] = uint16(raw[2*k])<<8 | uint16(raw[2*k+1])
			}
			b.WriteString(string(utf16.Decode(units)))
		}
		i += end + 1
	}
	name := b.String()
	return name, utf8.ValidString(name) && encodeMUTF7(name) == s
}
