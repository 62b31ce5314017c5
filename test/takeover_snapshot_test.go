package test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// snapshot is everything that a client may rely on, a line for each thing, in
// order: mailboxes, subscriptions, messages and UIDLs.
type snapshot []string

var (
	listReply  = regexp.MustCompile(`^\* (?:LIST|LSUB) \(([^)]*)\) (?:NIL|"(?:\\?.)") (.+)$`)
	codeNumber = regexp.MustCompile(`\[(UIDVALIDITY|UIDNEXT) (\d+)\]`)
	statusNext = regexp.MustCompile(`^\* STATUS .*\(UIDNEXT (\d+)\)`)
	existsLine = regexp.MustCompile(`^\* (\d+) EXISTS`)
	fetchFlags = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	fetchSize  = regexp.MustCompile(`RFC822\.SIZE (\d+)`)
	fetchDate  = regexp.MustCompile(`INTERNALDATE "([^"]*)"`)
	fetchEmpty = regexp.MustCompile(`BODY\[\] (NIL|"[^"]*")`)
)

// enter connects to the account's IMAP server and signs in.
func (a account) enter(t testing.TB) *imapConn {
	t.Helper()
	c := dialIMAP(t, a.imap)
	if a.pass != "" {
		c.ok(fmt.Sprintf("LOGIN %s %q", user, a.pass))
	}
	c.ok("NOOP") // and past all greetings
	return c
}

// take looks at all there is through a server.
func (a account) take(t testing.TB) snapshot {
	t.Helper()
	c := a.enter(t)
	defer c.c.Close()
	var s snapshot
	for _, line := range c.ok(`LIST "" "*"`) {
		name, selectable := listed(t, line)
		if !selectable {
			s = append(s, fmt.Sprintf("list %q: only a place for others", name))
			continue
		}
		s = append(s, fmt.Sprintf("list %q", name))
		s = append(s, takeMailbox(t, c, name)...)
	}
	for _, line := range c.ok(`LSUB "" "*"`) {
		if name, selectable := listed(t, line); selectable {
			s = append(s, fmt.Sprintf("subscribed %q", name))
		}
	}
	c.ok("LOGOUT")
	s = append(s, a.uidls(t)...)
	slices.Sort(s)
	return s
}

// listed reads a LIST or LSUB reply.
func listed(t testing.TB, line string) (name string, selectable bool) {
	t.Helper()
	m := listReply.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("cannot read %q", line)
	}
	attrs := strings.ToLower(m[1])
	return strings.Trim(m[2], `"`), !strings.Contains(attrs, `\noselect`) && !strings.Contains(attrs, `\nonexistent`)
}

// takeMailbox looks at one mailbox and leaves \Recent as it is.
func takeMailbox(t testing.TB, c *imapConn, name string) []string {
	t.Helper()
	about := map[string]string{"UIDVALIDITY": "none", "UIDNEXT": "none"}
	exists := "0"
	// EXAMINE comes first: asked for a STATUS, Dovecot 2.3 reads only what was added to an mbox behind the messages that it
	// knows (mbox_dirty_syncs), and takes that for all until the file changes again.
	for _, line := range append(c.ok(fmt.Sprintf("EXAMINE %q", name)), c.ok(fmt.Sprintf("STATUS %q (UIDNEXT)", name))...) {
		if m := statusNext.FindStringSubmatch(line); m != nil {
			about["UIDNEXT"] = m[1]
		}
		if m := codeNumber.FindStringSubmatch(line); m != nil {
			about[m[1]] = m[2]
		}
		if m := existsLine.FindStringSubmatch(line); m != nil {
			exists = m[1]
		}
	}
	list := []string{fmt.Sprintf("mailbox %q: UIDVALIDITY %s UIDNEXT %s, %s messages", name, about["UIDVALIDITY"], about["UIDNEXT"], exists)}
	if exists == "0" {
		return list
	}
	tag, err := c.send("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
	if err != nil {
		t.Fatal(err)
	}
	status, err := c.wait(tag, func(parts []part, line string) {
		if strings.Contains(parts[0].text, " FETCH (") {
			list = append(list, fmt.Sprintf("message %q %s", name, takeMessage(t, parts)))
		}
	})
	if err != nil || !strings.HasPrefix(status, "OK") {
		t.Fatalf("%s: FETCH: %s, %v", name, status, err)
	}
	return list
}

func takeMessage(t testing.TB, parts []part) string {
	t.Helper()
	var text strings.Builder
	var body []byte
	for _, p := range parts {
		text.WriteString(p.text)
		body = append(body, p.literal...)
	}
	attr := func(re *regexp.Regexp) string {
		m := re.FindStringSubmatch(text.String())
		if m == nil {
			t.Fatalf("no %s in %q", re, text.String())
		}
		return m[1]
	}
	if body == nil {
		body = []byte(strings.Trim(strings.TrimPrefix(attr(fetchEmpty), "NIL"), `"`))
	}
	date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", attr(fetchDate))
	if err != nil {
		t.Fatal(err)
	}
	flags := slices.DeleteFunc(strings.Fields(attr(fetchFlags)), func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	subject := "no subject"
	if m := subjectField.FindSubmatch(body); m != nil {
		subject = string(m[1])
	}
	return fmt.Sprintf("UID %5s %v date %s size %s sum %.8x (%.40q)", attr(fetchUID), flags, date.UTC().Format(time.DateTime),
		attr(fetchSize), sha256.Sum256(body), subject)
}

var subjectField = regexp.MustCompile(`(?im)^subject: (.*?)\r?$`)

// uidls asks the POP3 server for its numbers, UIDLs and sizes, and for what is in the messages.
func (a account) uidls(t testing.TB) (list []string) {
	t.Helper()
	nc, err := net.Dial("tcp", a.pop3)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	line := func() string {
		text, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: POP3: %v", a.who, err)
		}
		return strings.TrimRight(text, "\r\n")
	}
	say := func(format string, args ...any) {
		if format != "" {
			fmt.Fprintf(nc, format+"\r\n", args...)
		}
		if reply := line(); !strings.HasPrefix(reply, "+OK") {
			t.Fatalf("%s: POP3 %.4s: %s", a.who, format, reply)
		}
	}
	say("")
	if a.pass != "" {
		say("USER %s", user)
		say("PASS %s", a.pass)
	}
	lines := func(format string, args ...any) (list []string) {
		say(format, args...)
		for text := line(); text != "."; text = line() {
			list = append(list, text)
		}
		return list
	}
	sizes := make(map[string]string)
	for _, text := range lines("LIST") {
		number, size, _ := strings.Cut(text, " ")
		sizes[number] = size
	}
	// By TOP, as a message that RETR gives is seen then in Dovecot.
	for _, id := range lines("UIDL") {
		number, _, _ := strings.Cut(id, " ")
		text := strings.Join(lines("TOP %s 1000000", number), "\n")
		list = append(list, fmt.Sprintf("pop3 %s size %s sum %.8x", id, sizes[number], sha256.Sum256([]byte(text))))
	}
	say("QUIT")
	return list
}

// compare reports the lines that only one of the two has.
func compare(t testing.TB, when string, want snapshot, who string, got snapshot) {
	t.Helper()
	var b strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "\n  - %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "\n  + %s", line)
		}
	}
	if b.Len() > 0 || len(want) != len(got) {
		t.Errorf("%s: %s shows other things (-: before, +: now):%s", when, who, b.String())
	}
}
