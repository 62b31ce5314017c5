package mbox

import (
	"bytes"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// tally counts octets and line ends of what clients see of a message, so that
// its size in CRLF form is known after one pass.
type tally struct {
	n, lf, crlf int64
	last        byte
}

func (t *tally) add(b []byte) {
	if len(b) == 0 {
		return
	}
	t.n += int64(len(b))
	t.lf += int64(bytes.Count(b, newline))
	if t.last == '\r' && b[0] == '\n' {
		t.crlf++
	}
	t.last = b[len(b)-1]
	for {
		i := bytes.IndexByte(b, '\r')
		if i < 0 || i == len(b)-1 {
			return
		}
		if b[i+1] == '\n' {
			t.crlf++
		}
		b = b[i+1:]
	}
}

// size is the number of octets in CRLF form (RFC822.SIZE).
func (t *tally) size() int64 { return t.n + t.lf - t.crlf }

// sum is a CRC-32C that leaves out the line ends at the end: other programs add
// and drop empty lines there, and the message is still the same.
type sum struct{ all, text uint32 }

func (s *sum) add(b []byte) {
	k := len(b)
	for k > 0 && (b[k-1] == '\n' || b[k-1] == '\r') {
		k--
	}
	if k > 0 {
		s.text = crc32.Update(s.all, castagnoli, b[:k])
		s.all = s.text
	}
	s.all = crc32.Update(s.all, castagnoli, b[k:])
}

var newline = []byte{'\n'}
