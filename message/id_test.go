package message

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestIDOf(t *testing.T) {
	// Clients have these names for ever: they must never change.
	of := func(crlf string) string {
		sum := sha256.Sum256([]byte(crlf))
		return "M" + hex.EncodeToString(sum[:16])
	}
	long := strings.Repeat("0123456789abcde\n", 2000)
	for _, tt := range []struct{ why, stored, crlf string }{
		{"nothing has one too", "", ""},
		{"CRLF stays", "Subject: a\r\n\r\nb\r\n", "Subject: a\r\n\r\nb\r\n"},
		{"LF counts as CRLF: formats store it as they like", "Subject: a\n\nb\n", "Subject: a\r\n\r\nb\r\n"},
		{"both in one message", "a: b\r\nc: d\n\r\ne\n", "a: b\r\nc: d\r\n\r\ne\r\n"},
		{"an end without line end is another message", "a: b\n\nc", "a: b\r\n\r\nc"},
		{"a bare CR stays", "a: b\n\nc\rd\r", "a: b\r\n\r\nc\rd\r"},
		{"NUL is content", "a: b\n\n\x00", "a: b\r\n\r\n\x00"},
		{"more than one piece", long, strings.ReplaceAll(long, "\n", "\r\n")},
		{"CR and LF in two pieces", strings.Repeat("x", idPiece-1) + "\r\ny", strings.Repeat("x", idPiece-1) + "\r\ny"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"at once":        strings.NewReader(tt.stored),
				"octet by octet": iotest.OneByteReader(strings.NewReader(tt.stored)),
			} {
				id, err := IDOf(r)
				if err != nil || id.String() != of(tt.crlf) {
					t.Errorf("%s: IDOf is %v, %v, want %s", name, id, err, of(tt.crlf))
				}
			}
			_, id, err := ScanID(iotest.HalfReader(strings.NewReader(tt.stored)))
			if err != nil || id.String() != of(tt.crlf) {
				t.Errorf("ScanID is %v, %v, want %s", id, err, of(tt.crlf))
			}
		})
	}
}

func TestIDOfBrokenReader(t *testing.T) {
	r := func() io.Reader { return iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a: b\n\nc\n"))) }
	if _, err := IDOf(r()); err == nil {
		t.Error("IDOf has an ID of half a message")
	}
	if root, _, err := ScanID(r()); err == nil || root != nil {
		t.Error("ScanID has an ID of half a message")
	}
}

func TestParseID(t *testing.T) {
	id := ID{1, 2, 3, 0xab, 15: 0xff}
	if got, ok := ParseID(id.String()); !ok || got != id {
		t.Errorf("%v came back as %v, %v", id, got, ok)
	}
	for _, tt := range []struct{ why, text string }{
		{"nothing", ""},
		{"too short", id.String()[:32]},
		{"too long", id.String() + "0"},
		{"another letter", "F" + id.String()[1:]},
		{"no digits", "M" + strings.Repeat("g", 32)},
		{"case counts: objectids are compared octet by octet", strings.ToUpper(id.String())},
	} {
		if got, ok := ParseID(tt.text); ok {
			t.Errorf("%s: %q is read as %v", tt.why, tt.text, got)
		}
	}
}

// The ID must be that of the CRLF form however a message is cut into reads.
func FuzzIDOf(f *testing.F) {
	f.Add([]byte("a: b\r\n\nc\r"), 1)
	f.Add([]byte("\n\r\n\r\r\n"), 2)
	f.Fuzz(func(t *testing.T, msg []byte, cut int) {
		cut = min(max(cut, 1), len(msg))
		h := &idHash{sum: sha256.New()}
		h.add(msg[:cut])
		h.add(msg[cut:])
		sum := sha256.Sum256(AppendCRLF(nil, msg))
		if got, want := h.id().String(), fmt.Sprintf("M%x", sum[:16]); got != want {
			t.Errorf("cut at %d: %s, want %s", cut, got, want)
		}
	})
}

func BenchmarkScanID(b *testing.B) {
	msg := "Subject: a\n\n" + strings.Repeat("This is a line of some ordinary length, as people write.\n", 100)
	for name, scan := range map[string]func() error{
		"Scan":   func() error { _, err := Scan(strings.NewReader(msg)); return err },
		"ScanID": func() error { _, _, err := ScanID(strings.NewReader(msg)); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if err := scan(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
