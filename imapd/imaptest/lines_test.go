package imaptest

import (
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	const text = `message m
a {x} b
end
bytes z "\x00"
C1: a1 CREATE x{/}{name}
S1? * maybe
S1! * never
S1: a1 OK {*}
differs here: reason
C1: a2 NOOP
else
C1: a3 NOOP
end
with SUCH
S2~ * SUCH
else
S2~ * OTHER
end
C1: a4 APPEND box {literal m} ~{size z}
C1> "a5 {1+}\r\n\x00\r\n"
`
	s, err := ParseScript("s", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{"1", true, "a1 CREATE x/1\r\n", "s:5"},
		{"1", false, "a1 OK {*}", "s:8"},
		{"1", true, "a2 NOOP\r\n", "s:10"},
		{"2", false, "* SUCH", "s:15"},
		{"1", true, "a4 APPEND box {9+}\r\na {x} b\r\n ~1\r\n", "s:19"},
		{"1", true, "a5 {1+}\r\n\x00\r\n", "s:20"},
	}
	if got := s.Lines("here"); !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	want[2] = Line{"1", true, "a3 NOOP\r\n", "s:12"}
	if got := s.Lines("there"); !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	s.only = "here"
	if got := s.Lines("there"); got != nil {
		t.Errorf("got %+v for another server", got)
	}
}
