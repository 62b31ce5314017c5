package mbox

import (
	"context"
	"errors"
	"io"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// pending is an append that was begun. It implements mailstore.Append.
type pending struct {
	m        *Mailbox
	ctx      context.Context
	claim    *mailstore.Claim
	spool    spool
	messages []spooled
	done     bool

	// What became of it; for who waits on ready.
	ready chan struct{}
	uids  []mailstore.UID
	err   error
}

// NewAppend begins an append.
func (m *Mailbox) NewAppend(ctx context.Context) (mailstore.Append, error) {
	a, err := m.newAppend(ctx)
	if err == nil {
		a.claim, err = m.acct.Claim(ctx)
	}
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
	if err := a.claim.Add(opt.Size, 1); err != nil {
		return a.m.fail("append", err)
	}
	before := a.spool.size
	msg, err := a.spool.take(ctxReader{a.ctx, r})
	if err == nil {
		err = a.claim.Add(max(a.spool.size-before-opt.Size, 0), 0)
	}
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
		a.claim.Release()
	}
}

// Commit writes the messages to the end of the mbox, together with those of
// others who commit at the same time.
func (a *pending) Commit(ctx context.Context) (uint32, []mailstore.UID, error) {
	if a.done {
		return 0, nil, a.m.fail("append", errAppendEnded)
	}
	defer a.Abort()
	if len(a.messages) == 0 {
		return a.m.validity, nil, a.m.fail("append", a.m.gone())
	}
	if err := a.m.committer.commit(ctx, a.m, a); err != nil {
		return 0, nil, a.m.fail("append", err)
	}
	a.claim.Settle()
	return a.m.validity, a.uids, nil
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
func (m *Mailbox) lookAgain(last *index.Entry[loc], end int64) error {
	if last == nil {
		return nil
	}
	p := newParser(m.h, last.Data.off, end, m.acct.opt.Zone)
	p.style, p.first = m.style, last.Data.off == m.style.start
	f := p.message(last.Data.off)
	if p.w.err != nil {
		return p.w.err
	}
	f.bits |= last.Data.bits & (bitStamped | bitRecent)
	m.io.Lock()
	defer m.io.Unlock()
	m.layoutGen++
	m.Learn(func(tx *index.Tx[loc]) {
		tx.SetData(last.UID, f.loc)
		tx.SetAttrs(last.UID, f.size, mailstore.Unknown)
	})
	return nil
}

// carriesNoMail reports whether the file has no message that could carry
// X-IMAPbase: then the first new one does.
func (m *Mailbox) carriesNoMail() bool { return m.Len() == 0 && !m.base.pseudo }

// noteKeywords remembers to write down keywords that X-IMAPbase does not list.
//
// QUIRK: Dovecot drops X-Keywords with a word that is not listed there.
func (m *Mailbox) noteKeywords(list *foundList) {
	for f := range list.all() {
		if len(withWords(m.base.keywords, f.keywords)) > len(m.base.keywords) {
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
