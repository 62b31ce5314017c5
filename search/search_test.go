package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/casemap"
	"restante/mailstore"
	"restante/message"
)

// box is a mailbox of messages in memory that counts what is done with it.
type box struct {
	mailstore.Mailbox
	recs   []mailstore.Record
	texts  map[mailstore.UID]string
	filled mailstore.UIDSet
	opened []mailstore.UID
	read   map[mailstore.UID]int64 // octets
	broken map[mailstore.UID]error
	sums   map[mailstore.UID]string // headers of which there are summaries
	saved  map[mailstore.UID]int64  // save dates
}

// Summaries implements mailstore.Mailbox.
func (b *box) Summaries() mailstore.SummaryReader {
	if b.sums == nil {
		return nil
	}
	return b
}

// Get implements mailstore.SummaryReader.
func (b *box) Get(uid mailstore.UID) ([]byte, bool) {
	h, ok := b.sums[uid]
	return message.AppendHeaderSummary(nil, []byte(h), true), ok
}

type boxMessage struct {
	*bytes.Reader
	b   *box
	uid mailstore.UID
}

func (m boxMessage) Len() int64   { return m.Size() }
func (m boxMessage) Close() error { return nil }
func (m boxMessage) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.Reader.ReadAt(p, off)
	m.b.read[m.uid] += int64(n)
	return n, err
}

func newBox(texts ...string) *box {
	b := &box{texts: make(map[mailstore.UID]string), read: make(map[mailstore.UID]int64), broken: make(map[mailstore.UID]error)}
	for i, text := range texts {
		uid := mailstore.UID(i + 1)
		b.recs = append(b.recs, mailstore.Record{UID: uid, Date: noon(int(uid)), Size: int64(len(text))})
		b.texts[uid] = text
	}
	return b
}

func (b *box) Record(uid mailstore.UID) (mailstore.Record, bool) {
	i, found := slices.BinarySearchFunc(b.recs, uid, func(r mailstore.Record, uid mailstore.UID) int { return int(r.UID) - int(uid) })
	if !found {
		return mailstore.Record{}, false
	}
	return b.recs[i], true
}

func (b *box) Fill(_ context.Context, uids mailstore.UIDSet, attrs mailstore.Attrs) error {
	for i := range b.recs {
		if r := &b.recs[i]; uids.Contains(r.UID) {
			b.filled.Add(r.UID)
			if attrs&mailstore.AttrSize != 0 {
				r.Size = int64(len(b.texts[r.UID]))
			}
			if attrs&mailstore.AttrDate != 0 {
				r.Date = noon(int(r.UID))
			}
		}
	}
	return nil
}

func (b *box) OpenMessage(_ context.Context, uid mailstore.UID) (mailstore.Message, error) {
	if err := b.broken[uid]; err != nil {
		return nil, err
	}
	b.opened = append(b.opened, uid)
	return boxMessage{bytes.NewReader([]byte(b.texts[uid])), b, uid}, nil
}

// noon is when a message of newBox came in.
func noon(uid int) int64 { return time.Date(2020, 1, uid, 12, 0, 0, 0, time.Local).Unix() }

// find returns the UIDs that match.
func (b *box) find(t *testing.T, x Expr) []mailstore.UID {
	t.Helper()
	found, err := New(x).Filter(t.Context(), b, slices.Clone(b.recs), nil)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func uids(list ...mailstore.UID) []mailstore.UID { return list }

func TestRecords(t *testing.T) {
	b := newBox("1", "22", "333", "4444")
	b.recs[0].Flags = mailstore.NewFlags(mailstore.Seen|mailstore.Flagged, "Blue")
	b.recs[1].Flags = mailstore.NewFlags(mailstore.Seen)
	for _, c := range []struct {
		x    Expr
		want []mailstore.UID
	}{
		{All{}, uids(1, 2, 3, 4)},
		{And{}, uids(1, 2, 3, 4)},
		{Or{}, nil},
		{Flags{mailstore.Seen}, uids(1, 2)},
		{Not{Flags{mailstore.Seen}}, uids(3, 4)},
		{Flags{mailstore.Seen | mailstore.Flagged}, uids(1)},
		{Keyword{"blue"}, uids(1)},
		{UIDs{mailstore.NewUIDSet(2, 4, 9)}, uids(2, 4)},
		{Larger{2}, uids(3, 4)},
		{Smaller{2}, uids(1)},
		{Date{Op: On, Day: NewDay(2020, 1, 2)}, uids(2)},
		{Date{Op: Before, Day: NewDay(2020, 1, 2)}, uids(1)},
		{Date{Op: Since, Day: NewDay(2020, 1, 2)}, uids(2, 3, 4)},
		{Arrived{Unix: noon(3)}, uids(3, 4)},
		{Arrived{Unix: noon(3) + 1}, uids(4)},
		{Arrived{Until: true, Unix: noon(3)}, uids(1, 2, 3)},
		{Arrived{Until: true, Unix: noon(3) - 1}, uids(1, 2)},
		{And{Flags{mailstore.Seen}, Or{Larger{1}, Keyword{"red"}}}, uids(2)},
		{Not{And{Flags{mailstore.Seen}, Not{Keyword{"blue"}}}}, uids(1, 3, 4)},
	} {
		if got := b.find(t, c.x); !slices.Equal(got, c.want) {
			t.Errorf("%#v finds %v, want %v", c.x, got, c.want)
		}
	}
	if len(b.opened) > 0 || !b.filled.Empty() {
		t.Errorf("opened %v, filled %v for what the records know", b.opened, b.filled)
	}
}

// SaveDates implements mailstore.Mailbox.
func (b *box) SaveDates() func(mailstore.UID) (int64, bool) {
	if b.saved == nil {
		return nil
	}
	return func(uid mailstore.UID) (int64, bool) { unix, ok := b.saved[uid]; return unix, ok }
}

// TestSaved: the save date counts where it is known, else the internal date.
func TestSaved(t *testing.T) {
	for _, c := range []struct {
		why   string
		saved map[mailstore.UID]int64
		x     Expr
		want  []mailstore.UID
	}{
		{"known", map[mailstore.UID]int64{1: noon(9), 2: noon(9), 3: noon(9)}, Saved{On, NewDay(2020, 1, 9)}, uids(1, 2, 3)},
		{"known of one", map[mailstore.UID]int64{1: noon(9)}, Saved{Since, NewDay(2020, 1, 3)}, uids(1, 3)},
		{"known of none in a format that knows it", map[mailstore.UID]int64{}, Saved{Before, NewDay(2020, 1, 3)}, uids(1, 2)},
		{"not a format that knows it", nil, Saved{Before, NewDay(2020, 1, 3)}, uids(1, 2)},
		{"a format that knows it", map[mailstore.UID]int64{}, KeepsSaveDates{}, uids(1, 2, 3)},
		{"one that does not", nil, KeepsSaveDates{}, nil},
	} {
		b := newBox("a", "b", "c")
		b.saved = c.saved
		for i := range b.recs {
			b.recs[i].Date = mailstore.Unknown
		}
		if got := b.find(t, c.x); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", c.why, got, c.want)
		}
		for uid := range c.saved {
			if b.filled.Contains(uid) {
				t.Errorf("%s: the internal date of %d was found out in vain", c.why, uid)
			}
		}
	}
}

// TestCheapFirst: nothing is read that does not matter.
func TestCheapFirst(t *testing.T) {
	texts := []string{"Subject: apple\n\npie", "Subject: pear\n\napple", "Subject: plum\n\n" + strings.Repeat("long ", 100_000)}
	fresh := func() *box {
		b := newBox(texts...)
		b.recs[0].Flags = mailstore.NewFlags(mailstore.Seen)
		for i := range b.recs {
			b.recs[i].Size, b.recs[i].Date = mailstore.Unknown, mailstore.Unknown
		}
		return b
	}
	b := fresh()
	if got := b.find(t, And{Body{"apple"}, Larger{3}, Flags{mailstore.Seen}}); len(got) != 0 {
		t.Error("found", got)
	}
	if !slices.Equal(b.filled, mailstore.NewUIDSet(1)) || !slices.Equal(b.opened, uids(1)) {
		t.Errorf("filled %v, opened %v; only message 1 has the flag", b.filled, b.opened)
	}
	b = fresh()
	if got := b.find(t, Or{Text{"apple"}, Flags{mailstore.Seen}}); !slices.Equal(got, uids(1, 2)) {
		t.Error("found", got)
	}
	if slices.Contains(b.opened, 1) {
		t.Error("a message was opened that its flag had decided on")
	}
	b = fresh()
	b.find(t, Or{Header{"Subject", "plum"}, Body{"nothing"}})
	if b.read[3] > 20_000 {
		t.Errorf("%d octets read where the header decides", b.read[3])
	}
	b = fresh()
	b.find(t, Or{Body{"x"}, And{Body{"y"}, Text{"z"}}})
	if all := int64(len(texts[2])); b.read[3] > 2*all {
		t.Errorf("%d octets read of %d: more than header and one pass", b.read[3], all)
	}
}

// TestSummary: what stands in summaries is not read again, and what does not is.
func TestSummary(t *testing.T) {
	b := newBox("Subject: b\nX-Other: o\nDate: 2 Feb 2022 00:00:00 +0000\n\nbody", "Subject: c\n\n")
	b.sums = map[mailstore.UID]string{1: "Subject: b\nX-Other: o\nDate: 2 Feb 2022 00:00:00 +0000\n\n"}
	for _, c := range []struct {
		x            Expr
		want, opened []mailstore.UID
	}{
		{Header{"Subject", "b"}, uids(1), uids(2)},
		{Header{"subject", "x"}, nil, uids(2)},
		{Date{true, On, NewDay(2022, 2, 2)}, uids(1), uids(2)},
		{Text{"b"}, uids(1, 2), uids(2)}, // Subject has it
		{Text{"body"}, uids(1), uids(1, 2)},
		{Header{"X-Other", "o"}, uids(1), uids(1, 2)},
		{And{Header{"X-Other", "o"}, Header{"Subject", "x"}}, nil, uids(2)},
	} {
		b.opened = nil
		if got := b.find(t, c.x); !slices.Equal(got, c.want) || !slices.Equal(b.opened, c.opened) {
			t.Errorf("%#v finds %v and opens %v, want %v and %v", c.x, got, b.opened, c.want, c.opened)
		}
	}
}

func TestText(t *testing.T) {
	mail := func(head, body string) string { return head + "\n\n" + body }
	b := newBox(
		mail("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus\n =?utf-8?q?L=C3=BCbeck?=", "nothing"),
		mail("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable", "Gr=FC=DFe aus L=FCb=\neck"),
		mail("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", "0J/RgNC40LLQtdGCLCDQvNC40YA="),
		mail("Content-Type: multipart/mixed; boundary=x", "--x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nUFJJVkVU\n--x\nContent-Type: text/html\n\n<b>inside</b>\n--x\nContent-Type: message/rfc822\n\nSubject: embedded\n\ndeep\n--x--\n"),
		mail("Content-Type: text/plain; charset=shift_jis", "\x83\x7e\x94\x83"),
		mail("X: 1", "Maße ſtraße \u212aelvin ΣΊΣΥΦΟΣ"),
	)
	for _, c := range []struct {
		x    Expr
		want []mailstore.UID
		why  string
	}{
		{Header{"SUBJECT", "grÜße AUS lübeck"}, uids(1), "encoded-words, folding, case"},
		{Header{"Subject", ""}, uids(1), "presence"},
		{Text{"lübeck"}, uids(1, 2), "header and body"},
		{Body{"LÜBECK"}, uids(2), "body only, soft line break"},
		{Body{"ПРИВЕТ"}, uids(3), "Cyrillic case in base64"},
		{Text{"inside"}, uids(4), "text/html"},
		{Body{"deep"}, uids(4), "embedded message"},
		{Body{"embedded"}, nil, "its header is no body"},
		{Text{"embedded"}, uids(4), "but text"},
		{Text{"image/png"}, uids(4), "headers of parts are text"},
		{Body{"privet"}, nil, "an image is no text"},
		{Body{"~"}, nil, "second half of a character of Shift_JIS"},
		{Body{"strasse"}, nil, "ß is not ss: simple mappings"},
		{Body{"STRAßE"}, uids(6), "long s, by ASCII and not"},
		{Body{"kelvin"}, uids(6), "the Kelvin sign"},
		{Body{"σίσυφος"}, uids(6), "final sigma"},
		{Body{"lubeck"}, nil, "the accent stands between u and b"},
		{Body{"aus lu"}, uids(2), "and is a character of its own, so that the letter is found"},
		{Text{"gru\u0308ß"}, uids(1, 2), "a letter and its accent, written as two"},
		{Text{"masse"}, nil, "and nothing is found that is not there"},
		{Body{"ma"}, uids(6), "ASCII in a text that has more"},
		{And{Text{"embedded"}, Text{"inside"}, Text{"boundary=x"}}, uids(4), "headers and bodies of one message"},
		{And{Text{"lubeck"}, Text{"nothing"}}, nil, "one of them only"},
		{Or{And{Text{"X: 1"}, Text{"nowhere"}}, And{Text{"X: 1"}, Text{"kelvin"}}}, uids(6), "a text that is asked for twice"},
		{Text{"1 "}, nil, "white space at the end of a field is not its own"},
		{Body{""}, uids(1, 2, 3, 4, 5, 6), "the empty text is everywhere"},
		{Not{Body{"deep"}}, uids(1, 2, 3, 5, 6), "NOT"},
	} {
		if got := b.find(t, c.x); !slices.Equal(got, c.want) {
			t.Errorf("%#v finds %v, want %v (%s)", c.x, got, c.want, c.why)
		}
	}
}

// TestSent: the date as it is written, without regard to time and zone.
func TestSent(t *testing.T) {
	b := newBox("Date: Mon, 7 Feb 1994 23:52:25 -0800\n\n", "Date: nonsense\n\n", "Subject: x\n\n")
	for _, c := range []struct {
		x    Expr
		want []mailstore.UID
	}{
		{Date{true, On, NewDay(1994, 2, 7)}, uids(1)},
		{Date{true, Since, NewDay(1994, 2, 8)}, nil},
		{Date{true, Before, NewDay(1994, 2, 8)}, uids(1)},
		{Not{Date{true, Before, NewDay(1994, 2, 8)}}, uids(2, 3)},
	} {
		if got := b.find(t, c.x); !slices.Equal(got, c.want) {
			t.Errorf("%#v finds %v, want %v", c.x, got, c.want)
		}
	}
}

// TestUnreadable: a message that cannot be read matches nothing and stops
// nothing; the end of the mailbox or of the context does.
func TestUnreadable(t *testing.T) {
	b := newBox("\nyes", "\nyes", "\nyes")
	b.broken[2] = errors.New("input/output error")
	q := New(Body{"yes"})
	var told []mailstore.UID
	q.Unreadable = func(uid mailstore.UID, err error) { told = append(told, uid) }
	got, err := q.Filter(t.Context(), b, b.recs, nil)
	if err != nil || !slices.Equal(got, uids(1, 3)) || !slices.Equal(told, uids(2)) {
		t.Errorf("found %v, told of %v, %v", got, told, err)
	}
	b.broken[2] = fmt.Errorf("open: %w", mailstore.ErrGone)
	if _, err := q.Filter(t.Context(), b, b.recs, nil); !errors.Is(err, mailstore.ErrGone) {
		t.Error("mailbox gone:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Filter(ctx, newBox("\nyes"), newBox("\nyes").recs, nil); !errors.Is(err, context.Canceled) {
		t.Error("context ended:", err)
	}
}

// TestWindow: a text that stands across the pieces in which a large body is read
// is found, and large bodies are not held.
func TestWindow(t *testing.T) {
	for _, needle := range []string{"needle", "nÄdel", strings.Repeat("long", 300)} {
		for _, at := range []int{textWindow - 20, textWindow - 3, textWindow, 2*textWindow - 1, wholeMessage + 5} {
			for _, head := range []string{"X: 1\n\n", "Content-Transfer-Encoding: quoted-printable\n\n"} {
				text := head + strings.Repeat("ü", at/2) + strings.ToUpper(needle) + strings.Repeat("x ", 700_000)
				if got := newBox(text).find(t, Body{needle}); len(got) != 1 {
					t.Errorf("%.10s at %d after %q is not found", needle, at, head)
				}
			}
		}
	}
}

// TestNear: a text of ASCII that is found only by way of another character, here
// the long s, is found wherever that stands among ASCII.
func TestNear(t *testing.T) {
	const word = "the long s of a fuse"
	written := strings.Replace(word, "fuse", "fu\u017fe", 1)
	dense := strings.Repeat("0123456789\u00fc", textWindow/12)
	for _, at := range []int{textWindow - 40, textWindow - 21, textWindow - 20, textWindow - 7, textWindow - 2, textWindow - 1, textWindow, textWindow + 1} {
		for _, front := range []string{strings.Repeat(".", at), dense[:at-at%12] + strings.Repeat(".", at%12), ""} {
			for _, behind := range []string{"", ".", strings.Repeat(".", textWindow), dense, strings.Repeat(".", 60) + dense} {
				b := newBox("Content-Type: text/plain; charset=utf-8\n\n" + front + written + behind)
				if len(b.find(t, Body{word})) != 1 {
					t.Fatalf("not found behind %d octets, in front of %d", len(front), len(behind))
				}
				if len(b.find(t, Body{word + "x"})) != 0 {
					t.Fatal("found what is not there")
				}
			}
		}
	}
	if got := newBox("X: 1\n\n..\u017f..").find(t, Body{"s"}); len(got) != 1 {
		t.Error("a text of one character is not found")
	}
}

// FuzzNear compares a search that looks only at what stands near characters
// beyond ASCII with the plain one.
func FuzzNear(f *testing.F) {
	f.Add("....................\u017f..............", "s", uint16(0))
	f.Add("abc\u00fcde", "u", uint16(300))
	f.Fuzz(func(t *testing.T, text, word string, gap uint16) {
		text = strings.ToValidUTF8(text, "")
		text += strings.Repeat("-", int(gap)) + text
		want := word == "" || bytes.Contains(casemap.Append(nil, text), casemap.Append(nil, word))
		b := newBox("Content-Type: text/plain; charset=utf-8\n\n" + text)
		if got := len(b.find(t, Body{word})) == 1; got != want {
			t.Errorf("%q in %q twice, %d apart: %v, want %v", word, text, gap, got, want)
		}
	})
}

// FuzzFold compares the quick ways of looking for text with the plain one.
func FuzzFold(f *testing.F) {
	f.Add("The quick brown fox", "QUICK")
	f.Add("ſtraße \u212a", "sTRA")
	f.Add("Ωmega", "ωM")
	f.Fuzz(func(t *testing.T, text, word string) {
		n := newNeedle(word)
		want := strings.Contains(string(casemap.Append(nil, text)), string(casemap.Append(nil, word)))
		if got := n.in([]byte(text)); got != want {
			t.Errorf("%q in %q: %v, want %v", word, text, got, want)
		}
		if n.ascii == nil || len(word) == 0 {
			return
		}
		if got := n.inRaw([]byte(text)); got != want && (got || !hasHigh([]byte(text))) {
			t.Errorf("%q in %q without decoding: %v, want %v", word, text, got, want)
		}
	})
}

// FuzzSearch: no message and no text make a search fail, and what is found in a
// part is found in the whole.
func FuzzSearch(f *testing.F) {
	f.Add("Subject: a\n\nb", "b")
	f.Add("Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--", "a")
	f.Fuzz(func(t *testing.T, text, word string) {
		b := newBox(text)
		body := len(b.find(t, Body{word}))
		if whole := len(b.find(t, Text{word})); whole < body {
			t.Errorf("%q is in the body of %q and not in its text", word, text)
		}
		if not := len(b.find(t, Not{Body{word}})); not == body {
			t.Errorf("%q is and is not in %q", word, text)
		}
		var m Memory
		for _, x := range []Expr{Or{Body{word + "x"}, Text{word}}, Text{word}, And{Not{Body{word}}, Text{word}}, Header{"X", word}, Or{Header{"X", word}, Body{word}}} {
			if got, want := len(b.recall(t, &m, nil, x)), len(b.find(t, x)); got != want {
				t.Errorf("%#v in %q: %d with a memory, %d without", x, text, got, want)
			}
		}
	})
}

func TestReadHeader(t *testing.T) {
	long := strings.Repeat("X: "+strings.Repeat("y", 990)+"\n", 200)
	for _, c := range []struct {
		text, want string
		whole      bool
	}{
		{"a: b\n\nc", "a: b\n\n", true},
		{"a: b\r\n\r\nc", "a: b\r\n\r\n", true},
		{"a: b\n", "a: b\n", true},
		{"", "", true},
		{"\nbody", "\n", true},
		{"\r\nbody", "\r\n", true},
		{long + "\nbody", long + "\n", true},
		{strings.Repeat(long, 10) + "\nbody", strings.Repeat(long, 10)[:1<<20], false},
	} {
		got, whole, err := ReadHeader(strings.NewReader(c.text), int64(len(c.text)), nil)
		if string(got) != c.want || whole != c.whole || err != nil {
			t.Errorf("%.20q (%d octets): %d octets, %v, %v; want %d, %v", c.text, len(c.text), len(got), whole, err, len(c.want), c.whole)
		}
	}
}
