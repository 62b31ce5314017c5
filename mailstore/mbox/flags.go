package mbox

import (
	"context"
	"errors"

	"restante/mailstore"
	"restante/mailstore/index"
)

// SetFlags changes flags, in place where the header has room.
func (m *Mailbox) SetFlags(ctx context.Context, uids mailstore.UIDSet, op mailstore.FlagOp, flags mailstore.Flags, opt mailstore.SetFlagsOptions) (mailstore.SetFlagsResult, error) {
	var res mailstore.SetFlagsResult
	err := m.change(ctx, "set flags in", func(r *rewriter) error {
		e := m.newEditing(r)
		for entry := range m.among(uids) {
			if (opt.Conditional || opt.UnchangedSince > 0) && entry.ModSeq > opt.UnchangedSince {
				res.Failed.Add(entry.UID)
				continue
			}
			if f := opt.Apply(op, entry.Flags, flags); f != entry.Flags {
				res.Changed.Add(entry.UID)
				e.flags = append(e.flags, newFlags{entry.UID, f})
			}
		}
		if res.Changed.Empty() {
			return nil
		}
		modSeq, err := e.run()
		res.ModSeq = modSeq
		return err
	})
	if err != nil {
		return mailstore.SetFlagsResult{}, err
	}
	return res, nil
}

// Expunge removes messages. On a full disk it may need several changes of the
// file for many; when one of them fails, those before it are done.
func (m *Mailbox) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	var removed mailstore.UIDSet
	err := m.change(ctx, "expunge", func(r *rewriter) (err error) {
		removed, err = m.expunge(r, uids, onlyDeleted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return removed, nil
}

// expunge removes messages for who has the locks.
func (m *Mailbox) expunge(r *rewriter, uids mailstore.UIDSet, onlyDeleted bool) (removed mailstore.UIDSet, err error) {
	e := m.newEditing(r)
	for entry := range m.among(uids) {
		if !onlyDeleted || entry.Flags.Has(mailstore.Deleted) {
			removed.Add(entry.UID)
		}
	}
	if removed.Empty() {
		return nil, nil
	}
	e.gone = removed
	for _, msg := range m.readers.of(removed) {
		// Whoever reads a large message on a full disk must do without its end.
		if err := m.keepMessage(msg); err != nil && !isFull(err) {
			return nil, err
		}
	}
	if _, err = e.run(); err == nil {
		m.acct.reserve.fill()
	}
	return removed, err
}

func (m *Mailbox) keepMessage(msg *openMessage) error {
	m.io.RLock()
	defer m.io.RUnlock()
	return msg.keep()
}

// ClaimRecent takes Recent from all messages. That they are claimed is durable
// in the state file; the mbox gets its `Status: O` with the next change, or when
// the mailbox is closed.
func (m *Mailbox) ClaimRecent(ctx context.Context) (mailstore.UIDSet, error) {
	m.used.Store(true)
	if m.gone() == nil && m.Status().Recent == 0 {
		return nil, nil
	}
	if err := m.begin(ctx); err != nil {
		return nil, m.fail("claim recent in", err)
	}
	defer m.end()
	claimed, err := m.claimRecent(ctx)
	return claimed, m.fail("claim recent in", err)
}

func (m *Mailbox) claimRecent(ctx context.Context) (claimed mailstore.UIDSet, err error) {
	for range maxMoved {
		if claimed, err = m.tryClaimRecent(ctx); !errors.Is(err, errForeign) {
			break
		}
		m.foreign = true
	}
	return claimed, err
}

func (m *Mailbox) tryClaimRecent(ctx context.Context) (mailstore.UIDSet, error) {
	if err := m.refresh(ctx); err != nil {
		return nil, err
	}
	if m.Status().Recent == 0 {
		return nil, nil
	}
	before := m.claimed
	m.claimed = m.UIDNext() - 1
	if err := m.saveNew(m.UIDNext(), none); err != nil {
		m.claimed = before
		return nil, err
	}
	claimed := m.takeRecent(m.claimed)
	m.wantNotes = m.wantNotes || !m.ReadOnly()
	return claimed, nil
}

// takeRecent takes Recent from all messages up to a UID.
func (m *Mailbox) takeRecent(last mailstore.UID) (claimed mailstore.UIDSet) {
	recent := mailstore.NewFlags(mailstore.Recent)
	m.Update(func(tx *index.Tx[loc]) {
		for r, l := range tx.All(mailstore.UIDSet{{First: 1, Last: last}}) {
			if r.Flags.Has(mailstore.Recent) {
				claimed.Add(r.UID)
				l.bits &^= bitRecent
				tx.SetData(r.UID, l)
				tx.SetFlags(r.UID, r.Flags.Without(recent))
			}
		}
	})
	return claimed
}
