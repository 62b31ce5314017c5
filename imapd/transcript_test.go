package imapd

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
)

// tapeFile is a transcript in memory.
type tapeFile struct {
	bytes.Buffer
	closed bool
}

func (f *tapeFile) Close() error { f.closed = true; return nil }

var elapsed = regexp.MustCompile(`(?m)^\d+\.\d{3} `)

// recorded plays a session and gives its transcript without times.
func recorded(t *testing.T, said string, piece int) string {
	t.Helper()
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", "Subject: a secret\n\n"+strings.Repeat("content\n", 100))
	var files []*tapeFile
	opt.Transcript = func(user, session string) (io.WriteCloser, error) {
		if user != "user" {
			return nil, nil
		}
		files = append(files, new(tapeFile))
		return files[len(files)-1], nil
	}
	play(t, opt, said, piece)
	all := ""
	for _, f := range files {
		if !f.closed {
			t.Error("a transcript is not closed")
		}
		all += elapsed.ReplaceAllString(f.String(), "")
	}
	return all
}

// TestTranscript: what is in a record, and what never is.
func TestTranscript(t *testing.T) {
	const said = "a LOGIN user pass\r\nb LOGIN user pass2\r\nc LOGIN {4+}\r\nuser {6+}\r\npass3 \r\nd AUTHENTICATE PLAIN AHVzZXIAcGFzczQ=\r\n" +
		"e APPEND INBOX {9}\r\nx: pass5\r\n\r\nf SELECT INBOX\r\ng FETCH 1 BODY[]\r\nh APPEND nowhere {20}\r\ni NOOP\r\n" +
		"j UNAUTHENTICATE\r\nk LOGIN other pass\r\nl SEARCH TEXT pass6\r\nm UNAUTHENTICATE\r\nn LOGIN user pass\r\no COMPRESS NO\r\np LOGOUT\r\n"
	whole := recorded(t, said, 1<<16)
	for _, want := range []string{
		"S: a OK [CAPABILITY", "C: b LOGIN ***\n", "C: c LOGIN ***\nC: [4 octets]\nC: ***\nC: [6 octets]\n", "C: d AUTHENTICATE ***\n",
		"C: e APPEND INBOX {9}\nC: [9 octets]\n", "S: * 1 FETCH (FLAGS (\\Seen \\Recent) BODY[] {921}\nS: [921 octets: \"Subject: a secret\\r\\n\\r\\ncontent\\r\\n",
		"C: h APPEND nowhere {20}\nC: i NOOP\n", "S: h NO [TRYCREATE]", "S: i OK", "C: j UNAUTHENTICATE\n", "S: n OK", "C: o COMPRESS NO\n", "C: p LOGOUT\n", "S: * BYE",
	} {
		if !strings.Contains(inOrder(whole), want) {
			t.Errorf("no %q in:\n%s", want, whole)
		}
	}
	for _, secret := range []string{"pass2", "pass3", "AHVz", "pass5", "pass6", "other", strings.Repeat(`content\r\n`, 10), "j OK"} {
		if strings.Contains(whole, secret) {
			t.Errorf("%q is in:\n%s", secret, whole)
		}
	}
	if bytewise := recorded(t, said, 1); inOrder(bytewise) != inOrder(whole) {
		t.Errorf("octet by octet:\n%s\nat once:\n%s", inOrder(bytewise), inOrder(whole))
	}
}

// inOrder puts what the client says before what the server says, which comes when
// it is sent.
func inOrder(transcript string) string {
	var client, server []string
	for _, line := range strings.SplitAfter(transcript, "\n") {
		if strings.HasPrefix(line, "C: ") {
			client = append(client, line)
		} else {
			server = append(server, regexp.MustCompile(`UIDVALIDITY \d+|APPENDUID \d+`).ReplaceAllString(line, "N"))
		}
	}
	return strings.Join(client, "") + strings.Join(server, "")
}

// TestTranscriptBounds: neither a line nor a session can fill the disk, and nothing
// in a line can play with a terminal.
func TestTranscriptBounds(t *testing.T) {
	f := new(tapeFile)
	tr := newTranscript(f)
	tr.said([]byte("* \x1b[2J\x00\xff " + strings.Repeat("x", 100000) + "\r\n"))
	if got := f.String(); len(got) > 2*shownLine || regexp.MustCompile(`[^ -~\n]`).MatchString(got) || !strings.Contains(got, "octets more)") {
		t.Errorf("%.200q", got)
	}
	line := []byte("* " + strings.Repeat("x", 900) + "\r\n")
	for range 30000 {
		tr.said(line)
	}
	if f.Len() > transcriptLimit || !strings.HasSuffix(f.String(), "has become too long.\n") {
		t.Errorf("%d octets", f.Len())
	}
}

// FuzzTranscript: whatever is said in whatever pieces, the record is the same, and
// nothing of the client's literals and of the arguments of LOGIN is in it.
func FuzzTranscript(f *testing.F) {
	f.Add("b LOGIN {3+}\r\nabc x\r\n", uint8(3))
	f.Add("b LOGIN {0+}\r\n SECRET\r\nc APPEND INBOX {6+}\r\nSECRET\r\n", uint8(1))
	f.Add("b LOGIN\r\n", uint8(1))
	f.Add("0\r00 LOGIN 0", uint8(1))
	f.Add(" b LOGIN SECRET\r\nc  LOGIN SECRET\r\nLOGIN SECRET\r\n", uint8(1))
	f.Add("b NOOP\r\nc IDLE\r\nDONE\r\n", uint8(2))
	f.Fuzz(func(t *testing.T, text string, piece uint8) {
		said := "a LOGIN user pass\r\n" + text
		whole := inOrder(recorded(t, said, 1<<20))
		if bytewise := inOrder(recorded(t, said, max(1, int(piece)))); whole != bytewise {
			t.Fatalf("in pieces of %d:\n%s\nat once:\n%s", piece, bytewise, whole)
		}
		for line := range strings.Lines(whole) {
			words := strings.Fields(strings.ToUpper(line))
			if len(words) > 3 && words[0] == "C:" && words[2] == "LOGIN" && words[3] != "***" || strings.HasPrefix(line, "C: [") && strings.Contains(line, " octets: ") {
				t.Fatalf("%s in %s", line, whole)
			}
		}
	})
}
