package load

import (
	"bytes"
	"fmt"
)

// next passes over one response with all its literals and returns its first line,
// which is not empty. Behind a response with literals the line is only good for
// telling what kind it was: its octets may be others by then.
func (c *IMAP) next() ([]byte, error) {
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	if len(line) == 0 {
		return nil, fmt.Errorf("the server sends an empty line")
	}
	if line[0] == '*' {
		c.count(line)
	}
	n, ok := literal(line)
	if !ok || isStatus(line) {
		return line, nil
	}
	kind := [...]byte{line[0]}
	for ok {
		if err := c.skip(n); err != nil {
			return nil, err
		}
		if line, err = c.line(); err != nil {
			return nil, err
		}
		n, ok = literal(line)
	}
	return kind[:], nil
}

// count looks at an untagged response.
func (c *IMAP) count(line []byte) {
	if len(line) < 2 {
		return
	}
	line = line[2:]
	i := 0
	for i < len(line) && line[i] >= '0' && line[i] <= '9' {
		i++
	}
	if i > 0 && i+1 < len(line) {
		switch line[i+1] {
		case 'F':
			c.fetches++
		case 'E':
			if bytes.HasSuffix(line, []byte("EXPUNGE")) {
				c.removed++
			}
		}
	}
	if c.Untagged != nil {
		c.Untagged(line)
	}
}

// literal reports whether a line announces one, and of how many octets:
//
//	literal = "{" number64 ["+"] "}" CRLF *CHAR8
func literal(line []byte) (n int64, ok bool) {
	end := len(line) - 1
	if end < 2 || line[end] != '}' {
		return 0, false
	}
	start := bytes.LastIndexByte(line[max(0, end-21):end], '{')
	if start < 0 {
		return 0, false
	}
	digits := bytes.TrimSuffix(line[max(0, end-21)+start+1:end], []byte("+"))
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, true
}

// isStatus reports whether a line ends with text for people, which may look like
// anything: "* OK", "a1 NO" and their like, and "+".
func isStatus(line []byte) bool {
	if line[0] == '+' || line[0] != '*' {
		return true // the server tags nothing but the end of a command
	}
	for _, word := range []string{"* OK ", "* NO ", "* BAD ", "* BYE ", "* PREAUTH "} {
		if bytes.HasPrefix(line, []byte(word)) {
			return true
		}
	}
	return false
}
