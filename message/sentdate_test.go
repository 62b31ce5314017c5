package message

import (
	"strings"
	"testing"
	"time"
)

// datesAsWritten are dates of which the second half is not plain.
var datesAsWritten = []string{
	"Mon, 7 Feb 1994 21:52:25 -0800", "Mon, 07 Feb 1994 21:52:25 -0800 (PST)", "7 Feb 1994 21:52 +0000", "31 Feb 2001 00:00:00 +1400",
	"29 Feb 2000 23:59:59 -1159 (a b c)", "1 Jan 0000 00:00:00 +0000", "Thu, 1 Jan 1970 00:00:00 +0000",

	"Mar, 1 Feb 0000 00:00:00 +0000", "000, 1 Feb 0000 00:00 +0000", "", "x", "Mon, 7 Feb 94 21:52:25 -0800", "Mon,7 Feb 1994 21:52:25 -0800", "Mon, 7  Feb 1994 21:52:25 -0800", "7 Feb 1994 24:00:00 +0000",
	"7 Feb 1994 21:52:60 +0000", "7 Feb 1994 21:52:25 +9999", "7 Feb 1994 21:52:25 GMT", "7 Feb 1994 21:52:25", "0 Feb 1994 21:52:25 +0000",
	"7 Foo 1994 21:52:25 +0000", "7 Feb 1994 21:52:25 +0000 (a(b)c)", "7 Feb 1994 21:52:25 +0000 (", "7 Feb 1994 21:52:25 +0000 x", "7 Feb 1994 21:52:25 +00000",
	"7 Feb 19940 21:52:25 +0000", "007 Feb 1994 21:52:25 +0000", "7 Feb 1994 1:52:25 +0000", "32 Jan 1994 01:52:25 +0000", "Tue Feb  7 21:52:25 1994",
}

func checkDate(t *testing.T, s string) {
	t.Helper()
	want, err := ParseDate(s)
	sec, ok := ParseDateUnix([]byte(s))
	if ok != (err == nil) || ok && sec != want.Unix() {
		t.Errorf("%q is %d, %v; ParseDate says %v, %v", s, sec, ok, want, err)
	}
	if local, _, ok := plainDate([]byte(s)); ok && (err != nil || local.Format(time.DateTime) != want.Format(time.DateTime)) {
		t.Errorf("%q is plain and %v; ParseDate says %v, %v", s, local, want, err)
	}
	year, month, day, ok := ParseDay([]byte(s))
	if y, m, d := want.Date(); ok != (err == nil) || ok && (year != y || month != m || day != d) {
		t.Errorf("%q is of %d-%d-%d, %v; ParseDate says %v, %v", s, year, month, day, ok, want, err)
	}
}

func TestParseDateUnix(t *testing.T) {
	plain := 0
	for _, s := range datesAsWritten {
		checkDate(t, s)
		if _, _, ok := plainDate([]byte(s)); ok {
			plain++
		}
	}
	if plain != 7 {
		t.Errorf("%d dates are plain, not the first 7", plain)
	}
	if n := testing.AllocsPerRun(100, func() {
		ParseDateUnix([]byte("Mon, 07 Feb 1994 21:52:25 -0800 (PST)"))
		ParseDay([]byte("Mon, 07 Feb 1994 21:52:25 -0800 (PST)"))
	}); n != 0 {
		t.Errorf("%v allocations for a plain date", n)
	}
}

func FuzzParseDateUnix(f *testing.F) {
	for _, s := range datesAsWritten {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkDate(t, s) })
}

func TestFirstAddress(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Address
		why  string
	}{
		{"Ann <ann@example.org>, bob@example.org", Address{"Ann", "ann", "example.org"}, "the first"},
		{"=?utf-8?q?J=C3=BCrgen?= <j@x>", Address{"Jürgen", "j", "x"}, "decoded"},
		{"friends: bob@x, eve@y;", Address{"", "friends", ""}, "a group begins with its name"},
		{"undisclosed-recipients:;", Address{"", "undisclosed-recipients", ""}, "an empty one too"},
		{"ann", Address{"", "ann", ""}, "no host"},
		{"(only a comment)", Address{}, "nothing"},
		{"", Address{}, "nothing"},
	} {
		if got := FirstAddress([]byte(c.in)); got != c.want {
			t.Errorf("%q: %+v, want %+v: %s", c.in, got, c.want, c.why)
		}
	}
}

func TestFields(t *testing.T) {
	header := "From x@y\r\nSubject: a\r\n b \t\r\nno field\r\nX : c\n\r\nTo: body\r\n"
	var got []string
	for name, value := range Fields([]byte(header)) {
		got = append(got, string(name)+"="+string(AppendValue(nil, value)))
	}
	if want := "Subject=a b,X=c"; strings.Join(got, ",") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
