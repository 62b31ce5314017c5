package mbox

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
	"restante/message"
)

const dated = "From a@b.c  Thu Nov 29 22:33:52 2001\n"

// flat is the list in one piece.
func (l *foundList) flat() (list []found) {
	for f := range l.all() {
		list = append(list, *f)
	}
	return list
}

func parseText(data string) (*parser, []found, error) {
	p, list, err := parseAll(strings.NewReader(data), int64(len(data)), time.UTC, nil)
	if err != nil {
		return nil, nil, err
	}
	return p, list.flat(), nil
}

// texts are what clients see of the messages in data.
func texts(t testing.TB, data string) ([]string, error) {
	t.Helper()
	_, list, err := parseText(data)
	var out []string
	for _, m := range list {
		if !m.pseudo {
			out = append(out, textOf(t, data, m))
		}
	}
	return out, err
}

func textOf(t testing.TB, data string, m found) string {
	t.Helper()
	x, err := messageExtents(strings.NewReader(data), m.loc)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, x.len())
	if _, err := x.readAt(strings.NewReader(data), b, 0); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		why  string
		data string
		want []string
	}{
		{"nothing", "", nil},
		{"empty lines", "\n \n\t\n", nil},
		{"one line end belongs to the separator", dated + "A: b\n\nbody\n\n" + dated + "C: d\n\nmore\n\n", []string{"A: b\n\nbody\n", "C: d\n\nmore\n"}},
		{"no empty line in front of a dated From line", dated + "A: b\n\nbody\n" + dated + "C: d\n\nmore", []string{"A: b\n\nbody", "C: d\n\nmore"}},
		{"CRLF", strings.ReplaceAll(dated+"A: b\n\nbody\n\n"+dated+"C: d\n\nmore\n\n", "\n", "\r\n"), []string{"A: b\r\n\r\nbody\r\n", "C: d\r\n\r\nmore\r\n"}},
		{"no body", dated + "A: b\n\n" + dated + "C: d\n\n", []string{"A: b\n", "C: d\n"}},
		{"no empty line behind the header", dated + "A: b\n" + dated + "C: d\n", []string{"A: b\n", "C: d\n"}},
		{"empty body", dated + "A: b\n\n\n" + dated + "C: d\n\n\n", []string{"A: b\n\n", "C: d\n\n"}},
		{"prose in a body", dated + "A: b\n\nx\n\nFrom here on\nFrom: x\n\n", []string{"A: b\n\nx\n\nFrom here on\nFrom: x\n"}},
		{"other kinds of From lines in a body", dated + "A: b\n\nx\n\nFrom -\nA: b\n\nFrom x@y\nA: b\n\nFrom \nA: b\n\nFrom a at b Thu Nov 29 22:33:52 2001\nA: b\n\n",
			[]string{"A: b\n\nx\n\nFrom -\nA: b\n\nFrom x@y\nA: b\n\nFrom \nA: b\n\nFrom a at b Thu Nov 29 22:33:52 2001\nA: b\n"}},
		{"Content-Length over From lines", dated + fmt.Sprintf("Content-Length: %d\n\n", 7+2*len(dated)) + dated + "body\n\n" + dated + "x\n" + dated + "C: d\n\nmore\n\n",
			[]string{"\n" + dated + "body\n\n" + dated + "x", "C: d\n\nmore\n"}},
		{"Content-Length that ends in front of the line end", dated + "Content-Length: 4\n\nbody\n" + dated + "C: d\n\nmore\n\n", []string{"\nbody", "C: d\n\nmore\n"}},
		{"Content-Length that counts the line end", dated + "Content-Length: 5\n\nbody\n" + dated + "C: d\n\nmore\n\n", []string{"\nbody", "C: d\n\nmore\n"}},
		{"Content-Length that lies", dated + "Content-Length: 2\n\nbody\n\n" + dated + "C: d\n\nmore\n\n", []string{"\nbody\n", "C: d\n\nmore\n"}},
		{"Content-Length beyond the end", dated + "Content-Length: 2000\n\nbody\n\n" + dated + "C: d\n\nmore\n\n", []string{"\nbody\n", "C: d\n\nmore\n"}},
		{"Content-Length twice, the first counts", dated + "Content-Length: 4\nContent-Length: 1\n\nbody\n" + dated + "C: d\n\nmore\n\n", []string{"\nbody", "C: d\n\nmore\n"}},
		{"hidden fields, folded and in any case", dated + "sTatus : R\n O\nA: b\nX-UID: 7\n\t\nX-UIDL: kept\n\nx\n\n", []string{"A: b\nX-UIDL: kept\n\nx\n"}},
		{"hidden fields in the body", dated + "A: b\n\nStatus: R\n\n", []string{"A: b\n\nStatus: R\n"}},
		{"escaped lines", dated + "X-Restante-Line: From x\nX-Restante-Line: Status: R\n more\nX-Restante-Line: Subject: kept\nX-Restante-Cut: A: b\n\n",
			[]string{"From x\nStatus: R\n more\nX-Restante-Line: Subject: kept\nA: b"}},
		{"quoted From lines stay", dated + "A: b\n\n>From x\n>>From y\n\n", []string{"A: b\n\n>From x\n>>From y\n"}},
		{"byte order mark and empty lines first", "\xef\xbb\xbf\n \n" + dated + "A: b\n\nx\n\n", []string{"A: b\n\nx\n"}},
		{"damaged beginning", "rom a@b\nA: b\n\nlost?\n\n" + dated + "C: d\n\nx\n\n", []string{"rom a@b\nA: b\n\nlost?\n", "C: d\n\nx\n"}},
		{"NULs", dated + "A: \x00\n\n\x00\x00\n\n", []string{"A: \x00\n\n\x00\x00\n"}},
		{"Netscape", "From - \nA: b\n\nx\nFrom -\nC: d\n\nFrom -\nno field\n\n" + dated + "E: f\n\n", []string{"A: b\n\nx", "C: d\n\nFrom -\nno field\n", "E: f\n"}},
		{"Gmail", "From 1@xxx\nA: b\n\nx\nFrom 2@xxx\nnot: here\n\nFrom 3@xxx\nC: d\n\ny\n", []string{"A: b\n\nx\nFrom 2@xxx\nnot: here\n", "C: d\n\ny"}},
		{"bare", "From \nA: b\n\nx\nFrom \nA: b\n\nFrom \nC: d\n\ny\n", []string{"A: b\n\nx\nFrom \nA: b\n", "C: d\n\ny"}},
		{"pipermail", "From a at b  Thu Nov 29 22:33:52 2001\nA: b\n\nx\nFrom c at d  Thu Nov 29 22:33:53 2001\nC: d\n\ny\n", []string{"A: b\n\nx", "C: d\n\ny"}},
		{"MMDF", "\x01\x01\x01\x01\nA: b\n\nx\n\x01\x01\x01\x01\n\x01\x01\x01\x01\n" + dated + "C: d\n\n" + dated + "y\n\x01\x01\x01\x01\n", []string{"A: b\n\nx\n", "C: d\n\n" + dated + "y\n"}},
		{"MMDF cut short", "\x01\x01\x01\x01\nA: b\n\nx\n\x01\x01\x01\x01\n\x01\x01\x01\x01\nC: d", []string{"A: b\n\nx\n", "C: d"}},
		{"UW's pseudo message", "From MAILER-DAEMON Thu Nov 29 22:33:52 2001\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 7\n\nx\n\n" + dated + "A: b\n\nx\n\n", []string{"A: b\n\nx\n"}},
		{"a message that claims to be the pseudo message", dated + "X-IMAP: 1 7\nSubject: you cannot see me\n\nx\n\n", []string{"Subject: you cannot see me\n\nx\n"}},
	} {
		got, err := texts(t, c.data)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v; want %q", c.why, got, err, c.want)
		}
	}
}

func TestParseRefused(t *testing.T) {
	for _, c := range []struct{ why, data string }{
		{"text", "Hello\nworld\n"},
		{"a header", "Subject: x\n\nbody\n"},
		{"prose that begins with From", "From Russia with love\n\nhello\n"},
		{"a From line without empty line in front", "Hello\n" + dated + "A: b\n\n"},
		{"a From line without header behind", "Hello\n\n" + dated + "no header\n\n"},
		{"a weak From line without header behind", "From -\nhello\n"},
		{"CR alone", strings.ReplaceAll(dated+"A: b\n\nx\n", "\n", "\r")},
		{"a control-A line and nothing else", "\x01\x01\x01\x01\n"},
		{"zeros", "\x00\x00\x00\x00"},
	} {
		if got, err := texts(t, c.data); err == nil {
			t.Errorf("%s: reads as %q", c.why, got)
		}
	}
}

// checkLaws checks what is true of every file.
func checkLaws(t *testing.T, data []byte) {
	t.Helper()
	size := int64(len(data))
	p, list, err := parseText(string(data))
	if err != nil {
		return
	}
	off := p.style.start
	for i, m := range list {
		if m.off != off || m.end() <= off && m.end() < size {
			t.Fatalf("message %d is at %d to %d, want it at %d", i, m.off, m.end(), off)
		}
		off = m.end()
		text := textOf(t, string(data), m)
		if n, _, err := message.CRLFSize(strings.NewReader(text)); err != nil || n != m.size || int64(len(text)) != m.visible() {
			t.Fatalf("message %d: size %d, %d octets; it has %d and %d", i, m.size, m.visible(), n, len(text))
		}
	}
	if off != size {
		t.Fatalf("the messages end at %d, the file at %d", off, size)
	}
	small := newParser(bytes.NewReader(data), 0, size, time.UTC)
	small.w = newWindowOf(2*maxFromLine+100, bytes.NewReader(data), 0, size)
	if err := small.sniff(); err != nil || small.style != p.style {
		t.Fatalf("in a small window: style %+v, %v; want %+v", small.style, err, p.style)
	}
	if again, err := small.rest(small.style.start); err != nil || !slices.Equal(again.flat(), list) {
		t.Fatalf("in a small window the messages are\n%+v, %v; want\n%+v", again, err, list)
	}
	for i := 1; i < len(list); i++ {
		rest, err := parseGrown(bytes.NewReader(data), p.style, list[i].off, size, time.UTC, nil)
		if err != nil || !slices.Equal(rest.flat(), list[i:]) {
			t.Fatalf("from message %d on: %+v, %v; want %+v", i, rest, err, list[i:])
		}
	}
}

// checkGrowth: what a file held before it grew is what it holds afterwards, if
// Mailbox.canGrow would believe so.
func checkGrowth(t *testing.T, data []byte, k int) {
	t.Helper()
	p, before, err := parseText(string(data[:k]))
	if err != nil || len(before) == 0 || p.style.mmdf || data[k-1] != '\n' || slices.ContainsFunc(before, func(f found) bool { return f.open }) {
		return
	}
	q := newParser(bytes.NewReader(data), int64(k), int64(len(data)), time.UTC)
	q.style = p.style
	if q.separator(int64(k), q.w.at(int64(k), maxFromLine), true).kind != fromDated {
		return
	}
	_, after, err := parseText(string(data))
	if err != nil || len(after) < len(before) || !slices.Equal(after[:len(before)], before) {
		t.Fatalf("up to %d there was\n%+v\nand afterwards there is\n%+v, %v", k, before, after, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		dated + "A: b\nStatus: RO\nX-UID: 3\n\nbody\n\nFrom here\n\n" + dated + "C: d\n\nmore\n\n",
		dated + "Content-Length: 4\n\nbody\n" + dated + "Content-Length: 99\n\nC: d\n\nmore\n\n",
		strings.ReplaceAll(dated+"A: b\n\nbody\n\n"+dated+"\n\n", "\n", "\r\n"),
		"From - \nA: b\n\nx\nFrom -\nC: d\n\n", "From \nA: b\n\nx\n\nFrom \nC: d\n\n", "From 1@xxx\nA: b\n\nx\n\nFrom 2@xxx\nA: b\n",
		"\x01\x01\x01\x01\nA: b\n\nx\n\x01\x01\x01\x01\n\x01\x01\x01\x01\nC: d", "\xef\xbb\xbf\n \n" + dated + "\n",
		"junk\nA: b\n\nlost\n\n" + dated + "C: d\n\nx\n\n", dated + "X-Restante-Cut: a\nX-Restante-Line: From b\nX-IMAPbase: 1 2 k\n\n",
	} {
		f.Add([]byte(s), uint16(0), uint16(7))
		f.Add([]byte(s), uint16(8150), uint16(40))
	}
	f.Fuzz(func(t *testing.T, data []byte, pad, cut uint16) {
		// Fill bodies so that what matters falls on the ends of windows.
		if i := bytes.Index(data, []byte("\n\n")); i >= 0 && pad > 0 {
			fill := bytes.Repeat([]byte("0123456\n"), int(pad)/8+1)[:pad]
			data = slices.Concat(data[:i+2], fill, data[i+2:])
		}
		checkLaws(t, data)
		for i := int(cut); i < len(data) && i > 0; i += 1 + len(data)/20 {
			checkGrowth(t, data, i)
		}
		for i := range data {
			if i > 0 && data[i-1] == '\n' && data[i] == 'F' && len(data) < 2000 {
				checkGrowth(t, data, i)
			}
		}
	})
}

// TestParseWindows moves separators over every place at the end of a window.
func TestParseWindows(t *testing.T) {
	for pad := 8100; pad < 8400; pad++ {
		for _, nl := range []string{"\n", "\r\n"} {
			data := strings.ReplaceAll(dated+"A: b\nStatus: R\n\n"+strings.Repeat("x", pad)+"\n\n"+dated+"C: d\n\nmore\n\n", "\n", nl)
			checkLaws(t, []byte(data))
			if got, err := texts(t, data); err != nil || len(got) != 2 {
				t.Fatalf("pad %d: %d messages, %v", pad, len(got), err)
			}
		}
	}
}

// TestParseGiants: lines and headers longer than any window.
func TestParseGiants(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var b strings.Builder
		var want []string
		for i := range 3 {
			head := fmt.Sprintf("A%d: %s\n", i, strings.Repeat("y", rnd.IntN(3*windowSize)))
			body := strings.Repeat("z", rnd.IntN(3*windowSize)) + "\n"
			b.WriteString(dated + head + "Status: " + strings.Repeat(" ", rnd.IntN(2*windowSize)) + "R\nB: c\n\n" + body + "\n")
			want = append(want, head+"B: c\n\n"+body)
		}
		got, err := texts(t, b.String())
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d messages, %v", len(got), err)
		}
	}
}

func TestParseFlags(t *testing.T) {
	data := dated + "X-IMAPbase: 1234567890 0000000012 work $Junk\nX-UID: 5\nStatus: RO\nX-Status: AFDT\nX-Keywords: work  later\n\nx\n\n" +
		dated + "X-IMAPbase: 1 1\nStatus: 5.1.1\nX-Status: $$$$\nX-UID: x\nX-Keywords: (bad) ok\n\ny\n\n"
	p, list, err := parseText(data)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	b := p.base
	if !b.found || b.validity != 1234567890 || b.last != 12 || !slices.Equal(b.keywords, []string{"work", "$Junk"}) {
		t.Errorf("base %+v", b)
	}
	all := mailstore.Seen | mailstore.Answered | mailstore.Flagged | mailstore.Deleted | mailstore.Draft
	if m := list[0]; m.uid != 5 || m.system != all || !m.has(bitOld) || m.keywords.String() != "later work" {
		t.Errorf("first %+v %s", m, m.keywords)
	}
	if m := list[1]; m.uid != 0 || m.system != 0 || m.has(bitOld) || m.keywords.String() != "ok" {
		t.Errorf("second %+v %s", m, m.keywords)
	}
}

// TestMarkIn: the search that leaps over attachments finds what a plain one does.
func TestMarkIn(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	const some = "From \nxF"
	for range 20_000 {
		b := bytes.Repeat([]byte("x"), rnd.IntN(3*markBlock))
		one := []int{1, 50, 2000}[rnd.IntN(3)] // how many octets there are to one that could be of a From line
		for i := range b {
			if rnd.IntN(one) == 0 {
				b[i] = some[rnd.IntN(len(some))]
			}
		}
		for range rnd.IntN(3) {
			if len(b) > len(fromMark) {
				copy(b[rnd.IntN(len(b)-len(fromMark)):], fromMark)
			}
		}
		if got, want := markIn(b), bytes.Index(b, fromMark); got != want {
			t.Fatalf("found at %d, stands at %d of %d", got, want, len(b))
		}
	}
}
