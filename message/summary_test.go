package message

import (
	"bytes"
	"strings"
	"testing"
)

// checkSummary holds the law of summaries for one message: what they give is
// what the message gives.
func checkSummary(t *testing.T, text []byte) {
	t.Helper()
	root, err := Scan(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := AppendSummary([]byte("in front"), root)
	if !ok {
		if !root.HeaderCut {
			t.Fatal("no summary")
		}
		return
	}
	s, ok := ParseSummary(b[len("in front"):])
	if !ok {
		t.Fatal("the summary cannot be read")
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

func TestSummary(t *testing.T) {
	for _, tt := range []struct{ why, text string }{
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
	root, err := Scan(strings.NewReader("Subject: x\n\nbody"))
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := AppendSummary(nil, root)
	for n := range whole {
		if s, ok := ParseSummary(whole[:n]); ok {
			t.Errorf("the first %d octets give %+v", n, s)
		}
	}
	for _, b := range [][]byte{append([]byte{summaryVersion + 1}, whole[1:]...), append(whole, 0)} {
		if s, ok := ParseSummary(b); ok {
			t.Errorf("%q gives %+v", b, s)
		}
	}
}

func FuzzSummary(f *testing.F) {
	f.Add([]byte("Subject: x\n\nbody"))
	f.Add([]byte{summaryVersion, 1, 1, 1, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, b []byte) {
		checkSummary(t, b)
		if s, ok := ParseSummary(b); ok && !bytes.Equal(s.append(nil), b) {
			if again, ok := ParseSummary(s.append(nil)); !ok || !bytes.Equal(again.Header, s.Header) {
				t.Errorf("%q is read as %+v, which is written as %q", b, s, s.append(nil))
			}
		}
	})
}
