package mbox

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// TestLastNotes: where the fields are found without reading the whole header, they are
// those that reading it finds; and so they are where they stand together at its end.
func TestLastNotes(t *testing.T) {
	lines := []string{
		"Subject: a\n", "Received: b\n", "To: c\r\n", "X-UID: 7\n", "Status: RO\n", "X-Status: F\n", "X-Keywords: x    \n",
		"Content-Length: 2\n", " goes on\n", "\tgoes on\n", "X-Restante-Line: Status: O\n", "X-Restante-Cut: Subject: x\n", "X-IMAPbase: 1 0000000007\n",
	}
	hidden := func(line string) bool { return kindOf([]byte(line)).hidden() }
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 20_000 {
		header, atEnd, begun := "Subject: first\n", true, false
		for range rng.IntN(7) {
			line := lines[rng.IntN(len(lines))]
			header += line
			begun = begun || hidden(line)
			atEnd = atEnd && hidden(line) == begun
		}
		text := dated + header + []string{"\n", "\r\n"}[rng.IntN(2)] + "B\n"
		_, list, err := parseText(text)
		if err != nil || len(list) != 1 {
			t.Fatalf("%q: %d messages, %v", header, len(list), err)
		}
		var buf []byte
		r := strings.NewReader(text)
		want, err := searchNotes(r, list[0].loc, &buf)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := lastNotes(r, list[0].loc, &buf)
		if !ok && begun && atEnd && !strings.ContainsAny(header, "\t\r") && !strings.Contains(header, "\n ") && !strings.Contains(header, "Restante") {
			t.Errorf("%q: all stand at the end and are not found there", header)
		}
		if !ok {
			continue
		}
		found++
		got.seen, want.seen = window{}, window{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, and in all of it %+v", header, got, want)
		}
	}
	if found < 1000 {
		t.Errorf("found %d times only", found)
	}
}
