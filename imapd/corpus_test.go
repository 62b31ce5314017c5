package imapd

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"restante/imap"
	"restante/imapd/imaptest"
	"restante/message"
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
	c.Timeout = 5 * time.Minute // it is a lot of mail for a machine that has other things to do
	do(t, c, "SELECT INBOX")
	return c, messages
}

// TestCorpus serves real mail.
func TestCorpus(t *testing.T) {
	c, messages := corpusServer(t)
	t.Run("bodies", func(t *testing.T) { corpusBodies(t, c, messages) })
	t.Run("structures", func(t *testing.T) { corpusStructures(t, c, messages) })
	t.Run("listings", func(t *testing.T) { corpusListings(t, c) })
	t.Run("search", func(t *testing.T) { corpusSearch(t, c) })
}

// corpusListings: what comes from summaries is what comes from the messages.
func corpusListings(t *testing.T, c *imaptest.Client) {
	for _, listing := range listings {
		want := withoutMIME(do(t, c, inVain(listing)))
		for _, try := range []string{"first", "again"} {
			got := do(t, c, listing)
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("%s %s:\n%q, want\n%q", listing, try, got[i], want[i])
					break
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s %s: %d lines, want %d", listing, try, len(got), len(want))
			}
		}
	}
}

// literal is what stands in a response that was read for octets of a message.
func literal(wire []byte) string {
	if len(wire) == 0 {
		return `""`
	}
	return fmt.Sprintf("{%d}%s", len(wire), imaptest.Escape(wire))
}

// corpusBodies: what is served of real mail is what is stored, CRLF and NUL
// aside, and sizes are exact.
func corpusBodies(t *testing.T, c *imaptest.Client, messages []string) {
	lines := do(t, c, "UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])")
	if len(lines) != len(messages) {
		t.Fatalf("%d responses for %d messages", len(lines), len(messages))
	}
	for i, line := range lines {
		whole := wireForm([]byte(messages[i]))
		want := fmt.Sprintf("* %d FETCH (UID %[1]d RFC822.SIZE %d BODY[] %s)", i+1, len(whole), literal(whole))
		if line != want {
			t.Errorf("message %d of %d octets: %.100q", i+1, len(whole), line)
		}
	}
}

// corpusStructures: every item of every message of real mail is answered, and
// header and text are where the scanner says.
func corpusStructures(t *testing.T, c *imaptest.Client, messages []string) {
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
		root, err := message.Scan(strings.NewReader(messages[i]))
		if err != nil {
			t.Fatal(err)
		}
		head := wireForm([]byte(messages[i][:root.Header.Length]))
		text := wireForm([]byte(messages[i][root.Header.Length:]))
		want := fmt.Sprintf("* %d FETCH (BODY[HEADER] %s BODY[TEXT] %s)", i+1, literal(head), literal(text))
		if line != want {
			t.Errorf("message %d: %.100q, want %.100q", i+1, line, want)
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

var corpusAll = flag.Bool("corpus.all", false, "ask all searches of the reference")

// corpusSearch compares with what Dovecot finds. We may find more, as we
// decode more; what only Dovecot finds needs a reason.
func corpusSearch(t *testing.T, c *imaptest.Client) {
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
	same, asked := 0, 0
	for i, q := range reference.Search {
		// A search in bodies reads all of the corpus: some are enough for each day.
		inBodies := strings.HasPrefix(q.Query, "BODY") || strings.HasPrefix(q.Query, "TEXT")
		if inBodies && i%8 != 0 && !*corpusAll {
			continue
		}
		asked++
		lines, tagged, err := c.Do("UID SEARCH CHARSET UTF-8 " + q.Query)
		if err != nil || !strings.HasPrefix(tagged, "OK") {
			t.Fatalf("%s: %s %v", q.Query, tagged, err)
		}
		// Before the answer a slow machine says that it is at it (RFC 9585).
		answer := lines[slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "* SEARCH") })]
		we, they := uidsOf(strings.ReplaceAll(strings.TrimPrefix(answer, "* SEARCH"), " ", ",")), uidsOf(q.UIDs)
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
	if want := asked * 3 / 4; same < want {
		t.Errorf("%d of %d queries agree, not %d", same, asked, want)
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
