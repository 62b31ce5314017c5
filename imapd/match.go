package imapd

import "strings"

// A matcher tells whether names fit a LIST pattern (RFC 9051 section 6.3.9): "*"
// stands for anything, "%" for anything but the hierarchy delimiter.
type matcher struct {
	pattern string
	delim   byte
	// literals is how many octets of the pattern stand for themselves: a name
	// that is shorter cannot fit, however long the pattern.
	literals int
	at       []bool // scratch: which prefixes of the name the pattern so far fits
}

func newMatcher(pattern string, delim byte) *matcher {
	m := &matcher{delim: delim}
	var b strings.Builder
	for i := range len(pattern) {
		c := pattern[i]
		wild := c == '*' || c == '%'
		if wild && i > 0 && pattern[i-1] == c {
			continue // "**" is "*"
		}
		if !wild {
			m.literals++
		}
		b.WriteByte(c)
	}
	m.pattern = b.String()
	return m
}

// match costs at most len(pattern) times len(name), which no pattern of an
// attacker can make exponential.
func (m *matcher) match(name string) bool {
	if m.literals > len(name) {
		return false
	}
	if cap(m.at) <= len(name) {
		m.at = make([]bool, len(name)+1)
	}
	at := m.at[:len(name)+1]
	clear(at)
	at[0] = true
	for i := range len(m.pattern) {
		switch c := m.pattern[i]; c {
		case '*', '%':
			for j := range len(name) {
				if at[j] && (c == '*' || name[j] != m.delim) {
					at[j+1] = true
				}
			}
		default:
			for j := len(name) - 1; j >= 0; j-- {
				at[j+1] = at[j] && name[j] == c
			}
			at[0] = false
		}
	}
	return at[len(name)]
}
