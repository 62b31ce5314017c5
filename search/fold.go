package search

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// foldRune gives the one letter that stands for all that differ in case only:
// the smallest of its orbit under simple folding (Unicode, CaseFolding.txt,
// statuses C and S), in lower case if that is ASCII.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(lowerASCII[r])
	}
	if r >= firstCaseless && r < lastCaseless {
		return r
	}
	low := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		low = min(low, next)
	}
	if low < utf8.RuneSelf {
		return rune(lowerASCII[low])
	}
	return low
}

// Between these stand scripts of East Asia, which know no case.
const (
	firstCaseless = 0x2E80
	lastCaseless  = 0xA640
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

// foldTable holds the folds of the letters below its length: Latin, Greek,
// Cyrillic and their neighbours.
var foldTable = func() (t [0x600]rune) {
	for r := range t {
		t[r] = foldRune(rune(r))
	}
	return t
}()

// appendFolded appends UTF-8 text with its letters folded. Octets that are no
// UTF-8 stay.
func appendFolded[T string | []byte](dst []byte, text T) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			dst = append(dst, lowerASCII[c])
			i++
			continue
		}
		r, size := decodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, text[i])
		case r < rune(len(foldTable)):
			dst = utf8.AppendRune(dst, foldTable[r])
		default:
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += size
	}
	return dst
}

func decodeRune[T string | []byte](text T) (rune, int) {
	var head [utf8.UTFMax]byte
	return utf8.DecodeRune(head[:copy(head[:], text[:min(len(text), utf8.UTFMax)])])
}

// containsASCIIFold reports whether text contains a word of folded ASCII, whatever
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
