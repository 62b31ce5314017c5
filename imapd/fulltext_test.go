package imapd

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/fulltext"
	"restante/imapd/imaptest"
	"restante/mailstore"
)

// A pair is a server with full-text indexes and one without, over the same mail.
type pair struct {
	*testing.T
	store               mailstore.Store
	dialWith, dialPlain func() (net.Conn, error)
	with, plain         *imaptest.Client
}

func newPair(t *testing.T, which fulltext.Which) *pair {
	opt := testOptions(t)
	p := &pair{T: t, store: opt.Store}
	p.dialPlain = listen(t, opt)
	opt.FullText = fulltext.New(fulltext.Options{Store: opt.Store, Which: which, Logger: opt.Logger})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		opt.FullText.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	p.dialWith = listen(t, opt)
	p.anew()
	return p
}

// anew begins sessions that remember nothing.
func (p *pair) anew() {
	p.Helper()
	p.with, p.plain = client(p, p.dialWith), client(p, p.dialPlain)
}

// do runs a command on both, which have to answer the same.
func (p *pair) do(command string) {
	p.Helper()
	want, got := notRecent(do(p, p.plain, command)), notRecent(do(p, p.with, command))
	if !slices.Equal(got, want) {
		p.Errorf("%s: with an index\n%q\nwithout\n%q", command, got, want)
	}
}

// notRecent leaves out what only one session is told.
func notRecent(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasSuffix(line, " RECENT") })
}

// hear lets both tell what is new, which may be what the other has done.
func (p *pair) hear() {
	p.Helper()
	do(p, p.plain, "NOOP")
	do(p, p.with, "NOOP")
}

// add puts n messages into INBOX.
func (p *pair) add(from, n int) {
	var mails []string
	for i := from; i < from+n; i++ {
		mails = append(mails, fmt.Sprintf("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= %d\r\nX-Mark: m%dm\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nStra\xdfe number %d.\r\n", i%7, i, i))
	}
	fill(p, p.store, "INBOX", mails...)
}

// wait waits until so many messages are in the index.
func (p *pair) wait(want int64) {
	p.Helper()
	for range 600 {
		if p.indexed() == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.Fatalf("%d messages are indexed, want %d", p.indexed(), want)
}

func (p *pair) indexed() int64 {
	p.Helper()
	account, err := p.store.OpenAccount(p.Context(), mailstore.User{Name: "user"})
	if err != nil {
		p.Fatal(err)
	}
	defer account.Close()
	box, err := account.Open(p.Context(), "INBOX")
	if err != nil {
		p.Fatal(err)
	}
	defer box.Close()
	ix := fulltext.Open(box)
	defer ix.Close()
	return ix.Known().Len()
}

// textCommands look for text in every way there is.
var textCommands = []string{
	`SEARCH TEXT "strasse"`, `UID SEARCH BODY "number 42"`, `SEARCH SUBJECT "GR"`, `SEARCH HEADER X-Mark "m42m"`, `SEARCH HEADER X-Mark ""`,
	`SEARCH NOT TEXT "number 1"`, `SEARCH OR BODY "number 3" SUBJECT " 5"`, `SEARCH UNSEEN TEXT "M7M" NOT BODY "nothing"`, `SEARCH TEXT "r 9"`, `SEARCH BODY "r"`,
	`SEARCH CHARSET ISO-8859-1 BODY {6+}` + "\r\nStra\xdfe", `SEARCH RETURN (MIN MAX COUNT) BODY "number 1"`, `SEARCH RETURN (ALL) TEXT "m1"`,
	`ESEARCH IN (personal) TEXT "number 11"`, `SORT (SUBJECT) UTF-8 TEXT "number 2"`, `THREAD REFERENCES UTF-8 BODY "number 2"`, `SEARCH FUZZY TEXT "Grüße 3"`,
}

// TestFullText: whatever is searched for, and whatever is in the index, the answers are
// the same.
func TestFullText(t *testing.T) {
	p := newPair(t, fulltext.Searched)
	p.add(0, 120)
	p.do("SELECT INBOX")
	for i, fresh := range []int{0, 30, 70} { // a few that are not in the index, and many
		p.add(120+10*i, fresh)
		p.hear()
		for _, c := range textCommands {
			p.do(c)
		}
		do(t, p.plain, fmt.Sprintf("STORE %d,9:12 +FLAGS.SILENT (\\Deleted \\Seen)", 3+i))
		do(t, p.with, "NOOP") // so that both have sent as many commands
		p.hear()
		p.wait([]int64{120, 120, 220}[i])
		p.anew()
		p.do("SELECT INBOX")
		for _, c := range textCommands {
			p.do(c)
		}
	}
	do(t, p.plain, "EXPUNGE")
	do(t, p.with, "NOOP")
	p.hear()
	for _, c := range textCommands {
		p.do(c)
	}
}

// TestFullTextContext: a search that is kept up to date hears of new messages, which are
// not in the index that it was made with.
func TestFullTextContext(t *testing.T) {
	p := newPair(t, fulltext.Searched)
	p.add(0, 100)
	p.do("SELECT INBOX")
	p.do(`SEARCH BODY "number 4"`)
	p.wait(100)
	p.anew()
	p.do("SELECT INBOX")
	p.do(`SEARCH RETURN (ALL UPDATE) BODY "number 4"`)
	p.add(400, 3)
	p.do("NOOP")
}

// TestFullTextOpened: with that setting a mailbox is indexed that was only selected, with
// what came until it was left.
func TestFullTextOpened(t *testing.T) {
	p := newPair(t, fulltext.Opened)
	p.add(0, 64)
	p.do("SELECT INBOX")
	p.wait(64)
	p.add(100, 1)
	p.do("UNSELECT")
	p.wait(65)
}
