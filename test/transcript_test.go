package test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// A transcript is what a mail program and a server said to each other, in the
// order in which it passed by, as text:
//
//	# what was recorded
//	C1 opens
//	S1: * OK restante is ready
//	C1: a1 APPEND INBOX {16+}
//	C1| Subject: x
//	C1|
//	C1:
//	S1: a1 OK Append completed
//	C1 hangs up
//
// The number is that of the connection. Lines with ":" end with CRLF, those with
// "|" are a literal, whose size tells whether its last line ends with CRLF. Octets
// that are no such text stand in a Go string behind "=". The password stands as
// <password>, and as <plain> within SASL PLAIN.
type transcript struct {
	notes  []string
	events []event
}

// An event is a line or a piece of a literal, or the beginning or end of a
// connection.
type event struct {
	kind eventKind
	from byte // 'C' or 'S'
	conn int
	data string // with its CRLF
	line int    // where it stands in the file
}

type eventKind int

const (
	says        eventKind = iota // data is a line, or the end of one behind a literal
	saysLiteral                  // data is a line of a literal
	opens                        // a connection begins
	hangsUp                      // the side in from ends it
)

// secrets are what is not written to transcripts, and what stands there instead.
// PLAIN is scrubbed first, as it holds the other.
var secrets = []struct{ what, shown string }{
	{base64.StdEncoding.EncodeToString([]byte("\x00" + recordUser + "\x00" + recordPass)), "<plain>"},
	{base64.StdEncoding.EncodeToString([]byte(recordUser + "\x00" + recordUser + "\x00" + recordPass)), "<plain as itself>"},
	{base64.StdEncoding.EncodeToString([]byte(recordPass)), "<base64 password>"},
	{recordPass, "<password>"},
}

const (
	recordUser = "amelie"
	recordPass = "correct-horse"
)

func scrub(text string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s.what, s.shown)
	}
	return text
}

func unscrub(text string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s.shown, s.what)
	}
	return text
}

var literalSize = regexp.MustCompile(`\{(\d+)\+?\}\r\n$`)

// sizeAtEnd is the size of the literal that a line announces.
func sizeAtEnd(line string) int {
	m := literalSize.FindStringSubmatch(line)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

// A splitter makes lines of the octets of one side.
type splitter struct {
	rest []byte
	left int // octets of a literal that are to come
}

// feed returns the events that are complete with b.
func (s *splitter) feed(b []byte) (list []event) {
	s.rest = append(s.rest, b...)
	for {
		n := bytes.IndexByte(s.rest, '\n') + 1
		kind := says
		if s.left > 0 {
			kind = saysLiteral
			if (n == 0 || n > s.left) && len(s.rest) >= s.left {
				n = s.left
			}
		}
		if n == 0 {
			return list
		}
		e := event{kind: kind, data: string(s.rest[:n])}
		s.rest = s.rest[n:]
		if kind == saysLiteral {
			s.left -= n
		} else {
			s.left = sizeAtEnd(e.data)
		}
		list = append(list, e)
	}
}

// print writes the transcript as text.
func (tr *transcript) print() string {
	var b strings.Builder
	for _, note := range tr.notes {
		fmt.Fprintf(&b, "# %s\n", note)
	}
	left := make(map[[2]int]int)
	for _, e := range tr.events {
		fmt.Fprintf(&b, "%c%d", e.from, e.conn)
		side := [2]int{int(e.from), e.conn}
		switch e.kind {
		case opens:
			b.WriteString(" opens\n")
		case hangsUp:
			b.WriteString(" hangs up\n")
		case says:
			left[side] = sizeAtEnd(e.data)
			b.WriteString(":" + shown(e.data, false))
		case saysLiteral:
			left[side] -= len(e.data)
			b.WriteString("|" + shown(e.data, left[side] == 0))
		}
	}
	return b.String()
}

// shown is data as it stands in a transcript: as text where that is unmistakable.
// The last line of a literal may be without CRLF.
func shown(data string, last bool) string {
	text, ended := strings.CutSuffix(data, "\r\n")
	odd := func(r rune) bool { return r == utf8.RuneError || r != '\t' && !unicode.IsPrint(r) }
	plain := (ended || last) && strings.IndexFunc(text, odd) < 0 && !strings.HasSuffix(text, " ") && !strings.HasSuffix(text, "\t")
	switch {
	case !plain:
		return "= " + strconv.Quote(scrub(data)) + "\n"
	case text == "":
		return "\n"
	}
	return " " + scrub(text) + "\n"
}

var eventLine = regexp.MustCompile(`^([CS])(\d+)(:=? ?|\|=? ?| opens$| hangs up$)(.*)$`)

// parseTranscript reads what print wrote.
func parseTranscript(r io.Reader) (*transcript, error) {
	tr := new(transcript)
	left := make(map[[2]int]int)
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		if note, ok := strings.CutPrefix(in.Text(), "# "); ok {
			tr.notes = append(tr.notes, note)
			continue
		}
		e, err := parseEvent(in.Text(), left)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		e.line = n
		tr.events = append(tr.events, e)
	}
	return tr, in.Err()
}

// parseEvent reads a line; left is how much of a literal each side still has to say.
func parseEvent(line string, left map[[2]int]int) (event, error) {
	m := eventLine.FindStringSubmatch(line)
	if m == nil {
		return event{}, fmt.Errorf("%q is no line of a transcript", line)
	}
	conn, err := strconv.Atoi(m[2])
	if err != nil {
		return event{}, err
	}
	e := event{from: m[1][0], conn: conn}
	side := [2]int{int(e.from), conn}
	mark, text := strings.TrimSpace(m[3]), m[4]
	switch mark {
	case "opens":
		e.kind = opens
		return e, nil
	case "hangs up":
		e.kind = hangsUp
		return e, nil
	case ":=", "|=":
		if text, err = strconv.Unquote(text); err != nil {
			return e, fmt.Errorf("%s: %w", m[4], err)
		}
		e.data = unscrub(text)
	default:
		e.data = unscrub(text)
		if mark == ":" || len(e.data) < left[side] {
			e.data += "\r\n"
		}
	}
	if mark[0] == ':' {
		left[side] = sizeAtEnd(e.data)
		return e, nil
	}
	e.kind = saysLiteral
	left[side] -= len(e.data)
	return e, nil
}

// readTranscript reads a recorded conversation.
func readTranscript(t *testing.T, name string) *transcript {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tr, err := parseTranscript(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tr
}

// TestTranscriptText: a transcript is text from which the same octets come back.
func TestTranscriptText(t *testing.T) {
	for _, test := range []struct{ why, said, want string }{
		{"a line", "a NOOP\r\n", "C1: a NOOP\n"},
		{"an empty line", "\r\n", "C1:\n"},
		{"space at the end is told from none", "+ \r\n", "C1:= \"+ \\r\\n\"\n"},
		{"a line without CR", "a NOOP\n", "C1:= \"a NOOP\\n\"\n"},
		{"UTF-8 is text", "a SELECT \"é\"\r\n", "C1: a SELECT \"é\"\n"},
		{"other octets are not", "a \xe9\r\n", "C1:= \"a \\xe9\\r\\n\"\n"},
		{"a literal that ends with a line", "a {6}\r\nabcd\r\n)\r\n", "C1: a {6}\nC1| abcd\nC1: )\n"},
		{"a literal that ends within a line", "a {4}\r\nabcd)\r\n", "C1: a {4}\nC1| abcd\nC1: )\n"},
		{"a literal of several lines", "a {8+}\r\na\r\n\r\nbc {3}\r\n\n\r\n\r\n", "C1: a {8+}\nC1| a\nC1|\nC1|= \"bc \"\nC1: {3}\nC1|= \"\\n\"\nC1|\nC1:\n"},
		{"no literal", "a {0}\r\nb {x}\r\n", "C1: a {0}\nC1: b {x}\n"},
		{"passwords are left out", "a LOGIN u " + recordPass + "\r\n", "C1: a LOGIN u <password>\n"},
		{"as a literal too", "a LOGIN u {13}\r\n" + recordPass + "\r\n", "C1: a LOGIN u {13}\nC1| <password>\nC1:\n"},
		{"and in SASL PLAIN", "AGFtZWxpZQBjb3JyZWN0LWhvcnNl\r\n", "C1: <plain>\n"},
	} {
		for _, step := range []int{1, 3, len(test.said)} {
			tr, s := new(transcript), new(splitter)
			for part := range slices.Chunk([]byte(test.said), step) {
				for _, e := range s.feed(part) {
					e.from, e.conn = 'C', 1
					tr.events = append(tr.events, e)
				}
			}
			text := tr.print()
			if text != test.want {
				t.Errorf("%s: %q gave %q, want %q", test.why, test.said, text, test.want)
			}
			back, err := parseTranscript(strings.NewReader(text))
			if err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			if got := allSaid(back.events); got != test.said {
				t.Errorf("%s: %q came back as %q", test.why, test.said, got)
			}
		}
	}
	for _, bad := range []string{"", "C: x", "X1: x", "C1; x", "C1:= x", "C1 falls silent"} {
		if tr, err := parseTranscript(strings.NewReader(bad + "\n")); err == nil {
			t.Errorf("%q is taken for %v", bad, tr.events)
		}
	}
}

func allSaid(events []event) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(e.data)
	}
	return b.String()
}
