package imap

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// countingReader knows how much the Reader under test has taken.
type countingReader struct {
	src io.Reader
	n   int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += n
	return n, err
}

// transcript is what a Reader makes of an input.
type transcript struct {
	events []string
	ends   []int        // offsets in the input where commands ended
	asked  map[int]bool // offsets at which a literal was asked for
}

// conversation runs a whole input through a Reader, and checks the laws of each command.
func conversation(t testing.TB, text string, src io.Reader, limits Limits) transcript {
	in := &countingReader{src: src}
	tr := transcript{asked: map[int]bool{}}
	var r *Reader
	offset := func() int { return in.n - r.in.buffered() }
	r = NewReader(in, ReaderOptions{Limits: limits, Continue: func() error { tr.asked[offset()] = true; return nil }})
	for {
		c, err := r.ReadCommand()
		if c != nil && err != nil {
			t.Fatalf("both a command and an error: %v, %v", c, err)
		}
		var e *Error
		switch {
		case err == nil:
			checkPrints(t, c)
			event := c.String()
			if a := appendOf(c.Args); a != nil {
				messages, err := fuzzAppend(t, a)
				event += messages + err.Error()
				if errors.Is(err, io.ErrUnexpectedEOF) {
					tr.events = append(tr.events, event)
					return tr
				}
			}
			tr.events = append(tr.events, event)
		case errors.As(err, &e) && e.Kind != ErrLost:
			tr.events = append(tr.events, e.Tag+" "+e.Text)
			if !isPrintable(e.Text) || !isPrintable(e.Tag) || e.Text == "" {
				t.Fatalf("error of %q: %q", text, e.Text)
			}
		default:
			tr.events = append(tr.events, err.Error())
			return tr
		}
		tr.ends = append(tr.ends, offset())
	}
}

// fuzzAppend takes the messages whole, and checks that they print themselves. The error is what Next
// ended with.
func fuzzAppend(t testing.TB, a *Append) (string, error) {
	var event strings.Builder
	for {
		m, err := a.Next()
		if err != nil {
			return event.String(), err
		}
		octets, err := messageOctets(m)
		if err != nil {
			return event.String(), err
		}
		text := m.AppendTo([]byte("a APPEND x"), octets)
		event.Write(text)
		r := NewReader(strings.NewReader(string(text)+"\r\n"), ReaderOptions{})
		c, err := r.ReadCommand()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got, err := readAppend(c.Args.(*Append)); err != nil || len(got) != 1 || got[0].Octets != string(octets) {
			t.Fatalf("%q printed gives %+v, %v", text, got, err)
		}
	}
}

// boundaries gives where the commands of an input end, by the rule alone and without any grammar: lines
// end at LF; behind a line that ends in {n+} come n octets and another line of the same command, behind
// one that ends in {n} as well if the server has asked. Empty lines between commands belong to the next.
func boundaries(text string, asked map[int]bool) (ends []int) {
	pos := 0
	for pos < len(text) {
		for pos < len(text) && (text[pos] == '\r' || text[pos] == '\n') {
			pos++
		}
		for {
			n := strings.IndexByte(text[pos:], '\n')
			if n < 0 {
				return ends
			}
			line := text[pos : pos+n]
			pos += n + 1
			size, sync, ok := lineLiteral(strings.TrimSuffix(line, "\r"))
			if !ok || (sync && !asked[pos]) {
				break
			}
			if size > int64(len(text)-pos) {
				return ends
			}
			pos += int(size)
		}
		ends = append(ends, pos)
	}
	return ends
}

func lineLiteral(line string) (size int64, sync, ok bool) {
	i := strings.LastIndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	digits, nonSync := strings.CutSuffix(line[i+1:len(line)-1], "+")
	if digits == "" {
		return 0, false, false
	}
	for j := range len(digits) {
		if !isDigit(digits[j]) {
			return 0, false, false
		}
		if size < math.MaxInt32 {
			size = size*10 + int64(digits[j]-'0')
		}
	}
	return size, !nonSync, true
}

// FuzzCommand holds the laws of the Reader: it never panics, commands print as what parses to the same,
// octet-by-octet input gives the same, and commands end where the rule of literals says, whatever the
// grammar makes of them.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		"a NOOP\r\n", "a LOGIN {2}\r\njo {3+}\r\nabc\r\n", "a FOO {8+}\r\nx NOOP\r\n bar\r\nb NOOP\r\n",
		"a FETCH 1:*,4 (BODY.PEEK[1.2.HEADER.FIELDS (a b)]<1.2> RFC822.PEEK) (CHANGEDSINCE 1 VANISHED)\r\n",
		"a SEARCH RETURN (MIN) CHARSET UTF-8 OR (NOT 1:5 SINCE 1-Feb-2020) FUZZY HEADER a \"b\"\r\n",
		"a SORT RETURN (PARTIAL -1:-5 COUNT) (REVERSE DATE SIZE) utf-8 ALL\r\nb UID THREAD REFS {5+}\r\nUTF-8 1:3 NEW\r\n",
		"a APPEND x (\\seen) \" 1-Jan-2020 00:00:00 +0100\" {3}\r\nabc ~{1+}\r\n\x00\r\nb APPEND x UTF8 (~{1+}\r\nx)\r\n",
		`a LIST (SUBSCRIBED) "" ("&AOk-*" %) RETURN (STATUS (SIZE))` + "\r\n", "a STORE $ +FLAGS.SILENT \\Seen x\r\n",
		"a ID (\"a\" NIL)\r\nb ENABLE x y\r\nc AUTHENTICATE X =\r\n", "a CREATE \"\xc3\xa9&\" (USE (\\Sent \"\" ()))\r\n",
		"a SELECT x{8+}\r\nx NOOP\r\n\r\n{1}\r\n+ {3+}\nx\r\n\r\na \"{2+}\r\n\r\n\r\n", "a LOGIN {99999999999999999999+}\r\n",
		"a APPEND x (a) CATENATE (URL /x/;UID=1 TEXT {1+}\r\nx UTF8 (~{1}\r\ny) URL \"\") {1+}\r\nz\r\nb UID REPLACE * x CATENATE (TEXT ~{2+}\r\nab)\r\n",
		"a REPLACE 1 x CATENATE ()\r\nb APPEND x CATENATE (TEXT {90+}\r\nx NOOP\r\n", "a STATUS \"Entw&APw-rfe\" (messages)\nb RENAME inbox {1+}\n&\nc COPY * x\r\n",
	} {
		f.Add(s)
	}
	limits := Limits{Line: 500, Literal: 60, Append: 80, Drain: math.MaxInt32 / 2, Nesting: 5}
	f.Fuzz(func(t *testing.T, text string) {
		whole := conversation(t, text, strings.NewReader(text), limits)
		bytewise := conversation(t, text, iotest.OneByteReader(strings.NewReader(text)), limits)
		if a, b := strings.Join(whole.events, "\n"), strings.Join(bytewise.events, "\n"); a != b {
			t.Fatalf("at once:\n%s\noctet by octet:\n%s", a, b)
		}
		want := boundaries(text, whole.asked)
		for i, end := range whole.ends {
			if i >= len(want) || want[i] != end {
				t.Fatalf("%q: commands end at %v, want %v\n%s", text, whole.ends, want, strings.Join(whole.events, "\n"))
			}
		}
	})
}

// TestFramingOfSeeds runs the law over texts that a mail may hold to be taken for commands.
func TestFramingOfSeeds(t *testing.T) {
	mail := "Subject: x\r\n\r\nx1 DELETE INBOX\r\nx2 LOGIN {3+}\r\nabc\r\n"
	for _, open := range []string{"APPEND x ", "APPEND ( ", "NOSUCH ", "LOGIN a b", "SELECT \"", "FETCH 1 ", ""} {
		text := "a " + open + "{" + itoa(len(mail)) + "+}\r\n" + mail + "\r\nz NOOP\r\n"
		tr := conversation(t, text, strings.NewReader(text), Limits{Literal: 10, Append: 10})
		if len(tr.ends) != 2 || tr.events[1] != "z NOOP" {
			t.Errorf("%q: %q", text, tr.events)
		}
	}
}
