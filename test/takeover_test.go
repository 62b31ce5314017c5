package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var layouts = []layout{
	{"maildir", "maildir:PLACE/home/Maildir", "."},
	{"fs", "maildir:PLACE/home/Maildir:LAYOUT=fs", "/"},
	{"mbox", "mbox:PLACE/home/mail:INBOX=PLACE/home/inbox", "/"},
}

// controlled are layouts in which the UID lists have a tree of their own.
var controlled = []layout{
	{"maildir and control", "maildir:PLACE/home/Maildir:CONTROL=PLACE/home/control", "."},
	{"fs and control", "maildir:PLACE/home/Maildir:LAYOUT=fs:CONTROL=PLACE/home/control", "/"},
}

// sub puts the layout's delimiter into a name that is written with slashes.
func (l layout) sub(name string) string { return strings.ReplaceAll(name, "/", l.delim) }

// awkward are messages that servers of mbox or Maildir can go wrong with.
var awkward = []struct{ why, text string }{
	{"lines that begin as an mbox separator does", "Subject: from lines\n\nFrom here\n>From there\n\nFrom jane@example.org Tue Nov  3 10:00:00 2026\nSubject: no message\n\nend\n"},
	{"no line end at the end", "Subject: open end\n\nno line end"},
	{"empty lines at the end", "Subject: empty lines\n\nx\n\n\n\n"},
	{"eight bits", "Subject: Gr\xc3\xbc\xc3\x9fe \xe4\n\n\xff\xfe\x80\n"},
	{"a false length, too small", "Subject: short length\nContent-Length: 3\n\n0123456789\n"},
	{"a false length, too great", "Subject: long length\nContent-Length: 30000\n\n0123456789\n"},
	{"a long line", "Subject: long line\n\n" + strings.Repeat("0123456789", 10000) + "\n"},
	{"a folded header", "Subject: folded\nTo: a@example.org,\n b@example.org,\n\tc@example.org\n\nx\n"},
	{"dots", "Subject: dots\n\n.\n..\n.x\n"},
	// Last, where nothing copies it: Dovecot 2.3.19 cannot copy it out of its own mbox ("Cached message size larger than expected").
	{"no body", "Subject: no body\n\n"},
}

// put appends a message with a date of its own.
func put(c *imapConn, box, flags string, number int, text []byte) {
	c.t.Helper()
	text = crlf(text)
	date := time.Date(2026, time.March, 29, 0, 30, 0, 0, time.UTC).Add(time.Duration(number) * 17 * time.Minute) // summer time begins
	c.ok(fmt.Sprintf("APPEND %q (%s) %q {%d+}\r\n%s", box, flags, date.Format("02-Jan-2006 15:04:05 -0700"), len(text), text))
}

func plain(subject string) []byte {
	return fmt.Appendf(nil, "From: Ana <ana@example.org>\nTo: ben@example.org\nSubject: %s\nMessage-ID: <%s@example.org>\n\nHello\n", subject, strings.ReplaceAll(subject, " ", "."))
}

// begin makes mailboxes, subscriptions and messages.
func begin(c *imapConn, l layout) {
	c.t.Helper()
	names := []string{"Sent", "Entw&APw-rfe", "a/b", "a/&ZeVnLIqe-", "With space", "A&-B", "again"}
	for n := range 4 {
		names = append(names, fmt.Sprintf("old%d", n+1), fmt.Sprintf("doomed%d", n+1))
	}
	if l.name != "mbox" { // where a mailbox is a file, nothing is below it
		names = append(names, "a/b/c", "old1/kid", "old2/kid")
	}
	for i, name := range names {
		name = l.sub(name)
		if _, status := c.cmd(fmt.Sprintf("CREATE %q", name)); !strings.HasPrefix(status, "OK") && !strings.Contains(status, "[ALREADYEXISTS]") {
			c.t.Fatalf("CREATE %s: %s", name, status)
		}
		if i%3 != 1 {
			c.ok(fmt.Sprintf("SUBSCRIBE %q", name))
		}
	}
	for _, line := range c.ok(`LIST "" "*"`) { // restante has made some more for a new user
		name, selectable := listed(c.t, line)
		for n, flags := range []string{"", `\Seen $Label1`, `\Flagged \Answered`} {
			if selectable {
				put(c, name, flags, n, plain(fmt.Sprintf("%s %d", name, n)))
			}
		}
	}
	flags := []string{"", `\Seen`, `\Flagged`, `\Answered \Seen`, `\Draft`, `\Seen $Forwarded`, "NonJunk", `\Deleted`}
	for i, m := range awkward {
		if l.name == "mbox" && restantesOwn([]byte(m.text)) {
			continue
		}
		put(c, "INBOX", flags[i%len(flags)], i, []byte(m.text))
	}
	for i := range 20 {
		put(c, "INBOX", flags[i%len(flags)], 100+i, plain(fmt.Sprintf("begin %d", i)))
	}
	for i, text := range sampleMail(c.t) {
		if l.name == "mbox" && restantesOwn(text) {
			continue
		}
		put(c, "INBOX", flags[i%len(flags)], 200+i, text)
	}
}

// mboxField is a field that belongs to the mbox and not to its messages.
var mboxField = regexp.MustCompile(`(?im)^(?:>?from |(?:status|x-status|x-keywords|x-uid|x-imap|x-imapbase|content-length):)`)

// restantesOwn reports that an mbox cannot hold a message as it is: it has
// fields in its header by which mbox files keep their own notes, or its header
// does not end. Dovecot leaves out such fields and adds the end; restante keeps
// them under other names, to give back what it got, and Dovecot shows those.
func restantesOwn(text []byte) bool {
	header, _, ends := bytes.Cut(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	return !ends || mboxField.Match(header)
}

// sampleMail is some of the corpus of real mail, where there is one.
func sampleMail(t testing.TB) (list [][]byte) {
	dir := os.Getenv("RESTANTE_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	files, err := filepath.Glob(filepath.Join(dir, "eml", "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += max(1, len(files)/25) {
		text, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte{0}) { // which APPEND does not take
			list = append(list, text)
		}
	}
	return list
}

// change does everything once, to other mail in each round.
func change(c *imapConn, l layout, round int) {
	c.t.Helper()
	keyword := fmt.Sprintf("round%d", round)
	put(c, "INBOX", `\Seen `+keyword, 10*round, plain("new and seen "+keyword))
	put(c, "INBOX", "", 10*round+1, plain("new "+keyword))
	c.ok("SELECT INBOX")
	var uids []string
	for _, line := range c.ok("UID SEARCH ALL") {
		uids = append(uids, strings.Fields(strings.TrimPrefix(line, "* SEARCH"))...)
	}
	last, uids := uids[len(uids)-1], uids[9*round-9:]
	c.ok(fmt.Sprintf(`UID STORE %s +FLAGS (\Flagged \Answered %s)`, uids[0], keyword))
	c.ok(fmt.Sprintf(`UID STORE %s -FLAGS (\Seen NonJunk $Forwarded)`, strings.Join(uids[1:4], ",")))
	c.ok(fmt.Sprintf(`UID STORE %s FLAGS (\Draft $Forwarded %s)`, uids[2], keyword))
	c.ok(fmt.Sprintf("UID COPY %s,%s %q", uids[4], last, l.sub("a/b")))
	c.ok(fmt.Sprintf("UID MOVE %s,%s Sent", uids[5], uids[6]))
	c.ok(fmt.Sprintf(`UID STORE %s +FLAGS (\Deleted)`, uids[7]))
	c.ok("UID EXPUNGE " + uids[7])
	put(c, "INBOX", `\Deleted`, 0, plain("newest, and expunged "+keyword)) // whose UID must not come again
	c.ok("NOOP")
	c.ok("EXPUNGE")
	c.ok(fmt.Sprintf("SELECT %q", l.sub("a/b")))
	c.ok(fmt.Sprintf("STORE 1:* +FLAGS (%s)", keyword))
	c.ok("CLOSE")
	fresh := fmt.Sprintf("fresh%d", round)
	for _, command := range []string{"CREATE %s", "SUBSCRIBE %s"} {
		c.ok(fmt.Sprintf(command, fresh))
	}
	put(c, fresh, keyword, 0, plain("first in "+fresh))
	c.ok(fmt.Sprintf("RENAME old%d %q", round, l.sub(fmt.Sprintf("below/renamed%d", round))))
	c.ok(fmt.Sprintf("UNSUBSCRIBE old%d", round))
	c.ok(fmt.Sprintf("SUBSCRIBE %q", l.sub(fmt.Sprintf("below/renamed%d", round))))
	c.ok(fmt.Sprintf("DELETE doomed%d", round))
	c.ok("DELETE again")
	c.ok("CREATE again")
	put(c, "again", "", 0, plain("again "+keyword))
}

// peer is either of the two servers.
type peer interface {
	in() account
	stop()
}

func (s *server) in() account  { return s.account() }
func (d *dovecot) in() account { return d.account }

// TestTakeover: what clients rely on is the same through Dovecot and through
// restante, whoever began, however often they take turns and whatever both do
// to it.
func TestTakeover(t *testing.T) {
	needDovecot(t)
	for _, l := range append(controlled, layouts...) {
		t.Run(l.name+"/from Dovecot", func(t *testing.T) {
			t.Parallel()
			takeTurns(t, l, []string{"Dovecot", "restante", "Dovecot", "restante", "Dovecot"})
		})
		t.Run(l.name+"/from restante", func(t *testing.T) {
			t.Parallel()
			takeTurns(t, l, []string{"restante", "Dovecot", "restante"})
		})
	}
}

// takeTurns lets servers serve the same mail in turn. Each must see what the
// one before it left, also when it starts again, and Dovecot also when it has
// lost its indexes; then it makes changes.
func takeTurns(t *testing.T, l layout, turns []string) {
	place := newPlace(t)
	data := newSharedData(t, place, l.at(place))
	open := func(who string) peer {
		if who == "Dovecot" {
			return startDovecot(t, place, l.at(place))
		}
		return startAsOwner(t, data)
	}
	var left snapshot
	for round, who := range turns {
		p := open(who)
		t.Cleanup(func() {
			if d, ok := p.(*dovecot); ok && t.Failed() {
				t.Logf("Dovecot's log:\n%s", d.log())
			}
		})
		if round == 0 {
			begin(p.in().enter(t), l)
		} else {
			compare(t, fmt.Sprintf("turn %d, after %s", round, turns[round-1]), left, who, p.in().take(t))
			p.stop()
			if who == "Dovecot" && slices.Contains(turns[:round], "Dovecot") {
				forgetIndexes(t, place)
			}
			p = open(who)
			compare(t, fmt.Sprintf("turn %d, started again", round), left, who, p.in().take(t))
		}
		if t.Failed() {
			return
		}
		if round < 4 {
			change(p.in().enter(t), l, round+1)
		}
		left = p.in().take(t)
		p.stop()
	}
}
