package mbox

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
	"restante/message"
)

// corpusDir finds the collection of real mail, or skips the test.
func corpusDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "mbox")); err != nil {
		t.Skipf("no corpus at %s; set RESTANTE_CORPUS", dir)
	}
	return dir
}

type refMessage struct {
	UID          mailstore.UID
	Flags        []string
	InternalDate string
	Size         int64
	SHA256       string
}

type refBox struct {
	Path     string
	Error    string
	Messages []refMessage
}

func reference(t testing.TB, dir string) []refBox {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "reference", "dovecot-mbox.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []refBox
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var b refBox
		if err := json.Unmarshal(s.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// opened are the files that Dovecot refuses and we read, with the number of
// messages that stand in them (docs/deviations.md, section mbox).
var opened = map[string]struct {
	messages int
	why      string
}{
	"mbox/git-am/sample.mbox":                      {18, "white space in front of the first From line"},
	"mbox/ietf-mailarchive/mailbox_mbox":           {1, "an empty line in front of the first From line"},
	"mbox/ietf-mailarchive/mailbox_mmdf":           {5, "MMDF"},
	"mbox/messageparser/malformed.txt":             {54, "senders of several words, `user at host`"},
	"mbox/messageparser/newlines_at_beginning.txt": {1, "an empty line in front of the first From line"},
	"mbox/mimekit/content-length.mbox":             {29, "From lines without a date, `From -`"},
	"mbox/mimekit/issue1189.mbox":                  {4, "From lines of Gmail without a date"},
	"mbox/mimekit/simple.mbox":                     {3, "From lines without a date, `From -`"},
	"mbox/mimekit/unmunged.mbox":                   {2, "a byte order mark, and `From -`"},
	"mbox/sisimai/size-1":                          {0, "nothing but an empty line: a mailbox without messages"},
	"mbox/thunderbird/mbox_unquoted":               {2, "From lines without anything"},
}

// otherDates are the messages to which Dovecot gives another internal date.
var otherDates = map[string]string{
	"mbox/laminas/INBOX":                 "the year 0: taken from Received or Date",
	"mbox/laminas/INBOX.unix":            "the year 0: taken from Received or Date",
	"mbox/laminas/test":                  "the year 0: taken from Received or Date",
	"mbox/messageparser/separators1.sep": "a numeric zone in front of the year, which counts",
}

// TestCorpus opens every mailbox of the corpus, compares what is in it with what
// Dovecot serves, and checks that reading has not changed one octet.
func TestCorpus(t *testing.T) {
	dir := corpusDir(t)
	differ := make(map[string]bool)
	for _, ref := range reference(t, dir) {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(ref.Path, "mbox/"), "/", "_"), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, ref.Path))
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			file := filepath.Join(root, "box")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			acct := openAccount(t, Options{Root: root, Zone: time.UTC})
			for range 2 { // once parsed, once from the state file
				if compareBox(t, acct, ref, data) {
					differ[ref.Path] = true
				}
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, data) {
				t.Errorf("reading has changed the file (%v)", err)
			}
		})
	}
	for path := range otherDates {
		if !differ[path] {
			t.Errorf("%s has no other date than with Dovecot", path)
		}
	}
}

// compareBox opens the mailbox and reads all of it. It returns whether dates
// differ from Dovecot's.
func compareBox(t *testing.T, acct mailstore.Account, ref refBox, data []byte) (otherDate bool) {
	t.Helper()
	m, err := acct.Open(t.Context(), "box")
	more, open := opened[ref.Path]
	if ref.Error != "" && !open {
		if !errors.Is(err, errNotMbox) && !errors.Is(err, errMacLines) || !strings.Contains(err.Error(), "box") {
			t.Errorf("no mbox, but the error is %v", err)
		}
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	records := m.Records(make([]mailstore.Record, 0, 1000), 1)
	want := len(ref.Messages)
	if open {
		want = more.messages
	}
	if len(records) != want {
		t.Fatalf("%d messages, want %d", len(records), want)
	}
	for i, r := range records {
		wire := readWire(t, m, r.UID)
		if int64(len(wire)) != r.Size {
			t.Errorf("message %d: size %d, read %d octets", r.UID, r.Size, len(wire))
		}
		if !open {
			otherDate = compareMessage(t, ref, i, r, wire) || otherDate
		}
	}
	return otherDate
}

func readWire(t testing.TB, m mailstore.Mailbox, uid mailstore.UID) []byte {
	t.Helper()
	msg, err := m.OpenMessage(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	defer msg.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, message.ToCRLF(io.NewSectionReader(msg, 0, msg.Len()))); err != nil {
		t.Fatal(err)
	}
	return message.ReplaceNUL(b.Bytes())
}

func compareMessage(t *testing.T, ref refBox, i int, r mailstore.Record, wire []byte) (otherDate bool) {
	t.Helper()
	want := ref.Messages[i]
	sum := sha256.Sum256(wire)
	if got := hex.EncodeToString(sum[:16]); got != want.SHA256 || r.Size != want.Size || r.UID != want.UID {
		t.Errorf("message %d: UID %d, size %d, sum %s; Dovecot has %d, %d, %s", i+1, r.UID, r.Size, got, want.UID, want.Size, want.SHA256)
	}
	// Which messages are recent depends on the sessions before.
	wanted := slices.DeleteFunc(slices.Clone(want.Flags), func(f string) bool { return f == `\Recent` })
	if got, want := flagText(r.Flags.Without(mailstore.NewFlags(mailstore.Recent))), flagList(wanted); got != want {
		t.Errorf("message %d: flags %q, Dovecot has %q", i+1, got, want)
	}
	date := time.Unix(r.Date, 0).UTC().Format("02-Jan-2006 15:04:05 -0700")
	if date == want.InternalDate {
		return false
	}
	if _, known := otherDates[ref.Path]; !known {
		t.Errorf("message %d: date %s, Dovecot has %s", i+1, date, want.InternalDate)
	}
	return true
}

func flagText(f mailstore.Flags) string {
	words := f.Keywords.List()
	for i, name := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`} {
		if f.Has(1 << i) {
			words = append(words, name)
		}
	}
	return flagList(words)
}

func flagList(words []string) string {
	words = slices.Clone(words)
	slices.Sort(words)
	return strings.Join(words, " ")
}
