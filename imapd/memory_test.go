package imapd

import (
	"strings"
	"testing"

	"restante/mailstore"
)

// TestSearchAgain: what was searched for before opens no message again, also after
// another mailbox was selected; what it may find now is found.
//
// QUIRK: iOS Mail asks the same whenever a mailbox is shown.
func TestSearchAgain(t *testing.T) {
	opt := testOptions(t)
	opened := 0
	opt.Store = &faultStore{Store: opt.Store, open: func(_ mailstore.UID, m mailstore.Message) (mailstore.Message, error) {
		opened++
		return m, nil
	}}
	with, without := "Subject: with\r\n\r\nthe word\r\n", "Subject: without\r\n\r\nnothing\r\n"
	fill(t, opt.Store, "INBOX", with, without, with)
	c := client(t, listen(t, opt))
	do(t, c, "CREATE other")
	fill(t, opt.Store, "other", without, with)
	for i, tt := range []struct {
		command string
		want    string // the end of the first untagged answer
		opened  int
	}{
		{"SELECT INBOX", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 1 3", 3},
		{"UID SEARCH BODY word", "* SEARCH 1 3", 0},
		{"UID SEARCH RETURN (COUNT) NOT DELETED BODY WORD", " UID COUNT 2", 0},
		{"STORE 1 +FLAGS.SILENT (\\Deleted)", "", 0},
		{"UID SEARCH UNDELETED BODY word", "* SEARCH 3", 0},
		{"SEARCH CHARSET ISO-8859-1 FUZZY BODY word", "* SEARCH 1 3", 0},
		{"SORT (SUBJECT) UTF-8 BODY word", "* SORT 1 3", -1}, // may read subjects
		{"APPEND INBOX {12+}\r\n\r\nmore word\r", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 1 3 4", 1},
		{"EXPUNGE", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 3 4", 0},
		{"SELECT other", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 2", 2},
		{"SELECT INBOX", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 3 4", 0},
		{"ESEARCH IN (mailboxes other) BODY word", " UID ALL 2", 0},
		{"RENAME other moved", "", 0},
		{"CREATE other", "", 0},
		{"SELECT other", "", 0},
		{"UID SEARCH BODY word", "* SEARCH", 0},
		{"APPEND other {12+}\r\n\r\nmore word\r", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 1", 1},
		{"DELETE moved", "", 0},
		{"SELECT INBOX", "", 0},
		{"DELETE other", "", 0},
		{"RENAME INBOX other", "", -1},
		{"SELECT other", "", 0},
		{"UID SEARCH BODY word", "* SEARCH 2 3", 3},
	} {
		opened = 0
		lines := do(t, c, tt.command)
		if tt.opened >= 0 && opened != tt.opened {
			t.Errorf("%d %s opens %d messages, want %d", i, tt.command, opened, tt.opened)
		}
		if tt.want != "" && (len(lines) == 0 || !strings.HasSuffix(lines[0], tt.want)) {
			t.Errorf("%d %s finds %q, want %q", i, tt.command, lines, tt.want)
		}
	}
}
