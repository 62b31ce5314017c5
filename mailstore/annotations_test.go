package mailstore

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

// put is a change.
func put(entry, value string) func(Annotations) error {
	return func(a Annotations) error { a[entry] = value; return nil }
}

func TestChangeAnnotations(t *testing.T) {
	first, changed, err := ChangeAnnotations(nil, put("/private/comment", "a\x00\r\nb\xff"))
	if want := "restante-annotations 1\n/private/comment\tYQANCmL/\n"; string(first) != want || !changed || err != nil {
		t.Fatalf("got %q, %v, %v; want %q", first, changed, err, want)
	}
	many := func(n, size int) func(Annotations) error {
		return func(a Annotations) error {
			for i := range n {
				a[strings.Repeat("x", i+1)] = strings.Repeat("v", size)
			}
			return nil
		}
	}
	for _, c := range []struct {
		why     string
		fn      func(Annotations) error
		err     error
		changed bool
		entries int
	}{
		{"another one", put("/shared/comment", ""), nil, true, 2},
		{"the same again", put("/private/comment", "a\x00\r\nb\xff"), nil, false, 1},
		{"none left", func(a Annotations) error { clear(a); return nil }, nil, true, 0},
		{"given up", func(a Annotations) error { clear(a); return ErrNoRight }, ErrNoRight, false, 1},
		{"the largest", put("/x", strings.Repeat("v", MaxAnnotation)), nil, true, 2},
		{"too large", put("/x", strings.Repeat("v", MaxAnnotation+1)), ErrTooBig, false, 1},
		{"as many as there may be", many(MaxAnnotations-1, 1), nil, true, MaxAnnotations},
		{"too many", many(MaxAnnotations, 1), ErrLimit, false, 1},
		{"too much together", many(9, MaxAnnotation), ErrLimit, false, 1},
		{"a tab", put("/x\ty", "v"), ErrInvalidName, false, 1},
		{"a line end", put("/x\ny", "v"), ErrInvalidName, false, 1},
		{"no name", put("", "v"), ErrInvalidName, false, 1},
		{"a long name", put(strings.Repeat("n", MaxAnnotationName+1), "v"), ErrInvalidName, false, 1},
	} {
		after, changed, err := ChangeAnnotations(first, c.fn)
		if !errors.Is(err, c.err) || changed != c.changed {
			t.Errorf("%s: changed %v, %v; want %v, %v", c.why, changed, err, c.changed, c.err)
		}
		if err != nil {
			continue
		}
		if got := len(ParseAnnotations(after)); got != c.entries || len(after) > MaxAnnotationsFile {
			t.Errorf("%s: %d entries in %d octets, want %d", c.why, got, len(after), c.entries)
		}
	}
}

// FuzzAnnotations: whatever stands in the file, changing one entry changes nothing
// else that was read from it.
func FuzzAnnotations(f *testing.F) {
	f.Add([]byte("restante-annotations 1\n/private/comment\tYQ==\nnonsense\n\tYQ==\n/x\t!\n"), "/shared/comment", "v")
	f.Add([]byte("restante-annotations 2\n"), "a", "")
	f.Fuzz(func(t *testing.T, data []byte, entry, value string) {
		want := ParseAnnotations(data)
		after, changed, err := ChangeAnnotations(data, put(entry, value))
		if err != nil || !changed {
			return
		}
		want[entry] = value
		if got := ParseAnnotations(after); !maps.Equal(got, want) {
			t.Errorf("%q with %q as %q gives %q", data, entry, value, after)
		}
	})
}
