package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152). Browsers dropped it, mail of the 1990s and some
// phishing has it.
type utf7 struct {
	shifted bool
	some    bool // the shifted sequence has had a character
	bits    uint32
	n       uint // bits in bits
	high    rune // a high surrogate waiting for its other half, or 0
}

// Reset implements transform.Transformer.
func (u *utf7) Reset() { *u = utf7{} }

// Transform implements transform.Transformer.
func (u *utf7) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+2*utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += u.octet(dst[nDst:], src[nSrc])
		nSrc++
	}
	return nDst, nSrc, nil
}

// octet takes one octet and puts out what it completes, at most two characters.
func (u *utf7) octet(dst []byte, c byte) int {
	if u.shifted {
		if v := base64Values[c]; v < 64 {
			u.some = true
			u.bits, u.n = u.bits<<6|uint32(v), u.n+6
			if u.n < 16 {
				return 0
			}
			u.n -= 16
			return u.unit(dst, rune(uint16(u.bits>>u.n)))
		}
		n := u.unshift(dst)
		if c == '-' {
			return n
		}
		return n + u.direct(dst[n:], c)
	}
	return u.direct(dst, c)
}

// direct takes an octet outside of shifted sequences.
func (u *utf7) direct(dst []byte, c byte) int {
	switch {
	case c == '+':
		*u = utf7{shifted: true}
		return 0
	case c >= utf8.RuneSelf:
		return utf8.EncodeRune(dst, windows1252(c))
	}
	dst[0] = c
	return 1
}

// unit takes one UTF-16 code unit.
func (u *utf7) unit(dst []byte, r rune) int {
	switch {
	case u.high != 0:
		r, u.high = utf16.DecodeRune(u.high, r), 0
	case r >= 0xd800 && r < 0xdc00:
		u.high = r
		return 0
	}
	return utf8.EncodeRune(dst, r)
}

// unshift ends a shifted sequence. "+-" is a plus sign.
func (u *utf7) unshift(dst []byte) int {
	n := 0
	switch {
	case !u.some:
		dst[0], n = '+', 1
	case u.high != 0:
		n = utf8.EncodeRune(dst, utf8.RuneError)
	}
	u.Reset()
	return n
}

// iso2022kr makes EUC-KR of ISO-2022-KR (RFC 1557): the escape sequence that names
// the set is dropped, and what stands between SO and SI gets its high bit.
type iso2022kr struct{ korean bool }

// Reset implements transform.Transformer.
func (k *iso2022kr) Reset() { k.korean = false }

// Transform implements transform.Transformer.
func (k *iso2022kr) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	const so, si, escape = 0x0e, 0x0f, "\x1b$)C"
	for nSrc < len(src) {
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		nSrc++
		switch {
		case c == so:
			k.korean = true
			continue
		case c == si:
			k.korean = false
			continue
		case c == '\n':
			k.korean = false
		case c == escape[0]:
			rest := src[nSrc:]
			if len(rest) < len(escape)-1 && !atEOF {
				return nDst, nSrc - 1, transform.ErrShortSrc
			}
			if len(rest) >= len(escape)-1 && string(rest[:len(escape)-1]) == escape[1:] {
				nSrc += len(escape) - 1
				continue
			}
		case k.korean && c > ' ':
			c |= 0x80
		}
		dst[nDst] = c
		nDst++
	}
	return nDst, nSrc, nil
}
