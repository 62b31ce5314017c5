package imap

import "strings"

// ErrorKind says what an [Error] is about, and so what the engine answers.
type ErrorKind byte

// The kinds of errors.
const (
	// ErrSyntax: answer BAD with the text.
	ErrSyntax ErrorKind = iota
	// ErrUnknownCommand: there is no such command; answer BAD with the text.
	ErrUnknownCommand
	// ErrLineTooLong: the line was longer than Limits.Line and was skipped; answer BAD [TOOBIG].
	ErrLineTooLong
	// ErrTooBig: a literal was larger than allowed. It is drained or was never sent; answer NO [TOOBIG].
	ErrTooBig
	// ErrTooDeep: parentheses, NOT and OR nest deeper than Limits.Nesting; answer NO [LIMIT].
	ErrTooDeep
	// ErrLost: the input can no longer be followed, because a literal is announced that is too large even
	// to be drained, or whose size is no number. Answer BYE and close.
	ErrLost
)

// An Error is what the client did wrong. But for ErrLost the Reader is ready for the next command.
type Error struct {
	Kind ErrorKind
	// Tag is the tag of the command, "" when it could not be read: then the answer is untagged.
	Tag string
	// Name is the command's name in upper case, "" when it could not be read.
	Name string
	// Text says what was expected and where, in printable ASCII, fit to be sent to the client.
	Text string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("imap: ")
	if e.Name != "" {
		b.WriteString(e.Name)
		b.WriteString(": ")
	}
	b.WriteString(e.Text)
	return b.String()
}
