package storetest

import (
	"io"
	"slices"
	"strings"
	"testing/iotest"

	"restante/mailstore"
)

var contentTests = []test{
	{"comes back octet by octet", contentExact},
	{"is read at any place", contentReaderAt},
	{"stays readable after expunge", contentAfterExpunge},
	{"is gone after expunge", contentExpunged},
}

const head = "From: a@example.org\r\nSubject: odd\r\n"

// oddMessages are what clients and deliveries really store.
var oddMessages = []struct {
	why     string
	message string
	needs   []Ability
}{
	{"plain", head + "\r\nHello\r\n", nil},
	{"bare LF throughout", "From: a@example.org\nSubject: odd\n\nHello\nthere\n", nil},
	{"mixed line ends", head + "\nHello\nthere\r\nyou\n\r\n", nil},
	{"no final line end", head + "\r\nHello", []Ability{NoFinalNewline}},
	{"ends with CR", head + "\r\nHello\r", []Ability{NoFinalNewline}},
	{"bare CR", head + "\r\nHel\rlo\r\n", nil},
	{"CR CR LF", head + "\r\nHello\r\r\n", []Ability{CRBeforeCRLF}},
	{"NUL", head + "\r\nHel\x00lo\r\n", []Ability{NUL}},
	{"8-bit and invalid UTF-8", head + "\r\n\x80\xff caf\xe9 \xf0\x9f\x93\xac\r\n", nil},
	{"control characters", head + "\r\n\x01\x02\x1a\x1b[2J\x7f\r\n", nil},
	{"lines that begin From ", head + "\r\nFrom here on\r\n\r\nFrom a@example.org Sat Mar  1 14:05:06 2003\r\nFrom: not a header\r\n", nil},
	{"quoted From lines", head + "\r\n>From here\r\n>>From there\r\n> From\r\nFrom\r\n", nil},
	{"ends with a From line", head + "\r\nHello\r\n\r\nFrom a@example.org Sat Mar  1 14:05:06 2003\r\n", nil},
	{"MMDF separator in the body", head + "\r\n\x01\x01\x01\x01\r\nHello\r\n", nil},
	{"lines with dots", head + "\r\n.\r\n..\r\n.dot\r\n", nil},
	{"empty lines at both ends", head + "\r\n\r\n\r\nHello\r\n\r\n\r\n\r\n", nil},
	{"empty body", head + "\r\n", nil},
	{"header only", head, []Ability{NoBody}},
	{"header only without line end", strings.TrimSuffix(head, "\r\n"), []Ability{NoBody, NoFinalNewline}},
	{"nothing at all", "", []Ability{NoBody, NoHeader}},
	{"one line end", "\r\n", []Ability{NoHeader}},
	{"no header", "\r\nonly a body\r\n", []Ability{NoHeader}},
	{"not a message", "just text\r\nof two lines\r\n", []Ability{NoBody, NoHeader}},
	{"begins with a From line", "From a@example.org Sat Mar  1 14:05:06 2003\r\n" + head + "\r\nHello\r\n", []Ability{NoHeader}},
	{"a very long line", head + "\r\n" + strings.Repeat("x", 300_000) + "\r\n", nil},
	{"a very long header field", "X-Long: " + strings.Repeat("y ", 60_000) + "\r\n" + head + "\r\nHello\r\n", nil},
	{"folded and empty fields", "A:\r\nB: \r\n\tfolded\r\n " + "\r\n" + head + "\r\nHello\r\n", nil},
	{"a Content-Length that lies", "Content-Length: 5\r\n" + head + "\r\nHello, this is longer\r\n\r\nFrom x\r\n", nil},
	{"a Content-Length far too large", "Content-Length: 99999999999999999999\r\n" + head + "\r\nHello\r\n", nil},
}

func contentExact(e *env) {
	m := e.box(mailstore.Inbox)
	type stored struct {
		uid mailstore.UID
		i   int
	}
	var all []stored
	for i, odd := range oddMessages {
		if slices.ContainsFunc(odd.needs, func(a Ability) bool { return !e.can(a) }) {
			continue
		}
		all = append(all, stored{e.add(m, odd.message)[0], i})
	}
	check := func(when string) {
		e.Helper()
		for _, s := range all {
			odd := oddMessages[s.i]
			want := crlf(odd.message)
			if got := e.read(m, s.uid); got != want {
				e.Errorf("%s, %s: got %q, want %q", odd.why, when, shorten(got), shorten(want))
			}
			if r := e.filled(m, s.uid); r.Size != int64(len(want)) {
				e.Errorf("%s, %s: size %d, want %d", odd.why, when, r.Size, len(want))
			}
		}
	}
	check("as stored")
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), e.uids(m)...)
	check("after flags were set")
	e.reopen()
	m = e.box(mailstore.Inbox)
	check("after reopening")
	e.expunge(m, all[0].uid, all[3].uid)
	all = append(all[1:3:3], all[4:]...)
	check("after others were expunged")
	e.checkStatus(m)
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:100] + "..." + s[len(s)-100:]
	}
	return s
}

func contentReaderAt(e *env) {
	m := e.box(mailstore.Inbox)
	uid := e.add(m, text("x")+strings.Repeat("0123456789\r\n", 1000))[0]
	msg, err := m.OpenMessage(e.ctx, uid)
	e.ok(err, "open message")
	data, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
	e.ok(err, "read")
	e.ok(iotest.TestReader(io.NewSectionReader(msg, 0, msg.Len()), data), "as an io.ReaderAt")
	var b [10]byte
	if n, err := msg.ReadAt(b[:], msg.Len()-3); n != 3 || err != io.EOF {
		e.Errorf("ReadAt over the end: %d, %v; want 3, EOF", n, err)
	}
	e.ok(msg.Close(), "close message")
}

func contentAfterExpunge(e *env) {
	m := e.box(mailstore.Inbox)
	trash := e.newBox("Trash")
	uids := e.add(m, text("before"), text("expunged"), text("moved"), text("after"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids...)
	var msgs []mailstore.Message
	for _, uid := range uids {
		msg, err := m.OpenMessage(e.ctx, uid)
		e.ok(err, "open message")
		msgs = append(msgs, msg)
	}
	e.expunge(m, uids[1])
	_, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[2]), trash)
	e.ok(err, "move")
	e.setFlags(m, mailstore.ReplaceFlags, mailstore.NewFlags(0, "a-rather-long-keyword", "another"), uids[0], uids[3])
	e.add(m, text("new"))
	for i, id := range []string{"before", "expunged", "moved", "after"} {
		if got, err := slurp(msgs[i]); got != text(id) || err != nil {
			e.Errorf("message %d, open since before: %q, %v; want %q", uids[i], got, err, text(id))
		}
		e.ok(msgs[i].Close(), "close message")
	}
	if got := e.read(m, uids[3]); got != text("after") {
		e.Errorf("opened anew: %q", got)
	}
}

func contentExpunged(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	e.expunge(m, uids[0])
	for _, uid := range []mailstore.UID{uids[0], uids[1] + 1000} {
		_, err := m.OpenMessage(e.ctx, uid)
		e.is(err, mailstore.ErrExpunged, "open of a message that is not there")
		if r, found := m.Record(uid); found {
			e.Errorf("there is a record %+v", r)
		}
		e.ok(m.Fill(e.ctx, mailstore.NewUIDSet(uid), mailstore.AttrSize|mailstore.AttrDate), "fill")
	}
}
