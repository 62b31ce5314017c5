package mailstore

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Annotations are what was noted of a mailbox or of an account (RFC 5464): octets by
// the name of an entry, as `/private/comment`. The store does not know what they mean.
//
// Formats on files keep them in a file beside the mailbox: the line
// `restante-annotations 1`, then for each entry a line with its name, a tab, and its
// value in base64.
type Annotations map[string]string

// The bounds of the annotations of one mailbox or account.
const (
	MaxAnnotation      = 64 << 10  // octets of a value
	MaxAnnotations     = 256       // entries
	MaxAnnotationName  = 1 << 10   // octets of the name of an entry
	maxAnnotationsSize = 512 << 10 // octets of all names and values
)

// MaxAnnotationsFile is how large the file can be.
const MaxAnnotationsFile = 1 << 20

const annotationsHeader = "restante-annotations 1\n"

// ParseAnnotations reads the file's content. Lines that are none of ours are passed
// over.
func ParseAnnotations(data []byte) Annotations {
	a := make(Annotations)
	text, ours := strings.CutPrefix(string(data), annotationsHeader)
	if !ours {
		return a
	}
	for line := range strings.Lines(text) {
		entry, coded, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		value, err := base64.StdEncoding.Strict().DecodeString(coded)
		if ok && err == nil && entry != "" {
			a[entry] = string(value)
		}
	}
	return a
}

// ChangeAnnotations gives the file's content after fn has changed the annotations in
// it, nothing when there are none any more; changed is false when that is what it was.
// ErrTooBig for a value that is too long, ErrLimit for more than can be held together,
// ErrInvalidName for an entry that the file cannot hold.
func ChangeAnnotations(data []byte, fn func(Annotations) error) (after []byte, changed bool, err error) {
	a := ParseAnnotations(data)
	before := maps.Clone(a)
	if err := fn(a); err != nil {
		return nil, false, err
	}
	if maps.Equal(a, before) {
		return data, false, nil
	}
	if err := a.check(); err != nil {
		return nil, false, err
	}
	if len(a) == 0 {
		return nil, true, nil
	}
	after = []byte(annotationsHeader)
	for _, entry := range slices.Sorted(maps.Keys(a)) {
		after = append(append(after, entry...), '\t')
		after = append(base64.StdEncoding.AppendEncode(after, []byte(a[entry])), '\n')
	}
	return after, true, nil
}

func (a Annotations) check() error {
	size := 0
	for entry, value := range a {
		switch {
		case entry == "" || len(entry) > MaxAnnotationName || strings.ContainsAny(entry, "\t\r\n"):
			return ErrInvalidName
		case len(value) > MaxAnnotation:
			return fmt.Errorf("%w: a note of %d octets, where %d are possible", ErrTooBig, len(value), MaxAnnotation)
		}
		size += len(entry) + len(value)
	}
	if len(a) > MaxAnnotations || size > maxAnnotationsSize {
		return ErrLimit
	}
	return nil
}
