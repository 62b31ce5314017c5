package pop3d

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
)

// dovecotSums are headers and what Dovecot 2.3.19 gives for %m.
var dovecotSums = []struct{ why, header, sum string }{
	{"date and id", "Date: d1\nMessage-ID: <1@x>\nSubject: s\n", "e41597827cb8af69e906e48186a09ab7"},
	{"the first Received, folded, and nothing behind it", "Received: from a\n\tby b;\n  date  \nReceived: second\nDate: d\nMessage-ID: <2@x>\n", "d660fbd04ab9d79982bb6028ce2bfadd"},
	{"what stands in front of it, and Delivered-To", "Date: d\nReceived: from a\nMessage-ID: <3@x>\nDelivered-To: me\n", "874d8b23bc3ccce9e743d97915a76c63"},
	{"one space is cut off, case does not count", "DATE :  spaced  \nmessage-id:<4@x>\nX-Delivery-ID: 77\n", "307a58d01e31575240f85353c2d26a55"},
	{"nothing", "Subject: nothing\n", "d41d8cd98f00b204e9800998ecf8427e"},
	{"CRLF", "Date: d1\r\nMessage-ID: <6@x>\r\n", "16d62517aefc76d4b904bfb3197e5c9b"},
	{"empty values", "Date:\nMessage-ID: \t \n", "b2cadb029d2a4424783439f539947abe"},
	{"the body does not count", "Received:\n\nDate: body\n", "d41d8cd98f00b204e9800998ecf8427e"},
	{"a line without colon", "no colon line\nDate: d\nMessage-ID: <9@x>\n", "b82598c41d03bd5673cd5de8b2e23910"},
	{"folded date and id", "Date: folded\n more\n\tand\n \nMessage-ID:\n <11@x>\n", "d8bfab75fa31e15139879b4fbf5822d8"},
	{"eight bits and NUL", "Date: nul\x00x\nMessage-ID: <12@\xff>\n", "f4c9398c08b65d2a39da243461bbd4c0"},
	{"an empty first line of Received", "Received:\n from b\nReceived: b2\nDate: d\n", "104943ce6624af005016c30eec52ee8e"},
	{"one tab is cut off", "Date:\tone tab\nMessage-ID:\t\t<1@x>\n", "4db1dae1b616b2322f36284f13966244"},
	{"a long line", "Received: " + strings.Repeat("y", 2000) + "\nReceived: other\nDelivered-To: z\n", "c49b550e156bdabe187850d85b2fe11a"},
	{"CRLF and folded", "Date: a \r\nMessage-ID: b \r\n c \r\n", "871a4c91964b8b9718a1f4948872b2cd"},
	{"a fold of nothing", " leading fold\nDate: a\n", "0cc175b9c0f1b6a831c399e269772661"},
	{"no name", ": no name\nDate: x\n", "9dd4e461268c8034f5c8564e155c67a6"},
	{"several deliveries", "Delivered-To: one\nReceived: a\nDelivered-To: two\nX-Delivery-ID: three\nReceived: b\n", "c7caae7b17d87d430e10c31dd6d79ed4"},
}

func TestHeaderSums(t *testing.T) {
	h := newHeaderReader()
	for _, c := range dovecotSums {
		for _, end := range []string{"", "\n", "\nDate: body\n"} {
			if err := h.read(strings.NewReader(c.header + end)); err != nil || h.md5Hex() != c.sum {
				t.Errorf("%s: %q gives %s, %v; Dovecot %s", c.why, c.header+end, h.md5Hex(), err, c.sum)
			}
		}
	}
	endless := io.MultiReader(strings.NewReader("Date: d\n"), zeros{})
	if err := h.read(endless); err != nil {
		t.Errorf("a header without end: %v", err)
	}
	if err := h.read(io.MultiReader(strings.NewReader("Date: d\n"), brokenReader{})); err == nil {
		t.Error("an error of reading is not told")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestXUIDL(t *testing.T) {
	h := newHeaderReader()
	for _, c := range []struct{ why, header, want string }{
		{"qpopper", "Date: x\nX-UIDL: 'V*!!8>d!!`1g!!nfB!!\n", "'V*!!8>d!!`1g!!nfB!!"},
		{"the first counts", "X-UIDL: one\nx-uidl: two\n", "one"},
		{"folded, with space around it", "X-UIDL: \n  id  \nDate: q\n", "id"},
		{"none", "Date: x\n\nX-UIDL: body\n", ""},
		{"empty", "X-UIDL:\nX-UIDL: two\n", ""},
		{"longer than RFC 1939 allows", "X-UIDL: " + strings.Repeat("x", 71) + "\n", ""},
		{"much longer", "X-UIDL: " + strings.Repeat("x", 100_000) + "\n", ""},
		{"as long as it allows", "X-UIDL: " + strings.Repeat("x", 70) + "\n", strings.Repeat("x", 70)},
		{"what could not be read back", "X-UIDL: a b\n", ""},
		{"eight bits", "X-UIDL: \xe9\n", ""},
	} {
		if err := h.read(strings.NewReader(c.header)); err != nil || h.savedID() != c.want {
			t.Errorf("%s: %q, %v; want %q", c.why, h.savedID(), err, c.want)
		}
	}
}

// FuzzHeaderReader: a header is the same in pieces, and ids are sendable.
func FuzzHeaderReader(f *testing.F) {
	for _, c := range dovecotSums {
		f.Add([]byte(c.header))
	}
	f.Add([]byte("X-UIDL: a\n b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, pieces := newHeaderReader(), newHeaderReader()
		if err := errors.Join(whole.read(bytes.NewReader(b)), pieces.read(oneByte{bytes.NewReader(b)})); err != nil {
			t.Fatal(err)
		}
		if whole.md5Hex() != pieces.md5Hex() || whole.savedID() != pieces.savedID() {
			t.Error("another header in pieces")
		}
		if id := whole.savedID(); len(id) > maxUIDL || strings.ContainsAny(id, " \r\n\x00") {
			t.Errorf("id %q", id)
		}
	})
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// uidlsOf puts messages into the inbox and returns the ids that a client gets.
func uidlsOf(t *testing.T, format string, reuse bool, texts ...string) []string {
	t.Helper()
	o := newOffice(t)
	f, err := ParseUIDLFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	o.opt.UIDL, o.opt.ReuseXUIDL = f, reuse
	box := o.inbox()
	for _, text := range texts {
		a, err := box.NewAppend(t.Context())
		if err == nil {
			err = a.Add(mailstore.AppendOptions{}, strings.NewReader(text))
		}
		if err == nil {
			_, _, err = a.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	account, err := o.store.OpenAccount(t.Context(), mailstore.User{Name: "jo"})
	if err != nil {
		t.Fatal(err)
	}
	drop, err := openMaildrop(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUIDLs(t.Context(), &o.opt, drop)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range drop.messages {
		ids = append(ids, string(u.append(nil, m.uid)))
	}
	return ids
}

// TestHeaderIDs: no two messages have one id, and only what is asked for is
// taken from a header.
func TestHeaderIDs(t *testing.T) {
	const a, b = "0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f" // of a and b
	texts := []string{"Date: a\n\nx\n", "X-UIDL: theirs\nDate: b\n\nx\n", "X-UIDL: theirs\nDate: a\n\ny\n", "X-UIDL: 4.\nDate: b\n\ny\n"}
	for _, c := range []struct {
		why, format string
		reuse       bool
		want        []string
	}{
		{"sums", "%m", false, []string{a, b, a + "-3", b + "-4"}},
		{"sums where there are no files", "%g", false, []string{a, b, a + "-3", b + "-4"}},
		{"sums and UIDs", "%m.%u", false, []string{a + ".1", b + ".2", a + ".3", b + ".4"}},
		{"ids in messages", "%u.", true, []string{"1.", "theirs", "theirs-3", "4."}},
		{"ids in messages are not asked for", "%u.", false, []string{"1.", "2.", "3.", "4."}},
		{"both", "%m", true, []string{a, "theirs", "theirs-3", "4."}},
	} {
		if got := uidlsOf(t, c.format, c.reuse, texts...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
	long := "X-UIDL: " + strings.Repeat("x", 70) + "\n\nx\n"
	if got := uidlsOf(t, "%u", true, long, long); len(got[1]) != 32 {
		t.Errorf("the second of two long ids is %q", got[1])
	}
}

// gonePart is a mailbox in which one message has gone and another cannot be read.
type gonePart struct {
	mailstore.Mailbox
	err error
}

func (g gonePart) OpenMessage(context.Context, mailstore.UID) (mailstore.Message, error) {
	return nil, g.err
}

func TestHeaderIDsOfWhatIsGone(t *testing.T) {
	f, err := ParseUIDLFormat("%m")
	if err != nil {
		t.Fatal(err)
	}
	u := &uidls{format: f}
	messages := []entry{{uid: 1}, {uid: 2}}
	if err := u.readHeaders(t.Context(), gonePart{err: mailstore.ErrExpunged}, messages); err != nil || u.own[1] == u.own[2] {
		t.Errorf("messages that have gone: %v, %v", u.own, err)
	}
	failure := errors.New("disk on fire")
	if err := u.readHeaders(t.Context(), gonePart{err: failure}, messages); !errors.Is(err, failure) {
		t.Errorf("a message that cannot be read: %v", err)
	}
}
