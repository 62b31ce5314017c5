package imapd

import (
	"fmt"
	"strings"
	"testing"

	"restante/mailstore"
	"restante/message"
)

// idOf is what EMAILID must say of a message, in the plainest way.
func idOf(t *testing.T, text string) string {
	t.Helper()
	id, err := message.IDOf(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// TestEmailIDReadsOnce: an EMAILID is made when it is asked for, which costs as much
// as to read the message. Then nobody opens the message for it again.
func TestEmailIDReadsOnce(t *testing.T) {
	texts := []string{
		"Subject: small\n\nbody\n",
		"Subject: large\n\n" + strings.Repeat("a line of text\n", 20000),
		"Subject: with a header larger than what is held\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 990)+"\n", 1200) + "\nbody\n",
	}
	answers := make([]string, len(texts))
	for i, text := range texts {
		answers[i] = fmt.Sprintf("* %d FETCH (EMAILID (%s))", i+1, idOf(t, text))
	}
	for _, tt := range []struct {
		why, first string
		opens      [3]int // of the first command, of FETCH EMAILID and of SEARCH EMAILID
	}{
		{"FETCH", "FETCH 1:3 EMAILID", [3]int{3, 1, 1}},
		{"FETCH with it", "FETCH 1:3 (BODYSTRUCTURE EMAILID)", [3]int{3, 1, 1}},
		{"FETCH of what needs all of it", "FETCH 1:3 BODYSTRUCTURE", [3]int{3, 3, 1}},
		{"FETCH of what is in the header", "FETCH 1:3 ENVELOPE", [3]int{3, 3, 1}},
		{"SEARCH", "SEARCH EMAILID " + idOf(t, ""), [3]int{3, 1, 1}},
		{"SORT", "SORT (SUBJECT) UTF-8 ALL", [3]int{3, 3, 1}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			opens := 0
			opt := testOptions(t)
			opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
				opens++
				return m, nil
			}}
			fill(t, opt.Store, "INBOX", texts...)
			c := client(t, listen(t, opt))
			do(t, c, "SELECT INBOX")
			for i, command := range []string{tt.first, "FETCH 1:3 EMAILID", "SEARCH OR EMAILID " + idOf(t, texts[1]) + " EMAILID " + idOf(t, texts[2])} {
				opens = 0
				lines := do(t, c, command)
				if opens != tt.opens[i] {
					t.Errorf("%s opened %d messages, want %d", command, opens, tt.opens[i])
				}
				switch {
				case command == "FETCH 1:3 EMAILID":
					if got, want := strings.Join(lines, "\n"), strings.Join(answers, "\n"); got != want {
						t.Errorf("%s\nwant\n%s", got, want)
					}
				case i == 2 && strings.Join(lines, "") != "* SEARCH 2 3":
					t.Errorf("%s: %q", command, lines)
				}
			}
		})
	}
}

// TestEmailIDOfCachedStructure: a structure that was kept from another FETCH has no
// identity beside it.
func TestEmailIDOfCachedStructure(t *testing.T) {
	text := "Subject: large\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + strings.Repeat("a line of text\n", 20000) + "--b--\n"
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", text)
	c := client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	do(t, c, "FETCH 1 BODY.PEEK[1]<0.100>")
	want := "* 1 FETCH (EMAILID (" + idOf(t, text) + "))"
	for range 2 {
		if got := strings.Join(do(t, c, "FETCH 1 EMAILID"), ""); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestNoMailboxID: a name that cannot be made to last is not told, and nothing else
// fails for that.
func TestNoMailboxID(t *testing.T) {
	opt := testOptions(t)
	opt.Logger = nil
	opt.Store = &faultStore{Store: opt.Store, id: func() error { return mailstore.ErrReadOnly }}
	c := client(t, listen(t, opt))
	for _, tt := range []struct{ command, tagged string }{
		{"CREATE box", "OK Create completed"},
		{"SELECT INBOX", "OK [READ-WRITE] Mailbox opened"},
		{"STATUS INBOX (MAILBOXID)", "NO [READ-ONLY] Mailbox is read-only"},
		{"STATUS INBOX (MESSAGES)", "OK Status completed"},
		{`LIST "" INBOX RETURN (STATUS (MAILBOXID))`, "OK List completed"},
	} {
		lines, tagged, err := c.Do(tt.command)
		if err != nil || tagged != tt.tagged || strings.Contains(strings.Join(lines, ""), "MAILBOXID") {
			t.Errorf("%s: %q, %s, %v; want %s", tt.command, lines, tagged, err, tt.tagged)
		}
	}
}
