package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// stored is a message in memory, as a store gives it.
type stored struct{ *bytes.Reader }

func (m stored) Len() int64   { return m.Size() }
func (m stored) Close() error { return nil }

// wireForm is what a literal has to hold, made in the plainest way.
func wireForm(b []byte) []byte { return message.ReplaceNUL(message.AppendCRLF(nil, b)) }

// randomText is rich in line ends of all kinds.
func randomText(rng *rand.Rand, n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		switch rng.IntN(12) {
		case 0:
			b = append(b, '\n')
		case 1:
			b = append(b, "\r\n"...)
		case 2:
			b = append(b, '\r')
		case 3:
			b = append(b, 0)
		case 4:
			b = append(b, bytes.Repeat([]byte("long "), rng.IntN(400))...)
		default:
			b = append(b, "text"[:rng.IntN(5)]...)
		}
	}
	return b
}

// TestWire takes ranges of messages in memory and in files, in slices one after
// the other and here and there, and compares with the plain form.
func TestWire(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for round := range 60 {
		text := randomText(rng, rng.IntN(200_000))
		s := &session{srv: New(testOptions(t))}
		m := &loaded{Message: stored{bytes.NewReader(text)}, uid: 7, buf: s.srv.borrow()}
		if round%2 == 0 && len(text) <= smallMessage {
			m.raw = text
		}
		from := int64(rng.IntN(len(text)/10 + 1))
		if from > 0 && text[from-1] == '\r' {
			from-- // no part begins between CR and LF
		}
		e := message.Extent{Offset: from, Length: int64(len(text)) - from, Size: unknownSize}
		want := wireForm(text[from:])
		check := func(off, length int64) {
			t.Helper()
			r, size, err := s.wire(m, e, off, length)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, max(size, 0))
			if size == unknownSize {
				got = sendCounted(t, r, rng.IntN(70_000))
			} else if n, err := readFull(r, got); int64(n) != size || err != nil {
				t.Fatalf("announced %d octets and gave %d: %v", size, n, err)
			}
			begin := min(off, int64(len(want)))
			part := want[begin:]
			part = part[:min(length, int64(len(part)))]
			if !bytes.Equal(got, part) {
				t.Fatalf("range %d.%d of %d octets differs", off, length, len(want))
			}
		}
		check(0, everything)
		for off := int64(0); off <= int64(len(want)); {
			n := int64(rng.IntN(70_000) + 1)
			check(off, n)
			off += n
		}
		for range 20 {
			check(int64(rng.IntN(len(want)+10)), int64(rng.IntN(1000)+1))
		}
	}
}

// sendCounted sends a literal behind other octets, and gives what stands in it.
func sendCounted(t *testing.T, r *wireReader, before int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := imap.NewWriter(&b, nil)
	w.Raw(strings.Repeat("x", before))
	if err := w.LiteralCounted(r.guess(), r).Flush(); err != nil {
		t.Fatal(err)
	}
	head, text, _ := bytes.Cut(b.Bytes()[before:], []byte("\r\n"))
	if want := fmt.Sprintf("{%d}", len(text)); string(head) != want {
		t.Fatalf("announced %s and gave %s", head, want)
	}
	return text
}

func readFull(r *wireReader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = r.Read(p[n:min(len(p), n+1+len(p)/7)])
		n += k
	}
	return n, err
}

// shrinking has fewer octets than it says once some have been read.
type shrinking struct {
	mailstore.Message
	reads int
}

func (m *shrinking) ReadAt(p []byte, off int64) (int, error) {
	m.reads++
	if m.reads > 6 {
		return 0, errors.New("input/output error")
	}
	return m.Message.ReadAt(p, off)
}

// TestUnreadable: a message that cannot be read fails the command and nothing
// else.
func TestUnreadable(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = nil
	fault := errors.New("input/output error")
	opt.Store = &faultStore{Store: opt.Store, open: func(uid mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		if uid == 2 {
			return nil, fault
		}
		return m, nil
	}}
	fill(t, opt.Store, "INBOX", "Subject: a\n\n1\n", "Subject: b\n\n2\n", "Subject: c\n\n3\n")
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	for _, command := range []string{
		"FETCH 1:3 (UID BODY.PEEK[TEXT])",
		"FETCH 1:3 (BODY.PEEK[HEADER])",
		"FETCH 1:3 (ENVELOPE)",
		"FETCH 1:3 (BODYSTRUCTURE)",
		"UID FETCH 1:3 (BODY[])",
	} {
		lines, tagged, err := c.Do(command)
		if err != nil || len(lines) != 2 || !strings.HasPrefix(tagged, "NO [SERVERBUG] ") {
			t.Errorf("%s: %q, %q, %v", command, lines, tagged, err)
		}
	}
	if lines := do(t, c, "SEARCH BODY 3"); lines[0] != "* SEARCH 3" {
		t.Error("SEARCH:", lines)
	}
	if lines := do(t, c, "FETCH 2 (RFC822.SIZE)"); len(lines) != 1 {
		t.Error("what needs no reading:", lines)
	}
}

// TestShrinks: a message that becomes shorter while it is sent ends the
// connection; nothing else may stand in its literal.
func TestShrinks(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = nil
	opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		return &shrinking{Message: m}, nil
	}}
	long := strings.Repeat("0123456789\n", 30_000)
	fill(t, opt.Store, "INBOX", "Subject: a\n\n"+long)
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	lines, tagged, err := c.Do("FETCH 1 BODY.PEEK[]")
	if err == nil || len(lines) > 0 {
		t.Errorf("%d lines, %q: it went on", len(lines), tagged)
	}
}

// TestReadError: that a message cannot be read while it is sent is the operator's
// business, and not a lost connection.
func TestReadError(t *testing.T) {
	opt := testOptions(t)
	var log strings.Builder
	opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
	opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		return &shrinking{Message: m}, nil
	}}
	fill(t, opt.Store, "INBOX", "Subject: a\n\n"+strings.Repeat("0123456789\n", 30_000))
	speak(t, opt, "a LOGIN user pass\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd NOOP\r\n")
	for _, want := range []string{"level=ERROR", "input/output error", `reason="literal broken off"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log:\n%s", want, log.String())
		}
	}
}

// TestEveryMessageOfAPage: more messages than a page, with holes that others
// made.
func TestEveryMessageOfAPage(t *testing.T) {
	opt := testOptions(t)
	var messages []string
	for i := range 3*pageLen + 7 {
		messages = append(messages, fmt.Sprintf("Subject: %d\n\nx\n", i))
	}
	fill(t, opt.Store, "INBOX", messages...)
	dial := listen(t, opt)
	c, other := client(t, dial), client(t, dial)
	do(t, c, "SELECT INBOX")
	do(t, other, "SELECT INBOX")
	do(t, other, `UID STORE 1,200:300,511:513,700 +FLAGS.SILENT (\Deleted)`)
	do(t, other, "EXPUNGE")
	lines, tagged, err := c.Do("FETCH 1:* UID")
	if err != nil || !strings.HasPrefix(tagged, "NO [EXPUNGEISSUED]") {
		t.Error(tagged, err)
	}
	want := len(messages) - 106
	if len(lines) != want || lines[0] != "* 2 FETCH (UID 2)" || lines[len(lines)-1] != fmt.Sprintf("* %d FETCH (UID %[1]d)", len(messages)) {
		t.Errorf("%d lines of %d, from %s to %s", len(lines), want, lines[0], lines[len(lines)-1])
	}
	lines = do(t, c, "UID FETCH 1:* UID")
	if len(lines) < want || lines[want-1] != fmt.Sprintf("* %d FETCH (UID %[1]d)", len(messages)) {
		t.Errorf("the UID form gives %d lines", len(lines))
	}
	if got := countSuffix(lines, "EXPUNGE"); got != 106 {
		t.Errorf("%d EXPUNGE responses of 106", got)
	}
	lines = do(t, c, "FETCH 1:* (UID FLAGS)")
	if len(lines) != want || lines[0] != "* 1 FETCH (UID 2 FLAGS (\\Recent))" {
		t.Errorf("afterwards %d lines from %s", len(lines), lines[0])
	}
}

func countSuffix(lines []string, what string) (n int) {
	for _, line := range lines {
		if strings.HasSuffix(line, what) {
			n++
		}
	}
	return n
}

// TestRememberedStructure: what a session keeps of a message has nothing of the buffer
// that the message was read into.
func TestRememberedStructure(t *testing.T) {
	opt := testOptions(t)
	const inner = "Subject: the inner one\nX-Other: field\n\ninner\n"
	fill(t, opt.Store, "INBOX",
		"Subject: outer\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"+inner+"--b--\n")
	s, c := sinkSession(t, opt)
	record := &recorder{}
	s.conn.Conn = recordedConn{c, record}
	const command = "FETCH 1 (BODY.PEEK[1.HEADER.FIELDS (SUBJECT X-Other)] BODYSTRUCTURE)"
	c.run(t, s, command)
	want := record.take()
	if !strings.Contains(want, "Subject: the inner one\r\nX-Other: field\r\n") {
		t.Fatal(want)
	}
	clear(s.srv.borrow()[:]) // somebody else uses the buffer
	c.run(t, s, command)
	if got := record.take(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

type recorder struct{ strings.Builder }

func (r *recorder) take() string { defer r.Reset(); return r.String() }

// recordedConn is a connection of which what is written is kept.
type recordedConn struct {
	net.Conn
	r *recorder
}

func (c recordedConn) Write(p []byte) (int, error) {
	c.r.Write(p)
	return c.Conn.Write(p)
}
