package search

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"restante/message"
)

// FuzzFields: the fields that are wanted are those of message.Fields with their names,
// in their order, and a value that is called plain is what decoding makes of it.
func FuzzFields(f *testing.F) {
	for _, text := range strange() {
		if len(text) < 4096 {
			f.Add("Subject", text)
		}
	}
	f.Add("", ": odd\n\t : too\nX: y\n")
	f.Add("K", "k : kelvin\n\u212a: no\nK:")
	f.Add("A b", "a b: \t spaces \t \r\n\r\na b: body\n")
	f.Add("x", "x: = ?\nX: =?\nx: \x7f\nx: a\tb\n X: folded\nx\n")
	f.Fuzz(func(t *testing.T, name, header string) {
		var w wantedFields
		names := []string{strings.ToLower(name), "subject", "x-none"}
		for i, n := range names {
			if w.want(strings.ToUpper(n)) != w.want(n) {
				t.Skip("case is more than ASCII")
			}
			if i > 0 && names[i] == names[0] {
				names[i] = "another"
			}
		}
		w = wantedFields{}
		for _, n := range names {
			w.want(n)
		}
		var want []fieldValue
		for got, value := range message.Fields([]byte(header)) {
			for i, n := range names {
				if len(got) == len(n) && equalFoldASCII(got, []byte(n)) {
					want = append(want, fieldValue{i, value})
				}
			}
		}
		w.read([]byte(header))
		if !slices.EqualFunc(w.found, want, func(a, b fieldValue) bool { return a.name == b.name && bytes.Equal(a.value, b.value) }) {
			t.Errorf("in %q are %v, want %v", header, w.found, want)
		}
		for _, v := range append(want, fieldValue{value: []byte(header)}) {
			if plain, ok := plainValue(v.value); ok {
				if long, ok := plainField(nil, v.value); !ok || !bytes.Equal(plain, long) {
					t.Errorf("%q is called plain and %q, decoded it is %q", v.value, plain, long)
				}
			}
		}
	})
}

// TestLook: every octet in every place is judged as it is alone.
func TestLook(t *testing.T) {
	for at := range 17 {
		for c := range 256 {
			text := bytes.Repeat([]byte("~"), 17)
			text[at] = byte(c)
			printable, equals := look(text)
			if want := ' ' <= c && c <= '~'; printable != want || want && equals != (c == '=') {
				t.Errorf("%q: printable %v, equals sign %v", text, printable, equals)
			}
		}
	}
}
