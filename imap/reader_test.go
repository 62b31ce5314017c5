package imap

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// appended is a message as an engine got it.
type appended struct {
	Flags  []string
	Parts  bool // Octets are parts as they print themselves
	Date   string
	Binary bool
	UTF8   bool
	Octets string
}

// readAppend takes all messages of an APPEND.
func readAppend(a *Append) (got []appended, err error) {
	for {
		m, err := a.Next()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		octets, err := messageOctets(m)
		if err != nil {
			return got, err
		}
		one := appended{Flags: m.Flags, Parts: m.Catenate, Binary: m.Binary, UTF8: m.UTF8, Octets: string(octets)}
		if !m.InternalDate.IsZero() {
			one.Date = m.InternalDate.Format(time.RFC3339)
		}
		got = append(got, one)
	}
}

// messageOctets reads a message, or its parts as they print themselves.
func messageOctets(m *AppendMessage) ([]byte, error) {
	if !m.Catenate {
		return literalOctets(&m.Literal)
	}
	var b []byte
	for {
		part, err := m.NextPart()
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
		var octets []byte
		if part.Text {
			if octets, err = literalOctets(&part.Literal); err != nil {
				return nil, err
			}
		}
		if b != nil {
			b = append(b, ' ')
		}
		b = part.AppendTo(b, octets)
	}
}

func literalOctets(l *Literal) ([]byte, error) {
	r, err := l.Accept()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestAppend(t *testing.T) {
	tests := []struct {
		name, in string
		asks     int
		want     []appended
	}{
		{"plain", "{4}\r\na\r\nb", 1, []appended{{Octets: "a\r\nb"}}},
		{"non-synchronizing", "{4+}\r\na\r\nb", 0, []appended{{Octets: "a\r\nb"}}},
		{"everything", "(\\Seen x) \" 1-Feb-2003 04:05:06 -0730\" {1}\r\na", 1, []appended{{Flags: []string{`\Seen`, "x"}, Date: "2003-02-01T04:05:06-07:30", Octets: "a"}}},
		{"a day of one digit without its space", "\"1-Feb-2003 04:05:06 +0000\" {1}\r\na", 1, []appended{{Date: "2003-02-01T04:05:06Z", Octets: "a"}}},
		{"empty flag list", "() {0}\r\n", 1, []appended{{}}},
		{"literal8", "~{3+}\r\na\x00b", 0, []appended{{Binary: true, Octets: "a\x00b"}}},
		{"RFC 6855", "(\\Seen) UTF8 (~{2+}\r\nab)", 0, []appended{{Flags: []string{`\Seen`}, Binary: true, UTF8: true, Octets: "ab"}}},
		{"MULTIAPPEND", "(a) {1+}\r\nx (b) {1}\r\ny {1+}\r\nz", 1, []appended{{Flags: []string{"a"}, Octets: "x"}, {Flags: []string{"b"}, Octets: "y"}, {Octets: "z"}}},
		{"CATENATE", "(a) CATENATE (URL /x/;UID=1 TEXT {1}\r\nx UTF8 (~{1+}\r\ny) URL {3+}\r\na b)", 1,
			[]appended{{Flags: []string{"a"}, Parts: true, Octets: "URL /x/;UID=1 TEXT {1+}\r\nx UTF8 (~{1+}\r\ny) URL \"a b\""}}},
		{"CATENATE among others", "{1+}\r\nx catenate (url u) {1+}\r\ny", 0, []appended{{Octets: "x"}, {Parts: true, Octets: "URL u"}, {Octets: "y"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asks := 0
			r := NewReader(strings.NewReader("a APPEND Sent "+tt.in+"\r\nz NOOP\r\n"), ReaderOptions{Continue: func() error { asks++; return nil }})
			c, err := r.ReadCommand()
			if err != nil || c.Args.(*Append).Mailbox != "Sent" {
				t.Fatal(c, err)
			}
			got, err := readAppend(c.Args.(*Append))
			if err != nil || asks != tt.asks || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, %d asked for", got, err, asks)
			}
			if _, err := c.Args.(*Append).Next(); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
			expectNoop(t, r)
		})
	}
}

// expectNoop checks that the next command is "z NOOP".
func expectNoop(t *testing.T, r *Reader) {
	t.Helper()
	c, err := r.ReadCommand()
	if err != nil || c.Tag != "z" || c.Name != "NOOP" {
		t.Errorf("next command: %v, %v", c, err)
	}
}

// TestAppendLeftUnread has what an engine may leave behind when it answers NO.
func TestAppendLeftUnread(t *testing.T) {
	const mail = "x NOOP\r\ny DELETE INBOX\r\n" // 24 octets, to be taken for commands by a bad server
	tests := []struct {
		name string
		in   string
		do   func(t *testing.T, a *Append)
	}{
		{"nothing looked at", "{24+}\r\n" + mail + "\r\n", func(*testing.T, *Append) {}},
		{"nothing looked at, the client waits", "{24}\r\n", func(*testing.T, *Append) {}},
		{"not accepted", "{24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { next(t, a) }},
		{"not accepted, the client waits", "{24}\r\n", func(t *testing.T, a *Append) { next(t, a) }},
		{"not accepted, more messages follow", "{24+}\r\n" + mail + " (x) {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { next(t, a) }},
		{"second one not accepted", "{24+}\r\n" + mail + " {24}\r\n", func(t *testing.T, a *Append) {
			accept(t, next(t, a), 24)
			next(t, a)
		}},
		{"accepted, not read", "{24}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { accept(t, next(t, a), 0) }},
		{"accepted, read in part", "{24}\r\n" + mail + " {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { accept(t, next(t, a), 10) }},
		{"accepted, the end not looked at", "{24}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { accept(t, next(t, a), 24) }},
		{"Next after a refusal", "{24+}\r\n" + mail + " {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) {
			next(t, a)
			if _, err := a.Next(); !isKind(err, ErrSyntax) {
				t.Error(err)
			}
		}},
		{"too large", "{25+}\r\n" + mail + "x\r\n", func(t *testing.T, a *Append) { fails(t, a, ErrTooBig) }},
		{"too large, the client waits", "{25}\r\n", func(t *testing.T, a *Append) { fails(t, a, ErrTooBig) }},
		{"no message", "\r\n", func(t *testing.T, a *Append) { fails(t, a, ErrSyntax) }},
		{"bad flag", "(( {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { fails(t, a, ErrSyntax) }},
		{"bad date", "\"32-Jan-2000 00:00:00 +0000\" {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { fails(t, a, ErrSyntax) }},
		{"bad time", "\" 1-Jan-2000 24:00:00 +0000\" {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { fails(t, a, ErrSyntax) }},
		{"no parts", "CATENATE () {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { partFails(t, next(t, a), ErrSyntax) }},
		{"unknown part", "CATENATE (FILE {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) { partFails(t, next(t, a), ErrSyntax) }},
		{"part too large", "CATENATE (TEXT {25+}\r\n" + mail + "x)\r\n", func(t *testing.T, a *Append) { partFails(t, next(t, a), ErrTooBig) }},
		{"part too large, the client waits", "CATENATE (TEXT {25}\r\n", func(t *testing.T, a *Append) { partFails(t, next(t, a), ErrTooBig) }},
		{"parts not looked at", "CATENATE (URL x TEXT {24+}\r\n" + mail + ")\r\n", func(t *testing.T, a *Append) { next(t, a) }},
		{"part not accepted", "CATENATE (TEXT {24+}\r\n" + mail + " TEXT {24+}\r\n" + mail + ")\r\n", func(t *testing.T, a *Append) { part(t, next(t, a)) }},
		{"part not accepted, the client waits", "CATENATE (TEXT {24}\r\n", func(t *testing.T, a *Append) { part(t, next(t, a)) }},
		{"part read to some octet", "CATENATE (TEXT {24}\r\n" + mail + " URL x)\r\n", func(t *testing.T, a *Append) {
			r, err := part(t, next(t, a)).Accept()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
		}},
		{"Next before the last part", "CATENATE (URL x URL y)\r\n", func(t *testing.T, a *Append) {
			part(t, next(t, a))
			fails(t, a, ErrSyntax)
		}},
		{"bad end", "{24+}\r\n" + mail + "x {24+}\r\n" + mail + "\r\n", func(t *testing.T, a *Append) {
			accept(t, next(t, a), 24)
			fails(t, a, ErrSyntax)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := ReaderOptions{Limits: Limits{Append: 24}, Continue: func() error { return nil }}
			r := NewReader(strings.NewReader("a APPEND x "+tt.in+"z NOOP\r\n"), opts)
			c, err := r.ReadCommand()
			if err != nil {
				t.Fatal(err)
			}
			tt.do(t, c.Args.(*Append))
			expectNoop(t, r)
			if _, err := c.Args.(*Append).Next(); err != io.EOF {
				t.Errorf("Next of an old command: %v", err)
			}
		})
	}
}

func next(t *testing.T, a *Append) *AppendMessage {
	t.Helper()
	m, err := a.Next()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func part(t *testing.T, m *AppendMessage) *CatPart {
	t.Helper()
	p, err := m.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func partFails(t *testing.T, m *AppendMessage, kind ErrorKind) {
	t.Helper()
	if _, err := m.NextPart(); !isKind(err, kind) {
		t.Errorf("got %v, want kind %d", err, kind)
	}
}

func accept(t *testing.T, m *AppendMessage, read int) {
	t.Helper()
	body, err := m.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(body, make([]byte, read)); err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, a *Append, kind ErrorKind) {
	t.Helper()
	if _, err := a.Next(); !isKind(err, kind) {
		t.Errorf("got %v, want kind %d", err, kind)
	}
}

func isKind(err error, kind ErrorKind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

func TestAppendCut(t *testing.T) {
	r := NewReader(strings.NewReader("a APPEND x {5+}\r\nab"), ReaderOptions{})
	c, err := r.ReadCommand()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAppend(c.Args.(*Append)); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := r.ReadCommand(); err != io.ErrUnexpectedEOF {
		t.Errorf("afterwards: %v", err)
	}
}

// TestAppendStreams checks that a message never stands in memory: the source gives it out only as it is
// read.
func TestAppendStreams(t *testing.T) {
	const size = 64 << 20
	zeros := io.LimitReader(zeroReader{}, size)
	src := io.MultiReader(strings.NewReader("a APPEND x ~{67108864+}\r\n"), zeros, strings.NewReader("\r\nz NOOP\r\n"))
	r := NewReader(src, ReaderOptions{})
	c, err := r.ReadCommand()
	if err != nil {
		t.Fatal(err)
	}
	body, err := next(t, c.Args.(*Append)).Accept()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 32<<10)
	var n int64
	allocs := testing.AllocsPerRun(1, func() {
		k, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, buf)
		if err != nil {
			t.Error(err)
		}
		n += k
	})
	if n != size || allocs > 10 {
		t.Errorf("%d octets with %v allocations", n, allocs)
	}
	expectNoop(t, r)
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReadSASL(t *testing.T) {
	r := NewReader(strings.NewReader("AGEAYg==\r\n\r\n*\r\n!!\r\n=\r\nx {6+}\r\nsecretx\r\n"+strings.Repeat("A", 300)+"\r\nQQ==\n"), ReaderOptions{Limits: Limits{Line: 200}})
	want := []struct {
		data string
		err  func(error) bool
	}{
		{"\x00a\x00b", isNil},
		{"", isNil},
		{"", func(err error) bool { return err == ErrCanceled }},
		{"", func(err error) bool { return isKind(err, ErrSyntax) }},
		{"", func(err error) bool { return isKind(err, ErrSyntax) }},
		{"", func(err error) bool { return isKind(err, ErrSyntax) }}, // with a literal behind it
		{"", func(err error) bool { return isKind(err, ErrLineTooLong) }},
		{"A", isNil},
		{"", func(err error) bool { return err == io.EOF }},
	}
	for i, w := range want {
		if data, err := r.ReadSASL(); string(data) != w.data || !w.err(err) {
			t.Errorf("line %d: %q, %v", i, data, err)
		}
	}
}

func isNil(err error) bool { return err == nil }

func TestReadDone(t *testing.T) {
	// QUIRK: iOS Mail sends its next command in the packet of DONE.
	r := NewReader(strings.NewReader("a IDLE\r\ndone\r\nb IDLE\r\nDONE \nc IDLE\r\nd LOGIN {8+}\r\nx NOOP\r\n y\r\nz NOOP\r\n"), ReaderOptions{})
	for _, ok := range []bool{true, true, false} {
		if c, err := r.ReadCommand(); err != nil || c.Name != "IDLE" {
			t.Fatal(c, err)
		}
		if err := r.ReadDone(); (err == nil) != ok || (!ok && !isKind(err, ErrSyntax)) {
			t.Errorf("got %v", err)
		}
	}
	expectNoop(t, r)
}

// TestInterrupted checks what an engine relies on that wakes up from IDLE by a read deadline: nothing is
// lost, wherever the deadline falls.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		r := NewReader(server, ReaderOptions{})
		go func() {
			for _, part := range []string{"a ID", "LE\r\n", "D", "ON", "E\r", "\nb NOOP\r\n"} {
				time.Sleep(3 * time.Second)
				io.WriteString(client, part)
			}
		}()
		interrupted := 0
		wait := func(f func() error) {
			for {
				server.SetReadDeadline(time.Now().Add(time.Second))
				err := f()
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				interrupted++
			}
		}
		wait(r.Wait)
		server.SetReadDeadline(time.Time{})
		if c, err := r.ReadCommand(); err != nil || c.Name != "IDLE" {
			t.Fatal(c, err)
		}
		wait(r.ReadDone)
		if c, err := r.ReadCommand(); err != nil || c.Name != "NOOP" {
			t.Fatal(c, err)
		}
		if interrupted < 8 {
			t.Errorf("interrupted %d times only", interrupted)
		}
	})
}

// TestDeadlineInsideCommand checks that the rest of a command that timed out is not run as another one.
func TestDeadlineInsideCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		r := NewReader(server, ReaderOptions{})
		go func() {
			io.WriteString(client, "a SELECT ")
			time.Sleep(time.Minute)
			client.SetWriteDeadline(time.Now().Add(time.Second)) // nobody reads it
			io.WriteString(client, "b NOOP\r\n")
		}()
		defer synctest.Wait()
		defer time.Sleep(2 * time.Minute)
		server.SetReadDeadline(time.Now().Add(time.Second))
		for range 2 {
			if _, err := r.ReadCommand(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			server.SetReadDeadline(time.Time{})
		}
	})
}

func TestResetDropsPlaintext(t *testing.T) {
	r := NewReader(strings.NewReader("a STARTTLS\r\nb LOGIN evil evil\r\n"), ReaderOptions{})
	if _, err := r.ReadCommand(); err != nil {
		t.Fatal(err)
	}
	if r.Buffered() == 0 {
		t.Fatal("nothing is buffered: the test tests nothing")
	}
	r.Reset(strings.NewReader("z NOOP\r\n"))
	expectNoop(t, r)
}

// TestEmptyLinesAreNoInput checks that an engine is not led to wait inside ReadCommand by a client that sends
// an empty line behind its literal.
func TestEmptyLinesAreNoInput(t *testing.T) {
	r := NewReader(io.MultiReader(strings.NewReader("a APPEND x {2+}\r\n\r\n\r\n\r\n\r"), strings.NewReader("\nz NOOP\r\n")), ReaderOptions{})
	c, err := r.ReadCommand()
	if err != nil {
		t.Fatal(err)
	}
	if r.Buffered() != len(" {2+}\r\n\r\n\r\n\r\n\r") {
		t.Errorf("%d octets are buffered before the message is read", r.Buffered())
	}
	if got, err := readAppend(c.Args.(*Append)); err != nil || got[0].Octets != "\r\n" {
		t.Fatal(got, err)
	}
	if n := r.Buffered(); n != 0 {
		t.Errorf("%d octets are buffered", n)
	}
	if err := r.Wait(); err != nil || r.Buffered() != len("z NOOP\r\n") {
		t.Errorf("%v, %d octets are buffered", err, r.Buffered())
	}
	expectNoop(t, r)
}

func TestTakeBuffered(t *testing.T) {
	r := NewReader(strings.NewReader("a NOOP\r\nrest"), ReaderOptions{})
	if _, err := r.ReadCommand(); err != nil {
		t.Fatal(err)
	}
	if got := r.TakeBuffered(); string(got) != "rest" || r.Buffered() != 0 {
		t.Errorf("got %q", got)
	}
}

// TestBuffersGoBack checks that a Reader that waits holds its small buffer only.
func TestBuffersGoBack(t *testing.T) {
	var src bytes.Buffer
	r := NewReader(&src, ReaderOptions{})
	for i := range 2000 {
		src.WriteString("tag" + itoa(i) + " NOOP\r\n")
	}
	for range 2000 {
		if _, err := r.ReadCommand(); err != nil {
			t.Fatal(err)
		}
	}
	if r.in.bulk == nil {
		t.Fatal("no large buffer was used: the test tests nothing")
	}
	if _, err := r.ReadCommand(); err != io.EOF || r.in.bulk != nil {
		t.Errorf("%v, buffer held: %v", err, r.in.bulk != nil)
	}
}

func TestContinueFails(t *testing.T) {
	broken := errors.New("broken pipe")
	r := NewReader(strings.NewReader("a LOGIN {2}\r\nb NOOP\r\n"), ReaderOptions{Continue: func() error { return broken }})
	for range 2 {
		if _, err := r.ReadCommand(); err != broken {
			t.Errorf("got %v", err)
		}
	}
}
