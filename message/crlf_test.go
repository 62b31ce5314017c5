package message

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// linesOf makes text with lines of up to longest octets. Of 100 lines some end in CRLF,
// and of 100 octets some are CR.
func linesOf(r *rand.Rand, size, longest, crlfs, crs int) []byte {
	text := make([]byte, 0, size+longest+2)
	for len(text) < size {
		for range r.IntN(longest + 1) {
			if r.IntN(100) < crs {
				text = append(text, '\r')
			} else {
				text = append(text, byte(' '+r.IntN(90)))
			}
		}
		if r.IntN(100) < crlfs {
			text = append(text, '\r')
		}
		text = append(text, '\n')
	}
	return text[:size]
}

// TestBlocks: what is done by blocks is what is done by lines, and nothing is written
// behind dst.
func TestBlocks(t *testing.T) {
	if !hasBlocks() {
		t.Skip("this processor does all by lines")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, longest := range []int{0, 1, 3, 10, 40, 80, 1000} {
		for _, ends := range []struct{ crlfs, crs int }{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {50, 10}, {100, 0}} {
			for range 50 {
				text := linesOf(r, r.IntN(3000), longest, ends.crlfs, ends.crs)
				testBlocks(t, text, r.IntN(2*len(text)+600))
			}
		}
	}
}

func testBlocks(t *testing.T, text []byte, room int) {
	t.Helper()
	guard := bytes.Repeat([]byte{0xff}, 512)
	dst := append(make([]byte, room), guard...)
	n, used := crlfBlocks(dst[:room:room], text)
	if want := AppendCRLF(nil, text[:used]); n > room || !bytes.Equal(dst[:n], want) {
		t.Fatalf("%q in %d octets: blocks give %q, want %q", text, room, dst[:min(n, room)], want)
	}
	if !bytes.Equal(dst[room:], guard) {
		t.Fatalf("%q in %d octets: something was written behind them", text, room)
	}
	all := AppendCRLF(nil, text)
	clear(dst[:room])
	n, used, afterCR := CopyCRLF(dst[:room:room], text, false)
	if n != min(room, len(all)) || !bytes.Equal(dst[:n], all[:n]) || !bytes.Equal(dst[room:], guard) {
		t.Fatalf("%q in %d octets: %q, want %q", text, room, dst[:n], all[:min(room, len(all))])
	}
	if rest := WireSize(text[used:], afterCR); rest != int64(len(all)-n) {
		t.Fatalf("%q: %d octets are left behind %d, want %d", text, rest, n, len(all)-n)
	}
}

// TestBlocksTakeMail: what mail looks like is done by blocks nearly to its end, else
// they are of no use.
func TestBlocksTakeMail(t *testing.T) {
	if !hasBlocks() {
		t.Skip("this processor does all by lines")
	}
	text := linesOf(rand.New(rand.NewPCG(3, 4)), 20_000, 80, 0, 0)
	dst := make([]byte, 2*len(text))
	if _, used := crlfBlocks(dst, text); used < len(text)-256 {
		t.Errorf("%d of %d octets were done by blocks", used, len(text))
	}
}
