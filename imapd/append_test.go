package imapd

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"restante/mailstore"
)

// TestCatenateLimits: the parts of a message together may be as large as a
// message, whether they come from the client or from a mailbox.
func TestCatenateLimits(t *testing.T) {
	opt := testOptions(t)
	opt.Limits.Append = 100
	text := strings.Repeat("x", 60)
	fill(t, opt.Store, "INBOX", "a: b\n\n"+text+"\n")
	said := speak(t, opt, "a LOGIN user pass\r\n"+
		"b APPEND INBOX CATENATE (URL /INBOX/;UID=1 TEXT {60+}\r\n"+text+")\r\n"+
		"c APPEND INBOX CATENATE (TEXT {60+}\r\n"+text+" URL /INBOX/;UID=1)\r\n"+
		"d APPEND INBOX CATENATE (TEXT {101})\r\n"+
		"e APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1/;SECTION=HEADER)\r\n"+
		"f STATUS INBOX (MESSAGES)\r\n")
	for i, want := range []string{"* OK", "a OK", "b NO [TOOBIG]", "c NO [TOOBIG]", "d ", "e OK", "* STATUS INBOX (MESSAGES 2)", "f OK"} {
		if i >= len(said) || !strings.HasPrefix(said[i], want) {
			t.Fatalf("%q, want %s", said, want)
		}
	}
}

// TestCatenateAbsolute: an absolute URL may name this server by its name or its
// address, and its user in any escaped form.
func TestCatenateAbsolute(t *testing.T) {
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", "a: b\n\nc\n")
	dial := listen(t, opt)
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	host, port, err := net.SplitHostPort(nc.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, dial)
	for url, want := range map[string]string{
		"imap://user@test.example/INBOX/;UID=1":                               "OK",
		`"imap://us%65r;AUTH=*@TEST.example:143/INBOX/;UID=1"`:                "OK",
		"//user@" + net.JoinHostPort(host, port) + "/INBOX/;UID=1":            "OK",
		"imap://test.example/INBOX/;UID=1":                                    "NO [BADURL ",
		"imap://user@other.example/INBOX/;UID=1":                              "NO [BADURL ",
		";UID=1":                                                              "NO [BADURL ", // nothing is selected
		"\"/INBOX/;UID=9/;SECTION=HEADER.FIELDS%20(a%22]\r\n b)\xc3\xa9\"[1]": "BAD",
	} {
		if _, tagged, err := c.Do("APPEND INBOX CATENATE (URL " + url + ")"); err != nil || !strings.HasPrefix(tagged, want) {
			t.Errorf("%s: %s, %v, want %s", url, tagged, err, want)
		}
	}
	// What stands in a URL cannot leave its response code.
	if _, tagged, err := c.Do(`APPEND INBOX CATENATE (URL "/IN]BOX \"é/;UID=1")`); err != nil || !strings.HasPrefix(tagged, `NO [BADURL "/IN?BOX???/;UID=1"] `) {
		t.Errorf("%s, %v", tagged, err)
	}
}

// TestReplaceUndone: when the message that was replaced cannot be removed, the
// new one goes again; a client that is told NO tries it once more.
func TestReplaceUndone(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = nil
	fill(t, opt.Store, "INBOX", "a: old\n\n")
	calls := 0
	opt.Store = &faultStore{Store: opt.Store, expunge: func() error {
		if calls++; calls == 1 {
			return mailstore.ErrInUse
		}
		return nil
	}}
	said := speak(t, opt, "a LOGIN user pass\r\nb SELECT INBOX\r\nc REPLACE 1 INBOX {8+}\r\na: new\r\n\r\nd UID FETCH 1:* BODY[HEADER]\r\ne REPLACE 1 INBOX {8+}\r\na: new\r\n\r\nf UID FETCH 1:* BODY[HEADER]\r\n")
	got := fmt.Sprint(said)
	if calls != 3 || !strings.Contains(got, "c NO [INUSE]") || strings.Contains(got[:strings.Index(got, "d OK")], "a: new") || !strings.Contains(got, "e OK") ||
		strings.Contains(got[strings.Index(got, "e OK"):], "a: old") {
		t.Errorf("%d calls: %q", calls, said)
	}
}
