package search

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"restante/casemap"
	"restante/message"
)

// TestJoiners: a character that is no joiner of a text is not part of what is found for it,
// wherever it stands. Those that are found by brute force are joiners.
func TestJoiners(t *testing.T) {
	forms := make(map[rune][]byte) // of characters that have ASCII in them
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		form := casemap.Append(nil, string(r))
		if utf8.ValidRune(r) && bytes.ContainsFunc(form, func(c rune) bool { return c < utf8.RuneSelf }) {
			forms[r] = form
		}
	}
	for _, word := range []string{"s", "ss", "st", "e", "cafe", " x", "a b", "...", "k", "1", "1/2", "tm", "n'", "c/o", "qzjkv17wx"} {
		n := newNeedle(word)
		if n.ascii == nil {
			t.Fatalf("%q is no ASCII", word)
		}
		var j joiners
		j.add(n.folded)
		for r, form := range forms {
			if j.may(r) {
				continue
			}
			for i := range len(word) + 1 {
				text := append(append(append([]byte(nil), n.folded[:i]...), form...), n.folded[i:]...)
				if at := bytes.Index(text, n.folded); at >= 0 && at+len(word) > i && at < i+len(form) {
					t.Errorf("%U is no joiner of %q, which is in %q", r, word, text)
				}
				for k := i; k <= len(word); k++ {
					text := append(append(append([]byte(nil), n.folded[:i]...), form...), n.folded[k:]...)
					if bytes.Equal(text, n.folded) || bytes.HasSuffix(text, n.folded) && len(form) > len(text)-len(word) {
						t.Errorf("%U is no joiner of %q, of which it may be a part in %q", r, word, text)
					}
				}
			}
		}
	}
}

// TestNearLaw: in every charset, what is found for words of ASCII is what is found in the
// collation form of the whole text.
func TestNearLaw(t *testing.T) {
	charsets := map[string]bool{"utf-8": true, "": true, "us-ascii": true, "iso-8859-1": false, "iso-8859-2": false, "iso-8859-99": false, "windows-1252": false, "koi8-r": false,
		"windows-1251": false, "iso-2022-jp": false, "shift_jis": false, "gb18030": false, "macintosh": false, "x-none": false}
	r := rand.New(rand.NewPCG(5, 6))
	runes := []rune("eéêſsßﬁfiK½12…. \u00a0xａa漢語ガ゛й™tm–é̂😀\u2f00n")
	for charset := range charsets {
		for range 60 {
			var body []byte
			for range r.IntN(30) {
				switch r.IntN(4) {
				case 0:
					body = append(body, byte(0x80+r.IntN(0x80)))
				case 1:
					body = append(body, strings.Repeat("-", r.IntN(9))...)
				default:
					body = utf8.AppendRune(body, runes[r.IntN(len(runes))])
				}
			}
			box := newBox(fmt.Sprintf("Content-Type: text/plain; charset=%q\n\n%s", charset, body))
			text := casemap.Append(nil, message.ScanBytes([]byte(box.texts[1])).AppendText(nil, body))
			for _, word := range []string{"e", "s", "ss", "k", "ee", "2", "1e", "..", " ", "a a", "x s", "-e", "e-", "--", "f"} {
				want := bytes.Contains(text, casemap.Append(nil, word))
				if got := len(box.find(t, Body{word})) == 1; got != want {
					t.Fatalf("%q in %q of %q: %v, want %v", word, body, charset, got, want)
				}
			}
			if both := len(box.find(t, Or{Body{"q"}, Body{"漢"}})) == 1; both != bytes.Contains(text, []byte("漢")) && !bytes.ContainsAny(text, "Q") {
				t.Fatalf("a word beyond ASCII beside another in %q of %q: %v", body, charset, both)
			}
		}
	}
}
