package config

import (
	"bytes"
	"fmt"
	"strings"
)

// An Error is one mistake in a configuration file.
type Error struct {
	File    string
	Line    int    // counted from 1; 0 when the mistake belongs to no line
	Key     string // dotted, such as imap.listen; may be empty
	Message string // what is wrong and what to write instead
	Excerpt string // the text of the line
}

// Error returns file:line: message, and below it the line itself.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	b.WriteString(e.Message)
	if e.Excerpt != "" {
		fmt.Fprintf(&b, "\n%5d | %s", e.Line, e.Excerpt)
	}
	return b.String()
}

// Errors are all mistakes of one file, in the order of their lines.
type Errors []*Error

// Error returns the mistakes one below the other.
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives the single mistakes to errors.Is and errors.As.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, one := range e {
		errs[i] = one
	}
	return errs
}

// maxExcerpt keeps a line of garbage from filling the terminal.
const maxExcerpt = 160

// excerpt returns the text of a line, counted from 1, fit to be printed.
func excerpt(data []byte, line int) string {
	for i := 1; i < line; i++ {
		_, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return ""
		}
		data = rest
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	if len(text) > maxExcerpt {
		text = text[:maxExcerpt]
	}
	return strings.TrimSpace(strings.Map(printable, string(text)))
}

// printable keeps control characters of a broken file off the terminal.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r < ' ' || r == 0x7f:
		return -1
	}
	return r
}
