package message

import "strconv"

// AppendString appends an IMAP string as AppendEnvelope writes them: quoted where that is legal, else a literal.
// A quoted string holds no CR, LF or 8-bit octet (RFC 9051 section 9, QUOTED-CHAR;
// UTF-8 in it would need ENABLE UTF8=ACCEPT or IMAP4rev2, which this form must not
// depend on). Neither holds NUL: s has none.
//
// QUIRK: iOS waits for 90 seconds on {0}; the empty string is always "".
func AppendString(dst, s []byte) []byte {
	start := len(dst)
	dst = append(dst, '"')
	plain := 0
	for plain < len(s) && !special[s[plain]] {
		plain++
	}
	dst = append(dst, s[:plain]...)
	for _, c := range s[plain:] {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x80 || c == '\r' || c == '\n' || c == 0:
			return appendLiteral(dst[:start], s)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// special are octets that cannot stand in a quoted string as they are.
var special = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 0x80 || c == '"' || c == '\\' || c == '\r' || c == '\n' || c == 0
	}
	return is
}()

func appendLiteral(dst, s []byte) []byte {
	dst = append(dst, '{')
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	dst = append(dst, "}\r\n"...)
	start := len(dst)
	dst = append(dst, s...)
	ReplaceNUL(dst[start:])
	return dst
}

func appendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return AppendString(dst, []byte(s))
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendNString appends NIL for nil, else a string.
func appendNString(dst, s []byte) []byte {
	if s == nil {
		return append(dst, "NIL"...)
	}
	return AppendString(dst, s)
}

func appendNText(dst []byte, s string, present bool) []byte {
	if !present {
		return append(dst, "NIL"...)
	}
	return appendText(dst, s)
}
