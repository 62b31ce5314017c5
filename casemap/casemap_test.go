package casemap

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct{ in, want, why string }{
		{"Hello, World 1", "HELLO, WORLD 1", "ASCII"},
		{"é", "E\u0301", "an accent is a character of its own"},
		{"e\u0301", "E\u0301", "and may have been so before"},
		{"ß", "ß", "its titlecase form is two characters, and only simple mappings count"},
		{"ſ", "S", "the long s"},
		{"\u212a", "K", "the Kelvin sign is a K"},
		{"ς", "Σ", "the final sigma"},
		{"ǆ", "Dz\u030c", "titlecase, not upper case; what it is made of is not mapped again"},
		{"ﬁ", "fi", "the same: a ligature has no titlecase form"},
		{"ｱ", "ア", "half width"},
		{"ガ", "カ\u3099", "a voiced sound"},
		{"漢字", "漢字", "ideographs"},
		{"한", "한", "the table of Unicode has no parts for syllables of Hangul"},
		{"\xff\xc3", "\xff\xc3", "no UTF-8"},
		{"", "", "nothing"},
	} {
		if got := string(Append(nil, c.in)); got != c.want {
			t.Errorf("%q becomes %+q, want %+q: %s", c.in, got, c.want, c.why)
		}
		if got := string(Append([]byte("x"), []byte(c.in))); got != "x"+c.want {
			t.Errorf("%q as octets, appended, becomes %+q", c.in, got)
		}
	}
}

// TestEveryRune: the form of a character is that of its titlecase form, and the
// same as its compatibility decomposition but for the order of accents.
func TestEveryRune(t *testing.T) {
	const hangulFirst, hangulLast = 0xac00, 0xd7a3
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) || r >= hangulFirst && r <= hangulLast {
			continue
		}
		got := Append(nil, string(r))
		if want := norm.NFKD.String(string(unicode.ToTitle(r))); norm.NFKD.String(string(got)) != want {
			t.Errorf("%U becomes %+q, want %+q", r, got, want)
		}
	}
}

// FuzzAppend: the form of a text is the forms of its characters, however they
// stand, and every octet of ASCII is mapped as it is alone.
func FuzzAppend(f *testing.F) {
	f.Add("The quick brown fox @[`{ Ü jumps")
	f.Add("1234567é890abcdefghijklmnop\xff\xc3")
	f.Add("日本 language")
	f.Fuzz(func(t *testing.T, text string) {
		var want []byte
		for rest := text; rest != ""; {
			_, size := utf8.DecodeRuneInString(rest)
			want = Append(want, rest[:size])
			rest = rest[size:]
		}
		if got := Append([]byte("x"), text); string(got[1:]) != string(want) || got[0] != 'x' {
			t.Errorf("%q becomes %q, its characters become %q", text, got, want)
		}
	})
}

func TestEveryOctet(t *testing.T) {
	for c := range rune(utf8.RuneSelf) {
		want := unicode.ToUpper(c)
		if got := Append(nil, strings.Repeat(string(c), 9)); string(got) != strings.Repeat(string(want), 9) {
			t.Errorf("%q nine times becomes %q", c, got)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, text := range map[string]string{"ascii": "Re: a subject of ordinary length", "latin": "Grüße aus Lübeck, à bientôt", "japanese": "会議のお知らせガイド",
		"long-ascii": strings.Repeat("A line of text such as people write them.\n", 400), "long-latin": strings.Repeat("Zwölf Boxkämpfer jagen Viktor quer über den Deich.\n", 400)} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 2*len(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				buf = Append(buf[:0], text)
			}
		})
	}
}
