package mbox

import (
	"context"
	"errors"
	"io"
	"time"

	"restante/mailstore"
)

var errForeignMailbox = errors.New("the destination belongs to another account")

// Copy adds copies to dest.
func (m *Mailbox) Copy(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	res, err := m.copyTo(ctx, uids, dest)
	return res, m.fail("copy from", err)
}

// Move adds copies to dest and, when they are durable, removes the originals. A
// crash between the two leaves both.
func (m *Mailbox) Move(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	if m.ReadOnly() {
		return mailstore.CopyResult{}, m.fail("move from", errors.Join(m.gone(), mailstore.ErrReadOnly))
	}
	res, err := m.copyTo(ctx, uids, dest)
	if err != nil || len(res.Source) == 0 {
		return res, m.fail("move from", err)
	}
	// Now there must be no way back: a cancelled context would leave copies.
	ctx = context.WithoutCancel(ctx)
	removed, err := m.Expunge(ctx, mailstore.NewUIDSet(res.Source...), false)
	if err != nil {
		return mailstore.CopyResult{}, errors.Join(m.fail("move from", err), m.takeBack(ctx, res, dest))
	}
	return m.onlyMoved(ctx, res, removed, dest)
}

// takeBack removes the copies of a move that failed, of those messages that are
// certainly still where they were.
func (m *Mailbox) takeBack(ctx context.Context, res mailstore.CopyResult, dest mailstore.Mailbox) error {
	if err := m.Refresh(ctx); err != nil {
		return err
	}
	var copies mailstore.UIDSet
	for i, uid := range res.Source {
		if _, there := m.Record(uid); there {
			copies.Add(res.Dest[i])
		}
	}
	_, err := dest.Expunge(ctx, copies, false)
	return err
}

// onlyMoved takes back the copies of messages that somebody else removed while
// they were copied: each message is moved or expunged by one session alone.
func (m *Mailbox) onlyMoved(ctx context.Context, res mailstore.CopyResult, removed mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	var surplus mailstore.UIDSet
	moved := mailstore.CopyResult{UIDValidity: res.UIDValidity}
	for i, uid := range res.Source {
		if !removed.Contains(uid) {
			surplus.Add(res.Dest[i])
			continue
		}
		moved.Source = append(moved.Source, uid)
		moved.Dest = append(moved.Dest, res.Dest[i])
	}
	if surplus.Empty() {
		return moved, nil
	}
	_, err := dest.Expunge(ctx, surplus, false)
	return moved, err
}

func (m *Mailbox) copyTo(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	to, mine := dest.(*Mailbox)
	if !mine || to.acct != m.acct {
		return mailstore.CopyResult{}, errForeignMailbox
	}
	if err := errors.Join(ctx.Err(), m.gone(), to.gone()); err != nil {
		return mailstore.CopyResult{}, err
	}
	a, err := to.newAppend(ctx)
	if err != nil {
		return mailstore.CopyResult{}, err
	}
	defer a.Abort()
	res := mailstore.CopyResult{UIDValidity: to.validity}
	for _, e := range m.Collect(uids) {
		err := m.addCopy(ctx, a, e.Record)
		if errors.Is(err, mailstore.ErrExpunged) {
			continue
		}
		if err != nil {
			return mailstore.CopyResult{}, err
		}
		res.Source = append(res.Source, e.UID)
	}
	if len(res.Source) == 0 {
		return res, nil
	}
	_, res.Dest, err = a.Commit(ctx)
	if err != nil {
		return mailstore.CopyResult{}, err
	}
	return res, nil
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
