package pop3

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Command is one command line of a client.
type Command struct {
	// Name is in upper case.
	Name string
	// Text is the name of USER, the password of PASS, and in upper case the mechanism of AUTH, "" when it
	// has none.
	Text string
	// HasInitial tells that AUTH came with an initial response; Initial is that, decoded. "=" is an empty
	// one (RFC 5034 section 4).
	HasInitial bool
	Initial    []byte
	// Message is the message number of LIST, UIDL, RETR, DELE and TOP; 0 when LIST or UIDL has none.
	Message int
	// Lines is how many lines of the body TOP asks for.
	Lines int
}

// An Error is what a client did wrong. Its text says what was expected, in printable ASCII.
type Error struct {
	// Name is the command's name, as far as it could be read.
	Name string
	Text string
}

func (e *Error) Error() string {
	if e.Name == "" {
		return "pop3: " + e.Text
	}
	return "pop3: " + e.Name + ": " + e.Text
}

// commands has every command with the method that reads its arguments.
//
//	command-line = keyword *(SP argument) CRLF
//	keyword      = 3*4ALPHA, in any case
//
// (RFC 2449 section 3, where the commands of RFC 1939 have their grammar, too.)
var commands = map[string]struct {
	name string
	args func(c *Command, rest string) string // what is wrong with them, "" for nothing
}{
	"CAPA": {"CAPA", noArgs},
	"STLS": {"STLS", noArgs},
	"USER": {"USER", textArg},
	"PASS": {"PASS", textArg},
	"AUTH": {"AUTH", authArgs},
	"UTF8": {"UTF8", noArgs},
	"QUIT": {"QUIT", noArgs},
	"NOOP": {"NOOP", noArgs},
	"STAT": {"STAT", noArgs},
	"RSET": {"RSET", noArgs},
	"LIST": {"LIST", optionalMessage},
	"UIDL": {"UIDL", optionalMessage},
	"RETR": {"RETR", oneMessage},
	"DELE": {"DELE", oneMessage},
	"TOP":  {"TOP", messageAndLines},
}

// ParseCommand reads a command line without its line end. The error is an *[Error].
//
// Spaces at the end are passed over, but for those of a password.
func ParseCommand(line string) (*Command, error) {
	word, rest, hasRest := strings.Cut(line, " ")
	entry, ok := commands[strings.ToUpper(word)]
	if !ok {
		return nil, &Error{Text: "there is no such command"}
	}
	c := &Command{Name: entry.name}
	if strings.IndexByte(line, 0) >= 0 {
		return nil, &Error{Name: c.Name, Text: "there is a NUL in the line"}
	}
	if !hasRest && (c.Name == "USER" || c.Name == "PASS") {
		return nil, &Error{Name: c.Name, Text: "expected an argument"}
	}
	if wrong := entry.args(c, rest); wrong != "" {
		return nil, &Error{Name: c.Name, Text: wrong}
	}
	return c, nil
}

func noArgs(_ *Command, rest string) string {
	if strings.TrimRight(rest, " ") != "" {
		return "expected no argument"
	}
	return ""
}

// textArg takes all that is left of the line: a password may have spaces (RFC 1939 section 7, PASS).
func textArg(c *Command, rest string) string {
	c.Text = rest
	return ""
}

// authArgs:
//
//	auth-command = "AUTH" [SP mechanism [SP initial-response]]
//
// QUIRK: Outlook sends AUTH without an argument to be told the mechanisms.
func authArgs(c *Command, rest string) string {
	mechanism, initial, hasInitial := strings.Cut(strings.TrimRight(rest, " "), " ")
	c.Text = strings.ToUpper(mechanism)
	for i := range len(c.Text) {
		if !isMechanismChar(c.Text[i]) {
			return "expected the name of a SASL mechanism"
		}
	}
	if !hasInitial {
		return ""
	}
	if c.Text == "" {
		return "expected the name of a SASL mechanism"
	}
	data, ok := decodeBase64(initial)
	if !ok {
		return "the initial response is not base64"
	}
	c.HasInitial, c.Initial = true, data
	return ""
}

// isMechanismChar: RFC 4422 section 3.1, after folding.
func isMechanismChar(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func decodeBase64(s string) ([]byte, bool) {
	if s == "=" {
		return []byte{}, true
	}
	data, err := base64.StdEncoding.AppendDecode([]byte{}, []byte(s))
	return data, err == nil && s != ""
}

func optionalMessage(c *Command, rest string) string {
	if strings.TrimRight(rest, " ") == "" {
		return ""
	}
	return oneMessage(c, rest)
}

func oneMessage(c *Command, rest string) string {
	n, ok := parseNumber(strings.TrimRight(rest, " "))
	if !ok || n == 0 {
		return "expected the number of a message"
	}
	c.Message = n
	return ""
}

func messageAndLines(c *Command, rest string) string {
	message, lines, ok := strings.Cut(strings.TrimRight(rest, " "), " ")
	if wrong := oneMessage(c, message); wrong != "" {
		return wrong
	}
	n, isNumber := parseNumber(lines)
	if !ok || !isNumber {
		return "expected a number of lines behind the number of the message"
	}
	c.Lines = n
	return ""
}

// parseNumber reads digits; a number above 2147483647 is that.
func parseNumber(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		d := int(s[i]) - '0'
		if d < 0 || d > 9 {
			return 0, false
		}
		n = min(n*10+d, math.MaxInt32)
	}
	return n, s != ""
}

// AppendTo appends the command as a client would send it, with its line end. Passwords are printed: traces
// want [Command.String].
func (c *Command) AppendTo(b []byte) []byte {
	b = append(b, c.Name...)
	switch c.Name {
	case "USER", "PASS":
		b = append(append(b, ' '), c.Text...)
	case "AUTH":
		b = c.appendAuth(b)
	case "TOP":
		b = fmt.Appendf(b, " %d %d", c.Message, c.Lines)
	default:
		if c.Message > 0 {
			b = strconv.AppendInt(append(b, ' '), int64(c.Message), 10)
		}
	}
	return append(b, "\r\n"...)
}

func (c *Command) appendAuth(b []byte) []byte {
	if c.Text == "" {
		return b
	}
	b = append(append(b, ' '), c.Text...)
	switch {
	case !c.HasInitial:
		return b
	case len(c.Initial) == 0:
		return append(b, " ="...)
	}
	return base64.StdEncoding.AppendEncode(append(b, ' '), c.Initial)
}

// String gives the command as a trace may show it: without its line end and without secrets.
func (c *Command) String() string {
	shown := *c
	switch c.Name {
	case "PASS":
		shown.Text = "***"
	case "AUTH":
		shown.HasInitial = false
	}
	return strings.TrimSuffix(string(shown.AppendTo(nil)), "\r\n")
}
