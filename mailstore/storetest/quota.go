package storetest

import (
	"errors"
	"strings"

	"restante/mailstore"
)

var quotaTests = []test{
	{"what is not limited is not counted", quotaNone},
	{"append", quotaAppend},
	{"an announced size is enough to refuse", quotaAnnounced},
	{"copy and move", quotaTransfer},
	{"what others hold", quotaHeld},
	{"a replacement", quotaCredit},
	{"all mailboxes count, and what is gone does not", quotaTree},
}

// limit limits the account.
func (e *env) limit(octets, messages int64) {
	e.Helper()
	l, ok := e.acct.(mailstore.Limiter)
	if !ok {
		e.Fatalf("%T is no mailstore.Limiter", e.acct)
	}
	l.LimitTo(mailstore.Amount{Octets: octets, Messages: messages})
}

func (e *env) quota() mailstore.Quota {
	e.Helper()
	q, err := e.acct.Quota(e.ctx)
	e.ok(err, "quota")
	return q
}

// wantUsed checks what is counted: messages exactly, octets at least as many as the
// messages have with LF, and not many more for each.
func (e *env) wantUsed(messages ...string) {
	e.Helper()
	least := 0
	for _, m := range messages {
		least += len(strings.ReplaceAll(m, "\r\n", "\n"))
	}
	most := least + 600*len(messages) + 100
	used := e.quota().Used
	if used.Messages != int64(len(messages)) || used.Octets < int64(least) || used.Octets > int64(most) {
		e.Errorf("%+v is counted, want %d messages with %d to %d octets", used, len(messages), least, most)
	}
}

const plenty = 1 << 40

func quotaNone(e *env) {
	m := e.box("INBOX")
	e.add(m, text("a"))
	if q := e.quota(); q != (mailstore.Quota{}) {
		e.Errorf("the quota is %+v, want none", q)
	}
	e.limit(mailstore.NoLimit, mailstore.NoLimit)
	if q := e.quota(); q != (mailstore.Quota{}) {
		e.Errorf("the quota is %+v, want none", q)
	}
	e.limit(mailstore.NoLimit, 7)
	if q := e.quota(); q.Limit != (mailstore.Amount{Messages: 7}) || q.Used.Messages != 1 {
		e.Errorf("the quota is %+v, want 1 message of 7", q)
	}
}

func quotaAppend(e *env) {
	m := e.box("INBOX")
	e.limit(plenty, 2)
	e.add(m, text("a"))
	_, err := appendAll(e.ctx, m, mailstore.AppendOptions{}, text("b"), text("c"))
	e.is(err, mailstore.ErrOverQuota, "append two where one has room")
	e.wantUIDs(m, 1)
	uids := e.add(m, text("b"))
	_, err = appendAll(e.ctx, m, mailstore.AppendOptions{}, text("c"))
	e.is(err, mailstore.ErrOverQuota, "append a third")
	e.wantUsed(text("a"), text("b"))
	e.expunge(m, uids...)
	e.add(m, text("d"))
	e.limit(e.quota().Used.Octets+100, 0)
	_, err = appendAll(e.ctx, m, mailstore.AppendOptions{}, text(strings.Repeat("x", 200)))
	e.is(err, mailstore.ErrOverQuota, "append what is too large")
	e.limit(plenty, 0)
	e.add(m, text(strings.Repeat("x", 200)))
}

// unread fails the test when it is read.
type unread struct{}

var errWasRead = errors.New("the message was read")

func (unread) Read([]byte) (int, error) { return 0, errWasRead }

func quotaAnnounced(e *env) {
	m := e.box("INBOX")
	e.limit(1000, 0)
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "begin")
	defer a.Abort()
	e.is(a.Add(mailstore.AppendOptions{Size: 2000}, unread{}), mailstore.ErrOverQuota, "add what is too large")
	// A wrong announcement does not help.
	e.is(a.Add(mailstore.AppendOptions{Size: 1}, strings.NewReader(text(strings.Repeat("x", 2000)))), mailstore.ErrOverQuota, "add what is larger than it said")
	e.is(a.Add(mailstore.AppendOptions{}, strings.NewReader(text(strings.Repeat("x", 2000)))), mailstore.ErrOverQuota, "add what does not say how large it is")
}

func quotaTransfer(e *env) {
	m, other := e.box("INBOX"), e.newBox("Other")
	uids := e.add(m, text("a"), text("b"))
	e.limit(plenty, 3)
	_, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids...), other)
	e.is(err, mailstore.ErrOverQuota, "copy two where one has room")
	e.wantUIDs(other)
	_, err = m.Copy(e.ctx, mailstore.NewUIDSet(uids[0]), other)
	e.ok(err, "copy one")
	_, err = m.Copy(e.ctx, mailstore.NewUIDSet(99), other)
	e.ok(err, "copy what is not there")
	e.wantUsed(text("a"), text("b"), text("a"))
	e.limit(1, 1)
	_, err = m.Move(e.ctx, mailstore.AllUIDs(), other)
	e.ok(err, "move above the limit")
	e.wantUsed(text("a"), text("b"), text("a"))
}

func quotaHeld(e *env) {
	m := e.box("INBOX")
	e.limit(plenty, 1)
	first, err := m.NewAppend(e.ctx)
	e.ok(err, "begin")
	defer first.Abort()
	e.ok(first.Add(mailstore.AppendOptions{}, strings.NewReader(text("a"))), "add")
	_, err = appendAll(e.ctx, m, mailstore.AppendOptions{}, text("b"))
	e.is(err, mailstore.ErrOverQuota, "append while another one holds the room")
	first.Abort()
	e.add(m, text("b"))
	e.wantUsed(text("b"))
}

func quotaCredit(e *env) {
	m := e.box("INBOX")
	e.add(m, text("a"))
	e.limit(plenty, 1)
	ctx := mailstore.WithCredit(e.ctx, mailstore.Amount{Octets: 1, Messages: 1})
	_, err := appendAll(ctx, m, mailstore.AppendOptions{}, text("b"), text("c"))
	e.is(err, mailstore.ErrOverQuota, "replace one by two")
	_, err = appendAll(ctx, m, mailstore.AppendOptions{}, text("b"))
	e.ok(err, "replace")
	e.wantUIDs(m, 1, 2)
}

func quotaTree(e *env) {
	e.add(e.box("INBOX"), text("a"))
	e.add(e.newBox("Other"), text("b"), text("c"))
	e.add(e.newBox(e.name("Place", "Below")), text("d"))
	e.reopen()
	e.limit(plenty, plenty)
	e.wantUsed(text("a"), text("b"), text("c"), text("d"))
	e.ok(e.acct.Delete(e.ctx, "Other"), "delete")
	e.wantUsed(text("a"), text("d"))
	e.ok(e.acct.Rename(e.ctx, "INBOX", "Kept"), "rename INBOX")
	e.wantUsed(text("a"), text("d"))
}
