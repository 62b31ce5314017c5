package message

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
)

// checkSummary holds the law of summaries for one message: what they give is
// what the message gives.
func checkSummary(t *testing.T, text []byte) {
	t.Helper()
	root, id, err := ScanID(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := AppendSummary([]byte("in front"), KnowsPreview|KnowsID, root, id, bytes.NewReader(text))
	if !ok {
		if !root.HeaderCut {
			t.Fatal("no summary")
		}
		return
	}
	s, ok := ParseSummary(b[len("in front"):])
	if !ok || s.Knows != KnowsStructure|KnowsPreview|KnowsID || s.Attachment != root.HasAttachment() || s.ID != id {
		t.Fatalf("the summary is read as %+v, %v", s, ok)
	}
	for _, envelope := range []bool{true, false} {
		part, ok := ParseSummary(AppendHeaderSummary(nil, root.RawHeader, envelope))
		if !ok || part.Knows != 0 || envelope && len(part.Envelope) == 0 || !bytes.Equal(part.AppendEnvelope(nil), s.Envelope) || !bytes.Equal(part.Header, s.Header) {
			t.Errorf("the summary of the header is %+v, of all %+v", part, s)
		}
	}
	checkLess(t, s, root, text)
	checkPreview(t, s.Preview)
	if got, ok := AppendBody(nil, s.Structure); !ok || !bytes.Equal(got, AppendBodyStructure(nil, root, false)) {
		t.Errorf("BODY %q (%v) of %q, want %q", got, ok, s.Structure, AppendBodyStructure(nil, root, false))
	}
	if want := AppendEnvelope(nil, root.RawHeader); !bytes.Equal(s.Envelope, want) {
		t.Errorf("ENVELOPE %q, want %q", s.Envelope, want)
	}
	if want := AppendBodyStructure(nil, root, true); !bytes.Equal(s.Structure, want) {
		t.Errorf("BODYSTRUCTURE %q, want %q", s.Structure, want)
	}
	for _, fields := range [][]string{{"subject"}, {"FROM", "Date", "References"}, {"Message-Id", "X-PRIORITY", "Received-Not"}, summaryFields[:]} {
		kept := fields[:0:0]
		for _, f := range fields {
			if InSummary(f) {
				kept = append(kept, f)
			}
		}
		if got, want := FilterHeader(nil, s.Header, kept, false), FilterHeader(nil, root.RawHeader, kept, false); !bytes.Equal(got, want) {
			t.Errorf("fields %q are\n%q, want\n%q", kept, got, want)
		}
	}
}

// checkLess: a summary that knows less says the same of what it knows.
func checkLess(t *testing.T, full Summary, root *Part, text []byte) {
	t.Helper()
	for _, more := range []Knowledge{0, KnowsStructure, KnowsPreview, KnowsID} {
		b, _ := AppendSummary(nil, more, root, full.ID, bytes.NewReader(text))
		got, ok := ParseSummary(b)
		want := full
		want.Knows = more | KnowsStructure
		if !more.Has(KnowsPreview) {
			want.Preview = nil
		}
		if !more.Has(KnowsID) {
			want.ID = ID{}
		}
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("the summary that knows %03b is %+v, %v, want %+v", more, got, ok, want)
		}
	}
}

func TestSummary(t *testing.T) {
	for _, tt := range []struct{ why, text string }{
		{"an envelope with NUL", "Subject: a\x00b\nFrom: c\x00d <a@b>\n\n"},
		{"usual", "From: a@example.org\nTo: b@example.org\nSubject: x\n y\n\nbody\n"},
		{"nothing at all", ""},
		{"no header", "\n\nbody"},
		{"no end of the header", "Subject: x"},
		{"lines that are no fields, bare CR and NUL", "Subject: a\rb\x00c\r\nno field\nSub\x00ject: d\n folded\r\r\n\nbody"},
		{"multipart", "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ntwo\n--b--\n"},
		{"repeated fields", "subject: a\nSUBJECT: b\nSubject : c\n\n"},
		{"a header larger than what is held", "Subject: x\nX-Long: " + strings.Repeat("x", MaxRawHeader) + "\n\nbody\n"},
	} {
		t.Run(tt.why, func(t *testing.T) { checkSummary(t, []byte(tt.text)) })
	}
}

func TestParseSummaryRefuses(t *testing.T) {
	text := "Subject: x\n\nbody"
	root, err := Scan(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := AppendSummary(nil, KnowsPreview|KnowsID, root, ID{1}, strings.NewReader(text))
	for n := range whole {
		if s, ok := ParseSummary(whole[:n]); ok {
			t.Errorf("the first %d octets give %+v", n, s)
		}
	}
	for _, tt := range []struct {
		why string
		b   []byte
	}{
		{"another version", append([]byte{summaryVersion + 1}, whole[1:]...)},
		{"octets behind its end", append(whole[:len(whole):len(whole)], 0)},
		{"flags that mean nothing", append([]byte{summaryVersion, whole[1] | 0x40}, whole[2:]...)},
		{"an identity without the structure", append([]byte{summaryVersion, byte(KnowsID)}, make([]byte, 24)...)},
		{"an attachment without the structure", append([]byte{summaryVersion, summaryAttachment}, make([]byte, 8)...)},
		{"a header alone, with more behind it", append([]byte{summaryVersion, 0}, whole[2:]...)},
	} {
		if s, ok := ParseSummary(tt.b); ok {
			t.Errorf("%s: %q gives %+v", tt.why, tt.b, s)
		}
	}
}

// TestSummaryOfBrokenReader: what cannot be read has no summary, and nothing stays in dst.
func TestSummaryOfBrokenReader(t *testing.T) {
	root, err := Scan(strings.NewReader("Subject: x\n\nbody"))
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := AppendSummary([]byte("in front"), KnowsPreview, root, ID{}, brokenReader{}); ok || string(b) != "in front" {
		t.Errorf("%q, %v", b, ok)
	}
}

type brokenReader struct{}

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzSummary(f *testing.F) {
	f.Add([]byte("Subject: x\n\nbody"))
	f.Add([]byte("Content-Type: text/html\n\n<p>a&amp;<b>b"))
	f.Add([]byte{summaryVersion, 0, 1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b'})
	f.Add([]byte{summaryVersion, 1, 1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b', 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		checkSummary(t, b)
		AppendBody(nil, b)
		if s, ok := ParseSummary(b); ok && len(s.Envelope)+len(s.Header)+len(s.Structure)+len(s.Preview) > len(b) {
			t.Errorf("%q is read as %+v", b, s)
		}
	})
}

func BenchmarkSummary(b *testing.B) {
	raw := typicalMessage()
	root, err := Scan(bytes.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out, _ = AppendSummary(out[:0], KnowsPreview|KnowsID, root, ID{}, bytes.NewReader(raw))
	}
	b.ReportMetric(float64(len(out)), "octets")
}

func BenchmarkParseSummary(b *testing.B) {
	raw := typicalMessage()
	root, err := Scan(bytes.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	whole, _ := AppendSummary(nil, KnowsPreview|KnowsID, root, ID{}, bytes.NewReader(raw))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ParseSummary(whole); !ok {
			b.Fatal("not read")
		}
	}
}
