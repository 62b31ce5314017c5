package search

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"restante/casemap"
	"restante/mailstore"
	"restante/message"
)

// pieces are what Texts gives of a message, by place.
type pieces map[Places][][]byte

func piecesOf(t testing.TB, b *box, uid mailstore.UID) pieces {
	t.Helper()
	var x Texts
	all := make(pieces)
	if err := x.Read(t.Context(), b, uid, func(in Places, text []byte) { all[in] = append(all[in], bytes.Clone(text)) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// grams are the texts of three octets in pieces.
func (p pieces) grams(in Places) map[string]bool {
	set := make(map[string]bool)
	for place, list := range p {
		if in&place == 0 {
			continue
		}
		for _, text := range list {
			for i := range len(text) - 2 {
				set[string(text[i:i+3])] = true
			}
		}
	}
	return set
}

// indexed is what an index has of a mailbox, made in the plainest way: what three octets
// stand in which place of which message.
type indexed map[mailstore.UID]map[Places]map[string]bool

func (x indexed) add(uid mailstore.UID, p pieces) {
	x[uid] = map[Places]map[string]bool{InHeader: p.grams(InHeader), InBody: p.grams(InBody)}
}

func (x indexed) Find(in Places, text []byte) (known, may mailstore.UIDSet) {
	for uid, places := range x {
		known.Add(uid)
		for place, have := range places {
			all := in&place != 0
			for i := range len(text) - 2 {
				all = all && have[string(text[i:i+3])]
			}
			if all {
				may.Add(uid)
			}
		}
	}
	return known, may
}

// strange are messages in which what is searched is not what is written.
func strange() map[string]string {
	long := strings.Repeat("naïve café ", 3*textWindow/12)
	return map[string]string{
		"header with words":     "Subject: =?utf-8?q?caf=C3=A9?= =?utf-8?q?_noir?=\nX-Raw: caf\xe9\nX-Glued:=?utf-8?q?glued?=\n\nbody\n",
		"NUL in header":         "Subject: one\x00two\xe9three\n\nbody\n",
		"fields without colon":  "Subject: one\nno colon here\n  and more of it\n : odd\n\nbody\n",
		"folded":                "Subject:\n one\r\n\ttwo\n   three\r\n\r\nbody\n",
		"latin1":                "Content-Type: text/plain; charset=iso-8859-1\n\nab\xe9cd Stra\xdfe \xc3\xa9\n",
		"utf-8 that is none":    "Content-Type: text/plain; charset=utf-8\n\nab\xe9cd Stra\xc3\x9fe \xff\n",
		"ligatures":             "Content-Type: text/plain; charset=utf-8\n\nﬁne Ǆ ŉ ｆｕｌｌ ẞ\n",
		"iso-2022-jp":           "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s$K$A$O\x1b(B hello\n",
		"utf-7":                 "Content-Type: text/plain; charset=utf-7\n\nHi Mom +Jjo-!\n",
		"utf-16":                "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\naABlAGwAbABvAA==\n",
		"unknown charset":       "Content-Type: text/plain; charset=x-none\n\nab\xe9cd\n",
		"parts":                 "X-Over: naïve café\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\nX-Part: in part\n\none\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner body\n--b\nContent-Type: image/png\n\npicture\n--b--\nepilogue\n",
		"report":                "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nStatus: 5.0.0\n--b--\n",
		"long utf-8":            "Content-Type: text/plain; charset=utf-8\n\n" + long,
		"long quoted-printable": "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("na=EFve caf=E9 ", 80_000),
		"long ASCII":            "Subject: x\n\n" + strings.Repeat("0123456789abcdef", 70_000) + "needle",
		"only a header":         "Subject: nothing else\n",
		"nothing":               "",
		"a body":                "\nno header at all\n",
		"word in a name":        "=?utf-8?b?: =?utf-8?q?caf=C3=A9?=\n\nbody\n",
	}
}

// TestTextsHold: wherever a search finds a text, Texts gives all of it for a place that
// is searched. Texts are taken from what is given, from the octets of the message, and
// from what decodes them.
func TestTextsHold(t *testing.T) {
	all := usualMails()
	maps.Copy(all, strange())
	for name, text := range all {
		t.Run(name, func(t *testing.T) { holds(t, text, 30) })
	}
}

// holds compares a search with and without an index for random substrings.
func holds(t *testing.T, text string, tries int) {
	t.Helper()
	b := newBox(text)
	all := piecesOf(t, b, 1)
	ix := indexed{}
	ix.add(1, all)
	head, _, _ := ReadHeader(strings.NewReader(text), int64(len(text)), nil)
	withSummary := newBox(text)
	withSummary.sums = map[mailstore.UID]string{1: string(message.FilterHeader(nil, head, []string{"Subject", "From", "To"}, false))}
	rnd := rand.New(rand.NewPCG(1, uint64(len(text))))
	var from []string
	for _, list := range all {
		for _, p := range list {
			from = append(from, string(p), strings.ToLower(string(p)))
		}
	}
	from = append(from, text, message.DecodeHeader(string(head)))
	needles := []string{"café", "one€two", "one\ufffdtwo", "naïve café", "fine", "full", "in part", "inner body", "preamble", "picture", "needle", "🙂"}
	if len(text) > 1<<20 {
		needles, tries = []string{"café", "needle"}, 2 // each reads all of it several times
	}
	for range tries {
		needles = append(needles, substring(rnd, from[rnd.IntN(len(from))]))
	}
	for _, needle := range needles {
		for _, x := range []Expr{Text{needle}, Body{needle}, Header{"Subject", needle}, Header{"=?utf-8?b?", needle}, Not{Text{needle}}} {
			for _, box := range []*box{b, withSummary} {
				want := box.find(t, x)
				q := New(x)
				q.Narrow(ix)
				got, err := q.Filter(t.Context(), box, slices.Clone(box.recs), nil)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("%#v: with an index %v (%v), without %v", x, got, err, want)
				}
			}
		}
	}
}

func substring(rnd *rand.Rand, s string) string {
	if s == "" {
		return ""
	}
	at := rnd.IntN(len(s))
	return s[at:min(at+1+rnd.IntN(20), len(s))]
}

// TestTextsPieces: pieces hang together by two octets.
func TestTextsPieces(t *testing.T) {
	for name, text := range strange() {
		if !strings.HasPrefix(name, "long") {
			continue
		}
		list := piecesOf(t, newBox(text), 1)[InBody]
		if len(list) < 3 {
			t.Errorf("%s: %d pieces only", name, len(list))
		}
		for i := 1; i < len(list); i++ {
			if len(list[i]) > 4*textWindow {
				t.Errorf("%s: a piece of %d octets", name, len(list[i]))
			}
			if last := list[i-1]; name == "long ASCII" && !bytes.HasPrefix(list[i], last[len(last)-2:]) {
				t.Errorf("%s: piece %d does not begin with the end of the one before", name, i)
			}
		}
	}
}

// TestTextVersion holds what Texts gives of some messages. When it fails because text is
// decoded, folded or chosen in another way than before, the number in TextVersion has to
// rise: indexes of the old version would rule out messages that match now.
func TestTextVersion(t *testing.T) {
	const want = "1 15.0.0 15.0.0 b77d381f79ad61b5"
	sum := sha256.New()
	all := usualMails()
	maps.Copy(all, strange())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, "long") {
			continue // the same, slowly
		}
		p := piecesOf(t, newBox(all[name]), 1)
		for _, in := range []Places{InHeader, InBody} {
			fmt.Fprintf(sum, "%s %d", name, in)
			for _, g := range slices.Sorted(maps.Keys(p.grams(in))) {
				sum.Write([]byte(g))
			}
		}
	}
	if got := TextVersion() + " " + hex.EncodeToString(sum.Sum(nil)[:8]); got != want {
		t.Errorf("text of version %s, want %s", got, want)
	}
}

// TestNarrow: what the index rules out is not opened, what it does not know is.
func TestNarrow(t *testing.T) {
	b := newBox("Subject: a\n\nneedle\n", "Subject: needle\n\nhay\n", "Subject: c\n\nneedle\n", "Subject: d\n\nhay\n")
	ix := indexed{}
	for _, uid := range []mailstore.UID{1, 2, 4} {
		ix.add(uid, piecesOf(t, b, uid))
	}
	for _, c := range []struct {
		x            Expr
		want, opened []mailstore.UID
		unindexed    int
	}{
		{Body{"needle"}, uids(1, 3), uids(1, 3), 1},
		{Text{"needle"}, uids(1, 2, 3), uids(1, 2, 3), 1},
		{Header{"Subject", "needle"}, uids(2), uids(2, 3), 1},
		{Not{Body{"needle"}}, uids(2, 4), uids(1, 3), 1},
		{Or{Body{"needle"}, Header{"Subject", "needle"}}, uids(1, 2, 3), uids(1, 2, 3), 1},
		{And{Text{"needle"}, Text{"hay"}}, uids(2), uids(2, 3), 1},
		{Body{"ne"}, uids(1, 3), uids(1, 2, 3, 4), 0}, // too short for an index
	} {
		b.opened = nil
		q := New(c.x)
		q.Narrow(ix)
		got, err := q.Filter(t.Context(), b, slices.Clone(b.recs), nil)
		if err != nil || !slices.Equal(got, c.want) || !slices.Equal(b.opened, c.opened) || q.Unindexed.Messages != c.unindexed {
			t.Errorf("%#v: found %v, opened %v, %d of them not indexed (%v); want %v, %v, %d", c.x, got, b.opened, q.Unindexed.Messages, err, c.want, c.opened, c.unindexed)
		}
	}
}

// FuzzTexts: no message makes a search with an index find something else than one
// without.
func FuzzTexts(f *testing.F) {
	for _, text := range strange() {
		f.Add(text[:min(len(text), 1000)], "needle")
	}
	f.Fuzz(func(t *testing.T, text, needle string) {
		b := newBox(text)
		ix := indexed{}
		ix.add(1, piecesOf(t, b, 1))
		for _, x := range []Expr{Text{needle}, Body{needle}, Header{"Subject", needle}} {
			q := New(x)
			if q.Narrow(ix); len(b.find(t, x)) > 0 {
				if got, err := q.Filter(t.Context(), b, slices.Clone(b.recs), nil); err != nil || len(got) == 0 {
					t.Errorf("%#v is found in %q only without an index (%v)", x, text, err)
				}
			}
		}
		if len(casemap.Append(nil, needle)) < MinText && New(Text{needle}).Indexable() {
			t.Errorf("%q is not long enough", needle)
		}
	})
}
