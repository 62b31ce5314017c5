package imap

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestWriter(t *testing.T) {
	zone := time.FixedZone("", -(7*3600 + 30*60))
	header := &FetchItem{Att: FetchBodySection, Peek: true, Section: &Section{Path: []int{1}, Specifier: SectionHeaderFields, Fields: []string{"From", "X y"}, Partial: &Partial{7, 9}}}
	tests := []struct {
		name string
		do   func(w *Writer)
		want string
	}{
		{"line", func(w *Writer) { w.Untagged().Number(18446744073709551615).SP().Raw("EXISTS").CRLF() }, "* 18446744073709551615 EXISTS\r\n"},
		{"quoted", func(w *Writer) { w.String(`a "b" \c`) }, `"a \"b\" \\c"`},
		{"literal for a line end", func(w *Writer) { w.String("a\nb") }, "{3}\r\na\nb"},
		{"literal for 8 bits", func(w *Writer) { w.String("é") }, "{2}\r\né"},
		{"quoted UTF-8", func(w *Writer) { w.SetUTF8(true); w.String("é") }, `"é"`},
		{"literal for what is no UTF-8", func(w *Writer) { w.SetUTF8(true); w.String("\xe9") }, "{1}\r\n\xe9"},
		{"literal for a long one", func(w *Writer) { w.String(strings.Repeat("x", 1001)) }, "{1001}\r\n" + strings.Repeat("x", 1001)},
		// QUIRK: iOS Mail stalls at {0}.
		{"empty string", func(w *Writer) { w.String("") }, `""`},
		{"nil", func(w *Writer) { w.NString("x", false).NString("", true) }, `NIL""`},
		{"astring", func(w *Writer) { w.AString("x]").SP().AString("a b").SP().AString("").SP().AString("é") }, `x] "a b" "" {2}` + "\r\né"},
		{"mailboxes", func(w *Writer) { w.Mailbox("INBOX").SP().Mailbox("Entwürfe").SP().Mailbox(`R&D "x"`) }, `INBOX "Entw&APw-rfe" "R&-D \"x\""`},
		{"mailboxes in UTF-8", func(w *Writer) { w.SetUTF8(true); w.Mailbox("Entwürfe").SP().Mailbox("R&D") }, `"Entwürfe" "R&D"`},
		{"flags", func(w *Writer) { w.Flags(nil).Flags([]string{`\Seen`, "x"}) }, `()(\Seen x)`},
		{"date-time", func(w *Writer) { w.DateTime(time.Date(2003, 2, 1, 4, 5, 6, 0, zone)) }, `" 1-Feb-2003 04:05:06 -0730"`},
		{"date-time", func(w *Writer) { w.DateTime(time.Date(2003, 12, 31, 23, 59, 59, 0, time.UTC)) }, `"31-Dec-2003 23:59:59 +0000"`},
		// QUIRK: Outlook loops at a null date.
		{"zero time", func(w *Writer) { w.DateTime(time.Time{}) }, `" 1-Jan-1970 00:00:00 +0000"`},
		{"year of five digits", func(w *Writer) { w.DateTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }, `" 1-Jan-1970 00:00:00 +0000"`},
		{"set", func(w *Writer) { w.NumSet(NumSetOf(1, 2, 3, 9)).SP().NumSet(NumSet{star: 5}).SP().NumSet(SavedSet()) }, "1:3,9 5:* $"},
		{"item", func(w *Writer) {
			w.Bytes(header.AppendName(nil)).SP().Bytes((&FetchItem{Att: FetchRFC822Header}).AppendName(nil))
		}, `BODY[1.HEADER.FIELDS (From "X y")]<7> RFC822.HEADER`},
		{"item of Outlook", func(w *Writer) { w.Bytes((&FetchItem{Att: FetchRFC822, Peek: true}).AppendName(nil)) }, "RFC822.PEEK"},
		{"tagged", func(w *Writer) { w.Status("a1", NO, "TRYCREATE", "no such mailbox") }, "a1 NO [TRYCREATE] no such mailbox\r\n"},
		{"untagged", func(w *Writer) { w.Status("", BYE, "", "see you") }, "* BYE see you\r\n"},
		// QUIRK: there is text behind every response code.
		{"no text", func(w *Writer) { w.Status("a1", OK, "CLOSED", "") }, "a1 OK [CLOSED] Done\r\n"},
		{"text that would end the line", func(w *Writer) { w.Status("a1", NO, "", "x\r\na2 OK é") }, "a1 NO x??a2 OK ??\r\n"},
		{"text in UTF-8", func(w *Writer) { w.SetUTF8(true); w.Status("a1", NO, "", "é") }, "a1 NO é\r\n"},
		{"continuation", func(w *Writer) { w.Continue("") }, "+ \r\n"},
		{"literal", func(w *Writer) { w.Literal(3, strings.NewReader("abcd")).Byte(')') }, "{3}\r\nabc)"},
		{"literal8", func(w *Writer) { w.Literal8(1, strings.NewReader("\x00")) }, "~{1}\r\n\x00"},
		{"literal from memory", func(w *Writer) { w.LiteralBytes([]byte("ab")) }, "{2}\r\nab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewWriter(&out, nil)
			tt.do(w)
			if out.Len() != 0 || w.Buffered() != len(tt.want) {
				t.Errorf("before Flush %d octets are written, %d wait", out.Len(), w.Buffered())
			}
			if err := w.Flush(); err != nil || out.String() != tt.want || w.Written() != int64(len(tt.want)) {
				t.Errorf("got %q, %v, want %q", out.String(), err, tt.want)
			}
			if w.hold != nil {
				t.Error("the buffer is still held")
			}
		})
	}
}

// TestWriterWritesLargeParts counts system calls.
func TestWriterWritesLargeParts(t *testing.T) {
	var out countingWriter
	w := NewWriter(&out, nil)
	long := strings.Repeat("y", 200<<10)
	want := 0
	for i := range 20000 {
		w.Untagged().Number(uint64(i)).Raw(" EXISTS").CRLF()
		want += len("*  EXISTS\r\n") + len(itoa(i))
	}
	w.Raw(long).Literal(int64(len(long)), strings.NewReader(long)).String(long).LiteralBytes([]byte(long))
	want += 4*len(long) + 3*len("{204800}\r\n")
	if err := w.Flush(); err != nil || out.octets != want {
		t.Errorf("%d octets of %d, %v", out.octets, want, err)
	}
	if most := want/(56<<10) + 2; out.calls > most {
		t.Errorf("%d writes for %d octets", out.calls, out.octets)
	}
}

type countingWriter struct {
	calls, octets int
	err           error
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.calls++
	c.octets += len(p)
	return len(p), c.err
}

func TestWriterAllocatesNothing(t *testing.T) {
	buffers := new(Buffers)
	w := NewWriter(io.Discard, buffers)
	set := NumSetOf(1, 2, 5)
	flags := []string{`\Seen`, "$Junk"}
	date := time.Date(2003, 2, 1, 4, 5, 6, 0, time.UTC)
	item := &FetchItem{Att: FetchBodySection, Section: &Section{Path: []int{1, 2}, Specifier: SectionHeaderFields, Fields: []string{"From"}}}
	name := item.AppendName(nil)
	body := strings.NewReader("body")
	allocs := testing.AllocsPerRun(100, func() {
		for range 100 {
			body.Reset("body")
			w.Untagged().Number(12).Raw(" FETCH (UID ").Number(7).Raw(" FLAGS ").Flags(flags).Raw(" INTERNALDATE ").DateTime(date).SP()
			w.Bytes(name).SP().Literal(4, body).SP().String("text").SP().NumSet(set).Mailbox("Drafts").Byte(')').CRLF()
		}
		w.Status("a1", OK, "READ-WRITE", "Done")
	})
	// Flush is left out: whether the pool keeps a buffer is the garbage collector's choice.
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestWriterErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	t.Run("connection", func(t *testing.T) {
		out := &countingWriter{err: broken}
		w := NewWriter(out, nil)
		w.Raw(strings.Repeat("x", 300<<10)).Literal(1<<40, zeroReader{})
		if err := w.Flush(); err != broken || w.Err() != broken || out.calls != 1 {
			t.Errorf("got %v after %d calls", err, out.calls)
		}
		var good bytes.Buffer
		w.Reset(&good)
		if err := w.Raw("x").Flush(); err != nil || good.String() != "x" {
			t.Errorf("after Reset: %v, %q", err, good.String())
		}
	})
	sources := []struct {
		name string
		src  io.Reader
		want error
	}{
		{"short source", strings.NewReader("abc"), ErrLiteralShort},
		{"failing source", io.MultiReader(strings.NewReader("abc"), errReader{broken}), broken},
		{"source that gives nothing", errReader{nil}, io.ErrNoProgress},
	}
	for _, tt := range sources {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWriter(io.Discard, nil)
			if err := w.Literal(4, tt.src).Raw("a1 OK\r\n").Flush(); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// TestStringsComeBack checks that what a Writer writes as a string is read as the same.
func TestStringsComeBack(t *testing.T) {
	for _, s := range []string{"", "a", `"\`, "a b", "é", "\xff", "x\r\ny", "(", "NIL", strings.Repeat("z", 2000)} {
		for _, utf8 := range []bool{false, true} {
			var out bytes.Buffer
			w := NewWriter(&out, nil)
			w.SetUTF8(utf8)
			w.Raw("a LOGIN ").String(s).SP().AString(s).CRLF()
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			cmds, errs, _ := readAll(t, out.String(), ReaderOptions{})
			if errs != nil || *cmds[0].Args.(*Login) != (Login{s, s}) {
				t.Errorf("%q written as %q is read as %v, %v", s, out.String(), cmds, errs)
			}
		}
	}
}

func BenchmarkReadCommand(b *testing.B) {
	line := "a123 UID FETCH 1:500 (UID FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject)])\r\n"
	r := NewReader(&loop{text: line}, ReaderOptions{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.ReadCommand(); err != nil {
			b.Fatal(err)
		}
	}
}

// loop gives a text for ever.
type loop struct {
	text string
	pos  int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.text[l.pos:])
	l.pos = (l.pos + n) % len(l.text)
	return n, nil
}

func BenchmarkWriteFetch(b *testing.B) {
	w := NewWriter(io.Discard, nil)
	flags := []string{`\Seen`}
	b.ReportAllocs()
	for b.Loop() {
		w.Untagged().Number(12345).Raw(" FETCH (UID ").Number(23456).Raw(" FLAGS ").Flags(flags).Byte(')').CRLF()
	}
}
