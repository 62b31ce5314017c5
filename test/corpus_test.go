package test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// noNUL is what a client gets for stored NUL octets: CHAR8 of RFC 9051 section 9
// excludes them.
func noNUL(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0}, []byte{0x80}) }

// corpusMaildir makes a Maildir of all corpus messages in order and returns
// their bytes.
func corpusMaildir(t *testing.T) (dir string, msgs [][]byte) {
	dir = filepath.Join(t.TempDir(), "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range corpusFiles(t) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, b)
		name := filepath.Join(dir, "cur", fmt.Sprintf("%d.M%dP1.host:2,", 1700000000+i, i))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, msgs
}

// TestCorpusMaildir: every message comes out byte for byte over IMAP and POP3,
// and its size is exact before and after it was read.
func TestCorpusMaildir(t *testing.T) {
	dir, msgs := corpusMaildir(t)
	s := start(t, newData(t, "maildir:"+dir))
	checkIMAP(t, s, "INBOX", msgs)
	checkPOP3(t, s, msgs)
}

// checkIMAP compares sizes, whole messages, and headers and texts put together.
func checkIMAP(t *testing.T, s *server, mailbox string, msgs [][]byte) {
	c := login(t, s)
	c.ok("EXAMINE " + mailbox)
	sizes := c.ok("FETCH 1:* (RFC822.SIZE)")
	if len(sizes) != len(msgs) {
		t.Fatalf("FETCH RFC822.SIZE answered %d times for %d messages", len(sizes), len(msgs))
	}
	for i, m := range msgs {
		want := fmt.Sprintf("RFC822.SIZE %d", len(crlf(m)))
		if !strings.Contains(sizes[i], want+")") && !strings.Contains(sizes[i], want+" ") {
			t.Errorf("message %d: %s, want %s", i+1, sizes[i], want)
		}
	}
	for _, item := range []string{"BODY.PEEK[]", "RFC822.HEADER BODY.PEEK[TEXT]"} {
		tag, err := c.send("FETCH 1:* (" + item + ")")
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		status, err := c.wait(tag, func(parts []part, line string) {
			if !strings.Contains(line, " FETCH ") {
				return
			}
			if got, want := stringsOf(parts), noNUL(crlf(msgs[i])); !bytes.Equal(got, want) {
				t.Errorf("%s of message %d: %d octets differ from the %d stored", item, i+1, len(got), len(want))
			}
			i++
		})
		if err != nil || !strings.HasPrefix(status, "OK") || i != len(msgs) {
			t.Fatalf("FETCH %s: %d answers, %s %v", item, i, status, err)
		}
	}
}

// stringsOf joins the literals of a response. A short text may come as a quoted
// string, an empty one as "".
func stringsOf(parts []part) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p.literal...)
		if i := strings.Index(p.text, ` "`); i >= 0 && p.literal == nil {
			if q, err := strconv.Unquote(strings.TrimRight(p.text[i+1:], ")")); err == nil {
				b = append(b, q...)
			}
		}
	}
	return b
}

// tlsConn connects over TLS and believes only the server's own authority.
func tlsConn(t *testing.T, s *server, service string) net.Conn {
	t.Helper()
	pem, err := os.ReadFile(s.ca())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := tls.Dial("tcp", s.addr[service], &tls.Config{RootCAs: roots, ServerName: "mail.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func checkPOP3(t *testing.T, s *server, msgs [][]byte) {
	p := textproto.NewConn(tlsConn(t, s, "pop3s"))
	expect := func(format string, args ...any) string {
		t.Helper()
		if format != "" {
			if err := p.PrintfLine(format, args...); err != nil {
				t.Fatal(err)
			}
		}
		line, err := p.ReadLine()
		if err != nil || !strings.HasPrefix(line, "+OK") {
			t.Fatalf("%s: %q %v", fmt.Sprintf(format, args...), line, err)
		}
		return line
	}
	expect("")
	expect("USER %s", user)
	expect("PASS %s", password)
	expect("LIST")
	list, err := p.ReadDotLines()
	if err != nil || len(list) != len(msgs) {
		t.Fatalf("LIST: %d lines for %d messages, %v", len(list), len(msgs), err)
	}
	for i, m := range msgs {
		want := crlf(m)
		if list[i] != fmt.Sprintf("%d %d", i+1, len(want)) {
			t.Errorf("LIST: %q, want size %d", list[i], len(want))
		}
		expect("RETR %d", i+1)
		got := readDot(t, p)
		want = noNUL(want)
		if !bytes.HasSuffix(want, []byte("\r\n")) {
			want = append(want, "\r\n"...) // the protocol ends every message with a line end
		}
		if !bytes.Equal(got, want) {
			t.Errorf("RETR %d: %d octets differ from the %d stored", i+1, len(got), len(want))
		}
	}
	expect("QUIT")
}

// readDot reads a multi-line response keeping its exact octets, which
// textproto's own reader does not.
func readDot(t *testing.T, p *textproto.Conn) []byte {
	t.Helper()
	var b []byte
	for {
		line, err := p.R.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		// Only a line after CRLF can end the message: a stored bare LF does not occur on the wire.
		if bytes.Equal(line, []byte(".\r\n")) && (len(b) == 0 || bytes.HasSuffix(b, []byte("\r\n"))) {
			return b
		}
		if line[0] == '.' && (len(b) == 0 || bytes.HasSuffix(b, []byte("\r\n"))) {
			line = line[1:]
		}
		b = append(b, line...)
	}
}

// TestCorpusAppended: what a client appends comes back byte for byte from every
// format, for all messages that IMAP can carry.
func TestCorpusAppended(t *testing.T) {
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			data := newData(t, format+":"+filepath.Join(t.TempDir(), "mail"))
			s := start(t, data)
			c := login(t, s)
			var msgs [][]byte
			for _, f := range corpusFiles(t) {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.IndexByte(b, 0) >= 0 || format == "mbox" && !mboxHolds(b) {
					continue
				}
				m := crlf(b)
				lines, status := c.cmd(appendCommand("INBOX", m))
				if !strings.HasPrefix(status, "OK") {
					t.Fatalf("APPEND of %s: %q %s", f, lines, status)
				}
				msgs = append(msgs, m)
			}
			t.Logf("%d messages", len(msgs))
			if len(msgs) < 1300 {
				t.Errorf("only %d messages could be appended", len(msgs))
			}
			checkIMAP(t, s, "INBOX", msgs)
			s.kill()
			s = start(t, data)
			checkIMAP(t, s, "INBOX", msgs)
			checkPOP3(t, s, msgs)
		})
	}
}

// mboxOwn are the fields in which an mbox keeps its own notes: a message that
// brings one cannot come back with it.
var mboxOwn = []string{"status:", "x-status:", "x-keywords:", "x-uid:", "x-imap:", "x-imapbase:", "content-length:"}

// mboxHolds reports whether an mbox can hold a message byte for byte: it has
// none of the format's own fields and ends with a line end.
func mboxHolds(b []byte) bool {
	if len(b) == 0 || b[len(b)-1] != '\n' {
		return false
	}
	for line := range bytes.Lines(b) {
		line = bytes.ToLower(bytes.TrimRight(line, "\r\n"))
		if len(line) == 0 {
			return true
		}
		for _, own := range mboxOwn {
			if bytes.HasPrefix(bytes.ReplaceAll(line, []byte(" "), nil), []byte(own)) {
				return false
			}
		}
	}
	return true
}
