package test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"restante/imapd/imaptest"
)

var recordFlag = flag.String("record", "", "record the conversations of the clients that match this `pattern` anew, in testdata/transcripts")

// A stage is a server with a little mail, and a listener before it.
type stage struct {
	srv imaptest.Server
	l   *listener
	dir string // for the client
}

// newStage is a stage over a format.
func newStage(t *testing.T, f format) *stage {
	t.Helper()
	srv := f.serve(t)
	srv.User, srv.Pass = recordUser, recordPass
	furnish(t, srv)
	c, err := srv.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return &stage{srv: srv, l: listenIn(t, c.RemoteAddr().String()), dir: t.TempDir()}
}

// stageMail is what is there when a client comes: by mailbox, flags and message.
var stageMail = []struct{ mailbox, flags, date, text string }{
	{"INBOX", `\Seen`, "01-Feb-2024 10:00:00 +0100", "From: Ana <ana@example.org>\nTo: Amelie <amelie@example.org>\nSubject: plain\nDate: Thu, 1 Feb 2024 10:00:00 +0100\nMessage-ID: <1@example.org>\n\nHello\n.\nFrom here on text\n"},
	{"INBOX", `\Answered $Label1`, "02-Feb-2024 11:00:00 +0000", "From: =?utf-8?q?Beno=C3=AEt?= <ben@example.org>\nTo: amelie@example.org\nSubject: Re: plain\nDate: Fri, 2 Feb 2024 11:00:00 +0000\nMessage-ID: <2@example.org>\nIn-Reply-To: <1@example.org>\nReferences: <1@example.org>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"A b\"\n\n--A b\nContent-Type: text/html; charset=utf-8\n\n<p>Caf\u00e9\n--A b\nContent-Type: application/octet-stream; name=\"a.bin\"\nContent-Disposition: attachment; filename=\"a.bin\"\nContent-Transfer-Encoding: base64\n\nAAEC\n--A b--\n"},
	{"INBOX", "", "03-Feb-2024 12:00:00 +0000", "From: news@example.org\nTo: amelie@example.org\nSubject: unread\nDate: Sat, 3 Feb 2024 12:00:00 +0000\nMessage-ID: <3@example.org>\n\nnew\n"},
	{"Work", "", "04-Feb-2024 12:00:00 +0000", "From: boss@example.org\nTo: amelie@example.org\nSubject: work\nDate: Sun, 4 Feb 2024 12:00:00 +0000\nMessage-ID: <4@example.org>\n\ndo\n"},
	{"Old.2024", `\Flagged`, "05-Feb-2024 12:00:00 +0000", "From: boss@example.org\nTo: amelie@example.org\nSubject: done\nDate: Mon, 5 Feb 2024 12:00:00 +0000\nMessage-ID: <5@example.org>\n\nok\n"},
	{"Entw&APw-rfe", `\Draft \Seen`, "06-Feb-2024 12:00:00 +0000", "From: amelie@example.org\nSubject: draft\nDate: Tue, 6 Feb 2024 12:00:00 +0000\nMessage-ID: <6@example.org>\n\nlater\n"},
	{mailbox: "Trash"},
}

// furnish brings the mail of a stage.
func furnish(t *testing.T, srv imaptest.Server) {
	t.Helper()
	others(t, srv, func(ok func(string)) {
		for i, m := range stageMail {
			mailbox := strings.ReplaceAll(m.mailbox, ".", srv.Delimiter)
			if mailbox != "INBOX" && stageMail[i-1].mailbox != m.mailbox {
				ok("CREATE " + mailbox)
				ok("SUBSCRIBE " + mailbox)
			}
			if m.text == "" {
				continue
			}
			text := crlf([]byte(m.text))
			ok(fmt.Sprintf("APPEND %s (%s) \"%s\" {%d+}\r\n%s", mailbox, m.flags, m.date, len(text), text))
		}
	})
}

// others does something in a session of its own.
func others(t *testing.T, srv imaptest.Server, do func(ok func(command string))) {
	t.Helper()
	conn, err := srv.Dial()
	if err != nil {
		t.Fatal(err)
	}
	c := imaptest.NewClient(conn)
	defer c.Close()
	if _, err := c.Response(); err != nil {
		t.Fatal(err)
	}
	ok := func(command string) {
		t.Helper()
		if _, err := c.OK(command); err != nil {
			t.Fatal(err)
		}
	}
	ok("LOGIN " + srv.User + " " + srv.Pass)
	do(ok)
	ok("LOGOUT")
}

// meanwhile is what others do while the client is away, through the listener.
func (s *stage) meanwhile(t *testing.T, do func(ok func(command string))) {
	t.Helper()
	s.l.waitForEnd(t)
	others(t, imaptest.Server{User: s.srv.User, Pass: s.srv.Pass, Dial: func() (net.Conn, error) {
		return net.Dial("tcp", s.l.Addr().String())
	}}, do)
	s.l.waitForEnd(t)
}

// answer is what an untagged response to a command says, without the listener.
func (s *stage) answer(t *testing.T, commands ...string) string {
	t.Helper()
	conn, err := s.srv.Dial()
	if err != nil {
		t.Fatal(err)
	}
	c := imaptest.NewClient(conn)
	defer c.Close()
	if _, err := c.Response(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, command := range append([]string{"LOGIN " + s.srv.User + " " + s.srv.Pass}, commands...) {
		if lines, err = c.OK(command); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(lines, "\n")
}

// A scenario is what a mail program does on a stage. It fails the test when the
// program did not do it, and skips it where the program is not installed.
type scenario struct {
	name string
	what string
	act  func(t *testing.T, s *stage)
}

var scenarios = []scenario{
	{"mbsync", "pulls an account, then takes changes of both sides to the other", actMbsync},
	{"mutt", "flags a message and saves another to a mailbox", actMutt},
	{"neomutt", "comes back with QRESYNC to a mailbox that others have changed", actNeomutt},
	{"offlineimap", "copies an account, then takes changes of both sides to the other", actOfflineIMAP},
	{"imaplib", "does what scripts do with Python's imaplib: testdata/python.py", actScript("python3", "python.py")},
	{"imapclient", "does what scripts do with Perl's Mail::IMAPClient: testdata/perl.pl", actScript("perl", "perl.pl")},
	{"curl", "lists, searches, reads and uploads", actCurl},
	{"fetchmail", "fetches new mail by IMAP and marks it", actFetchmail},
	{"thunderbird", "signs in by TLS, opens a message, flags it, searches, moves one, deletes one: testdata/thunderbird.js", actThunderbird},
}

// TestTranscripts plays what mail programs said to the server, recorded in
// testdata/transcripts, over each format, and compares what the server says now.
// With -record the programs speak themselves.
func TestTranscripts(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			name := filepath.Join("testdata", "transcripts", sc.name+".txt")
			if *recordFlag != "" && regexp.MustCompile(*recordFlag).MatchString(sc.name) {
				recordAnew(t, sc, name)
			}
			tr := readTranscript(t, name)
			for _, f := range formats {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					srv := f.serve(t)
					srv.User, srv.Pass = recordUser, recordPass
					furnish(t, srv)
					if err := newReplay(srv).play(tr); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		})
	}
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) != len(scenarios) {
		t.Errorf("%d transcripts for %d scenarios (%v)", len(files), len(scenarios), err)
	}
}

// recordAnew has the scenario played and keeps what was said. It is recorded over the
// Maildir layout that is the default.
func recordAnew(t *testing.T, sc scenario, name string) {
	t.Helper()
	s := newStage(t, formats[0])
	sc.act(t, s)
	if t.Failed() {
		t.Fatalf("what was said is not kept:\n%s", s.l)
	}
	s.l.waitForEnd(t)
	tr := s.l.record()
	tr.notes = []string{sc.name + " " + sc.what + ".", "Recorded with go test ./test -run TestTranscripts -record " + sc.name}
	if err := os.WriteFile(name, []byte(tr.print()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// client runs a program of the scenario.
func (s *stage) client(t *testing.T, name string, args ...string) string {
	t.Helper()
	return client(t, []string{"HOME=" + s.dir, "TERM=xterm", "TZ=UTC", "LC_ALL=C.UTF-8"}, "", name, args...)
}

// inTerminal runs a program that needs a terminal.
func (s *stage) inTerminal(t *testing.T, command string) string {
	t.Helper()
	program, _, _ := strings.Cut(command, " ")
	if !installed(program) || !installed("script") {
		t.Skipf("%s or script(1) is not installed", program)
	}
	return s.client(t, "script", "-qec", "stty rows 30 cols 100; "+command, "/dev/null")
}

func (s *stage) file(t *testing.T, name, text string) string {
	t.Helper()
	return writeFile(t, filepath.Join(s.dir, name), text)
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
