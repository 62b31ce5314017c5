package pop3

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func TestMessage(t *testing.T) {
	tests := []struct {
		name  string
		lines int
		in    string
		want  string
	}{
		{"plain", AllLines, "A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n.\r\n"},
		{"stuffed", AllLines, ".A: b\r\n\r\n.\r\n..\r\na.b\r\n.c\r\n", "..A: b\r\n\r\n..\r\n...\r\na.b\r\n..c\r\n.\r\n"},
		{"stuffed at the start of the body", AllLines, "A: b\r\n\r\n.c", "A: b\r\n\r\n..c\r\n.\r\n"},
		{"no line end at the end", AllLines, "A: b\r\n\r\nc", "A: b\r\n\r\nc\r\n.\r\n"},
		{"no blank line", AllLines, "A: b\r\n", "A: b\r\n.\r\n"},
		{"no blank line, no line end", AllLines, "A: b", "A: b\r\n.\r\n"},
		{"nothing", AllLines, "", ".\r\n"},
		{"no header", AllLines, "\r\nx\r\n", "\r\nx\r\n.\r\n"},
		{"bare CR", AllLines, "A: b\r\n\r\nc\rd\r\n\r", "A: b\r\n\r\nc\rd\r\n\r\r\n.\r\n"},
		{"bare CR before the blank line", AllLines, "A: b\r\n\r\r\n\r\n.\r\n", "A: b\r\n\r\r\n\r\n..\r\n.\r\n"},
		{"stored with LF", AllLines, ".A: b\n\n.\n\r\nc\r\r\n\nd", "..A: b\r\n\r\n..\r\n\r\nc\r\r\n\r\nd\r\n.\r\n"},
		{"TOP, stored with LF", 1, "A: b\n\n.c\nd\n", "A: b\r\n\r\n..c\r\n.\r\n"},
		{"TOP without lines", 0, "A: b\r\n\r\nc\r\nd\r\n", "A: b\r\n\r\n.\r\n"},
		{"TOP", 2, "A: b\r\n\r\nc\r\n.d\r\ne\r\n", "A: b\r\n\r\nc\r\n..d\r\n.\r\n"},
		{"TOP of blank lines", 2, "A: b\r\n\r\n\r\n\r\ne\r\n", "A: b\r\n\r\n\r\n\r\n.\r\n"},
		{"TOP of more than there is", 9, "A: b\r\n\r\nc", "A: b\r\n\r\nc\r\n.\r\n"},
		// QUIRK: Outlook Express hangs without the blank line.
		{"TOP without a body", 9, "A: b\r\n", "A: b\r\n\r\n.\r\n"},
		{"TOP without a body, no line end", 9, "A: b", "A: b\r\n\r\n.\r\n"},
		{"TOP of nothing", 9, "", "\r\n.\r\n"},
		{"TOP without a body, no lines", 0, "A: b\r\n\r\n", "A: b\r\n\r\n.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, src := range map[string]io.Reader{
				"at once":        strings.NewReader(tt.in),
				"octet by octet": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				if got := send(t, src, tt.lines); got != tt.want {
					t.Errorf("%s: got %q, want %q", name, got, tt.want)
				}
			}
		})
	}
}

// send gives what a message becomes.
func send(t testing.TB, src io.Reader, lines int) string {
	var out bytes.Buffer
	w := NewWriter(&out, nil)
	m := w.Message(lines)
	if _, err := io.Copy(struct{ io.Writer }{m}, src); err != nil && !(lines >= 0 && errors.Is(err, ErrEnough)) {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// unstuff reads the lines of an answer as a client does, one by one.
func unstuff(t testing.TB, text string) (message, rest string) {
	var b strings.Builder
	for {
		line, after, ok := strings.Cut(text, "\r\n")
		if !ok {
			t.Fatalf("no end in %q", text)
		}
		text = after
		if line == "." {
			return b.String(), text
		}
		b.WriteString(strings.TrimPrefix(line, "."))
		b.WriteString("\r\n")
	}
}

// FuzzMessage holds the laws: a client gets what was sent, but for a line end that was missing; nothing
// follows; cuts do not matter; TOP gives a beginning of it, with the blank line if that was missing.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{"A: b\n\n.c\n", ".\n", "\n.\n.\n", "a\r\r\n\r\n", "x", "\r", "..\r\n.\r"} {
		f.Add(s, 3, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, cut int, lines uint8) {
		in := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
		for _, lines := range []int{AllLines, int(lines)} {
			cut := max(0, min(cut, len(text)))
			got := send(t, io.MultiReader(strings.NewReader(text[:cut]), strings.NewReader(text[cut:])), lines)
			if want := send(t, strings.NewReader(in), lines); got != want {
				t.Fatalf("%q, cut at %d, gives %q, and in CRLF form %q", text, cut, got, want)
			}
		}
		whole := send(t, strings.NewReader(in), AllLines)
		cut = max(0, min(cut, len(in)))
		if got := send(t, io.MultiReader(strings.NewReader(in[:cut]), strings.NewReader(in[cut:])), AllLines); got != whole {
			t.Fatalf("cut at %d: %q, else %q", cut, got, whole)
		}
		want := in
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\r\n"
		}
		got, rest := unstuff(t, whole)
		if got != want || rest != "" {
			t.Fatalf("%q gives %q, which is read as %q and %q", in, whole, got, rest)
		}
		if !strings.HasPrefix(want, "\r\n") && !strings.Contains(want, "\n\r\n") {
			want += "\r\n"
		}
		top, rest := unstuff(t, send(t, strings.NewReader(in), int(lines)))
		if !strings.HasPrefix(want, top) || rest != "" {
			t.Fatalf("%q: TOP %d gives %q", in, lines, top)
		}
		header, body, _ := strings.Cut("\n"+top, "\n\r\n")
		if n := strings.Count(body, "\n"); n > int(lines) || (n < int(lines) && top != want) {
			t.Fatalf("%q: TOP %d gives %d lines behind %q", in, lines, n, header)
		}
	})
}

func TestWriter(t *testing.T) {
	tests := []struct {
		name string
		do   func(w *Writer)
		want string
	}{
		{"ok", func(w *Writer) { w.OK("2 messages") }, "+OK 2 messages\r\n"},
		{"text that would end the line", func(w *Writer) { w.OK("a\r\nb é") }, "+OK a??b é\r\n"},
		{"error", func(w *Writer) { w.Fail("", "no such message") }, "-ERR no such message\r\n"},
		{"code", func(w *Writer) { w.Fail(SysTemp, "later") }, "-ERR [SYS/TEMP] later\r\n"},
		{"challenges", func(w *Writer) { w.Challenge(nil).Challenge([]byte("Password:")) }, "+ \r\n+ UGFzc3dvcmQ6\r\n"},
		{"list", func(w *Writer) { w.OK("x").Number(1).Raw(" ").Number(120).CRLF().End() }, "+OK x\r\n1 120\r\n.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewWriter(&out, nil)
			tt.do(w)
			if out.Len() != 0 || w.Buffered() != len(tt.want) {
				t.Errorf("before Flush %d octets are written, %d wait", out.Len(), w.Buffered())
			}
			if err := w.Flush(); err != nil || out.String() != tt.want || w.hold != nil {
				t.Errorf("got %q, %v", out.String(), err)
			}
		})
	}
}

type failingWriter struct{ calls int }

var errBroken = errors.New("broken pipe")

func (f *failingWriter) Write([]byte) (int, error) { f.calls++; return 0, errBroken }

func TestWriterErrors(t *testing.T) {
	out := new(failingWriter)
	w := NewWriter(out, nil)
	m := w.Message(AllLines)
	n, err := io.Copy(m, io.LimitReader(zeroReader{}, 1<<30))
	if err != errBroken || n > 1<<20 || out.calls != 1 {
		t.Errorf("%d octets, %d calls, %v", n, out.calls, err)
	}
	if err := w.Flush(); err != errBroken || w.Err() != errBroken {
		t.Error(err)
	}
	var good bytes.Buffer
	w.Reset(&good)
	if err := w.Raw("x").Flush(); err != nil || good.String() != "x" {
		t.Error(err, good.String())
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestWriterWritesLargeParts counts system calls, and checks that memory does not follow the message.
func TestWriterWritesLargeParts(t *testing.T) {
	var out countingWriter
	w := NewWriter(&out, nil)
	m := w.Message(AllLines)
	line := []byte("." + strings.Repeat("x", 75) + "\r\n")
	allocs := testing.AllocsPerRun(1, func() {
		for range 100000 {
			if _, err := m.Write(line); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := w.Flush(); err != nil || allocs > 2 {
		t.Errorf("%v, %v allocations", err, allocs)
	}
	if out.calls > out.octets/(60<<10)+2 {
		t.Errorf("%d calls for %d octets", out.calls, out.octets)
	}
}

type countingWriter struct{ calls, octets int }

func (c *countingWriter) Write(p []byte) (int, error) {
	c.calls++
	c.octets += len(p)
	return len(p), nil
}

func BenchmarkMessage(b *testing.B) {
	text := []byte("A: b\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 300))
	w := NewWriter(io.Discard, nil)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		m := w.Message(AllLines)
		m.Write(text)
		m.Close()
	}
}

// TestLongMessages: what is longer than the buffer is cut wherever that is full.
func TestLongMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	starts := []string{"", ".", "..", ".\r", "text ", "\r", ".x"}
	for range 40 {
		var in strings.Builder
		for in.Len() < 3*bufferSize {
			in.WriteString(starts[r.IntN(len(starts))])
			in.WriteString(strings.Repeat("x", r.IntN(80)))
			in.WriteString([]string{"\n", "\n", "\r\n"}[r.IntN(3)])
		}
		text := in.String()
		cut := r.IntN(len(text))
		got, rest := unstuff(t, send(t, io.MultiReader(strings.NewReader(text[:cut]), strings.NewReader(text[cut:])), AllLines))
		if want := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"); got != want || rest != "" {
			t.Fatalf("cut at %d: %d octets came, want %d, and %d more", cut, len(got), len(want), len(rest))
		}
	}
}
