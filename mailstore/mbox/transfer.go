package mbox

import (
	"context"
	"errors"
	"io"
	"time"

	"restante/mailstore"
)

var errForeignMailbox = errors.New("the destination belongs to another account")

// transfer is a copy or move that is being prepared: the messages are in the
// spool, nothing is locked.
type transfer struct {
	from, to *Mailbox
	pending  *pending
	source   []mailstore.UID // of the messages in pending
}

// Copy adds copies to dest.
func (m *Mailbox) Copy(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	claim, err := m.acct.Claim(ctx)
	if err != nil {
		return mailstore.CopyResult{}, m.fail("copy from", err)
	}
	t, err := m.newTransfer(ctx, uids, dest, claim)
	if err != nil {
		claim.Release()
		return mailstore.CopyResult{}, m.fail("copy from", err)
	}
	defer t.pending.Abort()
	res := mailstore.CopyResult{UIDValidity: t.to.validity}
	if len(t.source) == 0 {
		return res, nil
	}
	if _, res.Dest, err = t.pending.Commit(ctx); err != nil {
		return mailstore.CopyResult{}, m.fail("copy from", err)
	}
	res.Source = t.source
	return res, nil
}

// Move adds copies to dest and, when they are durable, removes the originals. A
// crash between the two leaves both. Nobody else can remove a message while it
// is moved: both mailboxes are locked.
func (m *Mailbox) Move(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	t, err := m.newTransfer(ctx, uids, dest, nil)
	if err != nil {
		return mailstore.CopyResult{}, m.fail("move from", err)
	}
	defer t.pending.Abort()
	if len(t.source) == 0 {
		return mailstore.CopyResult{UIDValidity: t.to.validity}, nil
	}
	var res mailstore.CopyResult
	err = t.locked(ctx, func(from, to *rewriter) (err error) {
		res, err = t.move(from, to)
		return err
	})
	if err != nil {
		return mailstore.CopyResult{}, m.fail("move from", err)
	}
	return res, nil
}

// newTransfer reads the messages; room for them is claimed from claim.
func (m *Mailbox) newTransfer(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox, claim *mailstore.Claim) (*transfer, error) {
	to, mine := dest.(*Mailbox)
	if !mine || to.acct != m.acct {
		return nil, errForeignMailbox
	}
	if err := errors.Join(ctx.Err(), m.gone(), to.gone()); err != nil {
		return nil, err
	}
	a, err := to.newAppend(ctx)
	if err != nil {
		return nil, err
	}
	a.claim = claim
	t := &transfer{from: m, to: to, pending: a}
	entries := m.Collect(uids)
	progress := mailstore.ProgressOf(ctx).Track(int64(len(entries)))
	for _, e := range entries {
		progress.Add(1)
		err := m.addCopy(ctx, a, e.Record)
		if errors.Is(err, mailstore.ErrExpunged) {
			continue
		}
		if err != nil {
			a.Abort()
			return nil, err
		}
		t.source = append(t.source, e.UID)
	}
	return t, nil
}

func (m *Mailbox) addCopy(ctx context.Context, a *pending, r mailstore.Record) error {
	msg, err := m.openMessage(ctx, r.UID)
	if err != nil {
		return err
	}
	opt := mailstore.AppendOptions{Flags: r.Flags, Date: time.Unix(r.Date, 0)}
	err = a.Add(opt, io.NewSectionReader(msg, 0, msg.Len()))
	return errors.Join(err, msg.Close())
}

// locked runs fn with the locks of both mailboxes. They are taken in the order
// in which the mailboxes were opened, so that two moves in opposite directions
// do not wait for each other.
func (t *transfer) locked(ctx context.Context, fn func(from, to *rewriter) error) error {
	first, second := t.from, t.to
	if first == second {
		return first.locked(ctx, func(r *rewriter) error { return fn(r, r) })
	}
	if second.serial < first.serial {
		first, second = second, first
	}
	return first.locked(ctx, func(r *rewriter) error {
		return second.locked(ctx, func(s *rewriter) error {
			if first == t.from {
				return fn(r, s)
			}
			return fn(s, r)
		})
	})
}

// move writes the copies of what is still there and removes the originals.
func (t *transfer) move(from, to *rewriter) (mailstore.CopyResult, error) {
	res := mailstore.CopyResult{UIDValidity: t.to.validity}
	messages := t.pending.messages
	t.pending.messages = nil
	for i, uid := range t.source {
		if r, there := t.from.Record(uid); there {
			messages[i].flags = r.Flags.Without(mailstore.NewFlags(mailstore.Recent))
			t.pending.messages = append(t.pending.messages, messages[i])
			res.Source = append(res.Source, uid)
		}
	}
	if len(res.Source) == 0 {
		return res, nil
	}
	var err error
	b := batch{m: t.to, list: []*pending{t.pending}}
	if err = b.commit(to); err != nil {
		return res, err
	}
	to.j.done()
	res.Dest = t.pending.uids
	if _, err = t.from.expunge(from, mailstore.NewUIDSet(res.Source...), false); err != nil {
		return res, errors.Join(err, t.takeBack(to, res))
	}
	return res, nil
}

// takeBack removes the copies of a move that failed, of those messages that are
// certainly still where they were.
func (t *transfer) takeBack(to *rewriter, res mailstore.CopyResult) error {
	if err := t.from.sync(nil); err != nil {
		return err
	}
	var copies mailstore.UIDSet
	for i, uid := range res.Source {
		if _, there := t.from.Record(uid); there {
			copies.Add(res.Dest[i])
		}
	}
	_, err := t.to.expunge(to, copies, false)
	return err
}
