package mbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// pending is an append that was begun. It implements mailstore.Append.
type pending struct {
	m        *Mailbox
	ctx      context.Context
	spool    spool
	messages []spooled
	done     bool
}

// NewAppend begins an append.
func (m *Mailbox) NewAppend(ctx context.Context) (mailstore.Append, error) {
	a, err := m.newAppend(ctx)
	if err != nil {
		return nil, m.fail("append", err)
	}
	return a, nil
}

func (m *Mailbox) newAppend(ctx context.Context) (*pending, error) {
	if err := errors.Join(ctx.Err(), m.gone()); err != nil {
		return nil, err
	}
	if m.ReadOnly() {
		return nil, m.readOnlyError()
	}
	return &pending{m: m, ctx: ctx, spool: spool{fs: m.acct.opt.FS, dir: m.paths().notes}}, nil
}

var errAppendEnded = errors.New("the append has ended")

// Add takes one message.
func (a *pending) Add(opt mailstore.AppendOptions, r io.Reader) error {
	if a.done {
		return a.m.fail("append", errAppendEnded)
	}
	msg, err := a.spool.take(ctxReader{a.ctx, r})
	if err != nil {
		return a.m.fail("append", err)
	}
	msg.flags = opt.Flags
	msg.flags.System &^= mailstore.Recent
	date := opt.Date
	if date.IsZero() {
		date = time.Now()
	}
	msg.date = date.Unix()
	a.messages = append(a.messages, msg)
	return nil
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// Abort gives up.
func (a *pending) Abort() {
	if !a.done {
		a.done = true
		_ = a.spool.close() // nobody wants what is in it
	}
}

// Commit writes the messages to the end of the mbox.
func (a *pending) Commit(ctx context.Context) (uint32, []mailstore.UID, error) {
	if a.done {
		return 0, nil, a.m.fail("append", errAppendEnded)
	}
	defer a.Abort()
	if len(a.messages) == 0 {
		return a.m.validity, nil, a.m.fail("append", a.m.gone())
	}
	var uids []mailstore.UID
	err := a.m.change(ctx, "append", func(r *rewriter) (err error) {
		uids, err = a.commit(r)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return a.m.validity, uids, nil
}

// commit writes, reads what it has written as every reader of the file would,
// and only then lets it count.
func (a *pending) commit(r *rewriter) ([]mailstore.UID, error) {
	m := a.m
	first := m.UIDNext()
	if uint64(mailstore.MaxUID-first) <= uint64(len(a.messages)) {
		return nil, m.renumber()
	}
	start := m.snap.size
	lead, err := m.leadIn(start)
	if err != nil {
		return nil, err
	}
	end, err := r.append(start, func(w io.Writer) error { return a.compose(w, lead, first) })
	if err != nil {
		return nil, m.afterFailure(r, err)
	}
	uids, err := a.accept(start+int64(len(lead)), end, first)
	if err == nil && len(lead) > 0 {
		err = m.lookAgain(start + int64(len(lead)))
	}
	if err != nil {
		return nil, errors.Join(err, m.afterFailure(r, r.takeBackAppend()))
	}
	r.j.done()
	return uids, nil
}

// leadIn is the line end that the file lacks at its end.
func (m *Mailbox) leadIn(size int64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	var b [1]byte
	if _, err := m.h.ReadAt(b[:], size-1); err != nil {
		return nil, err
	}
	if b[0] == '\n' {
		return nil, nil
	}
	return newline, nil
}

// lookAgain parses the message again that ends at end, because it got a line end
// behind it.
func (m *Mailbox) lookAgain(end int64) error {
	var last *index.Entry[loc]
	for _, e := range m.entries() {
		if e.Data.off < end {
			last = &e
		}
	}
	if last == nil {
		return nil
	}
	p := newParser(m.h, last.Data.off, end, m.acct.opt.Zone)
	p.style, p.first = m.style, last.Data.off == m.style.start
	f := p.message(last.Data.off)
	if p.w.err != nil {
		return p.w.err
	}
	f.bits |= last.Data.bits & bitStamped
	m.io.Lock()
	defer m.io.Unlock()
	m.layoutGen++
	m.Update(func(tx *index.Tx[loc]) {
		tx.SetData(last.UID, f.loc)
		tx.SetAttrs(last.UID, f.size, mailstore.Unknown)
	})
	return nil
}

func (a *pending) compose(w io.Writer, lead []byte, uid mailstore.UID) error {
	if _, err := w.Write(lead); err != nil {
		return err
	}
	zone := a.m.acct.opt.Zone
	for i := range a.messages {
		msg := &a.messages[i]
		n := notes{uid: uid, system: msg.flags.System, keywords: msg.flags.Keywords, length: msg.bodyLength()}
		if i == 0 && a.m.carriesNoMail() {
			n.base = a.newBase()
		}
		from := appendFromLine(nil, msg.sender, msg.date, zone)
		if err := msg.compose(w, &a.spool, from, n.anew()); err != nil {
			return err
		}
		uid++
	}
	return nil
}

// carriesNoMail reports whether the file has no message that could carry
// X-IMAPbase: then the first new one does.
func (m *Mailbox) carriesNoMail() bool { return m.Len() == 0 && !m.base.pseudo }

func (a *pending) newBase() *base {
	b := base{found: true, validity: a.m.validity, last: a.m.UIDNext() + mailstore.UID(len(a.messages)) - 1}
	for _, msg := range a.messages {
		b.keywords = withWords(b.keywords, msg.flags.Keywords)
	}
	return &b
}

// errAppendLost: what was written does not read as what was meant.
var errAppendLost = errors.New("the message cannot be stored in an mbox file")

// accept reads the new messages from the file and adds them to the index.
func (a *pending) accept(start, end int64, first mailstore.UID) ([]mailstore.UID, error) {
	m := a.m
	p := newParser(m.h, start, end, m.acct.opt.Zone)
	p.style, p.first = m.style, m.carriesNoMail()
	list, err := p.rest(start)
	if err != nil {
		return nil, err
	}
	if len(list) != len(a.messages) {
		return nil, fmt.Errorf("%w: it reads as %d messages and not as %d", errAppendLost, len(list), len(a.messages))
	}
	fi, err := m.stat()
	if err != nil {
		return nil, err
	}
	var uids []mailstore.UID
	for i := range list {
		f, uid := &list[i], first+mailstore.UID(i)
		if f.uid != uid {
			return nil, fmt.Errorf("%w: its UID reads as %d and not as %d", errAppendLost, f.uid, uid)
		}
		f.resolved = resolved{stamped: true, fresh: true}
		f.bits |= bitStamped | bitRecent
		f.date = a.messages[i].date
		f.system, f.keywords = a.messages[i].flags.System|mailstore.Recent, a.messages[i].flags.Keywords
		uids = append(uids, uid)
	}
	if p.base.found {
		m.base = p.base
	}
	m.noteKeywords(list)
	next := first + mailstore.UID(len(list))
	if err := m.persist(list, next); err != nil {
		return nil, err
	}
	m.publish(list, next)
	m.setSnap(stampOf(fi))
	return uids, nil
}

// noteKeywords remembers to write down keywords that X-IMAPbase does not list.
//
// QUIRK: Dovecot drops X-Keywords with a word that is not listed there.
func (m *Mailbox) noteKeywords(list []found) {
	for i := range list {
		if len(withWords(m.base.keywords, list[i].keywords)) > len(m.base.keywords) {
			m.wantNotes = true
		}
	}
}

// afterFailure tries at once to end what a failed operation left half done.
func (m *Mailbox) afterFailure(r *rewriter, err error) error {
	if !errors.Is(err, errHalfDone) {
		return err
	}
	r.j.refused = true
	return errors.Join(err, m.recover(r))
}
