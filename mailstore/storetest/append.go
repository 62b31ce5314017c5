package storetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"restante/mailstore"
)

var appendTests = []test{
	{"one message", appendOne},
	{"several are one batch", appendSeveral},
	{"zero date is now", appendNow},
	{"abort", appendAbort},
	{"failing reader", appendFailingReader},
	{"ended context", appendEndedContext},
	{"streams hold no lock", appendStreams},
	{"large message", appendLarge},
	{"UIDs rise and are never given twice", appendUIDs},
	{"recent is claimed once", appendRecent},
}

func appendOne(e *env) {
	m := e.box("inbox")
	before := m.Status()
	opt := mailstore.AppendOptions{
		Flags: mailstore.NewFlags(mailstore.Seen|mailstore.Flagged|mailstore.Recent, "$Forwarded", "work"),
		Date:  day(1),
	}
	msg := text("one")
	uid := e.addWith(m, opt, msg)[0]
	if uid < before.UIDNext {
		e.Errorf("UID %d is below the UIDNEXT %d of before", uid, before.UIDNext)
	}
	e.wantFlags(m, uid, opt.Flags)
	r := e.filled(m, uid)
	if r.Date != day(1).Unix() || r.Size != int64(len(msg)) || r.ModSeq <= before.HighestModSeq {
		e.Errorf("record %+v; want date %d, size %d, mod-sequence above %d", r, day(1).Unix(), len(msg), before.HighestModSeq)
	}
	if !r.InternalDate().Equal(day(1)) {
		e.Errorf("internal date %v", r.InternalDate())
	}
	if got := e.read(m, uid); got != msg {
		e.Errorf("read %q, want %q", got, msg)
	}
	e.checkStatus(m)
}

func appendSeveral(e *env) {
	m := e.box(mailstore.Inbox)
	_, c := m.Follow()
	defer c.Close()
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "new append")
	defer a.Abort()
	for i, id := range []string{"a", "b", "c"} {
		e.ok(a.Add(mailstore.AppendOptions{Date: day(1 + i)}, strings.NewReader(text(id))), "add")
	}
	if changes, _ := c.Next(); len(changes) != 0 || m.Status().Messages != 0 {
		e.Errorf("before Commit there is %v, %+v", changes, m.Status())
	}
	validity, uids, err := a.Commit(e.ctx)
	e.ok(err, "commit")
	if validity != m.UIDValidity() || len(uids) != 3 || !slices.IsSorted(uids) {
		e.Fatalf("committed as %v of UIDVALIDITY %d, want %d", uids, validity, m.UIDValidity())
	}
	for i, id := range []string{"a", "b", "c"} {
		if got := e.read(m, uids[i]); got != text(id) {
			e.Errorf("message %d is %q, want %q", i, got, text(id))
		}
		if r := e.filled(m, uids[i]); r.Date != day(1+i).Unix() {
			e.Errorf("message %d has date %v", i, r.InternalDate())
		}
	}
	changes, lost := c.Next()
	if len(changes) != 3 || lost || changes[0].ModSeq != changes[2].ModSeq {
		e.Errorf("changes %v, lost %v; want three of one batch", changes, lost)
	}
	if _, _, err := a.Commit(e.ctx); err == nil {
		e.Error("committed twice")
	}
	a.Abort() // now without effect
	e.wantUIDs(m, uids...)
	e.checkStatus(m)
}

func appendNow(e *env) {
	m := e.box(mailstore.Inbox)
	before := time.Now().Add(-2 * time.Second) // the clock of a file system lags
	uid := e.add(m, text("x"))[0]
	if date := e.filled(m, uid).InternalDate(); date.Before(before) || date.After(time.Now().Add(2*time.Second)) {
		e.Errorf("internal date %v is not now", date)
	}
}

func appendAbort(e *env) {
	m := e.box(mailstore.Inbox)
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "new append")
	e.ok(a.Add(mailstore.AppendOptions{}, strings.NewReader(text("x"))), "add")
	a.Abort()
	a.Abort()
	if err := a.Add(mailstore.AppendOptions{}, strings.NewReader(text("x"))); err == nil {
		e.Error("Add after Abort succeeds")
	}
	if _, _, err := a.Commit(e.ctx); err == nil {
		e.Error("Commit after Abort succeeds")
	}
	e.wantUIDs(m)

	a, err = m.NewAppend(e.ctx)
	e.ok(err, "new append")
	if _, uids, err := a.Commit(e.ctx); len(uids) != 0 || err != nil {
		e.Errorf("commit of nothing: %v, %v", uids, err)
	}
	a.Abort()
	e.wantUIDs(m)
}

var errRead = errors.New("the client has hung up")

func appendFailingReader(e *env) {
	m := e.box(mailstore.Inbox)
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "new append")
	defer a.Abort()
	e.ok(a.Add(mailstore.AppendOptions{}, strings.NewReader(text("first"))), "add")
	broken := io.MultiReader(strings.NewReader(text("broken")), failingReader{})
	e.is(a.Add(mailstore.AppendOptions{}, broken), errRead, "add from a failing reader")
	e.ok(a.Add(mailstore.AppendOptions{}, strings.NewReader(text("second"))), "add after a failure")
	_, uids, err := a.Commit(e.ctx)
	e.ok(err, "commit")
	if len(uids) != 2 {
		e.Fatalf("committed %v, want two messages", uids)
	}
	if a, b := e.read(m, uids[0]), e.read(m, uids[1]); a != text("first") || b != text("second") {
		e.Errorf("committed %q and %q", a, b)
	}
	e.checkStatus(m)
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errRead }

func appendEndedContext(e *env) {
	m := e.box(mailstore.Inbox)
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "new append")
	defer a.Abort()
	e.ok(a.Add(mailstore.AppendOptions{}, strings.NewReader(text("x"))), "add")
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, uids, err := a.Commit(ctx)
	a.Abort()
	if err == nil {
		e.wantUIDs(m, uids...) // it may be too late to stop
	} else {
		e.wantUIDs(m)
	}
	e.checkStatus(m)
}

// appendStreams appends and changes flags in the middle of another append.
func appendStreams(e *env) {
	m := e.box(mailstore.Inbox)
	first := e.add(m, text("first"))[0]
	var second mailstore.UID
	slow := readerFunc(func() {
		second = e.add(m, text("second"))[0]
		e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), first)
		e.ok(m.Refresh(e.ctx), "refresh")
	})
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "new append")
	defer a.Abort()
	msg := text("slow")
	e.ok(a.Add(mailstore.AppendOptions{}, io.MultiReader(strings.NewReader(msg[:9]), slow, strings.NewReader(msg[9:]))), "add")
	_, uids, err := a.Commit(e.ctx)
	e.ok(err, "commit")
	e.wantUIDs(m, first, second, uids[0])
	e.wantFlags(m, first, mailstore.NewFlags(mailstore.Seen))
	if got := e.read(m, uids[0]); got != msg {
		e.Errorf("read %q, want %q", got, msg)
	}
}

// readerFunc is called once and then at its end.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

func appendLarge(e *env) {
	m := e.box(mailstore.Inbox)
	msg := text("large") + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef\r\n", 60_000)
	uid := e.add(m, msg)[0]
	if got := e.read(m, uid); got != msg {
		e.Errorf("a message of %d octets comes back with %d and other content", len(msg), len(got))
	}
	if r := e.filled(m, uid); r.Size != int64(len(msg)) {
		e.Errorf("size %d, want %d", r.Size, len(msg))
	}
}

func appendUIDs(e *env) {
	m := e.box(mailstore.Inbox)
	validity := m.UIDValidity()
	var last mailstore.UID
	check := func(uids []mailstore.UID) {
		e.Helper()
		for _, uid := range uids {
			if uid <= last {
				e.Errorf("UID %d was given after %d", uid, last)
			}
			last = uid
		}
		if next := m.Status().UIDNext; next <= last {
			e.Errorf("UIDNEXT %d after UID %d", next, last)
		}
	}
	check(e.add(m, text("a"), text("b"), text("c")))
	e.expunge(m, last)
	check(e.add(m, text("d")))
	e.expunge(m, e.uids(m)...)
	next := m.Status().UIDNext
	for round := range 3 {
		e.reopen()
		m = e.box(mailstore.Inbox)
		if m.UIDValidity() != validity {
			e.Fatalf("UIDVALIDITY was %d, is %d", validity, m.UIDValidity())
		}
		if s := m.Status(); s.UIDNext < next {
			e.Errorf("UIDNEXT was %d, is %d after reopening", next, s.UIDNext)
		}
		check(e.add(m, text("e")))
		if round > 0 {
			e.expunge(m, last)
		}
		next = m.Status().UIDNext
	}
}

func appendRecent(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	for _, uid := range uids {
		if !e.record(m, uid).Flags.Has(mailstore.Recent) {
			e.Errorf("new message %d is not recent", uid)
		}
	}
	e.setFlags(m, mailstore.ReplaceFlags, mailstore.NewFlags(mailstore.Seen), uids[0])
	e.setFlags(m, mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Recent), uids[0])
	claim := func(want ...mailstore.UID) {
		e.Helper()
		got, err := m.ClaimRecent(e.ctx)
		e.ok(err, "claim recent")
		if !slices.Equal(got, mailstore.NewUIDSet(want...)) {
			e.Errorf("claimed %v, want %v", got, want)
		}
	}
	claim(uids...)
	claim()
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Recent), uids[1])
	claim()
	e.wantFlags(m, uids[0], mailstore.NewFlags(mailstore.Seen))
	e.checkStatus(m)
	e.reopen()
	m = e.box(mailstore.Inbox)
	claim()
	more := e.add(m, text("c"))
	claim(more...)
}
