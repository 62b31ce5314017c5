package test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A judge compares two servers' answers by the rules.
type judge struct {
	t        *testing.T
	letters  []corpusMail
	compared int
	same     int
	used     map[string]int // rules, by how many messages they explained
	uids     []int          // of the messages in the mailbox; nil if they are their numbers

	// The command that is judged.
	numbers       bool // is answered with message numbers
	search, order []rule
}

func newJudge(t *testing.T, uids []int) *judge {
	return &judge{t: t, letters: letters(t), used: make(map[string]int), uids: uids}
}

// rule names the rule by which a message may differ under a command, "" if there
// is none.
func (j *judge) rule(rules []rule, uid int, command string) string {
	for i := range rules {
		if rules[i].applies(&j.letters[uid-1], command) {
			return rules[i].name
		}
	}
	return ""
}

// compare compares the untagged answers to a command.
func (j *judge) compare(command, we, they string) {
	j.t.Helper()
	j.compared++
	if we == they {
		j.same++
		return
	}
	verb := verbOf(command)
	ours, ok1 := strings.CutPrefix(we, verb)
	theirs, ok2 := strings.CutPrefix(they, verb)
	if !ok1 || !ok2 {
		j.t.Errorf("%s: %.200s, where Dovecot answers %.200s", command, we, they)
		return
	}
	plain, byUID := strings.CutPrefix(command, "UID ")
	j.numbers, j.search, j.order = !byUID, rulesFor(searchRules, plain), rulesFor(orderRules, plain)
	switch verb {
	case "SEARCH":
		j.found(plain, j.uidList(strings.Fields(ours)), j.uidList(strings.Fields(theirs)))
	case "SORT":
		j.sorted(plain, j.uidList(strings.Fields(ours)), j.uidList(strings.Fields(theirs)))
	default:
		j.threads(plain, ours, theirs)
	}
}

// uidList reads the numbers of an answer.
func (j *judge) uidList(words []string) (uids []int) {
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			j.t.Fatal(err)
		}
		if j.numbers && j.uids != nil {
			n = j.uids[n-1]
		}
		uids = append(uids, n)
	}
	return uids
}

// found compares what was found.
func (j *judge) found(command string, we, they []int) {
	j.t.Helper()
	for who, uids := range map[string][]int{"we": only(we, they), "Dovecot": only(they, we)} {
		for _, uid := range uids {
			name := j.rule(j.search, uid, command)
			if name == "" {
				j.t.Errorf("%s: only %s finds message %d", command, who, uid)
			}
			j.used[name]++
		}
	}
}

// sorted compares orders: without the messages that rules are for they must be
// equal.
func (j *judge) sorted(command string, we, they []int) {
	j.t.Helper()
	j.found(command, we, they)
	both := func(list, other []int) []int {
		missing := only(list, other)
		return slices.DeleteFunc(slices.Clone(list), func(uid int) bool { return slices.Contains(missing, uid) || j.odd(uid, command) })
	}
	ours, theirs := both(we, they), both(they, we)
	if len(ours) < len(we)*4/5 {
		j.t.Errorf("%s: rules explain %d of %d messages", command, len(we)-len(ours), len(we))
	}
	for i := range ours {
		if ours[i] != theirs[i] {
			j.t.Errorf("%s: message %d stands at place %d, where Dovecot has %d", command, ours[i], i, theirs[i])
			return
		}
	}
	for i, uid := range we {
		if i < len(they) && they[i] != uid && j.odd(uid, command) {
			j.used[j.rule(j.order, uid, command)]++
		}
	}
}

// odd reports whether a rule is for a message in an order.
func (j *judge) odd(uid int, command string) bool { return j.rule(j.order, uid, command) != "" }

// needed fails for rules that explain nothing.
func (j *judge) needed(lists ...[]rule) {
	for _, r := range slices.Concat(lists...) {
		if j.used[r.name] == 0 {
			j.t.Errorf("nothing differs by the rule %s", r.name)
		}
	}
}

// report fails for rules that are not written down, and tells what was found.
func (j *judge) report() {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "deviations.md"))
	if err != nil {
		j.t.Fatal(err)
	}
	for name := range j.used {
		if name != "" && !bytes.Contains(doc, []byte("`"+name+"`")) {
			j.t.Errorf("docs/deviations.md does not explain the rule %s", name)
		}
	}
	j.t.Logf("%d of %d answers are equal; the others differ by %v", j.same, j.compared, j.used)
	if j.same*2 < j.compared {
		j.t.Error("too few are equal")
	}
}
