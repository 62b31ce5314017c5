package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"restante/imap"
)

var agreeOnly = flag.String("agree.only", "", "put only the commands that match this expression to Dovecot, and show the answers")

// TestAgreesWithDovecot puts the commands of testdata/dovecot-commands.txt to
// Dovecot and to us, over one Maildir of the corpus. Every message that only one
// of them finds, or that stands elsewhere, must fall under a rule.
func TestAgreesWithDovecot(t *testing.T) {
	place := newPlace(t)
	dir := filepath.Join(place, "home", "Maildir")
	datedMaildir(t, dir, 997)
	d := startDovecot(t, place, "maildir:"+dir)
	they := dialIMAP(t, d.imap)
	they.ok("LOGIN me " + d.pass)
	they.ok("SELECT INBOX")
	uids := loseSome(t, dir)
	they.ok("SELECT INBOX")
	s := startProgram(t, quickProgram, newSharedData(t, place, "maildir:"+dir))
	we := login(t, s)
	we.ok("SELECT INBOX")
	j := newJudge(t, uids)
	only := regexp.MustCompile(*agreeOnly)
	for _, command := range dovecotCommands(t) {
		if !only.MatchString(command) {
			continue
		}
		ours, theirs := ask(t, command, we, they)
		j.compare(command, ours, theirs)
		if *agreeOnly != "" {
			t.Logf("%s\nwe:      %s\nDovecot: %s", command, ours, theirs)
		}
	}
	if *agreeOnly == "" {
		if j.compared < 400 {
			t.Errorf("only %d commands", j.compared)
		}
		j.needed(searchRules, orderRules)
	}
	j.report()
}

// loseSome removes every hundredth message and gives the UIDs of those that
// stay, so that UIDs and message numbers are not the same.
func loseSome(t *testing.T, dir string) (uids []int) {
	entries, err := os.ReadDir(filepath.Join(dir, "cur"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if i%100 != 50 {
			uids = append(uids, i+1)
		} else if err := os.Remove(filepath.Join(dir, "cur", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return uids
}

// TestAgreesWithReference compares with what Dovecot said once.
//
// Of its orders only those remain that are recorded under the names DATE, CC and
// REVERSE DATE. They are the answers to commands that came later: SORT (TO), SORT
// (DISPLAYTO) and THREAD ORDEREDSUBJECT, as asking Dovecot again shows.
func TestAgreesWithReference(t *testing.T) {
	var reference struct {
		Sort   map[string]json.RawMessage
		Search []struct{ Query, UIDs string }
	}
	b, err := os.ReadFile(filepath.Join(corpus(t), "reference", "dovecot-sort-thread-search.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &reference); err != nil {
		t.Fatal(err)
	}
	place := newPlace(t)
	dir := filepath.Join(place, "home", "Maildir")
	datedMaildir(t, dir, 1)
	c := login(t, startProgram(t, quickProgram, newSharedData(t, place, "maildir:"+dir)))
	c.ok("EXAMINE INBOX")
	j := newJudge(t, nil)
	for name, command := range map[string]string{"DATE": "UID SORT (TO) UTF-8 ALL", "CC": "UID SORT (DISPLAYTO) UTF-8 ALL"} {
		var uids []int
		if err := json.Unmarshal(reference.Sort[name], &uids); err != nil {
			t.Fatal(err)
		}
		j.compare(command, answerTo(c, command), "SORT "+strings.Trim(fmt.Sprint(uids), "[]"))
	}
	var threads string
	if err := json.Unmarshal(reference.Sort["REVERSE DATE"], &threads); err != nil {
		t.Fatal(err)
	}
	const byThread = "UID THREAD ORDEREDSUBJECT UTF-8 ALL"
	j.compare(byThread, answerTo(c, byThread), "THREAD "+threads)
	for _, q := range reference.Search {
		command := "UID SEARCH CHARSET UTF-8 " + q.Query
		j.compare(command, answerTo(c, command), strings.TrimRight("SEARCH "+strings.Join(numbersOf(t, q.UIDs), " "), " "))
	}
	if j.compared < 190 {
		t.Errorf("%d comparisons", j.compared)
	}
	j.report()
}

// datedMaildir makes a Maildir of the corpus in which messages came in so many
// seconds one after the other, the last ones just now, and have flags and
// keywords of all kinds.
func datedMaildir(t *testing.T, dir string, step int) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	files := byPath(t)
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		flags := ""
		for k, flag := range []string{"D", "F", "R", "S", "T", "a", "b"} {
			if i%(k*3+2) == k {
				flags += flag
			}
		}
		came := cameIn(i, len(files), step)
		name := filepath.Join(dir, "cur", fmt.Sprintf("%d.M%dP1.host:2,%s", came.Unix(), i, flags))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, came, came); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "dovecot-keywords"), []byte("0 Blue\n1 $Forwarded\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	giveAway(t, dir)
}

// cameIn is when message i of n came in.
func cameIn(i, n, step int) time.Time {
	if left := n - i; step > 1 && left <= 20 {
		return time.Now().Add(-time.Minute * time.Duration(math.Pow(1.9, float64(left)))).Truncate(time.Second)
	}
	return time.Unix(1_700_000_000+int64(i*step), 0)
}

// dovecotCommands reads the commands.
func dovecotCommands(t *testing.T) (commands []string) {
	b, err := os.ReadFile(filepath.Join("testdata", "dovecot-commands.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		switch line = strings.TrimRight(line, "\n"); {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '"':
			if line, err = strconv.Unquote(line); err != nil {
				t.Fatal(err)
			}
		}
		commands = append(commands, line)
	}
	return commands
}

// dovecotTrees reads the structures of all messages from the reference.
func dovecotTrees(t *testing.T) (trees []string) {
	b, err := os.ReadFile(filepath.Join(corpus(t), "reference", "dovecot.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(bytes.NewReader(b))
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var m struct{ Tree string }
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		trees = append(trees, m.Tree)
	}
	return trees
}

// numbersOf writes a set such as 1,3:5 out.
func numbersOf(t *testing.T, set string) (numbers []string) {
	if set == "" {
		return nil
	}
	s, err := imap.ParseNumSet(set)
	if err != nil {
		t.Fatal(err)
	}
	for n := range s.Numbers() {
		numbers = append(numbers, fmt.Sprint(n))
	}
	return numbers
}

// only gives what stands in a and not in b.
func only(a, b []int) []int {
	in := make(map[int]bool, len(b))
	for _, n := range b {
		in[n] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(n int) bool { return in[n] })
}
