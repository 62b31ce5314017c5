package message

import (
	"fmt"
	"strings"
	"testing"
)

// sectionMessage has the shape of the example in RFC 9051 section 6.4.5.1.
const sectionMessage = "Subject: top|Content-Type: multipart/mixed; boundary=a||" +
	"--a|Content-ID: 1||one|" +
	"--a|Content-Type: application/octet-stream||two|" +
	"--a|Content-Type: message/rfc822||" +
	"Subject: inner|Content-Type: multipart/mixed; boundary=b||--b||3.1|--b|Content-Type: x/y||3.2|--b--||" +
	"--a|Content-Type: multipart/mixed; boundary=c||" +
	"--c|Content-Type: image/gif||4.1|" +
	"--c|Content-Type: message/rfc822||" +
	"Subject: deep|Content-Type: multipart/mixed; boundary=d||--d||4.2.1|--d|Content-Type: multipart/alternative; boundary=e||" +
	"--e||4.2.2.1|--e||4.2.2.2|--e--|--d--|" +
	"--c--|" +
	"--a|Content-Type: message/rfc822|Content-ID: 5||" +
	"Subject: flat||text of five|" +
	"--a--|"

func TestSections(t *testing.T) {
	root, raw := scan(t, sectionMessage)
	for _, c := range []struct {
		path string
		spec Specifier
		want string // "NIL" for none; the start is enough
	}{
		{"", Whole, strings.ReplaceAll(sectionMessage, "\n", "|")},
		{"", HeaderSpec, "Subject: top|Content-Type: multipart/mixed; boundary=a||"},
		{"", TextSpec, "--a|Content-ID: 1||"},
		{"", MIMESpec, "NIL"},
		{"1", Whole, "one"},
		{"1", MIMESpec, "Content-ID: 1||"},
		{"1", HeaderSpec, "NIL"}, // only a message has one
		{"1", TextSpec, "NIL"},
		{"1.1", Whole, "NIL"},
		{"2", Whole, "two"},
		{"3", Whole, "Subject: inner|Content-Type"},
		{"3", HeaderSpec, "Subject: inner|Content-Type: multipart/mixed; boundary=b||"},
		{"3", TextSpec, "--b||3.1|--b|"},
		{"3.1", Whole, "3.1"},
		{"3.2", Whole, "3.2"},
		{"3.2", MIMESpec, "Content-Type: x/y||"},
		{"3.3", Whole, "NIL"},
		{"4", Whole, "--c|Content-Type: image/gif"},
		{"4", HeaderSpec, "NIL"},
		{"4.1", MIMESpec, "Content-Type: image/gif||"},
		{"4.2", HeaderSpec, "Subject: deep|"},
		{"4.2", TextSpec, "--d||4.2.1"},
		{"4.2.1", Whole, "4.2.1"},
		{"4.2.2", MIMESpec, "Content-Type: multipart/alternative; boundary=e||"},
		{"4.2.2.1", Whole, "4.2.2.1"},
		{"4.2.2.2", Whole, "4.2.2.2"},
		{"5", MIMESpec, "Content-Type: message/rfc822|Content-ID: 5||"},
		{"5.1", Whole, "text of five"}, // part 1 of an embedded message that is no multipart
		{"5.1", MIMESpec, "Subject: flat||"},
		{"5.1.1", Whole, "NIL"},
		{"5.2", Whole, "NIL"},
		{"6", Whole, "NIL"},
		{"0", Whole, "NIL"},
		{"-1", Whole, "NIL"},
	} {
		checkSection(t, root, raw, c.path, c.spec, c.want)
	}
}

func TestSectionsOfOnePart(t *testing.T) {
	root, raw := scan(t, "Subject: x||body|")
	checkSection(t, root, raw, "1", Whole, "body|")
	checkSection(t, root, raw, "1", MIMESpec, "Subject: x||")
	checkSection(t, root, raw, "1", TextSpec, "NIL")
	checkSection(t, root, raw, "1.1", Whole, "NIL")
	checkSection(t, root, raw, "2", Whole, "NIL")

	root, raw = scan(t, "Content-Type: message/rfc822||Subject: in||body|") // a message that is a message
	checkSection(t, root, raw, "", HeaderSpec, "Content-Type: message/rfc822||")
	checkSection(t, root, raw, "1", Whole, "Subject: in||body|")
	checkSection(t, root, raw, "1", HeaderSpec, "Subject: in||")
	checkSection(t, root, raw, "1.1", Whole, "body|")
	checkSection(t, root, raw, "1.1.1", Whole, "NIL")
}

func checkSection(t *testing.T, root *Part, raw []byte, path string, spec Specifier, want string) {
	t.Helper()
	s := Section{Path: parsePath(path), Specifier: spec}
	got := "NIL"
	e, ok := root.Extent(s)
	if ok {
		got = strings.ReplaceAll(string(raw[e.Offset:e.End()]), "\n", "|")
		if n := int64(len(AppendCRLF(nil, raw[e.Offset:e.End()]))); n != e.Size {
			t.Errorf("%s of %q: size %d, is %d", fmt.Sprint(spec), path, e.Size, n)
		}
	}
	if got != want && (!strings.HasPrefix(got, want) || want == "NIL") {
		t.Errorf("specifier %d of %q is %q, want %q", spec, path, got, want)
	}
	if m, found := root.HeaderOf(s); found && spec == HeaderSpec && m.Header != e {
		t.Errorf("HeaderOf %q stands at %v, Extent at %v", path, m.Header, e)
	}
}

func parsePath(s string) []int {
	var path []int
	for _, n := range strings.Split(s, ".") {
		var i int
		if _, err := fmt.Sscan(n, &i); err == nil {
			path = append(path, i)
		}
	}
	return path
}

func TestFilterHeader(t *testing.T) {
	const header = "From: a\nTo : b\r\n\tc\nX-Long: d\nno field\n e\nfrom: f\nX\x00: g\n\nbody: no\n"
	for _, c := range []struct {
		fields, want, wantNot string
	}{
		{"FROM", "From: a|from: f||", "To : b|\tc|X-Long: d|no field| e|X\x80: g||"},
		{"to x-long", "To : b|\tc|X-Long: d||", "From: a|no field| e|from: f|X\x80: g||"},
		{"none", "|", "From: a|To : b|\tc|X-Long: d|no field| e|from: f|X\x80: g||"},
		{"body", "|", "From: a|To : b|\tc|X-Long: d|no field| e|from: f|X\x80: g||"},
	} {
		fields := strings.Fields(c.fields)
		for _, not := range []bool{false, true} {
			want := c.want
			if not {
				want = c.wantNot
			}
			want = strings.ReplaceAll(want, "|", "\r\n")
			if got := FilterHeader([]byte("kept"), []byte(header), fields, not); string(got) != "kept"+want {
				t.Errorf("%s, not %v: got %q, want %q", c.fields, not, got, want)
			}
			var b strings.Builder
			n, err := CopyHeader(&b, strings.NewReader(header), fields, not)
			if b.String() != want || n != int64(len(want)) || err != nil {
				t.Errorf("%s, not %v: copied %d, %v, %q, want %q", c.fields, not, n, err, b.String(), want)
			}
		}
	}
	if got := FilterHeader(nil, []byte("A: b"), nil, true); string(got) != "A: b\r\n\r\n" {
		t.Errorf("unterminated header: %q", got)
	}
}
