package imapd

import (
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"restante/imapd/imaptest"
)

// speak runs a session over what a client says and returns the lines it answers.
func speak(t *testing.T, opt Options, said string) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(play(t, opt, said, 1<<16), "\r\n"), "\r\n")
}

// TestBadCommands: what speaks another protocol is sent away; a client that only
// errs now and then is not.
func TestBadCommands(t *testing.T) {
	opt := testOptions(t)
	opt.Limits.BadCommands = 3
	said := speak(t, opt, "a X\r\nb X\r\nc NOOP\r\nd X\r\ne X\r\nf X\r\ng NOOP\r\n")
	if got := last(said); !strings.HasPrefix(got, "* BYE") || !strings.HasPrefix(said[len(said)-2], "f BAD") {
		t.Errorf("%q", said)
	}
}

// TestPlaintext: without TLS, passwords are taken only where that is allowed,
// and what is not possible is not offered.
func TestPlaintext(t *testing.T) {
	opt := testOptions(t)
	opt.AllowPlaintext = nil
	opt.TLS = testTLS(t)
	said := speak(t, opt, "a LOGIN user pass\r\nb AUTHENTICATE PLAIN AHVzZXIAcGFzcw==\r\n")
	want := []string{
		"* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ENABLE ID SASL-IR STARTTLS LOGINDISABLED] test.example IMAP server ready",
		"a NO [PRIVACYREQUIRED] ",
		"b NO [PRIVACYREQUIRED] ",
	}
	for i, w := range want {
		if i >= len(said) || !strings.HasPrefix(said[i], w) {
			t.Errorf("%q, want %q", said, w)
		}
	}
	opt.TLS = nil
	said = speak(t, opt, "a STARTTLS\r\n")
	if strings.Contains(said[0], "STARTTLS") || !strings.HasPrefix(said[1], "a NO") {
		t.Errorf("without a certificate: %q", said)
	}
}

// TestPlaintextByAddress: the decision is made for each address.
func TestPlaintextByAddress(t *testing.T) {
	opt := testOptions(t)
	var asked net.Addr
	opt.AllowPlaintext = func(remote net.Addr) bool { asked = remote; return true }
	said := speak(t, opt, "a LOGIN user pass\r\n")
	if asked == nil || !strings.HasPrefix(said[1], "a OK") {
		t.Errorf("asked for %v: %q", asked, said)
	}
}

// TestAppendLimit: a message that is too large is refused before it is sent or,
// if the client does not wait, read to its end; the next command is understood.
func TestAppendLimit(t *testing.T) {
	opt := testOptions(t)
	opt.Limits.Append = 100
	big := strings.Repeat("z LOGOUT\r\n", 20)
	said := speak(t, opt, "a LOGIN user pass\r\nb APPEND INBOX {200}\r\nc APPEND INBOX {200+}\r\n"+big+"\r\nd STATUS INBOX (MESSAGES)\r\n")
	want := []string{"* OK", "a OK", "b NO [TOOBIG]", "c NO [TOOBIG]", "* STATUS INBOX (MESSAGES 0)", "d OK"}
	if len(said) != len(want) {
		t.Fatalf("%q", said)
	}
	for i, w := range want {
		if !strings.HasPrefix(said[i], w) {
			t.Errorf("%q, want %q", said[i], w)
		}
	}
}

// TestLongLines: QUIRK: UID sets of 64 KB are understood, lines without end are not
// held.
func TestLongLines(t *testing.T) {
	opt := testOptions(t)
	var set strings.Builder
	for set.Len() < 64<<10 {
		set.WriteString("123456,")
	}
	said := speak(t, opt, "a LOGIN user pass\r\nb SELECT INBOX\r\nc UID FETCH "+set.String()+"1 FLAGS\r\nd UID SEARCH UID "+set.String()+"1\r\n"+
		"e UID FETCH "+strings.Repeat(set.String(), 10)+"1 FLAGS\r\nf NOOP\r\n")
	got := strings.Join(said[len(said)-5:], "\n")
	for _, w := range []string{"c OK", "* SEARCH", "d OK", "e BAD [TOOBIG]", "f OK"} {
		if !strings.Contains(got, w) {
			t.Errorf("no %s in %s", w, got)
		}
	}
}

// TestNesting: criteria may nest so deep and no deeper; the next command is
// understood.
func TestNesting(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("(", n) + "ALL" + strings.Repeat(")", n) }
	said := speak(t, testOptions(t), "a LOGIN user pass\r\nb SELECT INBOX\r\nc SEARCH "+deep(49)+"\r\nd SEARCH "+deep(60)+"\r\ne SEARCH "+
		strings.Repeat("NOT ", 60)+"ALL\r\nf NOOP\r\n")
	got := strings.Join(said[len(said)-5:], "\n")
	for _, want := range []string{"* SEARCH\n", "c OK", "d NO [LIMIT] nested deeper than 50 levels", "e NO [LIMIT]", "f OK"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// TestUIDFirst: whatever the order in which items are asked for.
func TestUIDFirst(t *testing.T) {
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", "Subject: x\n\ny\n")
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	for _, items := range []string{"(FLAGS UID)", "(BODY[] UID)", "(ENVELOPE FLAGS UID RFC822.SIZE)", "(UID)"} {
		if lines := do(t, c, "FETCH 1 "+items); !strings.HasPrefix(lines[0], "* 1 FETCH (UID 1") {
			t.Errorf("%s: %s", items, lines[0])
		}
	}
}

// TestPipelinedFlush: half a command behind a whole one does not keep the answer
// back.
func TestPipelinedFlush(t *testing.T) {
	nc, err := listen(t, testOptions(t))()
	if err != nil {
		t.Fatal(err)
	}
	c := imaptest.NewClient(nc)
	defer c.Close()
	c.Timeout = 10 * time.Second
	if err := c.Send("a NOOP\r\nb NO"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"* OK", "a OK"} {
		if line, err := c.Response(); err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("%q, %v: want %s", line, err, want)
		}
	}
	if err := c.Send("OP\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := c.Response(); err != nil || !strings.HasPrefix(line, "b OK") {
		t.Fatal(line, err)
	}
}

// TestSessionLog: the lines of one session can be told from those of others,
// and name the user once.
func TestSessionLog(t *testing.T) {
	opt := testOptions(t)
	var log strings.Builder
	opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
	speak(t, opt, "a LOGIN ann wrong\r\nb LOGIN ann pass\r\nc LOGOUT\r\n")
	speak(t, opt, "c LOGOUT\r\n")
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%q", lines)
	}
	var sessions []string
	id := regexp.MustCompile(` session=(\w{8,}) `)
	for i, want := range []string{"login failed", "session ended", "session ended"} {
		m := id.FindStringSubmatch(lines[i])
		if m == nil || !strings.Contains(lines[i], want) {
			t.Fatalf("%s: want %s with a session", lines[i], want)
		}
		sessions = append(sessions, m[1])
	}
	if sessions[0] != sessions[1] || sessions[1] == sessions[2] {
		t.Errorf("sessions %q", sessions)
	}
	if n := strings.Count(lines[1], "user="); n != 1 {
		t.Errorf("the user stands there %d times: %s", n, lines[1])
	}
}

// TestLastFailureLogged: the login that ends a connection for guessing is
// logged like those before: who watches the log counts them.
func TestLastFailureLogged(t *testing.T) {
	opt := testOptions(t)
	opt.Limits.LoginFailures = 2
	var log strings.Builder
	opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
	said := speak(t, opt, "a LOGIN ann wrong\r\nb LOGIN ann wrong\r\nc LOGIN ann pass\r\n")
	if !strings.HasPrefix(last(said), "* BYE") {
		t.Errorf("%q", said)
	}
	if n := strings.Count(log.String(), "login failed"); n != 2 {
		t.Errorf("%d of 2 failures are in the log:\n%s", n, log.String())
	}
}

// TestRoomForMailbox: no mailbox more than is allowed, nor a longer name, however
// they come to be. Those that are there can be renamed away and deleted.
func TestRoomForMailbox(t *testing.T) {
	opt := testOptions(t)
	opt.Limits.Mailboxes, opt.Limits.MailboxName = 4, 10
	said := speak(t, opt, "a LOGIN user pass\r\n"+
		"b CREATE one\r\nc CREATE two\r\nd CREATE three\r\ne CREATE four\r\n"+
		"f DELETE one\r\ng CREATE elevenchars\r\nh RENAME two elevenchars\r\n")
	want := map[string]string{"b": "OK", "c": "OK", "d": "OK", "e": "NO [LIMIT] You have 4", "f": "OK", "g": "NO [LIMIT] The name", "h": "NO [LIMIT] The name"}
	for _, line := range said {
		tag, rest, _ := strings.Cut(line, " ")
		if w, ok := want[tag]; ok && !strings.HasPrefix(rest, w) {
			t.Errorf("%s: %q, want %q", tag, rest, w)
		}
		delete(want, tag)
	}
	if len(want) > 0 {
		t.Errorf("no answer to %v in %q", want, said)
	}
}

// TestConfiguredNesting: the configured depth counts.
func TestConfiguredNesting(t *testing.T) {
	opt := testOptions(t)
	opt.Limits.Nesting = 10
	said := speak(t, opt, "a LOGIN user pass\r\nb SELECT INBOX\r\nc SEARCH "+strings.Repeat("NOT ", 9)+"ALL\r\nd SEARCH "+strings.Repeat("NOT ", 11)+"ALL\r\n")
	if got := last(said); !strings.HasPrefix(got, "d NO [LIMIT]") || !strings.HasPrefix(said[len(said)-2], "c OK") {
		t.Errorf("%q", said)
	}
}
