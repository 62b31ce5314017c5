package maildir

import (
	"context"
	"errors"
	"slices"

	"restante/mailstore"
	"restante/mailstore/index"
)

// leaveLate is leaveOwed for nobody who waits.
func (m *mailbox) leaveLate() {
	err := m.leaveOwed(context.Background())
	if err != nil && !errors.Is(err, mailstore.ErrGone) && m.late.failed.CompareAndSwap(false, true) {
		m.a.log.Error("cannot move messages to cur, where they belong as they are no longer new; trying again", "mailbox", m.Name(), "err", err)
	}
}

// leaveOwed moves the messages from new/ to cur/ that ClaimRecent has taken Recent
// from, if that has not been done meanwhile. What fails is owed again.
func (m *mailbox) leaveOwed(ctx context.Context) error {
	if !m.late.leaving.Take() {
		return nil
	}
	var moved []update
	err := m.locked(ctx, "move to cur in", func() error {
		claimed := m.claimedInNew()
		err := m.changing(true, true, func() (err error) {
			moved, err = m.leaveNew(ctx, claimed)
			return err
		})
		m.Learn(func(tx *index.Tx[file]) {
			for _, u := range moved {
				if tx.SetData(u.uid, u.file) {
					delete(m.fresh, u.uid)
				}
			}
		})
		return err
	})
	if err != nil && !errors.Is(err, mailstore.ErrGone) {
		m.late.leaving.Owe(m.a.late, m.leaveLate)
	}
	if len(moved) > 0 {
		err = errors.Join(err, m.syncCur())
	}
	return err
}

// claimedInNew returns the messages in new/ that are not Recent.
func (m *mailbox) claimedInNew() []index.Entry[file] {
	var claimed []mailstore.UID
	for uid := range m.fresh {
		if r, there := m.Record(uid); there && !r.Flags.Has(mailstore.Recent) {
			claimed = append(claimed, uid)
		}
	}
	slices.Sort(claimed)
	return m.Collect(mailstore.NewUIDSet(claimed...))
}

// leaveNew moves messages to cur/, where the files may be changed, and returns those
// that are there.
func (m *mailbox) leaveNew(ctx context.Context, entries []index.Entry[file]) (moved []update, err error) {
	files := m.places(len(entries))
	defer files.close()
	for _, e := range entries {
		u := update{uid: e.UID}
		err := m.onFile(ctx, e.UID, func(_ mailstore.Record, f file) error {
			u.file = file{name: f.name}
			if f.inNew && f.base() == f.name {
				u.file.name += ":2,"
			}
			m.newDir.still = m.newDir.still && !f.inNew
			return files.rename(f, u.file)
		})
		switch {
		case err == nil:
			moved = append(moved, u)
		case isReadOnly(err):
			m.readOnly.Store(true)
			return moved, nil
		case !errors.Is(err, mailstore.ErrExpunged):
			return moved, err
		}
	}
	return moved, nil
}
