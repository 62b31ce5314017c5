package test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var hammerTime = flag.Duration("hammer.time", 3*time.Second, "how long each program works on one mailbox together with restante")

// ledger is what must be in the mailbox in the end. A Message-ID is in it from
// when it may be there: sure tells that it is, gone that it is not any more.
type ledger struct {
	mu    sync.Mutex
	state map[string]fate
	uids  map[string]naming // by "validity uid"
}

// naming is that a server said which message a UID names.
type naming struct {
	id   string
	who  string // and how
	when time.Time
}

func (n naming) String() string {
	return fmt.Sprintf("%s (%s, %s)", n.id, n.who, n.when.Format("05.000"))
}

type fate int

const (
	maybe  fate = iota // a program was at it, and did not say that it has done it
	sure               // it is in the mailbox
	doomed             // somebody is removing it
	gone               // it was removed
)

func newLedger() *ledger {
	return &ledger{state: make(map[string]fate), uids: make(map[string]naming)}
}

func (l *ledger) set(id string, f fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state[id] = f
}

// claim gives one message that is surely there and whose Message-ID begins so,
// to be removed, or "".
func (l *ledger) claim(prefix string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range l.state {
		if f == sure && strings.HasPrefix(id, prefix) {
			l.state[id] = doomed
			return id
		}
	}
	return ""
}

func (l *ledger) count(f fate) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, have := range l.state {
		if have == f {
			n++
		}
	}
	return n
}

// named notes that a UID names a message, and tells which other it named before.
func (l *ledger) named(key string, now naming) (other naming, twice bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	other, had := l.uids[key]
	if had && other.id == now.id {
		return other, false
	}
	l.uids[key] = now
	return other, had
}

// numbered is a message with the UID that a server gives it.
type numbered struct{ uid, id string }

// check compares a mailbox's Message-IDs with what must be there.
func (l *ledger) check(t *testing.T, where string, list []numbered) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	times := make(map[string]int)
	for _, m := range list {
		times[m.id]++
	}
	for _, id := range slices.Sorted(maps.Keys(times)) {
		f, known := l.state[id]
		switch {
		case !known:
			t.Errorf("%s: %s was never delivered", where, id)
		case times[id] > 1:
			t.Errorf("%s: %s is there %d times", where, id, times[id])
		case f == gone:
			t.Errorf("%s: %s was removed and is there", where, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(l.state)) {
		if l.state[id] == sure && times[id] == 0 {
			t.Errorf("%s: %s is lost", where, id)
		}
	}
}

// hammered is one mailbox that several programs work on at once.
type hammered struct {
	t       *testing.T
	place   string
	layout  layout
	ledger  *ledger
	server  *server
	dovecot *dovecot // nil where it does not take part

	// apart: what Dovecot says of UIDs does not count. Messages that other programs put into
	// an mbox have none in the file. Dovecot tells one, as restante does, and writes it into
	// the file much later, even behind messages that bear theirs. When mutt removes such a
	// message, who has not seen it gives its UID to the next one. Nobody but Dovecot could
	// prevent that, so here restante is held to what it told, and Dovecot without its index
	// must find just that in the file in the end. For the same reason its clients do not
	// expunge by UID there: it would be another message.
	apart bool
}

// named notes which message a server says that a UID names.
func (h *hammered) named(who, how, validity, uid, id string) {
	if h.apart && who == "Dovecot" {
		return
	}
	now := naming{id: id, who: who + ", " + how, when: time.Now()}
	if other, twice := h.ledger.named(validity+" "+uid, now); twice {
		h.t.Errorf("UID %s of UIDVALIDITY %s names %v and named %v", uid, validity, now, other)
	}
}

// inbox is the mailbox on disk.
func (h *hammered) inbox() string {
	if h.layout.name == "mbox" {
		return filepath.Join(h.place, "home", "inbox")
	}
	return filepath.Join(h.place, "home", "Maildir")
}

// hand is a program that works on the mailbox until the context ends, each
// time in another way: n counts.
type hand struct {
	name    string
	formats string // layouts it can work on
	work    func(ctx context.Context, h *hammered, n int)
}

var hands = []hand{
	{"delivery", "maildir", deliverOne},
	{"procmail", "maildir mbox", procmailOne},
	{"mutt", "maildir mbox", muttOne},
	{"Dovecot", "maildir mbox", nil}, // sessions of it, as of restante
}

// TestHammer lets each of the other programs work on one mailbox together with
// restante, and in the end all of them. Nothing may be lost, nothing doubled,
// nothing come back, and no UID may name two messages.
func TestHammer(t *testing.T) {
	for _, l := range []layout{layouts[0], layouts[2]} {
		for _, hand := range hands {
			if strings.Contains(hand.formats, l.name) {
				t.Run(l.name+"/"+hand.name, func(t *testing.T) { t.Parallel(); hammer(t, l, hand) })
			}
		}
		t.Run(l.name+"/all", func(t *testing.T) {
			t.Parallel()
			hammer(t, l, slices.DeleteFunc(slices.Clone(hands), func(h hand) bool { return !strings.Contains(h.formats, l.name) })...)
		})
	}
}

func hammer(t *testing.T, l layout, hands ...hand) {
	place := newPlace(t)
	h := &hammered{t: t, place: place, layout: l, ledger: newLedger()}
	for _, hand := range hands {
		h.need(hand.name)
	}
	h.apart = l.name == "mbox" && len(hands) > 1
	h.server = startAsOwner(t, newSharedData(t, place, l.at(place)))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of restante's log:\n%s", tail(h.server.log.String()))
			if h.dovecot != nil {
				t.Logf("the end of Dovecot's log:\n%s", tail(h.dovecot.log()))
			}
		}
	})
	h.writeConfigs()
	first := h.server.account().enter(t)
	for n := range 5 { // so that there is always something to flag
		if err := h.putByIMAP(first, "restante", fmt.Sprintf("<keep.%d@first>", n)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { defer cancel(); h.last(ctx) }()
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() { h.session(ctx, h.server.account(), n) })
	}
	for _, hand := range hands {
		if hand.work != nil {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil && !t.Failed(); n++ {
					hand.work(ctx, h, n)
				}
			})
			continue
		}
		d := startDovecot(t, place, l.at(place))
		defer d.end()
		h.dovecot = d
		for n := range 2 {
			wg.Go(func() { h.session(ctx, d.account, n) })
		}
	}
	wg.Wait()
	h.conclude()
}

// last waits until the programs have worked long enough and something has come
// of it. mutt and procmail take their two locks in opposite orders and keep each
// other, and everybody else, out for seconds.
func (h *hammered) last(ctx context.Context) {
	begin := time.Now()
	for ctx.Err() == nil && !h.t.Failed() {
		pause(ctx, 200)
		if past := time.Since(begin); past > *hammerTime && (h.enough() || past > *hammerTime+time.Minute) {
			return
		}
	}
}

// enough was done for the test to tell anything.
func (h *hammered) enough() bool { return h.ledger.count(gone) > 0 && h.ledger.count(sure) >= 10 }

// tail is the end of a log.
func tail(log string) string { return log[max(0, len(log)-8000):] }

// conclude looks at the mailbox through the running server, and through one
// that knows nothing of what was.
func (h *hammered) conclude() {
	h.t.Helper()
	h.t.Logf("%d messages there, %d removed, %d undecided", h.ledger.count(sure), h.ledger.count(gone), h.ledger.count(maybe)+h.ledger.count(doomed))
	if !h.enough() {
		h.t.Error("hardly anything was done")
	}
	time.Sleep(time.Second) // restante may need that to see what hid behind a change of its own
	before := h.look(h.server.account())
	h.ledger.check(h.t, "restante", before)
	h.server.stop()
	h.server = startAsOwner(h.t, h.server.data)
	after := h.look(h.server.account())
	if !slices.Equal(before, after) {
		h.t.Errorf("after a new start there is\n%v\nand before\n%v", after, before)
	}
	h.ledger.check(h.t, "restante, started again", after)
	h.server.stop() // and has written what notes it writes at the end
	if h.dovecot == nil {
		return
	}
	if h.apart {
		forgetIndexes(h.t, filepath.Join(h.place, "home", "mail", ".imap", "INBOX"))
		h.apart = false
	}
	alone := h.look(h.dovecot.account)
	h.ledger.check(h.t, "Dovecot", alone)
	if !slices.Equal(alone, after) {
		h.t.Errorf("to Dovecot there is\n%v\nand to restante\n%v", alone, after)
	}
}

// writeConfigs writes what procmail and mutt are told.
func (h *hammered) writeConfigs() {
	h.t.Helper()
	target, kind := h.inbox()+"/", "Maildir"
	rule := ":0"
	if h.layout.name == "mbox" {
		target, kind, rule = h.inbox(), "mbox", ":0:"
	}
	for name, text := range map[string]string{
		"procmailrc": fmt.Sprintf("SHELL=/bin/sh\nPATH=/usr/bin:/bin\nLOGFILE=%[1]s/home/procmail.log\nMAILDIR=%[1]s/home\nLOCKSLEEP=1\n%[2]s\n%[3]s\n", h.place, rule, target),
		"muttrc": fmt.Sprintf("set mbox_type=%s folder=%s/home spoolfile=%s delete=yes confirmappend=no move=no quit=yes wait_key=no\n"+
			"set mark_old=no header_cache='' sleep_time=0 timeout=1 mail_check=0\n", kind, h.place, h.inbox()),
	} {
		if err := os.WriteFile(filepath.Join(h.place, "home", name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	giveAway(h.t, filepath.Join(h.place, "home"))
}
