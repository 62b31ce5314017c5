package imapd

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"restante/imap"
	"restante/mailstore"
)

// A follower is a client that knows results by what it was told of them, and
// nothing else.
type follower struct {
	tag     string
	sorted  bool
	results []string
}

// hear takes one line.
func (f *follower) hear(t *testing.T, line string) {
	t.Helper()
	rest, mine := strings.CutPrefix(line, `* ESEARCH (TAG "`+f.tag+`") UID `)
	if !mine {
		return
	}
	if set, ok := strings.CutPrefix(rest, "ALL "); ok {
		f.results = numbersOf(set)
		return
	}
	what, list, _ := strings.Cut(rest, " (")
	words := strings.Fields(strings.TrimSuffix(list, ")"))
	for i := 0; i+1 < len(words); i += 2 {
		pos, err := strconv.Atoi(words[i])
		if err != nil || (pos == 0) == f.sorted || pos > len(f.results)+1 {
			t.Fatalf("place %q in %q of %v", words[i], line, f.results)
		}
		for _, n := range numbersOf(words[i+1]) {
			f.change(t, line, what, pos, n)
		}
	}
}

func (f *follower) change(t *testing.T, line, what string, pos int, n string) {
	t.Helper()
	at := slices.Index(f.results, n)
	switch {
	case what == "ADDTO" && at >= 0, what == "REMOVEFROM" && at < 0, what == "REMOVEFROM" && f.sorted && at != pos-1:
		t.Fatalf("%q does not fit %v", line, f.results)
	case what == "REMOVEFROM":
		f.results = slices.Delete(f.results, at, at+1)
	case f.sorted:
		f.results = slices.Insert(f.results, pos-1, n)
	default:
		f.results = append(f.results, n)
		slices.SortFunc(f.results, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	}
}

// numbersOf gives the numbers of a set in the order in which they are written.
func numbersOf(set string) (list []string) {
	for part := range strings.SplitSeq(set, ",") {
		one, err := imap.ParseNumSet(part)
		if err != nil {
			return []string{err.Error()}
		}
		for n := range one.Numbers() {
			list = append(list, strconv.Itoa(int(n)))
		}
	}
	return list
}

// TestContextsFollow: who applies what it is told has what a new search finds,
// whatever happens to the mailbox.
func TestContextsFollow(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { contextsFollow(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func contextsFollow(t *testing.T, rnd *rand.Rand) {
	b, _, hand := notifyBubble(t, nil)
	box, err := hand.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	followers := []*follower{{tag: "c1"}, {tag: "c2", sorted: true}}
	tell := func(text string) (last string) {
		b.send(text + "\r\n")
		for _, line := range b.said() {
			for _, f := range followers {
				f.hear(t, line)
			}
			if strings.HasPrefix(line, "* SEARCH") || strings.HasPrefix(line, "* SORT") {
				last = line
			}
		}
		return last
	}
	change(t, rnd, box)
	tell("a SELECT INBOX")
	tell("c1 UID SEARCH RETURN (UPDATE) UNFLAGGED")
	tell("c2 UID SORT RETURN (UPDATE) (SUBJECT) UTF-8 UNFLAGGED")
	for step := range 30 {
		for range rnd.IntN(4) {
			change(t, rnd, box)
		}
		tell([]string{"d NOOP", "d UID SEARCH SEEN", "d SEARCH SEEN", "d UID STORE 1:9 +FLAGS.SILENT (\\Flagged)"}[rnd.IntN(4)])
		tell("e NOOP")
		for i, fresh := range []string{"f UID SEARCH UNFLAGGED", "f UID SORT (SUBJECT) UTF-8 UNFLAGGED"} {
			want := strings.Fields(tell(fresh))[2:]
			if got := followers[i].results; !slices.Equal(got, want) {
				t.Fatalf("step %d: %s: the client has %v, the mailbox %v", step, fresh, got, want)
			}
		}
	}
}

// change does something to a mailbox.
func change(t *testing.T, rnd *rand.Rand, box mailstore.Mailbox) {
	t.Helper()
	uid := mailstore.UID(1 + rnd.IntN(int(box.Status().UIDNext)))
	set := mailstore.UIDSet{{First: uid, Last: uid + mailstore.UID(rnd.IntN(3))}}
	var err error
	switch rnd.IntN(5) {
	case 0, 1:
		var app mailstore.Append
		if app, err = box.NewAppend(t.Context()); err != nil {
			break
		}
		defer app.Abort()
		for range 1 + rnd.IntN(3) {
			if err == nil {
				err = app.Add(mailstore.AppendOptions{}, strings.NewReader(fmt.Sprintf("Subject: %c\r\n\r\n", 'a'+rnd.IntN(4))))
			}
		}
		if err == nil {
			_, _, err = app.Commit(t.Context())
		}
	case 2:
		_, err = box.Expunge(t.Context(), set, false)
	default:
		op := []mailstore.FlagOp{mailstore.AddFlags, mailstore.RemoveFlags}[rnd.IntN(2)]
		_, err = box.SetFlags(t.Context(), set, op, mailstore.NewFlags(mailstore.Flagged), mailstore.SetFlagsOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestContextTooMany: results that are too many to be sorted again are not kept up
// to date, from the beginning or later.
func TestContextTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, hand := notifyBubble(t, nil)
		for range maxSorted {
			deliver(t, hand, "INBOX")
		}
		b.send("a SELECT INBOX\r\n")
		b.said()
		b.send("b SORT RETURN (UPDATE COUNT) (SIZE) UTF-8 ALL\r\n")
		if said := b.said(); len(said) != 2 {
			t.Errorf("of %d it says %q", maxSorted, said)
		}
		deliver(t, hand, "INBOX")
		b.send("c NOOP\r\n")
		if said := b.said(); !slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, `* NO [NOUPDATE "b"] `) }) {
			t.Errorf("of one more it says %q", said)
		}
		b.send("d SORT RETURN (UPDATE COUNT) (SIZE) UTF-8 ALL\r\n")
		if said := b.said(); !slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, `* NO [NOUPDATE "d"] `) }) {
			t.Errorf("of a new search it says %q", said)
		}
		deliver(t, hand, "INBOX")
		b.send("e NOOP\r\n")
		if said := b.said(); slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, "* ESEARCH") }) {
			t.Errorf("afterwards it says %q", said)
		}
	})
}
