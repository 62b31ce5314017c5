package message

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// The sizes below would take minutes or gigabytes if the work grew with more than
// the length of the message, or the memory with its lines; no time is measured.

// scanBoth reads a message through a buffer and in memory, with one result.
func scanBoth(t *testing.T, text string) *Part {
	t.Helper()
	root, err := Scan(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(root, ScanBytes([]byte(text))) {
		t.Error("in memory it is another tree")
	}
	return root
}

// TestLongLines: lines longer than the buffer, beside boundary lines.
func TestLongLines(t *testing.T) {
	for _, n := range []int{bufferSize - 2, bufferSize - 1, bufferSize, bufferSize + 1, 3 * bufferSize} {
		for _, eol := range []string{"\n", "\r\n"} {
			for _, line := range []string{strings.Repeat("x", n), strings.Repeat("-", n), "--b" + strings.Repeat("-", n), strings.Repeat("--b", n/3)} {
				lines := []string{"Content-Type: multipart/x; boundary=b", "X: " + strings.Repeat("--b", n), "", line, "--b", "", line, "--b", line, "", line, "--b--", line}
				scanBoth(t, strings.Join(lines, eol))
			}
		}
	}
}

func TestDeepNesting(t *testing.T) {
	const levels = 3000
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%dx\n\n--b%dx\n", i, i)
	}
	b.WriteString("\ntext\n")
	for i := range levels {
		fmt.Fprintf(&b, "--b%dx--\n", levels-1-i)
	}
	for _, text := range []string{b.String(), strings.Repeat("Content-Type: message/rfc822\n\n", levels)} {
		root := scanBoth(t, text)
		depth := 1
		p := root
		for ; p.Multipart() || p.Message != nil; depth++ {
			if p.Message != nil {
				p = p.Message
			} else {
				p = p.Parts[0]
			}
		}
		if depth != MaxDepth || !p.Is("application", "octet-stream") {
			t.Errorf("%d levels, the last is %s/%s", depth, p.Type, p.Subtype)
		}
		if root.Header.Length+root.Body.Length != int64(len(text)) {
			t.Error("the root does not hold the message")
		}
		checkWire(t, root)
	}
}

func TestManyParts(t *testing.T) {
	for _, kind := range []string{"mixed", "digest"} {
		const parts = 200_000
		text := "Content-Type: multipart/" + kind + "; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", parts) + "--b--\n"
		root := scanBoth(t, text)
		n := countAll(root)
		last := root.Parts[len(root.Parts)-1]
		if n != MaxParts || !last.Is("application", "octet-stream") && kind == "mixed" {
			t.Errorf("%s: %d parts, the last is %s/%s", kind, n, last.Type, last.Subtype)
		}
		if last.Body.End() != int64(len(text)) {
			t.Errorf("%s: the last part ends at %d of %d", kind, last.Body.End(), len(text))
		}
		checkWire(t, root)
	}
}

func countAll(p *Part) int {
	n := 1
	for _, c := range p.Parts {
		n += countAll(c)
	}
	if p.Message != nil {
		n += countAll(p.Message)
	}
	return n
}

// repeated gives one piece again and again, n octets in all.
type repeated struct {
	piece []byte
	n, at int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.n)]
	for i := 0; i < len(p); {
		n := copy(p[i:], r.piece[r.at:])
		i += n
		r.at = (r.at + int64(n)) % int64(len(r.piece))
	}
	r.n -= int64(len(p))
	return len(p), nil
}

// TestBoundedMemory feeds a gigabyte in the forms that tempt one to keep it.
func TestBoundedMemory(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	const multipart = "Content-Type: multipart/x; boundary=b\n\n--b\n\n"
	for _, c := range []struct{ why, start, piece string }{
		{"one header line", "Subject: ", strings.Repeat("x", 4096)},
		{"header lines", "", "Subject: " + strings.Repeat("x", 4000) + "\n"},
		{"one field of many lines", "Subject:", strings.Repeat(" x", 2000) + "\n"},
		{"no newline in a body", "\n", strings.Repeat("x", 4096)},
		{"no newline in a part", multipart, strings.Repeat("--b", 4096)},
		{"parts with large headers", multipart, "--b\nContent-Type: x/y; " + strings.Repeat("a=b; ", 10000) + "\n\n"},
		{"embedded messages", multipart, "--b\nContent-Type: message/rfc822\n\nSubject: " + strings.Repeat("x", 4000) + "\n\n"},
	} {
		allocated := allocatedBy(func() {
			r := io.MultiReader(strings.NewReader(c.start), &repeated{piece: []byte(c.piece), n: size})
			root, err := Scan(r)
			if err != nil {
				t.Error(err)
			} else if n := root.Header.Length + root.Body.Length; n != size+int64(len(c.start)) {
				t.Errorf("%s: %d octets", c.why, n)
			}
		})
		if allocated > 64<<20 {
			t.Errorf("%s: %d MB allocated", c.why, allocated>>20)
		}
	}
}

func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHeaderCut(t *testing.T) {
	field := "X-A: " + strings.Repeat("x", 1018) + "\n"
	text := strings.Repeat(field, 2*MaxRawHeader/len(field)) + "Subject: far away\n\nbody\n"
	root := scanBoth(t, text)
	if !root.HeaderCut || len(root.RawHeader) != MaxRawHeader || !strings.HasPrefix(text, string(root.RawHeader)) {
		t.Errorf("cut %v, %d octets", root.HeaderCut, len(root.RawHeader))
	}
	if e, _ := root.Extent(Section{Specifier: TextSpec}); text[e.Offset:e.End()] != "body\n" {
		t.Errorf("body is %q", text[e.Offset:e.End()])
	}
	// HEADER.FIELDS comes from the stored bytes then.
	var b bytes.Buffer
	if _, err := CopyHeader(&b, strings.NewReader(text[:root.Header.Length]), []string{"subject"}, false); err != nil || b.String() != "Subject: far away\r\n\r\n" {
		t.Errorf("copied %q, %v", b.String(), err)
	}
	// A field whose lines are longer than any buffer.
	long := "X-B: " + strings.Repeat("x\r", 100_000) + "\n"
	b.Reset()
	if _, err := CopyHeader(&b, strings.NewReader(long+"C: d\n"), []string{"x-b"}, false); err != nil || b.String() != string(AppendCRLF(nil, []byte(long)))+"\r\n" {
		t.Errorf("copied %d octets, %v", b.Len(), err)
	}
}

// TestHostileText feeds text that costs a careless reader the square of its length.
func TestHostileText(t *testing.T) {
	const n = 1 << 19
	for _, piece := range []string{
		"=?", "=?a?q?", "=?a?q? ", "=?a?q??=", "=?a?q?==?=", "[a]", "[", "re:", "[fwd:", "(fwd) ", "(", "\"", "<", "a,", "a:", "a;", ",", "(,", "\"a\" ",
		"a@b (c), ", "=?utf-8?b?4pyT?= ", "\\", "a b ", ";a=b", ";a*0=b", "%", "::", "--",
	} {
		s := strings.Repeat(piece, n/len(piece))
		DecodeHeader(s)
		ParseAddressList(s)
		BaseSubject(s)
		_, _ = ParseDate(s)
		root, err := Scan(strings.NewReader("Content-Type: x/y" + s + "\nContent-Disposition: a" + s + "\nFrom: " + s + "\nSubject: " + s + "\n\n"))
		if err != nil {
			t.Fatal(err)
		}
		checkWire(t, root)
		root.Filename()
	}
}
