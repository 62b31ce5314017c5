package imapd

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"restante/imapd/imaptest"
)

// tape is a connection whose other end has said all it will ever say, some
// octets at a time.
type tape struct {
	in    []byte
	piece int
	out   bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.piece)], c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *tape) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *tape) Close() error                     { return nil }
func (c *tape) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// panicLog fails the test when the server caught a panic.
type panicLog struct{ t testing.TB }

func (h panicLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (h panicLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "session panicked" {
		r.Attrs(func(a slog.Attr) bool { h.t.Error(a.String()); return true })
	}
	return nil
}
func (h panicLog) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h panicLog) WithGroup(string) slog.Handler      { return h }

// play runs a session over what a client says and returns what it answers.
func play(t testing.TB, opt Options, said string, piece int) string {
	c := &tape{in: []byte(said), piece: piece}
	New(opt).ServeConn(t.Context(), c, false)
	return c.out.String()
}

// preludes bring a session into each state.
var preludes = []string{
	"",
	"p1 LOGIN user pass\r\n",
	"p1 LOGIN user pass\r\np2 SELECT INBOX\r\n",
	"p1 LOGIN user pass\r\np2 ENABLE IMAP4rev2\r\np3 SELECT INBOX\r\n",
	"p1 LOGIN user pass\r\np2 EXAMINE INBOX\r\np3 IDLE\r\n",
	"p1 LOGIN user pass\r\np2 ENABLE UIDONLY\r\np3 SELECT INBOX\r\np4 UID SEARCH RETURN (UPDATE) UNSEEN\r\n",
	"p1 LOGIN user pass\r\np2 SELECT INBOX\r\np3 NOTIFY SET (selected (MessageNew (BODY[]) MessageExpunge FlagChange))" +
		" (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))\r\n",
}

// notifies tells input after which news comes when it comes.
var notifies = regexp.MustCompile(`(?i)notify`)

var clientLine = regexp.MustCompile(`(?m)^C\d+: (.*)$`)

// FuzzSession says anything in every state. The session must end with its
// input, without a panic, and whatever it says must be whole responses; octets
// that come one by one get the same answers as octets that come at once.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob("testdata/dialogue/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no dialogues to begin with", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range clientLine.FindAllSubmatch(text, -1) {
			f.Add(uint8(2), string(m[1])+"\r\n")
		}
	}
	f.Add(uint8(4), "DONE\r\na FETCH 1:* (BODY[] BODY[TEXT]<1.5> BINARY[1] ENVELOPE BODYSTRUCTURE)\r\n")
	f.Add(uint8(3), "a SEARCH RETURN (SAVE MIN) OR (TEXT x) NOT 1\r\nb FETCH $ (UID FLAGS)\r\n")
	f.Add(uint8(5), "a UID STORE 1:* +FLAGS (\\Seen)\r\nb UID EXPUNGE 1:*\r\nc CANCELUPDATE \"p4\"\r\n")
	f.Add(uint8(6), "a CREATE x\r\nb UNSELECT\r\nc APPEND INBOX {3+}\r\nabc\r\nd RENAME x y\r\ne NOTIFY NONE\r\nf IDLE\r\nDONE\r\n")
	f.Add(uint8(1), "a APPEND INBOX (\\Seen) {3+}\r\nabc\r\nb RENAME INBOX x/y\r\nc LIST (SUBSCRIBED) \"\" % RETURN (STATUS (SIZE))\r\n")
	f.Fuzz(func(t *testing.T, state uint8, said string) {
		if len(said) > 10000 {
			return
		}
		said = preludes[int(state)%len(preludes)] + said
		first := playFuzz(t, said, 1<<16)
		checkWhole(t, first)
		if second := playFuzz(t, said, 1); answers(first) != answers(second) && !notifies.MatchString(said) {
			t.Errorf("octet by octet:\n%s\nat once:\n%s", second, first)
		}
	})
}

func playFuzz(t *testing.T, said string, piece int) string {
	opt := testOptions(t)
	opt.Logger = slog.New(panicLog{t})
	fill(t, opt.Store, "INBOX", "Subject: one\n\nbody\n", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\npart\n--x--\n", "")
	return play(t, opt, said, piece)
}

// checkWhole reads what was said as a client does.
func checkWhole(t *testing.T, out string) {
	t.Helper()
	c := imaptest.NewClient(&tape{in: []byte(out), piece: 1 << 16})
	for {
		line, err := c.Response()
		if err == io.EOF && line == "" {
			return
		}
		if err != nil {
			t.Fatalf("not a whole response: %q: %v\nin %q", line, err, out)
		}
	}
}

var today = regexp.MustCompile(`"[ 0-9]\d-\w{3}-\d{4} [^"]*"`)

// answers drops what depends on the time.
func answers(out string) string { return today.ReplaceAllString(strings.TrimSpace(out), "DATE") }
