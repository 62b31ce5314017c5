package imap

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrMailboxName is what [DecodeMailboxName] gives for a name that is not in modified UTF-7.
var ErrMailboxName = errors.New("imap: mailbox name is not in canonical modified UTF-7")

const base64Mailbox = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// EncodeMailboxName gives a UTF-8 name in modified UTF-7 (RFC 3501 section 5.1.3). Octets that are no
// UTF-8 become U+FFFD.
func EncodeMailboxName(name string) string {
	if isDirect(name) {
		return name
	}
	return string(AppendMailboxName(nil, name))
}

func isDirect(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '&' {
			return false
		}
	}
	return true
}

// AppendMailboxName is EncodeMailboxName onto a buffer.
func AppendMailboxName(b []byte, name string) []byte {
	var bits uint32 // what is not yet written, nbits of it
	nbits, shifted := 0, false
	for _, c := range name {
		if c >= ' ' && c <= '~' {
			if shifted {
				b = endShift(b, bits, nbits)
				bits, nbits, shifted = 0, 0, false
			}
			b = append(b, byte(c))
			if c == '&' {
				b = append(b, '-')
			}
			continue
		}
		if !shifted {
			b = append(b, '&')
			shifted = true
		}
		var units [2]uint16
		for _, u := range utf16.AppendRune(units[:0], c) {
			bits = bits<<16 | uint32(u)
			for nbits += 16; nbits >= 6; {
				nbits -= 6
				b = append(b, base64Mailbox[bits>>nbits&63])
			}
		}
	}
	if shifted {
		b = endShift(b, bits, nbits)
	}
	return b
}

func endShift(b []byte, bits uint32, nbits int) []byte {
	if nbits > 0 {
		b = append(b, base64Mailbox[bits<<(6-nbits)&63])
	}
	return append(b, '-')
}

// DecodeMailboxName gives the UTF-8 form of a name in modified UTF-7. It takes the canonical form only,
// so that encoding the result gives the same octets back.
func DecodeMailboxName(wire string) (string, error) {
	name, ok := decodeMailboxName(wire)
	if !ok || EncodeMailboxName(name) != wire {
		return "", ErrMailboxName
	}
	return name, nil
}

// ReadMailboxName gives the UTF-8 name that a client means. With utf8Mode (after ENABLE UTF8=ACCEPT or
// IMAP4rev2) that is what it wrote. Without, it is modified UTF-7; what cannot be that is taken as it
// stands, provided it is UTF-8.
//
// QUIRK: clients send raw UTF-8 and an unescaped "&" without having enabled UTF-8.
//
// INBOX in any case is INBOX. ok is false when the name is empty of meaning: no UTF-8, or with NUL.
func ReadMailboxName(wire string, utf8Mode bool) (name string, ok bool) {
	name = wire
	if !utf8Mode {
		if decoded, ok := decodeMailboxName(wire); ok {
			name = decoded
		}
	}
	if len(name) == len(inbox) && strings.EqualFold(name, inbox) {
		return inbox, true
	}
	return name, utf8.ValidString(name) && strings.IndexByte(name, 0) < 0
}

const inbox = "INBOX"

// FoldInbox gives a name with its first level in upper case when that is INBOX in any case, as in
// inbox/Sent: as a parent, too, INBOX is case-insensitive. delim is the hierarchy delimiter.
func FoldInbox(name string, delim byte) string {
	if len(name) < len(inbox) || !strings.EqualFold(name[:len(inbox)], inbox) {
		return name
	}
	if len(name) > len(inbox) && name[len(inbox)] != delim {
		return name
	}
	return inbox + name[len(inbox):]
}

// decodeMailboxName reads modified UTF-7 without asking for its canonical form: base64 may hold what
// needs none, and one shift may follow another.
func decodeMailboxName(wire string) (string, bool) {
	if isDirect(wire) {
		return wire, true
	}
	b := make([]byte, 0, len(wire))
	for i := 0; i < len(wire); i++ {
		c := wire[i]
		if c < ' ' || c > '~' {
			return "", false
		}
		if c != '&' {
			b = append(b, c)
			continue
		}
		n := strings.IndexByte(wire[i:], '-')
		if n < 0 {
			return "", false
		}
		var ok bool
		if b, ok = decodeShift(b, wire[i+1:i+n]); !ok {
			return "", false
		}
		i += n
	}
	return string(b), true
}

// decodeShift appends what stands between "&" and "-".
func decodeShift(b []byte, s string) ([]byte, bool) {
	if s == "" {
		return append(b, '&'), true
	}
	var bits uint32
	nbits := 0
	high := rune(-1) // a high surrogate waiting for its other half
	for i := range len(s) {
		v := strings.IndexByte(base64Mailbox, s[i])
		if v < 0 {
			return nil, false
		}
		bits = bits<<6 | uint32(v)
		if nbits += 6; nbits < 16 {
			continue
		}
		nbits -= 16
		u := rune(bits >> nbits & 0xffff)
		switch {
		case high >= 0:
			r := utf16.DecodeRune(high, u)
			if r == utf8.RuneError {
				return nil, false
			}
			b = utf8.AppendRune(b, r)
			high = -1
		case utf16.IsSurrogate(u):
			high = u
		default:
			b = utf8.AppendRune(b, u)
		}
	}
	complete := high < 0 && nbits < 6 && bits&(1<<nbits-1) == 0
	return b, complete
}
