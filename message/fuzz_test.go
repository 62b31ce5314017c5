package message

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// seedCorpus adds the small messages of the corpus, if it is there.
func seedCorpus(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(sectionMessage, "|", "\n")))
	f.Add([]byte(strings.ReplaceAll(sectionMessage, "|", "\r\n")))
	f.Add([]byte("Content-Type: multipart/x; boundary=\"b\r\"\n\n--b\r\n\r\n--b--"))
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	n := 0
	err := filepath.WalkDir(filepath.Join(dir, "eml"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if n++; len(raw) < 4000 && n%5 == 0 {
			f.Add(raw)
		}
		return err
	})
	if err != nil {
		f.Logf("no seeds from %s: %v", dir, err)
	}
}

// FuzzScan holds the laws of a scan.
func FuzzScan(f *testing.F) {
	seedCorpus(f)
	f.Fuzz(checkLaws)
}

// checkLaws holds the laws for one message.
func checkLaws(t *testing.T, raw []byte) {
	root, err := Scan(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if root.Header.Offset != 0 || root.Body.End() != int64(len(raw)) {
		t.Fatalf("root %v %v of %d octets", root.Header, root.Body, len(raw))
	}
	checkPart(t, root, raw)
	checkWire(t, root)
	checkPaths(t, root, root, nil)

	slow, err := Scan(iotest.OneByteReader(bytes.NewReader(raw)))
	if err != nil || !reflect.DeepEqual(root, slow) {
		t.Fatalf("octet by octet gives another tree (%v)", err)
	}
	if !reflect.DeepEqual(root, ScanBytes(raw)) {
		t.Fatal("in memory it is another tree")
	}

	wire := AppendCRLF(nil, raw)
	other, err := Scan(bytes.NewReader(wire))
	if err != nil {
		t.Fatal(err)
	}
	if other.Size() != root.Size() || int64(len(wire)) != root.Size() {
		t.Fatalf("size %d, in CRLF form %d, is %d", root.Size(), other.Size(), len(wire))
	}
	if a, b := AppendBodyStructure(nil, root, true), AppendBodyStructure(nil, other, true); !bytes.Equal(a, b) {
		t.Fatalf("the CRLF form has another structure:\n%s\n%s", a, b)
	}
	if a, b := AppendEnvelope(nil, root.RawHeader), AppendEnvelope(nil, other.RawHeader); !bytes.Equal(a, b) {
		t.Fatalf("the CRLF form has another envelope:\n%s\n%s", a, b)
	}
}

// checkPart: extents follow each other, say what stands there, and hold those of the
// children in their order.
func checkPart(t *testing.T, p *Part, raw []byte) {
	if p.Header.End() != p.Body.Offset || p.Type == "" || p.Subtype == "" || p.Encoding == "" {
		t.Fatalf("part %+v", p)
	}
	for _, e := range []Extent{p.Header, p.Body} {
		if e.Offset < 0 || e.Length < 0 || e.End() > int64(len(raw)) {
			t.Fatalf("extent %v of %d octets", e, len(raw))
		}
		text := raw[e.Offset:e.End()]
		if e.Size != int64(len(AppendCRLF(nil, text))) || e.Lines != int64(bytes.Count(text, lf)) {
			t.Fatalf("extent %v of %q", e, text)
		}
	}
	if p.RawHeader != nil && !p.HeaderCut && !bytes.Equal(p.RawHeader, raw[p.Header.Offset:p.Header.End()]) {
		t.Fatalf("raw header %q is not %q", p.RawHeader, raw[p.Header.Offset:p.Header.End()])
	}
	children := p.Parts
	if p.Message != nil {
		children = []*Part{p.Message}
		if p.Message.Header.Offset != p.Body.Offset || p.Message.Body.End() != p.Body.End() || p.Message.RawHeader == nil {
			t.Fatalf("message %v %v in %v", p.Message.Header, p.Message.Body, p.Body)
		}
	}
	at := p.Body.Offset
	for _, c := range children {
		if c.Header.Offset < at || c.Body.End() > p.Body.End() {
			t.Fatalf("child %v %v behind %d in %v", c.Header, c.Body, at, p.Body)
		}
		at = c.Body.End()
		checkPart(t, c, raw)
	}
}

// checkPaths: every part is found by its number.
func checkPaths(t *testing.T, root, p *Part, path []int) {
	if p.Message != nil && len(path) > 0 {
		p = p.Message
		if e, ok := root.Extent(Section{Path: path, Specifier: HeaderSpec}); !ok || e != p.Header {
			t.Fatalf("header of message %v", path)
		}
		if !p.Multipart() {
			checkPath(t, root, p, append(path, 1))
		}
	}
	for i, c := range p.Parts {
		at := append(path, i+1)
		checkPath(t, root, c, at)
		checkPaths(t, root, c, at)
	}
}

func checkPath(t *testing.T, root, p *Part, path []int) {
	if root.Find(path) != p {
		t.Fatalf("part %v is not found", path)
	}
}

// checkWire: the wire forms are IMAP and have the shape of RFC 9051 section 9.
func checkWire(t *testing.T, root *Part) {
	t.Helper()
	if err := validEnvelope(mustParse(AppendEnvelope(nil, root.RawHeader))); err != nil {
		t.Fatal(err)
	}
	for _, extended := range []bool{false, true} {
		wire := AppendBodyStructure(nil, root, extended)
		if err := validBody(mustParse(wire), extended); err != nil {
			t.Fatalf("%v in %s", err, wire)
		}
	}
}

func mustParse(wire []byte) imapValue {
	v, err := parseIMAP(string(wire))
	if err != nil {
		return err
	}
	return v
}

// validEnvelope = 10 fields: nstring, or NIL or a list of addresses of 4 nstrings.
func validEnvelope(v imapValue) error {
	e := list(v)
	if len(e) != 10 {
		return fmt.Errorf("no envelope: %v", v)
	}
	for i, f := range e {
		if i <= envSubject || i >= envInReplyTo {
			if err := valid(f, "nstring"); err != nil {
				return err
			}
			continue
		}
		group := false
		for _, a := range list(f) {
			if err := valid(a, "nstring", "nstring", "nstring", "nstring"); err != nil {
				return err
			}
			if list(a)[3] == nil { // begins or ends a group
				if group == (list(a)[2] != nil) {
					return fmt.Errorf("group in %v", f)
				}
				group = !group
			}
		}
		if f != nil && list(f) == nil || group {
			return fmt.Errorf("address list %v", f)
		}
	}
	return nil
}

// valid checks the kinds of the members of a list, or of v itself if there is one.
func valid(v imapValue, kinds ...string) error {
	values := []imapValue{v}
	if len(kinds) > 1 {
		if values = list(v); len(values) != len(kinds) {
			return fmt.Errorf("%v has %d members, not %d", v, len(values), len(kinds))
		}
	}
	for i, kind := range kinds {
		_, isString := values[i].(string)
		_, isNumber := values[i].(int64)
		isNIL, isList := values[i] == nil, list(values[i]) != nil
		ok := map[string]bool{
			"string": isString, "nstring": isString || isNIL, "number": isNumber,
			"params": isNIL || isList && len(list(values[i]))%2 == 0 && allStrings(list(values[i])),
			"disposition": isNIL || isList && len(list(values[i])) == 2 &&
				valid(values[i], "string", "params") == nil,
			"language": isNIL || isString || isList && allStrings(list(values[i])),
			"any":      true,
		}[kind]
		if !ok {
			return fmt.Errorf("%v is no %s", values[i], kind)
		}
	}
	return nil
}

func allStrings(l []imapValue) bool {
	for _, v := range l {
		if _, ok := v.(string); !ok {
			return false
		}
	}
	return true
}

func validBody(v imapValue, extended bool) error {
	b := list(v)
	if n := countParts(b); n > 0 {
		for _, child := range b[:n] {
			if err := validBody(child, extended); err != nil {
				return err
			}
		}
		kinds := []string{"string"}
		if extended {
			kinds = append(kinds, "params", "disposition", "language", "nstring")
		}
		return validList(b[n:], kinds)
	}
	kinds := []string{"string", "string", "params", "nstring", "nstring", "string", "number"}
	if len(b) < len(kinds) {
		return fmt.Errorf("no body: %v", v)
	}
	typ, subtype := strings.ToLower(fmt.Sprint(b[0])), strings.ToLower(fmt.Sprint(b[1]))
	switch {
	case typ == "text":
		kinds = append(kinds, "number")
	case typ == "message" && (subtype == "rfc822" || subtype == "global"):
		kinds = append(kinds, "any", "any", "number")
		if len(b) < len(kinds) {
			return fmt.Errorf("no message body: %v", v)
		}
		if err := validEnvelope(b[7]); err != nil {
			return err
		}
		if err := validBody(b[8], extended); err != nil {
			return err
		}
	}
	if extended {
		kinds = append(kinds, "nstring", "disposition", "language", "nstring")
	}
	return validList(b, kinds)
}

func validList(l []imapValue, kinds []string) error {
	if len(l) != len(kinds) {
		return fmt.Errorf("%v has %d members, not %d", l, len(l), len(kinds))
	}
	for i, kind := range kinds {
		if err := valid(l[i], kind); err != nil {
			return err
		}
	}
	return nil
}

// chunks gives a text in pieces of the given sizes, in turn.
type chunks struct {
	text  []byte
	sizes []byte
	n     int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	size := len(c.text)
	if len(c.sizes) > 0 {
		size = int(c.sizes[c.n%len(c.sizes)]) + 1
		c.n++
	}
	n := copy(p, c.text[:min(size, len(c.text))])
	c.text = c.text[n:]
	return n, nil
}

// copiedCRLF converts text into pieces of some sizes.
func copiedCRLF(text, sizes []byte) (all []byte) {
	for i, afterCR := 0, false; len(text) > 0; i++ {
		room := make([]byte, 1)
		if len(sizes) > 0 {
			room = make([]byte, 1+int(sizes[i%len(sizes)]))
		}
		var n, used int
		left := WireSize(text, afterCR)
		n, used, afterCR = CopyCRLF(room, text, afterCR)
		if text = text[used:]; left != int64(n)+WireSize(text, afterCR) {
			return nil
		}
		all = append(all, room[:n]...)
	}
	return all
}

// FuzzCRLF: all ways to the CRLF form agree, whatever the pieces.
func FuzzCRLF(f *testing.F) {
	f.Add([]byte("a\nb\r\nc\rd\r\r\n\n\x00"), []byte{0})
	f.Add([]byte("\n"), []byte{0, 1, 5})
	f.Fuzz(func(t *testing.T, raw, sizes []byte) {
		want := AppendCRLF(nil, raw)
		if bytes.Contains(bytes.ReplaceAll(want, crlf, nil), lf) || !bytes.Equal(bytes.ReplaceAll(want, []byte("\r"), nil), bytes.ReplaceAll(raw, []byte("\r"), nil)) {
			t.Fatalf("%q becomes %q", raw, want)
		}
		if len(raw) > 0 { // what is long goes another way
			long := bytes.Repeat(raw, 1+700/len(raw))
			for _, room := range []int{len(long), 2*len(long) + 256} {
				testBlocks(t, long, room)
			}
		}
		got, err := io.ReadAll(ToCRLF(&chunks{text: raw, sizes: sizes}))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read %q, %v, want %q", got, err, want)
		}
		if got, err = io.ReadAll(iotest.OneByteReader(ToCRLF(&chunks{text: raw, sizes: sizes}))); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read by octets %q, %v, want %q", got, err, want)
		}
		var b bytes.Buffer
		r := ToCRLF(&chunks{text: raw, sizes: sizes})
		if _, err := io.CopyN(&b, r, int64(len(sizes))); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if _, err := r.(io.WriterTo).WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Fatalf("read, then wrote %q, %v, want %q", b.Bytes(), err, want)
		}
		if n := WireSize(raw, false); n != int64(len(want)) {
			t.Fatalf("%q has %d octets, not %d", raw, len(want), n)
		}
		if got = copiedCRLF(raw, sizes); !bytes.Equal(got, want) {
			t.Fatalf("copied %q, want %q", got, want)
		}
		size, lines, err := CRLFSize(&chunks{text: raw, sizes: sizes})
		if err != nil || size != int64(len(want)) || lines != int64(bytes.Count(raw, lf)) {
			t.Fatalf("size %d, %d lines, %v of %q", size, lines, err, want)
		}
	})
}

// FuzzFilterHeader: every field is either chosen or not, and all that is written is
// what stood there.
func FuzzFilterHeader(f *testing.F) {
	f.Add([]byte("A: b\n c\r\nB: d\n\nx"), "a")
	f.Add([]byte(" A: b\nno field\nB : d"), "b c")
	f.Fuzz(func(t *testing.T, header []byte, names string) {
		fields := strings.Fields(names)
		header = ReplaceNUL(bytes.Clone(header)) // names are told apart before that is done
		yes, no := FilterHeader(nil, header, fields, false), FilterHeader(nil, header, fields, true)
		all := FilterHeader(nil, header, nil, true)
		if len(yes)+len(no) != len(all)+2 {
			t.Fatalf("%q and %q are not %q", yes, no, all)
		}
		var merged []byte
		for rest := all; ; {
			raw, next := nextRawField(rest)
			if len(raw) == 0 {
				break
			}
			switch {
			case bytes.HasPrefix(yes, raw) && named(splitField(raw).name, fields):
				yes = yes[len(raw):]
			case bytes.HasPrefix(no, raw):
				no = no[len(raw):]
			default:
				t.Fatalf("%q is in neither", raw)
			}
			merged, rest = append(merged, raw...), next
		}
		if string(yes) != "\r\n" || string(no) != "\r\n" || !bytes.HasPrefix(ReplaceNUL(AppendCRLF(nil, append(header, crlf...))), merged) {
			t.Fatalf("left %q, %q of %q", yes, no, header)
		}
		for _, not := range []bool{false, true} {
			var b bytes.Buffer
			n, err := CopyHeader(&b, iotest.OneByteReader(bytes.NewReader(header)), fields, not)
			if err != nil || n != int64(b.Len()) || !bytes.Equal(b.Bytes(), FilterHeader(nil, header, fields, not)) {
				t.Fatalf("copied %d, %v, %q", n, err, b.Bytes())
			}
		}
	})
}

// FuzzText: what comes out is clean, whatever goes in.
func FuzzText(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?=C3=A4?= =?utf-8?b?w6Q?=", "a <b@c>, d: e@f, \"g\\\" h\" <i>;", "Tue, 1 Jul 2003 10:52:37 +0200 (CEST)", "Re: [a] fwd: x (fwd)", "\xe4 =?x?q?\x00?=", "=?utf-7?q?+2D-a?="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := func(what, text string) {
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r\n\x1b\x7f") {
				t.Fatalf("%s of %q is %q", what, s, text)
			}
		}
		clean("text", DecodeHeader(s))
		clean("subject", BaseSubject(s))
		for _, a := range ParseAddressList(s) {
			clean("name", a.Name)
			clean("address", a.String())
		}
		if d, err := ParseDate(s); err == nil && (d.Year() < 0 || d.Year() > 10000) {
			t.Fatalf("date %v", d)
		}
		p := &Part{Params: []Param{{"name", s}}, DispositionParams: []Param{{"filename*", s}}}
		name := p.Filename()
		clean("file name", name)
		if strings.ContainsAny(name, `/\`) || name == "." || name == ".." || len(name) > maxFilename {
			t.Fatalf("file name %q", name)
		}
	})
}

// FuzzDecode: decoding does not depend on the pieces, and text is UTF-8.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("w6Q=\r\nfooter of a list\r\n"), "base64", "utf-8", []byte{3})
	f.Add([]byte("=C3=\n=A4 =\r\nx  \n=4"), "quoted-printable", "iso-8859-1", []byte{0})
	f.Add([]byte("x\nbegin 644 a\n#0V%T\n`\nend\n"), "x-uuencode", "us-ascii", []byte{1})
	f.Add([]byte("+AOQ-a+-+2D3eAQ-"), "7bit", "utf-7", []byte{0})
	f.Add([]byte("\x1b$)C\x0e0!\x0fa"), "7bit", "iso-2022-kr", []byte{0})
	f.Add([]byte("\xff\xfea\x00"), "binary", "utf-16", []byte{0})
	f.Fuzz(func(t *testing.T, raw []byte, encoding, charset string, sizes []byte) {
		p := &Part{Encoding: encoding, Params: []Param{{"charset", charset}}}
		whole, err := io.ReadAll(p.DecodeText(bytes.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(whole) {
			t.Fatalf("%q is not UTF-8", whole)
		}
		pieces, err := io.ReadAll(p.DecodeText(&chunks{text: raw, sizes: sizes}))
		if err != nil || !bytes.Equal(whole, pieces) {
			t.Fatalf("in pieces %q, %v, whole %q", pieces, err, whole)
		}
		if held := p.AppendText([]byte("x"), p.AppendBody(nil, raw)); string(held) != "x"+string(whole) {
			t.Fatalf("at hand %q, as a stream %q", held, whole)
		}
		if line, _, _ := bytes.Cut(raw, []byte("\n")); p.Encoding == "base64" {
			d := new(base64Decoder)
			if got, want := d.end(d.line(nil, line, true)), appendBase64(nil, line); !bytes.Equal(got, want) {
				t.Fatalf("%q becomes %q, octet by octet %q", line, got, want)
			}
		}
	})
}
