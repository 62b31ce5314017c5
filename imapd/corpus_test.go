package imapd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"restante/imap"
	"restante/imapd/imaptest"
)

// corpusDir finds the corpus of real mail, or skips the test.
func corpusDir(t testing.TB) string {
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "eml")); err != nil {
		t.Skipf("no corpus of real mail at %s (set RESTANTE_CORPUS)", dir)
	}
	return dir
}

// corpusServer serves the messages of the corpus in INBOX, in the order of their
// paths.
func corpusServer(t *testing.T) (c *imaptest.Client, messages []string) {
	paths, err := filepath.Glob(filepath.Join(corpusDir(t), "eml", "*", "*.eml"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no messages", err)
	}
	sort.Strings(paths)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, string(b))
	}
	opt := testOptions(t)
	fill(t, opt.Store, "INBOX", messages...)
	c = client(t, listen(t, opt))
	do(t, c, "SELECT INBOX")
	return c, messages
}

var bodyResponse = regexp.MustCompile(`(?s)^\* \d+ FETCH \(UID \d+ RFC822.SIZE (\d+) BODY\[\] (?:\{(\d+)\}(.*)|"")\)$`)

// TestCorpusBodies: what is served of real mail is what is stored, CRLF and NUL
// aside, and sizes are exact.
func TestCorpusBodies(t *testing.T) {
	c, messages := corpusServer(t)
	lines := do(t, c, "UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])")
	if len(lines) != len(messages) {
		t.Fatalf("%d responses for %d messages", len(lines), len(messages))
	}
	for i, line := range lines {
		m := bodyResponse.FindStringSubmatch(line)
		want := wireForm([]byte(messages[i]))
		if m == nil {
			t.Errorf("message %d: %.100q", i+1, line)
			continue
		}
		if m[1] != fmt.Sprint(len(want)) || m[2] != m[1] && len(want) > 0 || m[3] != imaptest.Escape(want) {
			t.Errorf("message %d is served with %s octets, RFC822.SIZE %s, and has %d", i+1, m[2], m[1], len(want))
		}
	}
}

var partLine = regexp.MustCompile(`^\* (\d+) FETCH \((.*)\)$`)

// TestCorpusStructures: every item of every message of real mail is answered,
// and the header and text of a message are its body.
func TestCorpusStructures(t *testing.T) {
	c, messages := corpusServer(t)
	lines := do(t, c, "FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[1.MIME] BODY.PEEK[1.HEADER] BODY.PEEK[1.1.TEXT] BODY.PEEK[HEADER.FIELDS (From)])")
	if len(lines) != len(messages) {
		t.Errorf("%d responses for %d messages", len(lines), len(messages))
	}
	// Parts with an encoding that nobody knows refuse BINARY, the others do not.
	lines, tagged, err := c.Do("FETCH 1:* (BINARY.SIZE[1])")
	if err != nil || !strings.HasPrefix(tagged, "NO [UNKNOWN-CTE]") || len(lines) < len(messages)*9/10 {
		t.Errorf("BINARY.SIZE: %d responses, %s, %v", len(lines), tagged, err)
	}
	lines = do(t, c, "FETCH 1:* (BODY.PEEK[HEADER] BODY.PEEK[TEXT])")
	for i, line := range lines {
		want := imaptest.Escape(wireForm([]byte(messages[i])))
		m := partLine.FindStringSubmatch(line)
		got := regexp.MustCompile(`^BODY\[HEADER\] (?:\{\d+\}|"")`).ReplaceAllString(m[2], "")
		// The text follows the header; where one ends and the other begins is
		// told by the item's name.
		at := strings.LastIndex(got, " BODY[TEXT] ")
		if strings.Count(got, " BODY[TEXT] ") > 1 {
			continue // a message about IMAP
		}
		text := regexp.MustCompile(`^(?:\{\d+\}|"")`).ReplaceAllString(got[at+len(" BODY[TEXT] "):], "")
		if got[:at]+text != want {
			t.Errorf("message %d: header and text are not the message", i+1)
		}
	}
}

// dovecotFindsMore are the queries with which Dovecot finds messages that we do
// not, and why we do not want to.
var dovecotFindsMore = map[string]string{
	`FROM "@"`:                 "it makes up a domain where there is none: ann@MISSING_DOMAIN",
	`BCC "@"`:                  "the same",
	`SUBJECT " "`:              "it keeps white space around the value",
	`HEADER Subject ""`:        "it takes a name with NUL behind it for the name",
	`BODY "plain"`:             "message/global is one piece of text to it, header and all",
	`BODY "boundary"`:          "the same",
	`BODY "base64"`:            "the same",
	`SENTBEFORE 1-Jan-1995`:    "a message without Date was sent in 1970",
	`SENTBEFORE 2-Jan-1970`:    "the same",
	`SENTSINCE 1-Jan-2024`:     "it knows no dates before 1970 and takes them for later ones",
	`NOT SENTSINCE 1-Jan-1990`: "a date that it cannot read is one of 1970",
}

// TestCorpusSearch compares with what Dovecot finds. We may find more, as we
// decode more; what only Dovecot finds needs a reason.
func TestCorpusSearch(t *testing.T) {
	c, _ := corpusServer(t)
	var reference struct {
		Search []struct{ Query, UIDs string }
	}
	b, err := os.ReadFile(filepath.Join(corpusDir(t), "reference", "dovecot-sort-thread-search.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &reference); err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, q := range reference.Search {
		lines, tagged, err := c.Do("UID SEARCH CHARSET UTF-8 " + q.Query)
		if err != nil || !strings.HasPrefix(tagged, "OK") {
			t.Fatalf("%s: %s %v", q.Query, tagged, err)
		}
		we, they := uidsOf(strings.ReplaceAll(strings.TrimPrefix(lines[0], "* SEARCH"), " ", ",")), uidsOf(q.UIDs)
		only := func(a, b map[uint32]bool) (list []uint32) {
			for uid := range a {
				if !b[uid] {
					list = append(list, uid)
				}
			}
			slices.Sort(list)
			return list
		}
		ours, theirs := only(we, they), only(they, we)
		if len(ours)+len(theirs) == 0 {
			same++
			continue
		}
		if len(theirs) > 0 && dovecotFindsMore[q.Query] == "" {
			t.Errorf("%s: Dovecot finds %v, and we do not", q.Query, theirs)
		}
	}
	if want := len(reference.Search) * 3 / 4; same < want {
		t.Errorf("%d of %d queries agree, not %d", same, len(reference.Search), want)
	}
}

// uidsOf reads a set such as 1,3:5.
func uidsOf(text string) map[uint32]bool {
	uids := make(map[uint32]bool)
	if text = strings.Trim(text, ","); text == "" {
		return uids
	}
	set, err := imap.ParseNumSet(text)
	if err != nil {
		panic(err)
	}
	for n := range set.Numbers() {
		uids[n] = true
	}
	return uids
}
