package load

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// script is a server that says what it says, in pieces, and listens to nothing.
type script struct {
	net.Conn // nil: what is not below is not used
	data     []byte
	piece    int
	sent     bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data[:min(len(s.data), max(s.piece, 1))])
	s.data = s.data[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)     { return s.sent.Write(p) }
func (s *script) Close() error                    { return nil }
func (s *script) SetDeadline(time.Time) error     { return nil }
func (s *script) SetReadDeadline(time.Time) error { return nil }

func TestResponses(t *testing.T) {
	const begin = "* OK hello\r\n"
	tests := []struct {
		why, says string
		fetches   int
		removed   int
		err       string
	}{
		{why: "no response but the last", says: "a1 OK done\r\n"},
		{why: "responses of one line", says: "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\na1 OK done\r\n", fetches: 2},
		{why: "a literal may hold what looks like the end", says: "* 1 FETCH (BODY[] {21}\r\na1 OK not the end\r\n\r\n)\r\na1 OK done\r\n", fetches: 1},
		{why: "several literals in one response", says: "* 1 FETCH (BODY[1] {2}\r\n}\r BODY[2] {3}\r\n{9} FLAGS ())\r\na1 OK done\r\n", fetches: 1},
		{why: "an empty literal", says: "* 1 FETCH (BODY[] {0}\r\n)\r\na1 OK done\r\n", fetches: 1},
		{why: "a literal in binary (RFC 3516)", says: "* 1 FETCH (BINARY[1] ~{2}\r\n\x00\n)\r\na1 OK done\r\n", fetches: 1},
		{why: "text for people that looks like a literal", says: "* OK read {12}\r\na1 OK done {7}\r\n"},
		{why: "numbers that are not FETCH", says: "* 5 EXISTS\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\na1 OK done\r\n", removed: 2},
		{why: "refused", says: "a1 NO [NOPERM] not yours\r\n", err: "not yours"},
		{why: "not understood", says: "a1 BAD what?\r\n", err: "what?"},
		{why: "another's tag", says: "a2 OK done\r\n", err: "no command"},
		{why: "cut off", says: "* 1 FETCH (BODY[] {5}\r\nab", err: "unexpected EOF"},
		{why: "an empty line is no response", says: "\r\n", err: "empty line"},
	}
	for _, tt := range tests {
		for _, piece := range []int{1, 7, 1 << 20} {
			c, err := NewIMAP(t.Context(), &script{data: []byte(begin + tt.says), piece: piece}, Options{Buffer: 16})
			if err != nil {
				t.Fatal(err)
			}
			reply, err := c.Command("FETCH 1:* ALL")
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%s, %d at a time: error %v, want one of %q", tt.why, piece, err, tt.err)
				}
				continue
			}
			if err != nil || reply.Fetches != tt.fetches || reply.Removed != tt.removed || !strings.HasPrefix(reply.Text, "OK done") {
				t.Errorf("%s, %d at a time: %+v, %v; want %d FETCH, %d EXPUNGE", tt.why, piece, reply, err, tt.fetches, tt.removed)
			}
		}
	}
}

func TestPipeline(t *testing.T) {
	server := &script{data: []byte("* OK hello\r\n* 1 FETCH ()\r\na1 OK\r\n* 2 FETCH ()\r\na2 OK\r\na3 OK last\r\n"), piece: 5}
	c, err := NewIMAP(t.Context(), server, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var commands []byte
	for _, s := range []string{"STORE 1 +FLAGS (x)", "STORE 2 +FLAGS (x)", "NOOP"} {
		commands = c.AppendCommand(commands, s)
	}
	reply, err := c.Pipeline(commands, 3)
	if err != nil || reply.Fetches != 2 || reply.Text != "OK last" {
		t.Errorf("%+v, %v", reply, err)
	}
	if got := server.sent.String(); got != "a1 STORE 1 +FLAGS (x)\r\na2 STORE 2 +FLAGS (x)\r\na3 NOOP\r\n" {
		t.Errorf("sent %q", got)
	}
}

func TestAppendAndIdle(t *testing.T) {
	server := &script{data: []byte("* OK hello\r\na1 OK [APPENDUID 1 2] in\r\n+ idling\r\n* 3 EXISTS\r\n* 1 RECENT\r\na2 OK\r\n")}
	c, err := NewIMAP(t.Context(), server, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	c.Untagged = func(line []byte) { seen = append(seen, string(line)) }
	if reply, err := c.Append(`INBOX (\Seen)`, []byte("x: y\r\n\r\n")); err != nil || !strings.Contains(reply.Text, "APPENDUID 1 2") {
		t.Fatalf("%+v, %v", reply, err)
	}
	if err := c.Idle(); err != nil {
		t.Fatal(err)
	}
	if err := c.Await(" EXISTS"); err != nil {
		t.Fatal(err)
	}
	if err := c.Done(); err != nil {
		t.Fatal(err)
	}
	if got, want := server.sent.String(), "a1 APPEND INBOX (\\Seen) {8+}\r\nx: y\r\n\r\n\r\na2 IDLE\r\nDONE\r\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if len(seen) != 2 || seen[0] != "3 EXISTS" {
		t.Errorf("saw %q", seen)
	}
	if c.Received() == 0 || len(server.data) != 0 {
		t.Errorf("received %d octets, %d are left", c.Received(), len(server.data))
	}
}

func TestGreetings(t *testing.T) {
	for _, says := range []string{"* BYE full\r\n", "220 smtp\r\n", "", "+OK pop3\r\n"} {
		if _, err := NewIMAP(t.Context(), &script{data: []byte(says), piece: 99}, Options{}); err == nil {
			t.Errorf("a greeting of %q was taken for IMAP", says)
		}
	}
	if _, err := NewPOP3(t.Context(), &script{data: []byte("* OK imap\r\n"), piece: 99}, Options{}); err == nil {
		t.Error("a greeting of IMAP was taken for POP3")
	}
}

func TestPOP3(t *testing.T) {
	bodies := []string{"", "one line\r\n", "..\r\n.x\r\n", strings.Repeat("0123456789\r\n", 500), "\r\n\r\n"}
	for _, piece := range []int{1, 3, 4, 1 << 20} {
		says := "+OK hello\r\n+OK\r\n+OK\r\n"
		for _, b := range bodies {
			says += "+OK here\r\n" + b + ".\r\n"
		}
		says += "-ERR no such message\r\n+OK bye\r\n"
		p, err := NewPOP3(t.Context(), &script{data: []byte(says), piece: piece}, Options{Buffer: 32})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.LogIn("u", "p"); err != nil {
			t.Fatal(err)
		}
		for i := range bodies {
			if err := p.Multi(fmt.Sprint("RETR ", i+1)); err != nil {
				t.Fatalf("message %d, %d at a time: %v", i+1, piece, err)
			}
		}
		if err := p.Multi("RETR 99"); err == nil || !strings.Contains(err.Error(), "no such message") {
			t.Errorf("an error of the server gives %v", err)
		}
		if err := p.Quit(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzLiterals: whatever literals hold and however the octets come, the end of the
// command is found where it is, and nowhere before.
func FuzzLiterals(f *testing.F) {
	f.Add([]byte("a1 OK\r\n"), []byte("{5}\r\n"), 3, true)
	f.Add([]byte(""), []byte("* 9 FETCH ("), 1, false)
	f.Fuzz(func(t *testing.T, one, two []byte, piece int, both bool) {
		says := fmt.Appendf(nil, "* OK hello\r\n* 1 FETCH (BODY[] {%d}\r\n%s", len(one), one)
		if both {
			says = fmt.Appendf(says, " BODY[1] ~{%d}\r\n%s", len(two), two)
		}
		says = append(says, ")\r\na1 OK done\r\nbehind\r\n"...)
		c, err := NewIMAP(t.Context(), &script{data: says, piece: piece % 64}, Options{Buffer: 8})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := c.Command("FETCH 1 BODY[]")
		if err != nil || reply.Fetches != 1 || reply.Text != "OK done" {
			t.Fatalf("%+v, %v", reply, err)
		}
		if line, err := c.line(); err != nil || string(line) != "behind" {
			t.Fatalf("then comes %q, %v", line, err)
		}
	})
}
