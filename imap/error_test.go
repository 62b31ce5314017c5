package imap

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

var long = strings.Repeat("x", 300)

var errorTests = []struct {
	in   string
	kind ErrorKind
	tag  string
	text string // what the text must have
	asks int
}{
	{"a FOO", ErrUnknownCommand, "a", "no command FOO", 0},
	{"a UID NOOP", ErrUnknownCommand, "a", "no command UID NOOP", 0},
	{"DONE", ErrSyntax, "DONE", "end of the line", 0},
	{"a", ErrSyntax, "a", "expected a space at octet 2", 0},
	{"a ", ErrSyntax, "a", "name of a command", 0},
	{"+ NOOP", ErrSyntax, "", "expected a tag", 0},
	{"(a) NOOP", ErrSyntax, "", "expected a tag", 0},
	{"a\x01b NOOP", ErrSyntax, "", "expected a tag", 0},
	{" NOOP", ErrSyntax, "", "expected a tag", 0},
	{"GET / HTTP/1.1", ErrSyntax, "GET", "name of a command", 0}, // another protocol
	{"a NOOP x", ErrSyntax, "a", "end of the command", 0},
	{"a NOOP\rx", ErrSyntax, "a", "end of the command", 0},
	{"a LOGIN x", ErrSyntax, "a", "expected a space", 0},
	{`a LOGIN "x y`, ErrSyntax, "a", "quoted string", 0},
	{`a LOGIN "x\y" z`, ErrSyntax, "a", "backslash", 0},
	{"a LOGIN x\x00 y", ErrSyntax, "a", "not allowed", 0},
	{"a LOGIN {3+}\r\nx\x00y z", ErrSyntax, "a", "NUL", 0},
	{"a LOGIN {x} y", ErrSyntax, "a", "size of a literal", 0},
	{"a LOGIN {5", ErrSyntax, "a", "}", 0},
	{"a LOGIN {5}x y", ErrSyntax, "a", "line end", 0},
	{"a AUTHENTICATE PLAIN !!", ErrSyntax, "a", "base64", 0},
	{"a STATUS x (FOO)", ErrSyntax, "a", "status item", 0},
	{"a STATUS x ()", ErrSyntax, "a", "status item", 0},
	{`a LIST (RECURSIVEMATCH) "" *`, ErrSyntax, "a", "RECURSIVEMATCH", 0},
	{`a LIST (FOO) "" *`, ErrSyntax, "a", "selection option", 0},
	{`a LIST "" * RETURN (FOO)`, ErrSyntax, "a", "return option", 0},
	{"a CREATE \"\xff\"", ErrSyntax, "a", "UTF-8", 0},
	{"a SORT () UTF-8 ALL", ErrSyntax, "a", "sort key", 0},
	{"a SORT (REVERSE) UTF-8 ALL", ErrSyntax, "a", "space", 0},
	{"a SORT DATE UTF-8 ALL", ErrSyntax, "a", "what to sort by", 0},
	{"a SORT (DATE) UTF-8", ErrSyntax, "a", "space", 0}, // the charset is not left out in SORT
	{"a SORT RETURN (MIN) UTF-8 ALL", ErrSyntax, "a", `"("`, 0},
	{"a THREAD REFERENCES UTF-8", ErrSyntax, "a", "space", 0},
	{"a THREAD (X) UTF-8 ALL", ErrSyntax, "a", "threading algorithm", 0},
	{"a SEARCH RETURN (PARTIAL 0:3) ALL", ErrSyntax, "a", "range of results", 0},
	{"a SEARCH RETURN (PARTIAL 1:4294967296) ALL", ErrSyntax, "a", "range of results", 0},
	{"a SEARCH RETURN (PARTIAL 1) ALL", ErrSyntax, "a", "range of results", 0},
	{"a UID FETCH 1 FLAGS (A -x -y)", ErrSyntax, "a", "name of a parameter", 0},
	{"a SEARCH RETURN (PARTIAL -1:3) ALL", ErrSyntax, "a", "range of results", 0}, // both ends or none
	{"a SEARCH RETURN (PARTIAL 1:3 PARTIAL 4:5) ALL", ErrSyntax, "a", "once", 0},
	{"a SEARCH RETURN (ALL PARTIAL 1:3) ALL", ErrSyntax, "a", "exclude", 0},
	{"a NOTIFY", ErrSyntax, "a", "space", 0},
	{"a NOTIFY ALL", ErrSyntax, "a", "SET or NONE", 0},
	{"a NOTIFY SET", ErrSyntax, "a", "space", 0},
	{"a NOTIFY SET STATUS", ErrSyntax, "a", "space", 0},
	{"a NOTIFY SET (selected ())", ErrSyntax, "a", "an event", 0},
	{"a NOTIFY SET (nowhere NONE)", ErrSyntax, "a", "which mailboxes", 0},
	{"a NOTIFY SET (personal (MessageNew))", ErrSyntax, "a", "need each other", 0},
	{"a NOTIFY SET (personal (FlagChange))", ErrSyntax, "a", "FlagChange needs", 0},
	{"a NOTIFY SET (selected (MailboxName))", ErrSyntax, "a", "events of messages", 0},
	{"a NOTIFY SET (personal (MessageNew (UID) MessageExpunge))", ErrSyntax, "a", "selected mailbox only", 0},
	{"a NOTIFY SET (selected (MessageExpunge (UID) MessageNew))", ErrSyntax, "a", "an event", 0},
	{"a ESEARCH IN () ALL", ErrSyntax, "a", "which mailboxes", 0},
	{"a ESEARCH IN (selected-delayed) ALL", ErrSyntax, "a", "NOTIFY", 0},
	{"a ESEARCH IN (subtree ()) ALL", ErrSyntax, "a", "mailbox name", 0},
	{"a FETCH 0 FLAGS", ErrSyntax, "a", "set of numbers", 0},
	{"a FETCH 4294967296 FLAGS", ErrSyntax, "a", "set of numbers", 0},
	{"a FETCH 1:2:3 FLAGS", ErrSyntax, "a", "set of numbers", 0},
	{"a FETCH 1, FLAGS", ErrSyntax, "a", "set of numbers", 0},
	{"a FETCH 1 ()", ErrSyntax, "a", "data item", 0},
	{"a FETCH 1 (FLAGS", ErrSyntax, "a", `")"`, 0},
	{"a FETCH 1 FOO", ErrSyntax, "a", "data item", 0},
	{"a FETCH 1 BODY[0]", ErrSyntax, "a", "part", 0},
	{"a FETCH 1 BODY[1.]", ErrSyntax, "a", "section", 0},
	{"a FETCH 1 BODY[MIME]", ErrSyntax, "a", "MIME", 0},
	{"a FETCH 1 BODY[]<0.0>", ErrSyntax, "a", "length", 0},
	{"a FETCH 1 BODY.PEEK", ErrSyntax, "a", "[", 0},
	{"a FETCH 1 BODY[HEADER.FIELDS ()]", ErrSyntax, "a", "header field", 0},
	{"a FETCH 1 BINARY[1.TEXT]", ErrSyntax, "a", "part", 0},
	{"a STORE 1 FLAG x", ErrSyntax, "a", "FLAGS", 0},
	{"a SEARCH", ErrSyntax, "a", "space", 0},
	{"a SEARCH ON 30-Feb-2024", ErrSyntax, "a", "no such date", 0},
	{"a SEARCH ON 1-Foo-2024", ErrSyntax, "a", "month", 0},
	{"a SEARCH ()", ErrSyntax, "a", "set of numbers", 0},
	{"a SEARCH FOO", ErrSyntax, "a", "search key", 0},
	{"a SEARCH LARGER 9223372036854775808", ErrSyntax, "a", "too large", 0},
	{"a SEARCH EMAILID \"M1\"", ErrSyntax, "a", "object identifier", 0},
	{"a SEARCH THREADID ", ErrSyntax, "a", "object identifier", 0},
	{"a SEARCH YOUNGER 0", ErrSyntax, "a", "seconds", 0},
	{"a SEARCH " + strings.Repeat("(", 100), ErrTooDeep, "a", "nested", 0},
	{"a SEARCH " + strings.Repeat("NOT ", 60) + "ALL", ErrTooDeep, "a", "nested", 0},
	{"a SELECT x (Q " + strings.Repeat("(", 60) + ")", ErrTooDeep, "a", "nested", 0},
	{"a SELECT " + long, ErrLineTooLong, "a", "longer than 250", 0},
	{"a SELECT " + long + "{5+}\r\nNOOP\r", ErrLineTooLong, "a", "longer than 250", 0},

	// A refused synchronizing literal was never sent.
	{"a LOGIN {101}", ErrTooBig, "a", "101 octets, 100 are allowed", 0},
	{"a LOGIN {60}\r\n" + long[:60] + " {41}", ErrTooBig, "a", "41 octets, 40 are allowed", 1},
	{"a LOGIN {99999999999999999999999}", ErrTooBig, "a", "literal", 0},
	// A refused non-synchronizing one is drained, and so is what follows it; none of it is a command.
	{"a LOGIN {101+}\r\n" + strings.Repeat("x NOOP\r\n", 13)[:101] + " {6+}\r\nw NOOP", ErrTooBig, "a", "100 are allowed", 0},
	{"a FOO {8+}\r\nx NOOP\r\n {8+}\r\nx NOOP\r\n rest", ErrUnknownCommand, "a", "FOO", 0},
	{"a FOO {8+}\nx NOOP\r\n", ErrUnknownCommand, "a", "FOO", 0},
	{"a FOO ~{8+}\r\nx NOOP\r\n", ErrUnknownCommand, "a", "FOO", 0},
	{"{8+}\r\nx NOOP\r\n", ErrSyntax, "", "tag", 0},
	{"a LOGIN x{8+}\r\nx NOOP\r\n", ErrSyntax, "a", "space", 0},
	{"a FOO {8}", ErrUnknownCommand, "a", "FOO", 0},
	{"a FOO {8+} ", ErrUnknownCommand, "a", "FOO", 0}, // no literal: the line goes on
	{"a FOO {8+}\r\r\n", ErrUnknownCommand, "a", "FOO", 0},
}

func TestErrors(t *testing.T) {
	limits := Limits{Line: 250, Literal: 100}
	for _, tt := range errorTests {
		t.Run(fmt.Sprintf("%.60q", tt.in), func(t *testing.T) {
			text := tt.in
			if !strings.HasSuffix(text, "\r\r\n") {
				text += "\r\n"
			}
			cmds, errs, asks := readAll(t, text+"z NOOP\r\n", ReaderOptions{Limits: limits})
			var e *Error
			if len(errs) != 1 || !errors.As(errs[0], &e) {
				t.Fatalf("commands %v, errors %v", cmds, errs)
			}
			if e.Kind != tt.kind || e.Tag != tt.tag || !strings.Contains(e.Text, tt.text) {
				t.Errorf("got kind %d, tag %q, text %q", e.Kind, e.Tag, e.Text)
			}
			if len(cmds) != 1 || cmds[0].Tag != "z" || cmds[0].Name != "NOOP" {
				t.Errorf("afterwards: %v", cmds)
			}
			if asks != tt.asks {
				t.Errorf("asked for %d literals, want %d", asks, tt.asks)
			}
			if strings.ContainsAny(e.Text, "\r\n\x00") {
				t.Errorf("text %q", e.Text)
			}
		})
	}
}

func TestLostConnections(t *testing.T) {
	tests := []struct{ name, in string }{
		{"a literal too large to drain", "a LOGIN {1001+}\r\nx"},
		{"a size that is no number", "a LOGIN {99999999999999999999+}\r\nx"},
		{"behind an unknown command", "a FOO {1001+}\r\nx"},
		{"an APPEND nobody reads", "a APPEND x {1001+}\r\nx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in), ReaderOptions{Limits: Limits{Literal: 100, Drain: 1000}})
			c, err := r.ReadCommand()
			if err == nil && c.Name == "APPEND" {
				_, err = r.ReadCommand()
			}
			for range 2 { // the second call must not read on
				var e *Error
				if !errors.As(err, &e) || e.Kind != ErrLost || e.Tag != "a" {
					t.Fatalf("got %v", err)
				}
				_, err = r.ReadCommand()
			}
		})
	}
}

func TestEndOfInput(t *testing.T) {
	tests := []struct {
		in   string
		want error
	}{
		{"", io.EOF},
		{"\r\n\r\n", io.EOF},
		{"a", io.ErrUnexpectedEOF},
		{"a NOOP", io.ErrUnexpectedEOF},
		{"a NOOP\r", io.ErrUnexpectedEOF},
		{"a LOGIN {5+}\r\nx", io.ErrUnexpectedEOF},
		{"a LOGIN {5+}\r\n", io.ErrUnexpectedEOF},
		{"a FOO bar", io.ErrUnexpectedEOF},
		{"a FOO {5+}\r\nx", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		r := NewReader(strings.NewReader(tt.in), ReaderOptions{})
		for range 2 {
			if c, err := r.ReadCommand(); err != tt.want {
				t.Errorf("%q: got %v, %v, want %v", tt.in, c, err, tt.want)
			}
		}
	}
}
