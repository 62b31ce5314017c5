package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// scan reads a message that is written with "|" for a line end.
func scan(t *testing.T, text string) (*Part, []byte) {
	t.Helper()
	raw := []byte(strings.ReplaceAll(text, "|", "\n"))
	root, err := Scan(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return root, raw
}

// outline writes a tree as type/subtype "body", with children in brackets.
func outline(p *Part, raw []byte) string {
	s := p.Type + "/" + p.Subtype
	switch {
	case p.Message != nil:
		return s + "{" + outline(p.Message, raw) + "}"
	case p.Multipart():
		var c []string
		for _, child := range p.Parts {
			c = append(c, outline(child, raw))
		}
		return s + "[" + strings.Join(c, " ") + "]"
	}
	body := raw[p.Body.Offset:p.Body.End()]
	return s + fmt.Sprintf("(%s)", strings.ReplaceAll(string(body), "\n", "|"))
}

func TestScanStructure(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b||"
	for _, c := range []struct{ why, in, want string }{
		{"nothing at all", "", "text/plain()"},
		{"no body", "A: b|", "text/plain()"},
		{"only a body", "|x|", "text/plain(x|)"},
		{"no MIME fields", "A: b||x|", "text/plain(x|)"},
		{"a line that is no field does not end the header", "A: b|no field|B: c||x", "text/plain(x)"},
		{"white space does not end the header", "A: b| |B: c||x", "text/plain(x)"},
		{"two parts", mixed + "--b||1|--b||2|--b--|", "multipart/mixed[text/plain(1) text/plain(2)]"},
		{"preamble and epilogue are no parts", mixed + "pre|--b||1|--b--|epi|--b||no|", "multipart/mixed[text/plain(1)]"},
		{"blank lines at the ends belong to the part", mixed + "--b|||1||--b--", "multipart/mixed[text/plain(|1|)]"},
		{"no closing boundary", mixed + "--b||1|", "multipart/mixed[text/plain(1|)]"},
		{"the boundary never comes: IMAP wants one part", mixed + "x|", "multipart/mixed[text/plain()]"},
		{"closed before it opens", mixed + "--b--|x|", "multipart/mixed[text/plain()]"},
		{"a boundary line at the end begins nothing", mixed + "--b||1|--b", "multipart/mixed[text/plain(1)]"},
		{"text behind the boundary, RFC 2046 section 5.1.1", mixed + "--b junk||1|--b--", "multipart/mixed[text/plain(1)]"},
		{"dashes inside a line are no boundary", mixed + "--b||x --b|--b--", "multipart/mixed[text/plain(x --b)]"},
		{"header ended by a boundary", mixed + "--b|Content-Type: image/gif|--b||2|--b--", "multipart/mixed[image/gif() text/plain(2)]"},
		{"boundary lines with nothing between", mixed + "--b|--b|--b--", "multipart/mixed[text/plain() text/plain()]"},
		{"a multipart without boundary is text, RFC 2045 section 5.2", "Content-Type: multipart/mixed||--b||1|--b--|", "text/plain(--b||1|--b--|)"},
		{"an empty boundary is none", `Content-Type: multipart/mixed; boundary=""` + "||--|x|", "text/plain(--|x|)"},
		{"an extended boundary, RFC 2231 section 4", "Content-Type: multipart/mixed; boundary*=us-ascii''%62||--b||1|--b--", "multipart/mixed[text/plain(1)]"},
		{"an inner multipart ended by the outer boundary",
			mixed + "--b|Content-Type: multipart/x; boundary=c||--c||1|--b||2|--b--|", "multipart/mixed[multipart/x[text/plain(1)] text/plain(2)]"},
		{"of boundaries that begin alike the longest is meant",
			mixed + "--b|Content-Type: multipart/x; boundary=bb||--bb||1|--bb--|--b||2|--b--|", "multipart/mixed[multipart/x[text/plain(1)] text/plain(2)]"},
		{"the same boundary inside: the inner one",
			mixed + "--b|Content-Type: multipart/x; boundary=b||--b||1|--b--|--b||2|--b--|", "multipart/mixed[multipart/x[text/plain(1)] text/plain(2)]"},
		{"an embedded message", "Content-Type: message/rfc822||Subject: x||1|", "message/rfc822{text/plain(1|)}"},
		{"RFC 6532 section 3.7", "Content-Type: message/global||Subject: x||1|", "message/global{text/plain(1|)}"},
		{"message/partial is a leaf", "Content-Type: message/partial; id=x||Subject: x||1|", "message/partial(Subject: x||1|)"},
		{"an embedded message ended by a boundary", mixed + "--b|Content-Type: message/rfc822||A: b|--b--", "multipart/mixed[message/rfc822{text/plain()}]"},
		{"a digest has messages", "Content-Type: multipart/digest; boundary=b||--b||A: b||1|--b--", "multipart/digest[message/rfc822{text/plain(1)}]"},
		{"or what its parts say", "Content-Type: multipart/digest; boundary=b||--b|Content-Type: text/x||1|--b--", "multipart/digest[text/x(1)]"},
		{"MIME-Version alone", "MIME-Version: 1.0||x", "text/plain(x)"},
		{"repeated Content-Type: the first", "Content-Type: image/gif|Content-Type: text/html||x", "image/gif(x)"},
		{"no subtype", "Content-Type: image||x", "text/plain(x)"},
		{"not a type at all", "Content-Type: ((||x", "text/plain(x)"},
		{"a parameter without semicolon", "Content-Type: image/gif name=x||x", "image/gif(x)"},
		{"double semicolon", "Content-Type: multipart/x;; boundary=b||--b||1|--b--|", "multipart/x[text/plain(1)]"},
		{"folded, with comments", "Content-Type: (a) image (b) /|\t(c) gif ; name=x||x", "image/gif(x)"},
	} {
		root, raw := scan(t, c.in)
		if got := outline(root, raw); got != c.want {
			t.Errorf("%s: %q gives\n%s, want\n%s", c.why, c.in, got, c.want)
		}
	}
}

func TestScanFields(t *testing.T) {
	root, _ := scan(t, `MIME-Version: 1.0|Content-Type: TEXT/Plain; Charset="a\"b";| name*1*=%20x; name*0="A%"; x=; y=z|`+
		`Content-Transfer-Encoding: Quoted-Printable (really)|Content-ID: <a@b>|Content-Description: |`+
		"Content-Disposition: inline|Content-Disposition: ATTACHMENT; filename=f|Content-Disposition: inline; filename=g|"+
		"Content-Language: de, en-GB (x)|Content-Location: http://x/| y|Content-MD5: Q2hlY2s=||")
	want := &Part{Type: "TEXT", Subtype: "Plain",
		Params:   []Param{{"Charset", `a"b`}, {"x", ""}, {"y", "z"}, {"name*", "''A%25%20x"}},
		Encoding: "quoted-printable", ID: "<a@b>", Disposition: "ATTACHMENT", DispositionParams: []Param{{"filename", "f"}},
		Language: []string{"de", "en-GB"}, Location: "http://x/ y", MD5: "Q2hlY2s=",
		has: hasEncoding | hasID | hasDescription | hasDisposition | hasLocation | hasMD5}
	root.RawHeader, root.Header, root.Body = nil, Extent{}, Extent{}
	if got, want := fmt.Sprintf("%+v", root), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestScanNotMIME(t *testing.T) {
	// Without MIME-Version and Content-Type the others mean nothing.
	root, _ := scan(t, "Content-Transfer-Encoding: base64|Content-ID: x||eA==|")
	if root.Encoding != "7bit" || root.ID != "" {
		t.Errorf("got encoding %q and ID %q", root.Encoding, root.ID)
	}
}

func TestParamsContinued(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"in order", "a*0=x; a*1=y", "[{a xy}]"},
		{"out of order", "a*1=y; b=c; a*0=x", "[{b c} {a xy}]"},
		{"one missing: as they are", "a*0=x; a*2*=y", "[{a*0 x} {a*2* y}]"},
		{"extended, one piece", "a*=utf-8'de'%41", "[{a* utf-8'de'%41}]"},
		{"mixed: plain pieces are escaped", "a*0*=u''x; a*1=\"%41\"", "[{a* u''x%2541}]"},
		{"no number", "a*b=x", "[{a*b x}]"},
		{"a number beyond reason is a name", "a*99999999999999999999=x", "[{a*99999999999999999999 x}]"},
		{"damage between", "a=1; =; ??; b=2", "[{a 1} {b 2}]"},
		{"unterminated string", `a=1; b="x`, "[{a 1}]"},
		{"QUIRK: an encoded-word without quotes", "name==?utf-8?b?eA==?=", "[{name =?utf-8?b?eA==?=}]"},
	} {
		root, _ := scan(t, "Content-Type: x/y; "+c.in+"||")
		if got := fmt.Sprint(root.Params); got != c.want {
			t.Errorf("%s: %s gives %s, want %s", c.why, c.in, got, c.want)
		}
	}
}

// TestScanSizes has all line ends: LF, CRLF, mixed, bare CR, none.
func TestScanSizes(t *testing.T) {
	for _, c := range []struct {
		in          string
		size, lines int64 // of the body
	}{
		{"A: b\n\nx\ny\n", 6, 2},
		{"A: b\r\n\r\nx\r\ny\r\n", 6, 2},
		{"A: b\n\r\nx\r\ny\n", 6, 2},
		{"A: b\n\nx\ry\r", 4, 0},
		{"A: b\n\nx\r\r\n", 4, 1},
		{"A: b\n\nx", 1, 0},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
			root, err := Scan(r)
			if err != nil || root.Body.Size != c.size || root.Body.Lines != c.lines {
				t.Errorf("%q: body has %d octets, %d lines, error %v; want %d, %d", c.in, root.Body.Size, root.Body.Lines, err, c.size, c.lines)
			}
		}
	}
}

func TestScanError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, in := range []string{"", "A: b", "A: b\n\nx", "Content-Type: multipart/x; boundary=b\n\n--b\n\nx"} {
		root, err := Scan(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)))
		if root != nil || !errors.Is(err, broken) {
			t.Errorf("%q: got %v, %v", in, root, err)
		}
		if _, _, err := CRLFSize(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("%q: CRLFSize gives %v", in, err)
		}
	}
	if _, err := Scan(stuck{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
