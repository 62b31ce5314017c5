package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
)

// env is one running test: the account, what is open, and short words for what
// tests do all the time. Its methods end the test when something fails that is
// not the test's subject.
type env struct {
	*testing.T
	ctx  context.Context
	h    Harness
	acct mailstore.Account
	open []mailstore.Mailbox
}

func newEnv(t *testing.T, h Harness) *env {
	e := &env{T: t, ctx: t.Context(), h: h, acct: h.Account}
	t.Cleanup(func() {
		e.closeAll()
		if h.Check != nil {
			h.Check(t)
		}
	})
	return e
}

func (e *env) closeAll() {
	e.Helper()
	for _, m := range e.open {
		e.ok(m.Close(), "close mailbox")
	}
	e.open = nil
	if e.acct != nil {
		e.ok(e.acct.Close(), "close account")
	}
	e.acct = nil
}

// reopen closes everything and opens the account as another process would.
func (e *env) reopen() {
	e.Helper()
	e.closeAll()
	e.acct = e.h.Reopen(e.T)
}

// need skips the test when the format lacks the ability.
func (e *env) need(a Ability) {
	e.Helper()
	if why, lacks := e.h.Cannot[a]; lacks {
		e.Skipf("not a format that %s: %s", a, why)
	}
}

func (e *env) can(a Ability) bool {
	_, lacks := e.h.Cannot[a]
	return !lacks
}

func (e *env) ok(err error, what string) {
	e.Helper()
	if err != nil {
		e.Fatalf("%s: %v", what, err)
	}
}

// is checks that err is of the wanted kind.
func (e *env) is(err, want error, what string) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// delim joins levels to a name.
func (e *env) name(levels ...string) string {
	return strings.Join(levels, string(e.acct.Delimiter()))
}

func (e *env) create(name string) {
	e.Helper()
	e.ok(e.acct.Create(e.ctx, name), "create "+name)
}

// box opens a mailbox until the end of the test or reopen.
func (e *env) box(name string) mailstore.Mailbox {
	e.Helper()
	m, err := e.acct.Open(e.ctx, name)
	e.ok(err, "open "+name)
	e.open = append(e.open, m)
	return m
}

// newBox creates and opens.
func (e *env) newBox(name string) mailstore.Mailbox {
	e.Helper()
	e.create(name)
	return e.box(name)
}

// text is a small well-formed message that can be told from others.
func text(id string) string {
	return "From: a@example.org\r\nSubject: " + id + "\r\n\r\nThis is " + id + ".\r\n"
}

// add appends messages in one go and returns their UIDs.
func (e *env) add(m mailstore.Mailbox, messages ...string) []mailstore.UID {
	e.Helper()
	return e.addWith(m, mailstore.AppendOptions{}, messages...)
}

func (e *env) addWith(m mailstore.Mailbox, opt mailstore.AppendOptions, messages ...string) []mailstore.UID {
	e.Helper()
	uids, err := appendAll(e.ctx, m, opt, messages...)
	e.ok(err, "append to "+m.Name())
	return uids
}

// appendAll is add for goroutines other than the test's.
func appendAll(ctx context.Context, m mailstore.Mailbox, opt mailstore.AppendOptions, messages ...string) ([]mailstore.UID, error) {
	a, err := m.NewAppend(ctx)
	if err != nil {
		return nil, err
	}
	defer a.Abort()
	for _, msg := range messages {
		if err := a.Add(opt, strings.NewReader(msg)); err != nil {
			return nil, err
		}
	}
	validity, uids, err := a.Commit(ctx)
	if err != nil {
		return nil, err
	}
	if validity != m.UIDValidity() || len(uids) != len(messages) {
		return nil, fmt.Errorf("committed %d messages as %v of UIDVALIDITY %d, mailbox has %d", len(messages), uids, validity, m.UIDValidity())
	}
	return uids, nil
}

// read returns the message in CRLF form.
func (e *env) read(m mailstore.Mailbox, uid mailstore.UID) string {
	e.Helper()
	s, err := readAll(e.ctx, m, uid)
	e.ok(err, fmt.Sprintf("read message %d of %s", uid, m.Name()))
	return s
}

func readAll(ctx context.Context, m mailstore.Mailbox, uid mailstore.UID) (string, error) {
	msg, err := m.OpenMessage(ctx, uid)
	if err != nil {
		return "", err
	}
	s, err := slurp(msg)
	return s, errors.Join(err, msg.Close())
}

// slurp reads an open message and returns it in CRLF form.
func slurp(msg mailstore.Message) (string, error) {
	data, err := io.ReadAll(io.NewSectionReader(msg, 0, msg.Len()))
	if err == nil && int64(len(data)) != msg.Len() {
		err = fmt.Errorf("read %d bytes of %d", len(data), msg.Len())
	}
	return crlf(string(data)), err
}

// crlf puts CR before each bare LF: the form that clients see, in which
// formats that store LF and formats that store CRLF must agree.
func crlf(s string) string {
	var b bytes.Buffer
	for i := range len(s) {
		if s[i] == '\n' && (i == 0 || s[i-1] != '\r') {
			b.WriteByte('\r')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// uids are those of all messages.
func (e *env) uids(m mailstore.Mailbox) []mailstore.UID {
	uids, c := m.Follow()
	c.Close()
	return uids
}

func (e *env) wantUIDs(m mailstore.Mailbox, want ...mailstore.UID) {
	e.Helper()
	if got := e.uids(m); !slices.Equal(got, want) {
		e.Errorf("%s holds messages %v, want %v", m.Name(), got, want)
	}
}

func (e *env) record(m mailstore.Mailbox, uid mailstore.UID) mailstore.Record {
	e.Helper()
	r, found := m.Record(uid)
	if !found {
		e.Fatalf("no record of message %d in %s", uid, m.Name())
	}
	return r
}

// filled is record with all attributes known.
func (e *env) filled(m mailstore.Mailbox, uid mailstore.UID) mailstore.Record {
	e.Helper()
	e.ok(m.Fill(e.ctx, mailstore.NewUIDSet(uid), mailstore.AttrSize|mailstore.AttrDate), "fill")
	return e.record(m, uid)
}

// flagText writes flags so that equal sets give equal texts: keywords in lower
// case, since a format may keep one spelling for a whole mailbox. Recent is left out.
func flagText(f mailstore.Flags) string {
	words := f.Keywords.List()
	for i, name := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`} {
		if f.Has(1 << i) {
			words = append(words, name)
		}
	}
	for i := range words {
		words[i] = strings.ToLower(words[i])
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func (e *env) wantFlags(m mailstore.Mailbox, uid mailstore.UID, want mailstore.Flags) {
	e.Helper()
	if got, want := flagText(e.record(m, uid).Flags), flagText(want); got != want {
		e.Errorf("message %d of %s has flags %q, want %q", uid, m.Name(), got, want)
	}
}

func (e *env) setFlags(m mailstore.Mailbox, op mailstore.FlagOp, f mailstore.Flags, uids ...mailstore.UID) mailstore.SetFlagsResult {
	e.Helper()
	res, err := m.SetFlags(e.ctx, mailstore.NewUIDSet(uids...), op, f, mailstore.SetFlagsOptions{})
	e.ok(err, "set flags")
	return res
}

func (e *env) expunge(m mailstore.Mailbox, uids ...mailstore.UID) {
	e.Helper()
	removed, err := m.Expunge(e.ctx, mailstore.NewUIDSet(uids...), false)
	e.ok(err, "expunge")
	if want := mailstore.NewUIDSet(uids...); !slices.Equal(removed, want) {
		e.Errorf("expunged %v, want %v", removed, want)
	}
}

// list returns the account's names with what is said of each, in order.
func (e *env) list() []mailstore.Info {
	e.Helper()
	list, err := e.acct.Mailboxes(e.ctx)
	e.ok(err, "list")
	return list
}

// info returns what the list says of a name.
func (e *env) info(name string) (mailstore.Info, bool) {
	e.Helper()
	list := e.list()
	i := slices.IndexFunc(list, func(in mailstore.Info) bool { return in.Name == name })
	if i < 0 {
		return mailstore.Info{}, false
	}
	return list[i], true
}

// checkStatus compares the numbers that are kept with a recount.
func (e *env) checkStatus(m mailstore.Mailbox) {
	e.Helper()
	if err := recount(e.ctx, m); err != nil {
		e.Error(err)
	}
}

func recount(ctx context.Context, m mailstore.Mailbox) error {
	if err := m.Fill(ctx, mailstore.AllUIDs(), mailstore.AttrSize|mailstore.AttrDate); err != nil {
		return err
	}
	got := m.Status()
	want := mailstore.Status{UIDValidity: m.UIDValidity(), UIDNext: got.UIDNext, HighestModSeq: got.HighestModSeq}
	for _, r := range m.Records(make([]mailstore.Record, 0, 1<<16), 1) {
		want.Messages++
		want.Size += r.Size
		if !r.Flags.Has(mailstore.Seen) {
			want.Unseen++
		}
		if r.Flags.Has(mailstore.Recent) {
			want.Recent++
		}
		if r.Flags.Has(mailstore.Deleted) {
			want.Deleted++
			want.DeletedSize += r.Size
		}
		if r.UID >= got.UIDNext || r.ModSeq > got.HighestModSeq {
			return fmt.Errorf("%s: %+v is above UIDNEXT or HIGHESTMODSEQ of %+v", m.Name(), r, got)
		}
		if r.Date == mailstore.Unknown || r.Size < 0 {
			return fmt.Errorf("%s: after Fill there is still %+v", m.Name(), r)
		}
	}
	if got != want {
		return fmt.Errorf("%s: status is %+v, a recount gives %+v", m.Name(), got, want)
	}
	return nil
}

// day is a date that no clock of today would give by itself.
func day(n int) time.Time {
	return time.Date(2003, time.March, n, 14, 5, 6, 0, time.UTC)
}
