package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/message"
)

// A shelf is a mailbox of messages that are at hand, for benchmarks.
type shelf struct {
	mailstore.Mailbox
	recs  []mailstore.Record
	mails []shelved
	sums  [][]byte
	size  int64
}

type shelved struct{ bytes.Reader }

func (m *shelved) Len() int64   { return m.Size() }
func (m *shelved) Close() error { return nil }

func newShelf(texts ...string) *shelf {
	s := &shelf{mails: make([]shelved, len(texts))}
	for i, text := range texts {
		s.mails[i].Reset([]byte(text))
		s.recs = append(s.recs, mailstore.Record{UID: mailstore.UID(i + 1), Size: int64(len(text))})
		s.size += int64(len(text))
	}
	return s
}

// summarized adds summaries of the messages.
func (s *shelf) summarized(texts ...string) *shelf {
	for _, text := range texts {
		head, _, _ := strings.Cut(text, "\n\n")
		s.sums = append(s.sums, message.AppendHeaderSummary(nil, []byte(head+"\n\n"), true))
	}
	return s
}

// OpenMessage implements mailstore.Mailbox.
func (s *shelf) OpenMessage(_ context.Context, uid mailstore.UID) (mailstore.Message, error) {
	return &s.mails[uid-1], nil
}

// Summaries implements mailstore.Mailbox.
func (s *shelf) Summaries() mailstore.SummaryReader {
	if s.sums == nil {
		return nil
	}
	return s
}

// Get implements mailstore.SummaryReader.
func (s *shelf) Get(uid mailstore.UID) ([]byte, bool) { return s.sums[uid-1], true }

const usualHeader = "Return-Path: <list-bounces@example.org>\n" +
	"Received: from mail.example.org (mail.example.org [192.0.2.7]) by mx.example.net with ESMTPS id 4AbCdEfGh\n\tfor <someone@example.net>; Mon, 2 Mar 2026 10:11:12 +0100 (CET)\n" +
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\n\th=from:to:subject:date; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\n" +
	"From: \"Ada Example\" <ada@example.org>\nTo: =?utf-8?q?J=C3=B6rg?= <joerg@example.net>, list@example.org\n" +
	"Subject: Re: what we said about the harbour\nDate: Mon, 2 Mar 2026 10:11:09 +0100\nMessage-ID: <123.456@example.org>\n"

// usualMails are messages of the kinds that mailboxes hold, about 20 KB each.
func usualMails() map[string]string {
	ascii := strings.Repeat("The quick brown fox jumps over the lazy dog, again and again.\n", 330)
	umlauts := strings.Repeat("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n", 300)
	russian := strings.Repeat("Съешь ещё этих мягких французских булок, да выпей же чаю.\n", 180)
	html := "<html><body>" + strings.Repeat("<p style=\"margin: 0; padding: 0\">Caf\u00e9, <a href=\"https://example.org/?a=b\">again</a></p>\n", 240) + "</body></html>\n"
	part := func(typ, encoding, body string) string {
		return "Content-Type: " + typ + "\nContent-Transfer-Encoding: " + encoding + "\n\n" + body
	}
	binary := bytes.Repeat([]byte{0, 1, 2, 0xff, 0x7f, 0x80, 9, 13, 42, 77}, 1500)
	alternative := "Content-Type: multipart/alternative; boundary=\"=_x\"\n\n--=_x\n" + part("text/plain; charset=utf-8", "quoted-printable", qp(umlauts[:6000])) +
		"\n--=_x\n" + part("text/html; charset=utf-8", "quoted-printable", qp(html)) + "\n--=_x--\n"
	return map[string]string{
		"ascii":       usualHeader + "\n" + ascii,
		"utf8":        usualHeader + part("text/plain; charset=utf-8", "8bit", umlauts),
		"latin1":      usualHeader + part("text/plain; charset=iso-8859-1", "quoted-printable", strings.ReplaceAll(qp(umlauts), "=C3=B6", "=F6")),
		"russian":     usualHeader + part("text/plain; charset=utf-8", "base64", b64([]byte(russian))),
		"koi8":        usualHeader + part("text/plain; charset=koi8-r", "8bit", strings.Repeat("\xf3\xdf\xc5\xdb\xd8 \xc5\xdd\xa3\n", 2000)),
		"alternative": usualHeader + alternative,
		"attachment": usualHeader + "Content-Type: multipart/mixed; boundary=\"=_y\"\n\n--=_y\n" + part("text/plain", "7bit", ascii[:2000]) +
			"\n--=_y\n" + part("application/pdf", "base64", b64(binary)) + "\n--=_y--\n",
	}
}

func qp(text string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func b64(data []byte) string {
	var b strings.Builder
	for text := base64.StdEncoding.EncodeToString(data); text != ""; {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

// TestAllocs: a search in headers allocates nothing for each message whose summary
// is known, and one in bodies only what the structure of a message takes; a pool that
// forgets, as with the race detector, may add some.
func TestAllocs(t *testing.T) {
	mails := usualMails()
	known := strings.Repeat("|"+mails["ascii"], 100)[1:]
	headers := newShelf(strings.Split(known, "|")...).summarized(strings.Split(known, "|")...)
	for _, c := range []struct {
		name string
		box  *shelf
		x    Expr
		most float64
	}{
		{"100 subjects", headers, Header{"Subject", "needle"}, 1},
		{"100 dates", headers, Date{Sent: true, Op: Before, Day: NewDay(2020, 1, 1)}, 1},
		{"plain body", newShelf(mails["ascii"]), Body{"needle"}, 6},
		{"body in base64", newShelf(mails["russian"]), Body{"needle"}, 13},
		{"two parts in quoted-printable", newShelf(mails["alternative"]), Body{"nädel"}, 22},
	} {
		q := New(c.x)
		recs := make([]mailstore.Record, len(c.box.recs))
		found := make([]mailstore.UID, 0, len(recs))
		if got := testing.AllocsPerRun(20, func() {
			copy(recs, c.box.recs)
			if _, err := q.Filter(t.Context(), c.box, recs, found); err != nil {
				t.Fatal(err)
			}
		}); got > c.most {
			t.Errorf("%s: %v allocations, more than %v", c.name, got, c.most)
		}
	}
}

// search runs a query over the shelf again and again.
func (s *shelf) search(b *testing.B, x Expr) {
	q := New(x)
	recs := make([]mailstore.Record, len(s.recs))
	var found []mailstore.UID
	b.SetBytes(s.size)
	b.ReportAllocs()
	for b.Loop() {
		copy(recs, s.recs)
		var err error
		if found, err = q.Filter(b.Context(), s, recs, found[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBody looks for what is not there, which takes longest.
func BenchmarkBody(b *testing.B) {
	for name, text := range usualMails() {
		for _, word := range []string{"needle", "nädel"} {
			b.Run(name+"/"+word, func(b *testing.B) { newShelf(text).search(b, Body{word}) })
		}
	}
}

// BenchmarkCorpus looks for what is not there in real mail.
func BenchmarkCorpus(b *testing.B) {
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "eml", "*", "*.eml"))
	if len(files) == 0 {
		b.Skipf("no corpus of real mail at %s; set RESTANTE_CORPUS", dir)
	}
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, x := range []Expr{Body{"no such needle"}, Body{"keine nädel"}, Text{"no such needle"}} {
		b.Run(fmt.Sprintf("%T", x), func(b *testing.B) { newShelf(texts...).search(b, x) })
	}
}

// BenchmarkText is BenchmarkBody with the headers.
func BenchmarkText(b *testing.B) {
	for _, name := range []string{"ascii", "alternative"} {
		b.Run(name, func(b *testing.B) { newShelf(usualMails()[name]).search(b, Text{"needle"}) })
	}
}

// BenchmarkLarge is a message that is not held whole.
func BenchmarkLarge(b *testing.B) {
	text := usualHeader + "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("The quick brown fox jumps over the lazy d=F6g, again and again.\n", 1<<16)
	newShelf(text).search(b, Body{"needle"})
}

// BenchmarkHeader is a search over 1,000 messages whose summaries are known.
func BenchmarkHeader(b *testing.B) {
	var texts []string
	for i := range 1000 {
		texts = append(texts, strings.Replace(usualHeader, "harbour", fmt.Sprintf("harbour %d", i), 1)+"\n")
	}
	s := newShelf(texts...).summarized(texts...)
	for _, c := range []struct {
		name string
		x    Expr
	}{
		{"subject", Header{"Subject", "needle"}},
		{"from", Header{"From", "grace"}},
		{"to-encoded", Header{"To", "jürgen"}},
		{"senton", Date{Sent: true, Op: On, Day: NewDay(2020, 1, 1)}},
		{"or", Or{Header{"Subject", "needle"}, Header{"From", "grace"}, Header{"To", "grace"}, Header{"Cc", "grace"}}},
	} {
		b.Run(c.name, func(b *testing.B) { s.search(b, c.x) })
	}
}
