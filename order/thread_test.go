package order

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// msg makes a header: id, references, subject.
func msg(id, refs, subject string) string {
	h := "Subject: " + subject
	if id != "" {
		h += "|Message-ID: <" + id + "@x>"
	}
	if refs != "" {
		h += "|References:"
		for ref := range strings.FieldsSeq(refs) {
			h += " <" + ref + "@x>"
		}
	}
	return h
}

func TestThreads(t *testing.T) {
	for _, c := range []struct {
		why                       string
		box                       box
		ordered, references, refs string
	}{
		{why: "nothing"},
		{
			why:     "an answer, and an answer to that",
			box:     box{msg("a", "", "x"), msg("b", "a", "Re: x"), msg("c", "a b", "Re: x")},
			ordered: "(1 (2)(3))", references: "(1 2 3)", refs: "(1 2 3)",
		},
		{
			why:     "two answers",
			box:     box{msg("a", "", "x"), msg("b", "a", "Re: x"), msg("c", "a", "Re: x"), msg("d", "", "y")},
			ordered: "(1 (2)(3))(4)", references: "(1 (2)(3))(4)", refs: "(1 (2)(3))(4)",
		},
		{
			why:     "answers came before what they answer",
			box:     box{msg("c", "a b", "x"), msg("b", "a", "x"), msg("a", "", "x")},
			ordered: "(1 (2)(3))", references: "(3 2 1)", refs: "(3 2 1)",
		},
		{
			why:     "what both answer is not there",
			box:     box{msg("b", "a", "x"), msg("c", "a", "y")},
			ordered: "(1)(2)", references: "((1)(2))", refs: "((1)(2))",
		},
		{
			why:     "what one answers is not there",
			box:     box{msg("b", "a", "x"), msg("c", "", "y")},
			ordered: "(1)(2)", references: "(1)(2)", refs: "(1)(2)",
		},
		{
			why:     "what stands between is not there",
			box:     box{msg("a", "", "x"), msg("d", "a b c", "y"), msg("e", "a b c", "z")},
			ordered: "(1)(2)(3)", references: "(1 (2)(3))", refs: "(1 (2)(3))",
		},
		{
			why:     "the same subject without references: the answer hangs on what is none",
			box:     box{msg("b", "", "Re: x"), msg("a", "", "x")},
			ordered: "(1 2)", references: "(2 1)", refs: "(1)(2)",
		},
		{
			why:     "the same subject and both are answers: beside each other",
			box:     box{msg("a", "", "Re: x"), msg("b", "", "Re: x"), msg("c", "", "Fwd: x")},
			ordered: "(1 (2)(3))", references: "((1)(2)(3))", refs: "(1)(2)(3)",
		},
		{
			why:     "no subject is none in common",
			box:     box{msg("a", "", ""), msg("b", "", "Re:")},
			ordered: "(1 2)", references: "(1)(2)", refs: "(1)(2)",
		},
		{
			why:     "two threads without their beginnings, one subject",
			box:     box{msg("b", "a", "x"), msg("c", "a", "y"), msg("e", "d", "x"), msg("f", "d", "z"), msg("g", "", "Re: x")},
			ordered: "(1 (3)(5))(2)(4)", references: "((1)(2)(3)(4)(5))", refs: "((1)(2))((3)(4))(5)",
		},
		{
			why:     "a message that comes later under an id that is taken stands alone",
			box:     box{msg("a", "", "x"), msg("a", "", "y"), msg("b", "a", "z")},
			ordered: "(1)(2)(3)", references: "(1 3)(2)", refs: "(2)(1 3)",
		},
		{
			why:     "messages without ids",
			box:     box{msg("", "a", "x"), msg("a", "", "y"), "Message-ID: nonsense|Subject: z"},
			ordered: "(1)(2)(3)", references: "(2 1)(3)", refs: "(2 1)(3)",
		},
		{
			why:     "a circle is not closed",
			box:     box{msg("a", "b", "x"), msg("b", "a", "y")},
			ordered: "(1)(2)", references: "(2 1)", refs: "(2 1)",
		},
		{
			why:     "who answers himself does not, but may be above another",
			box:     box{msg("a", "a", "x"), msg("b", "b a b", "y")},
			ordered: "(1)(2)", references: "(2 1)", refs: "(2 1)",
		},
		{
			why:     "the message itself knows better whom it answers than others",
			box:     box{msg("c", "a b", "x"), msg("a", "", "y"), msg("b", "", "z")},
			ordered: "(1)(2)(3)", references: "(2)(3 1)", refs: "(2)(3 1)",
		},
		{
			why:     "In-Reply-To counts where there are no references, and of it the first id",
			box:     box{msg("a", "", "x"), msg("b", "", "y"), "Subject: z|In-Reply-To: Ann's message of today <a@x> <b@x>", "Subject: w|References: none|In-Reply-To: <b@x>"},
			ordered: "(1)(2)(3)(4)", references: "(1 3)(2 4)", refs: "(1 3)(2 4)",
		},
		{
			why:     "REFS: the thread with the latest message is the last",
			box:     box{msg("a", "", "x"), msg("b", "", "y"), msg("c", "a", "z")},
			ordered: "(1)(2)(3)", references: "(1 3)(2)", refs: "(2)(1 3)",
		},
		{
			why:     "siblings stand in the order of their dates, not of the mailbox",
			box:     box{msg("a", "", "x"), "Date: 1 Jan 1990 00:00:00 +0000|" + msg("b", "a", "x"), "Date: 1 Jan 1989 00:00:00 +0000|" + msg("c", "a", "x")},
			ordered: "(1 (3)(2))", references: "(1 (3)(2))", refs: "(1 (3)(2))",
		},
	} {
		for a, want := range map[Algorithm]string{OrderedSubject: c.ordered, References: c.references, Refs: c.refs} {
			if got := c.box.thread(a); got != want {
				t.Errorf("%s: algorithm %d gives %s, want %s", c.why, a, got, want)
			}
		}
	}
}

func TestNextID(t *testing.T) {
	for _, c := range []struct{ in, want, why string }{
		{"<a@b>", "a@b", ""},
		{"<a@b> <c@d>", "a@b c@d", ""},
		{"<a@b><c@d>", "a@b c@d", "nothing between"},
		{"text <a@b>, more", "a@b", "text around"},
		{`<"a.b"@c>`, "a.b@c", "quotes that say nothing"},
		{`<"a\"b c"@d>`, `a"b c@d`, "quotes that say something"},
		{"<a b@c\t>", "ab@c", "folded where it must not be"},
		{"<a@[1.2.3.4]>", "a@[1.2.3.4]", "a literal"},
		{"<a> <@b> <a@> <> <a@b@c> <a@b", "", "none is valid"},
		{"<<a@b>", "a@b", "begun twice"},
		{`<"a@b> <c@d>`, "c@d", "a quote that does not end"},
		{"<a@b <c@d>", "c@d", "an end is missing"},
		{"", "", ""},
	} {
		var got []string
		for rest, ok := []byte(c.in), true; ok; {
			var id []byte
			if id, rest, ok = nextID(nil, rest); ok {
				got = append(got, string(id))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q has %q, want %q: %s", c.in, got, c.want, c.why)
		}
	}
}

// TestHostile: mailboxes that are made to be slow, or to break what recurses.
func TestHostile(t *testing.T) {
	const deep, messages = 100_000, 20_000
	manyRefs := strings.Builder{}
	for i := range 10_000 {
		fmt.Fprintf(&manyRefs, " <r%d@x>", i)
	}
	for _, c := range []struct {
		name     string
		messages int
		header   func(i int) string
	}{
		{"one thread, each answers the one before", deep, func(i int) string {
			return fmt.Sprintf("Message-ID: <%d@x>\nReferences: <%d@x>\n\n", i, i-1)
		}},
		{"the same from its end", messages, func(i int) string {
			return fmt.Sprintf("Message-ID: <%d@x>\nReferences: <%d@x>\n\n", i, i+1)
		}},
		{"a tree that branches at each message", messages, func(i int) string {
			return fmt.Sprintf("Message-ID: <%d@x>\nReferences: <%d@x>\n\n", i, i-1-i%2)
		}},
		{"ten thousand references each", 100, func(i int) string {
			return fmt.Sprintf("Message-ID: <%d@x>\nReferences:%s\n\n", i, manyRefs.String())
		}},
		{"all answer the same, which is not there", messages, func(i int) string {
			return fmt.Sprintf("Message-ID: <%d@x>\nReferences: <none@x>\nSubject: Re: x\n\n", i)
		}},
		{"circles everywhere", messages, func(i int) string {
			return fmt.Sprintf("Message-ID: <%d@x>\nReferences: <%d@x> <%d@x> <%d@x>\n\n", i, (i*7919)%messages, (i*104729)%messages, i)
		}},
		{"each takes the one before to the bottom of the thread", messages, func(i int) string {
			if i < messages/2 {
				return fmt.Sprintf("Message-ID: <a%d@x>\nReferences: <a%d@x>\n\n", i, i-1)
			}
			return fmt.Sprintf("Message-ID: <b%d@x>\nReferences: <b%d@x> <a%d@x>\n\n", i, i+1, messages/2-1)
		}},
		{"subjects of nothing but marks", 50, func(i int) string {
			return "Subject: " + strings.Repeat("Re: [x] ", 5000) + strings.Repeat("(fwd)", 5000) + "\n\n"
		}},
		{"subjects of nothing but brackets", 50, func(i int) string {
			return "Subject: " + strings.Repeat("[", 50_000) + strings.Repeat("[fwd: ", 5000) + strings.Repeat("]", 50_000) + "\n\n"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, a := range []Algorithm{OrderedSubject, References, Refs} {
				start := time.Now()
				th := NewThreader(a)
				for i := range c.messages {
					th.Add(&mailstore.Record{UID: mailstore.UID(i + 1)}, []byte(c.header(i)))
				}
				if n := count(th.Threads()); n != c.messages {
					t.Errorf("algorithm %d: %d messages of %d", a, n, c.messages)
				}
				t.Logf("algorithm %d: %v", a, time.Since(start))
			}
		})
	}
}

// count counts the messages of a forest, each of which must be there once.
func count(f *Forest) int {
	seen := make(map[mailstore.UID]bool)
	for n := range f.Threads() {
		for open := []Node{n}; len(open) > 0; {
			n, open = open[len(open)-1], open[:len(open)-1]
			if n.UID() != 0 {
				seen[n.UID()] = true
			}
			for child, ok := n.Child(); ok; child, ok = child.Next() {
				open = append(open, child)
			}
		}
	}
	return len(seen)
}

func BenchmarkThread(b *testing.B) {
	const messages = 100_000
	headers := make([][]byte, messages)
	for i := range headers {
		id := fmt.Sprintf("<%d@example.org>", i)
		refs := fmt.Sprintf("<%d@example.org> <%d@example.org>", i-i%20, max(i-1-i%3, 0))
		headers[i] = []byte(strings.NewReplacer("|", "\r\n", "<1234567890.abc@example.org>", id, "<1@example.org> <2@example.org>", refs).Replace(ordinary) + "\r\n\r\n")
	}
	for name, a := range map[string]Algorithm{"OrderedSubject": OrderedSubject, "References": References, "Refs": Refs} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := NewThreader(a)
				rec := mailstore.Record{}
				for i := range messages {
					rec.UID = mailstore.UID(i + 1)
					t.Add(&rec, headers[i])
				}
				t.Threads()
			}
		})
	}
}
