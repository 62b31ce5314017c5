package test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ask puts a command to both servers at once and gives their answers.
func ask(t *testing.T, command string, we, they *imapConn) (ours, theirs string) {
	t.Helper()
	var tags [2]string
	conns := [2]*imapConn{we, they}
	for i, c := range conns {
		var err error
		if tags[i], err = c.send(command); err != nil {
			t.Fatal(err)
		}
	}
	return untagged(we, tags[0], command), untagged(they, tags[1], command)
}

// answerTo puts a command to one server.
func answerTo(c *imapConn, command string) string {
	c.t.Helper()
	tag, err := c.send(command)
	if err != nil {
		c.t.Fatal(err)
	}
	return untagged(c, tag, command)
}

// untagged waits for the answer to a command and gives it without what differs
// from server to server anyhow. It is the condition if that is not OK.
func untagged(c *imapConn, tag, command string) (answer string) {
	c.t.Helper()
	verb := verbOf(command)
	status, err := c.wait(tag, func(_ []part, line string) {
		switch rest, _ := strings.CutPrefix(line, "* "); {
		case strings.HasPrefix(rest, "ESEARCH "):
			answer = plainESearch(c.t, rest)
		case strings.HasPrefix(rest, verb):
			answer, _, _ = strings.Cut(rest, " (MODSEQ ")
		}
	})
	if err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	if condition, _, _ := strings.Cut(status, " "); condition != "OK" {
		return condition
	}
	if answer == "" {
		c.t.Fatalf("%s: no answer but %s", command, status)
	}
	return strings.TrimRight(answer, " ")
}

// verbOf is SEARCH, SORT or THREAD.
func verbOf(command string) string {
	verb, _, _ := strings.Cut(strings.TrimPrefix(command, "UID "), " ")
	return verb
}

// plainESearch gives an ESEARCH response without its tag and its mod-sequence,
// with sets written out and its results in the order of their names.
func plainESearch(t testing.TB, line string) string {
	words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(line))
	var items []string
	for i := 1; i < len(words); i++ {
		switch w := words[i]; {
		case w == "(":
			i += 3 // TAG, the tag and the parenthesis
		case w == "UID":
			items = append(items, w)
		case w == "PARTIAL" && i+4 < len(words):
			items = append(items, w+" "+words[i+2]+" "+writtenOut(t, words[i+3]))
			i += 4
		case w == "MODSEQ":
			items = append(items, w)
			i++
		case i+1 < len(words):
			items = append(items, w+" "+writtenOut(t, words[i+1]))
			i++
		default:
			t.Fatalf("%s: what is %s?", line, w)
		}
	}
	slices.Sort(items)
	return "ESEARCH " + strings.Join(items, " ")
}

// writtenOut gives all numbers of a set, in the set's order.
func writtenOut(t testing.TB, set string) string {
	if set == "NIL" {
		return set
	}
	var numbers []string
	for r := range strings.SplitSeq(set, ",") {
		from, to, several := strings.Cut(r, ":")
		if !several {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil {
			t.Fatalf("%q is no set", set)
		}
		step := 1
		if b < a {
			step = -1
		}
		for n := a; n != b; n += step {
			numbers = append(numbers, strconv.Itoa(n))
		}
		numbers = append(numbers, to)
	}
	return strings.Join(numbers, ",")
}
