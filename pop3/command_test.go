package pop3

import (
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		in   string
		want Command
	}{
		{"CAPA", Command{Name: "CAPA"}},
		{"stat", Command{Name: "STAT"}},
		{"NOOP  ", Command{Name: "NOOP"}},
		{"USER jo", Command{Name: "USER", Text: "jo"}},
		{"USER jo@example.org", Command{Name: "USER", Text: "jo@example.org"}},
		{"PASS  a b ", Command{Name: "PASS", Text: " a b "}}, // RFC 1939 section 7: spaces are part of it
		{"PASS ", Command{Name: "PASS"}},
		{"pass pässword", Command{Name: "PASS", Text: "pässword"}},
		{"AUTH", Command{Name: "AUTH"}}, // QUIRK: Outlook asks for the mechanisms
		{"AUTH ", Command{Name: "AUTH"}},
		{"AUTH plain", Command{Name: "AUTH", Text: "PLAIN"}},
		{"AUTH SCRAM-SHA-256", Command{Name: "AUTH", Text: "SCRAM-SHA-256"}},
		{"AUTH PLAIN =", Command{Name: "AUTH", Text: "PLAIN", HasInitial: true, Initial: []byte{}}},
		{"AUTH PLAIN AGEAYg==", Command{Name: "AUTH", Text: "PLAIN", HasInitial: true, Initial: []byte("\x00a\x00b")}},
		{"LIST", Command{Name: "LIST"}},
		{"LIST ", Command{Name: "LIST"}},
		{"LIST 3", Command{Name: "LIST", Message: 3}},
		{"UIDL 3 ", Command{Name: "UIDL", Message: 3}},
		{"RETR 99999999999999999999", Command{Name: "RETR", Message: math.MaxInt32}},
		{"DELE 12", Command{Name: "DELE", Message: 12}},
		{"TOP 1 0", Command{Name: "TOP", Message: 1}},
		{"TOP 1 20 ", Command{Name: "TOP", Message: 1, Lines: 20}},
		{"UTF8", Command{Name: "UTF8"}},
	}
	for _, tt := range tests {
		got, err := ParseCommand(tt.in)
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%q: got %+v, %v", tt.in, got, err)
		}
	}
}

func TestParseCommandErrors(t *testing.T) {
	tests := []struct{ in, name, text string }{
		{"", "", "no such command"},
		{" STAT", "", "no such command"},
		{"GET / HTTP/1.1", "", "no such command"},
		{"STATX", "", "no such command"},
		{"STAT 1", "STAT", "no argument"},
		{"USER", "USER", "an argument"},
		{"PASS", "PASS", "an argument"},
		{"PASS a\x00b", "PASS", "NUL"},
		{"RETR", "RETR", "number of a message"},
		{"RETR 0", "RETR", "number of a message"},
		{"RETR -1", "RETR", "number of a message"},
		{"RETR 1x", "RETR", "number of a message"},
		{"DELE 1 2", "DELE", "number of a message"},
		{"LIST x", "LIST", "number of a message"},
		{"TOP 1", "TOP", "number of lines"},
		{"TOP 1 -1", "TOP", "number of lines"},
		{"TOP x 1", "TOP", "number of a message"},
		{"AUTH (", "AUTH", "mechanism"},
		{"AUTH  AA==", "AUTH", "mechanism"},
		{"AUTH PLAIN !", "AUTH", "base64"},
		{"AUTH PLAIN a b", "AUTH", "base64"},
	}
	for _, tt := range tests {
		c, err := ParseCommand(tt.in)
		var e *Error
		if c != nil || !errors.As(err, &e) || e.Name != tt.name || !strings.Contains(e.Text, tt.text) {
			t.Errorf("%q: got %v, %v", tt.in, c, err)
		}
	}
}

func TestStringHidesSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"USER jo": "USER jo", "PASS hunter2": "PASS ***", "AUTH PLAIN AGEAYg==": "AUTH PLAIN", "TOP 1 2": "TOP 1 2", "LIST": "LIST",
	} {
		c, err := ParseCommand(in)
		if err != nil || c.String() != want {
			t.Errorf("%q is shown as %q, %v", in, c, err)
		}
	}
}

// FuzzCommand holds the law that a command prints as what parses to the same.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"STAT", "LIST 1", "TOP 1 2", "AUTH PLAIN =", "PASS  x ", "AUTH x AA==", "UIDL  ", "QUIT\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := ParseCommand(line)
		if (c == nil) == (err == nil) {
			t.Fatalf("%q gives %v and %v", line, c, err)
		}
		if err != nil {
			return
		}
		again, err := ParseCommand(strings.TrimSuffix(string(c.AppendTo(nil)), "\r\n"))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q prints as %q, which gives %+v, %v", line, c.AppendTo(nil), again, err)
		}
	})
}

// event is one result of a Reader.
func event(r *Reader) (string, bool) {
	c, err := r.ReadCommand()
	if err != nil {
		var e *Error
		return err.Error(), errors.As(err, &e)
	}
	return c.String(), true
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", 100)
	text := "STAT\r\nlist 1\n\r\nPASS " + long + "\r\nRETR 1\rx\r\nTOP 1 1\r\nPASS " + strings.Repeat(long, 20) + "\r\nNOOP\r\nQUI"
	want := []string{
		"STAT", "LIST 1", "pop3: there is no such command", "pop3: line longer than 90 octets", "pop3: RETR: expected the number of a message",
		"TOP 1 1", "pop3: line longer than 90 octets", "NOOP", io.ErrUnexpectedEOF.Error(),
	}
	for name, src := range map[string]io.Reader{
		"at once":        strings.NewReader(text),
		"octet by octet": iotest.OneByteReader(strings.NewReader(text)),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(src, Limits{Line: 90})
			for i, w := range want {
				if got, _ := event(r); got != w {
					t.Errorf("line %d: got %q, want %q", i, got, w)
				}
			}
		})
	}
}

// TestReaderLimit checks the limit to the octet.
func TestReaderLimit(t *testing.T) {
	for n := 80; n < 100; n++ {
		for _, end := range []string{"\r\n", "\n"} {
			r := NewReader(iotest.HalfReader(strings.NewReader("PASS "+strings.Repeat("x", n-5)+end+"NOOP\r\n")), Limits{Line: 90})
			if _, err := r.ReadCommand(); (err == nil) != (n <= 90) {
				t.Errorf("%d octets: %v", n, err)
			}
			if got, _ := event(r); got != "NOOP" {
				t.Errorf("after %d octets: %s", n, got)
			}
		}
	}
}

// flakyReader is interrupted before each octet.
type flakyReader struct {
	src   io.Reader
	ready bool
}

var errInterrupted = errors.New("interrupted")

func (f *flakyReader) Read(p []byte) (int, error) {
	if f.ready = !f.ready; f.ready {
		return 0, errInterrupted
	}
	return f.src.Read(p[:1])
}

func TestReaderInterrupted(t *testing.T) {
	r := NewReader(&flakyReader{src: strings.NewReader("STAT\r\nLIST 12\r\n")}, Limits{})
	for _, want := range []string{"STAT", "LIST 12"} {
		interrupted := 0
		for {
			got, _ := event(r)
			if got == errInterrupted.Error() {
				interrupted++
				continue
			}
			if got != want || interrupted < len(want) {
				t.Errorf("got %q after %d interruptions", got, interrupted)
			}
			break
		}
	}
}

func TestReadResponse(t *testing.T) {
	r := NewReader(strings.NewReader("AGEAYg==\r\n\r\n*\r\n!!\r\n=\r\n"+strings.Repeat("A", 3000)+"\r\n"+strings.Repeat("A", 20000)+"\r\nNOOP\r\n"), Limits{})
	want := []struct {
		n  int
		ok func(error) bool
	}{
		{4, isNil},
		{0, isNil},
		{0, func(err error) bool { return err == ErrCanceled }},
		{0, isError},
		{0, isError},
		{2250, isNil},
		{0, isError}, // too long
	}
	for i, w := range want {
		if data, err := r.ReadResponse(); len(data) != w.n || !w.ok(err) {
			t.Errorf("line %d: %q, %v", i, data, err)
		}
	}
	if got, _ := event(r); got != "NOOP" {
		t.Errorf("afterwards: %s", got)
	}
}

func isNil(err error) bool { return err == nil }

func isError(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

func TestResetDropsPlaintext(t *testing.T) {
	r := NewReader(strings.NewReader("STLS\r\nPASS evil\r\n"), Limits{})
	if _, err := r.ReadCommand(); err != nil || r.Buffered() == 0 {
		t.Fatal("nothing is buffered: the test tests nothing", err)
	}
	r.Reset(strings.NewReader("QUIT\r\n"))
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	if got, _ := event(r); got != "QUIT" {
		t.Errorf("got %s", got)
	}
}
