package fulltext

import (
	"encoding/binary"
	"math/bits"
)

// A posting says which messages of a segment have a gram: their numbers, rising, as gaps
// or, where that is shorter, as a bitmap of all messages.

// appendPosting appends the posting of some of n messages behind its form and length.
func appendPosting(dst []byte, list []uint16, n int) []byte {
	size, next := 0, 0
	for _, d := range list {
		size += uvarintLen(uint(int(d) - next))
		next = int(d) + 1
	}
	bitmap := (n + 7) / 8
	if size <= bitmap {
		dst = binary.AppendUvarint(dst, uint64(size)<<1)
		next = 0
		for _, d := range list {
			dst = binary.AppendUvarint(dst, uint64(int(d)-next))
			next = int(d) + 1
		}
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(bitmap)<<1|1)
	start := len(dst)
	dst = append(dst, make([]byte, bitmap)...)
	for _, d := range list {
		dst[start+int(d>>3)] |= 1 << (d & 7)
	}
	return dst
}

func uvarintLen(v uint) int { return (bits.Len(v|1) + 6) / 7 }

// posting is one as it is written.
type posting struct {
	b      []byte
	bitmap bool
}

// each calls f with the number of each message. It is false for what is no posting of n
// messages.
func (p posting) each(n int, f func(doc int)) bool {
	if p.bitmap {
		return p.eachBit(n, f)
	}
	next := uint64(0)
	for b := p.b; len(b) > 0; {
		gap, i := uint64(b[0]), 1
		if gap >= 0x80 {
			if gap, i = binary.Uvarint(b); i <= 0 {
				return false
			}
		}
		if gap >= uint64(n) || next+gap >= uint64(n) {
			return false
		}
		f(int(next + gap))
		next += gap + 1
		b = b[i:]
	}
	return true
}

func (p posting) eachBit(n int, f func(doc int)) bool {
	if len(p.b) != (n+7)/8 {
		return false
	}
	for i, c := range p.b {
		for ; c != 0; c &= c - 1 {
			doc := 8*i + bits.TrailingZeros8(c)
			if doc >= n {
				return false
			}
			f(doc)
		}
	}
	return true
}

// A bitset is a set of messages of a segment.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (s bitset) add(doc int) { s[doc>>6] |= 1 << (doc & 63) }

func (s bitset) fill(n int) {
	for i := range s {
		s[i] = ^uint64(0)
	}
	if n&63 != 0 {
		s[len(s)-1] = 1<<(n&63) - 1
	}
}

// and keeps what is in both, and returns how much that is.
func (s bitset) and(t bitset) (n int) {
	for i := range s {
		s[i] &= t[i]
		n += bits.OnesCount64(s[i])
	}
	return n
}
