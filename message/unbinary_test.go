package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWithoutBinary(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n"
	for _, tt := range []struct{ why, in, want string }{
		{"nothing to do", "Subject: x\r\n\r\ny\r\n", "Subject: x\r\n\r\ny\r\n"},
		{"a message that is binary", "MIME-Version: 1.0\r\ncontent-transfer-encoding : BINARY\r\nX: y\r\n\r\n\x00\n",
			"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\nX: y\r\n\r\nAAo=\r\n"},
		{"the line end before the boundary is the boundary's", mixed + "\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\r\n\r\n--b--\r\n",
			mixed + "\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYQpiDQo=\r\n--b--\r\n"},
		{"no octets", mixed + "\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--b--\r\n",
			mixed + "\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b--\r\n"},
		{"a multipart and a message cannot be in base64",
			"Content-Transfer-Encoding: binary\n" + mixed + "\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: binary\n\nSubject: in\n\n8bit\n--b--\n",
			"Content-Transfer-Encoding: 8bit\n" + mixed + "\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: in\n\n8bit\n--b--\n"},
		{"not MIME", "Content-Transfer-Encoding: binary\r\n\r\nx\r\n", "Content-Transfer-Encoding: binary\r\n\r\nx\r\n"},
		{"a header without body", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n"},
	} {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
			if got, err := io.ReadAll(WithoutBinary(r)); string(got) != tt.want || err != nil {
				t.Errorf("%s: %q, %v, want %q", tt.why, got, err, tt.want)
			}
		}
	}
	for why, in := range map[string]string{"in a header": "A: \x00\r\n\r\n", "in a part that is not binary": "Content-Type: image/gif\r\n\r\n\x00"} {
		if got, err := io.ReadAll(WithoutBinary(strings.NewReader(in))); !errors.Is(err, ErrBinary) {
			t.Errorf("NUL %s: %q, %v", why, got, err)
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(WithoutBinary(io.MultiReader(strings.NewReader("a: b\r\n"), iotest.ErrReader(broken)))); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
}

// TestWithoutBinaryStreams: a large part goes through a buffer.
func TestWithoutBinaryStreams(t *testing.T) {
	const head = "Content-Type: image/gif\r\nContent-Transfer-Encoding: binary\r\n\r\n"
	body := bytes.Repeat([]byte("GIF\x00\r"), 1<<20)
	u := WithoutBinary(io.MultiReader(strings.NewReader(head), bytes.NewReader(body))).(*unbinary)
	all, err := io.ReadAll(u)
	if err != nil || cap(u.out) > 4*bufferSize {
		t.Fatalf("%v, a buffer of %d", err, cap(u.out))
	}
	checkWithoutBinary(t, append([]byte(head), body...), all)
}

// checkWithoutBinary holds the law: the same parts, with the same content, and
// none of them binary.
func checkWithoutBinary(t *testing.T, before, after []byte) {
	t.Helper()
	var walk func(a, b *Part)
	walk = func(a, b *Part) {
		if a.Type != b.Type || a.Subtype != b.Subtype || len(a.Parts) != len(b.Parts) || (a.Message == nil) != (b.Message == nil) {
			t.Fatalf("%.300q becomes %.300q: parts %+v and %+v", before, after, a, b)
		}
		switch {
		case a.Message != nil:
			walk(a.Message, b.Message)
		case a.Multipart():
			for i := range a.Parts {
				walk(a.Parts[i], b.Parts[i])
			}
		default:
			x, y := content(t, a, before), content(t, b, after)
			if !bytes.Equal(x, y) || b.Encoding == "binary" && b.Body.Length > 0 {
				t.Fatalf("%.300q becomes %.300q: a part of %.300q becomes %.300q, %s", before, after, x, y, b.Encoding)
			}
		}
	}
	a, err := Scan(bytes.NewReader(before))
	b, err2 := Scan(bytes.NewReader(after))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	walk(a, b)
}

func content(t *testing.T, p *Part, octets []byte) []byte {
	b, err := io.ReadAll(p.DecodeBody(bytes.NewReader(octets[p.Body.Offset:p.Body.End()])))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzWithoutBinary(f *testing.F) {
	f.Add("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\nContent-Type: a/b\nContent-Transfer-Encoding: binary\r\n\r\na\n--b\n\n--b--")
	f.Add("Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: multipart/y; boundary=bb\nContent-Transfer-Encoding: binary\n\n--bb\nContent-Transfer-Encoding: binary\n\nx\r\n\r\n--bb--\n--b\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := io.ReadAll(WithoutBinary(strings.NewReader(text)))
		bytewise, err2 := io.ReadAll(WithoutBinary(iotest.OneByteReader(strings.NewReader(text))))
		if string(got) != string(bytewise) || !errors.Is(err2, err) {
			t.Fatalf("at once %q, %v, octet by octet %q, %v", got, err, bytewise, err2)
		}
		if err != nil {
			if !errors.Is(err, ErrBinary) || strings.IndexByte(text, 0) < 0 {
				t.Fatal(err)
			}
			return
		}
		if bytes.IndexByte(got, 0) >= 0 {
			t.Fatalf("NUL in %q", got)
		}
		checkWithoutBinary(t, []byte(text), got)
		if again, err := io.ReadAll(WithoutBinary(bytes.NewReader(got))); err != nil || !bytes.Equal(got, again) {
			t.Fatalf("%q becomes %q and then %q, %v", text, got, again, err)
		}
	})
}
