package search

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// lowerASCII is a table as that is faster than any comparison.
var lowerASCII = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// hasHigh reports whether text has octets beyond ASCII.
func hasHigh(text []byte) bool { return asciiRun(text) < len(text) }

// asciiRun is how many octets of ASCII text begins with.
func asciiRun(text []byte) int {
	n := 0
	for len(text)-n >= 8 {
		if w := binary.LittleEndian.Uint64(text[n:]) & 0x8080808080808080; w != 0 {
			return n + bits.TrailingZeros64(w)/8
		}
		n += 8
	}
	for n < len(text) && text[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// containsASCIIFold reports whether text contains a word of ASCII in lower case, whatever
// the case. It looks for the word's rarest letter in both cases, which runs at
// the speed of the memory, and compares around each.
func containsASCIIFold(text, word []byte, rare int) bool {
	lower := word[rare]
	upper := lower
	if 'a' <= lower && lower <= 'z' {
		upper -= 'a' - 'A'
	}
	return containsAt(text, word, rare, lower) || upper != lower && containsAt(text, word, rare, upper)
}

// containsAt compares word at each place where c stands for its octet at rare.
func containsAt(text, word []byte, rare int, c byte) bool {
	last := len(text) - len(word) // where word may begin at most
	for from := rare; from-rare <= last; {
		i := bytes.IndexByte(text[from:last+rare+1], c)
		if i < 0 {
			return false
		}
		from += i
		if equalFoldASCII(text[from-rare:from-rare+len(word)], word) {
			return true
		}
		from++
	}
	return false
}

func equalFoldASCII(text, folded []byte) bool {
	for i, c := range folded {
		if lowerASCII[text[i]] != c {
			return false
		}
	}
	return true
}

// frequency orders the octets of mail from rare to common, roughly: what is not
// named is rare.
const frequency = "zqxjkvbpygwmcfdulhrsniotae1234567890=-./<>\"\r\n "

// rarest gives the place of the rarest octet of a folded word.
func rarest(word []byte) int {
	best, at := len(frequency), 0
	for i, c := range word {
		if f := bytes.IndexByte([]byte(frequency), c); f < best {
			best, at = f, i
		}
	}
	return at
}
