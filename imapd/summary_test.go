package imapd

import (
	"slices"
	"strings"
	"testing"

	"restante/mailstore"
)

// listings are what clients ask when they list a mailbox.
var listings = []string{
	"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
	"UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
	"UID FETCH 1:* (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id in-reply-to references content-type x-priority x-uniform-type-identifier x-universally-unique-identifier list-id list-unsubscribe bimi-indicator bimi-location x-bimi-indicator-hash authentication-results dkim-signature)])", // iOS
	"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST LIST-SUBSCRIBE LIST-UNSUBSCRIBE X-LABEL X-ORIGINAL-TO)])",                                                                              // mutt
	"FETCH 1:* (UID BODY BODYSTRUCTURE)",
	"FETCH 1:* (PREVIEW UID)",
	"FETCH 1:* (ENVELOPE PREVIEW)",
	"FETCH 1:* (EMAILID ENVELOPE)",
	"FETCH 1:* (BODYSTRUCTURE EMAILID PREVIEW)",
	"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (subject DATE)]<3.40> BODY.PEEK[HEADER.FIELDS (Subject)] ENVELOPE)",
}

// inVain asks for something that no summary has beside what all have.
func inVain(listing string) string { return strings.TrimSuffix(listing, ")") + " BODY.PEEK[1.MIME])" }

// withoutMIME cuts the answer to that off again.
func withoutMIME(lines []string) []string {
	lines = slices.Clone(lines)
	for i, line := range lines {
		if at := strings.LastIndex(line, " BODY[1.MIME] "); at >= 0 {
			lines[i] = line[:at] + ")"
		}
	}
	return lines
}

// TestListingOpensNothing: a mailbox that was listed once is listed from
// summaries, with the same answers.
func TestListingOpensNothing(t *testing.T) {
	opt := testOptions(t)
	opened := 0
	opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		opened++
		return m, nil
	}}
	fill(t, opt.Store, "INBOX", "From: a@example.org\r\nSubject: =?utf-8?q?x?=\r\n folded\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\nbody\r\n",
		"Subject: two\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ntwo\n--b--\n",
		"no header at all", "Subject: long\r\nX-Long: "+strings.Repeat("x", 100_000)+"\r\n\r\n"+strings.Repeat("line\r\n", 40_000))
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	for _, listing := range listings {
		want := withoutMIME(do(t, c, inVain(listing)))
		first := do(t, c, listing)
		opened = 0
		again := do(t, c, listing)
		if !slices.Equal(first, want) || !slices.Equal(again, want) {
			t.Errorf("%s:\n%q\nfirst\n%q\nagain\n%q", listing, want, first, again)
		}
		if opened > 0 {
			t.Errorf("%s opened %d messages, though it was asked before", listing, opened)
		}
	}
	opened = 0
	for _, listing := range listings {
		if do(t, c, listing); opened > 0 {
			t.Errorf("%s opened %d messages, though all was asked before: a summary has lost what another knew", listing, opened)
		}
	}
	if lines := do(t, c, "FETCH 1 PREVIEW (LAZY)"); lines[0] != `* 1 FETCH (PREVIEW "body")` || opened > 0 {
		t.Errorf("LAZY gives %q and opened %d messages", lines, opened)
	}
	do(t, c, "STORE 2 +FLAGS.SILENT (\\Deleted)")
	do(t, c, "EXPUNGE")
	if lines := do(t, c, "FETCH 2 (ENVELOPE)"); !strings.Contains(strings.Join(lines, ""), "NIL NIL NIL NIL") {
		t.Errorf("after an expunge message 2 is %q", lines)
	}
}
