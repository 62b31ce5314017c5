package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCharsetTables: a charset that has a table is read by it as its decoder reads it.
func TestCharsetTables(t *testing.T) {
	tables := 0
	for _, charset := range []string{"", "utf-8", "us-ascii", "ASCII", "utf-7", "utf-16", "x-none", "x-unknown", "iso-8859-1", "ISO-8859-2", "iso-8859-15", "latin1",
		"windows-1250", "cp1251", "windows-1252", "windows-1258", "koi8-r", "KOI8-U", "macintosh", "ibm866", "iso-8859-8-i", "shift_jis", "gb18030", "iso-2022-jp", "euc-kr", "cp850"} {
		if charsetTable(charset) == nil {
			continue
		}
		tables++
		var d HeaderDecoder
		for c := range 256 {
			octets := []byte{'a', byte(c), 'b', byte(c)}
			want := appendClean(nil, []byte(decodeCharset(octets, charset)))
			raw := fmt.Appendf(nil, "=?%s?q?a=%02Xb=%02X?=", charset, c, c)
			if got := d.Append(nil, raw); !bytes.Equal(got, want) {
				t.Errorf("%s is %q, its decoder says %q", raw, got, want)
			}
		}
	}
	if tables != 12 {
		t.Errorf("%d charsets have a table", tables)
	}
}

// TestManyCharsets: a decoder that has met all labels there are still knows them.
func TestManyCharsets(t *testing.T) {
	var d HeaderDecoder
	for i := range 3 * maxTables {
		for _, c := range []struct{ raw, want string }{
			{fmt.Sprintf("=?x-none%d?q?=C3=A9?=", i), "é"},
			{"=?koi8-r?q?=C9?=", "и"},
			{"=?KOI8-R*ru?q?=C9?=", "и"},
		} {
			if got := string(d.Append(nil, []byte(c.raw))); got != c.want {
				t.Fatalf("%q is %q, want %q", c.raw, got, c.want)
			}
		}
	}
	if len(d.word.tables) > maxTables {
		t.Errorf("it keeps %d charsets", len(d.word.tables))
	}
}

// FuzzClean: text is made clean as if each character were looked at alone.
func FuzzClean(f *testing.F) {
	f.Add("plain text of some length\x7f, and more")
	f.Add("\u0080\u009f\u00a0\u00bf\u00c0\u07ff\u0800\ufffd\U0010ffff")
	f.Add("\xc2\xc3(\xe2\x82\xf0\x9f\x98\xed\xa0\x80")
	f.Add("12345678\t1234567\r\n\x1b$B\x00")
	f.Fuzz(func(t *testing.T, s string) {
		var want strings.Builder
		for rest := s; rest != ""; {
			r, size := utf8.DecodeRuneInString(rest)
			switch {
			case r == '\t' || r == '\n' || r == '\r':
				r = ' '
			case r < ' ' || r >= 0x7f && r < 0xa0:
				r = utf8.RuneError
			}
			want.WriteRune(r)
			rest = rest[size:]
		}
		if got := string(appendClean([]byte("x"), []byte(s))); got != "x"+want.String() {
			t.Errorf("%q becomes %q, want %q", s, got[1:], want.String())
		}
		if n := cleanRun([]byte(want.String())); n < want.Len() {
			t.Errorf("of %q only %d octets are clean", want.String(), n)
		}
		if n := cleanRun([]byte(s)); s[:n] != want.String()[:n] {
			t.Errorf("%q has %d octets that are clean, and is not", s, n)
		}
	})
}
