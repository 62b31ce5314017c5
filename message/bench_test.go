package message

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typicalMessage is 8 KB of mail as it comes today: ten trace and authentication
// fields, text and HTML, LF line ends.
func typicalMessage() []byte {
	var b bytes.Buffer
	for i := range 6 {
		fmt.Fprintf(&b, "Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\n\tby mail.example.net (Postfix) with ESMTPS id 4ABCDEF%d\n\tfor <user@example.net>; Tue, 10 Nov 2026 10:0%d:00 +0100 (CET)\n", i, i, i, i, i)
	}
	b.WriteString("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\n\ts=sel; h=from:to:subject:date; bh=" + strings.Repeat("A", 44) + ";\n\tb=" + strings.Repeat("Bc", 90) + "\n")
	b.WriteString("From: =?utf-8?q?J=C3=BCrgen_Example?= <juergen@example.org>\nTo: \"User, A\" <user@example.net>, other@example.net\nCc: third@example.com\n" +
		"Subject: Re: a subject of ordinary length\nDate: Tue, 10 Nov 2026 10:00:00 +0100\nMessage-ID: <1234567890.abc@example.org>\n" +
		"In-Reply-To: <0987.def@example.net>\nReferences: <0987.def@example.net>\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/alternative; boundary=\"----=_Part_1234_5678\"\n\n------=_Part_1234_5678\n" +
		"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n")
	for b.Len() < 4000 {
		b.WriteString("A line of text such as people write them, and some more words in it.=20\n")
	}
	b.WriteString("\n------=_Part_1234_5678\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<html><body>\n")
	for b.Len() < 8100 {
		b.WriteString("<p style=\"margin:0\">A line of HTML such as programs write them.</p>\n")
	}
	b.WriteString("</body></html>\n------=_Part_1234_5678--\n")
	return b.Bytes()
}

func BenchmarkScan(b *testing.B) {
	plain := []byte("From: a@example.org\nSubject: x\n\n" + strings.Repeat("A line of text such as people write them, and more.\n", 1<<20/52))
	for _, c := range []struct {
		name string
		raw  []byte
	}{{"8KB", typicalMessage()}, {"8KB-crlf", AppendCRLF(nil, typicalMessage())}, {"plain-1MB", plain}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Scan(bytes.NewReader(c.raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIndex is what a mailbox index does with a new message.
func BenchmarkIndex(b *testing.B) {
	raw := typicalMessage()
	var out []byte
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		root := ScanBytes(raw)
		out, _ = AppendSummary(out[:0], 0, root, ID{}, nil)
	}
}

// BenchmarkCorpus is BenchmarkIndex over all messages of the corpus.
func BenchmarkCorpus(b *testing.B) {
	dir := corpusDir(b)
	var files [][]byte
	err := filepath.WalkDir(filepath.Join(dir, "eml"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		files = append(files, raw)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	var total int64
	for _, raw := range files {
		total += int64(len(raw))
	}
	b.SetBytes(total)
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		for _, raw := range files {
			root, _ := Scan(bytes.NewReader(raw))
			out = AppendEnvelope(out[:0], root.RawHeader)
			out = AppendBodyStructure(out, root, true)
		}
	}
}

func BenchmarkToCRLF(b *testing.B) {
	lf := bytes.Repeat(typicalMessage(), 128)
	for _, c := range []struct {
		name string
		raw  []byte
		copy func(r io.Reader) (int64, error)
	}{
		{"WriteTo-lf", lf, func(r io.Reader) (int64, error) { return io.Copy(io.Discard, ToCRLF(r)) }},
		{"WriteTo-crlf", AppendCRLF(nil, lf), func(r io.Reader) (int64, error) { return io.Copy(io.Discard, ToCRLF(r)) }},
		{"Read-lf", lf, func(r io.Reader) (int64, error) { return readAll(ToCRLF(r)) }},
		{"Size-lf", lf, func(r io.Reader) (int64, error) { n, _, err := CRLFSize(r); return n, err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.copy(bytes.NewReader(c.raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readAll reads in blocks, with no help from WriterTo.
func readAll(r io.Reader) (n int64, err error) {
	buf := make([]byte, 64<<10)
	for {
		m, err := r.Read(buf)
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	base64 := bytes.Repeat([]byte(strings.Repeat("QUJD", 19)+"\r\n"), 13000)
	qp := bytes.Repeat([]byte("A line with =C3=A4 and a soft break at its=\r\n"), 20000)
	for _, c := range []struct {
		name string
		raw  []byte
	}{{"base64", base64}, {"quoted-printable", qp}, {"8bit", qp}} {
		b.Run(c.name, func(b *testing.B) {
			p := &Part{Encoding: c.name, Params: []Param{{"charset", "utf-8"}}}
			b.SetBytes(int64(len(c.raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readAll(p.DecodeText(bytes.NewReader(c.raw))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseAddressList(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseAddressList(`=?utf-8?q?J=C3=BCrgen?= Example <juergen@example.org>, "Last, First" <b@example.org>`)
	}
}
