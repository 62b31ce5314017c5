package maildir

import (
	"context"
	"errors"
	"slices"

	"restante/mailstore"
	"restante/mailstore/index"
)

// Expunge removes the messages' files. It tells nobody before that is durable.
func (m *mailbox) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	var removed mailstore.UIDSet
	err := m.writing(ctx, "expunge", func() error {
		entries := m.Collect(uids)
		if onlyDeleted {
			entries = slices.DeleteFunc(entries, func(e index.Entry[file]) bool { return !e.Flags.Has(mailstore.Deleted) })
		}
		if len(entries) == 0 {
			return nil
		}
		err := m.changing(true, true, func() (err error) {
			removed, err = m.unlink(ctx, entries, onlyDeleted)
			return err
		})
		m.Update(func(tx *index.Tx[file]) {
			for _, r := range removed {
				for uid := r.First; uid <= r.Last; uid++ {
					m.remove(tx, uid)
				}
			}
		})
		return err
	})
	return removed, err
}

// unlink removes files and makes that durable. Another program may have taken
// \Deleted from a message in the meantime: then its name has changed, and we
// look again.
func (m *mailbox) unlink(ctx context.Context, entries []index.Entry[file], onlyDeleted bool) (mailstore.UIDSet, error) {
	var removed mailstore.UIDSet
	inNew, inCur := false, false
	var err error
	size := m.a.sizeChange()
	defer size.done()
	dir := m.dir()
	files := m.places(len(entries))
	defer files.close()
	progress := mailstore.ProgressOf(ctx).Track(int64(len(entries)))
	for i, e := range entries {
		progress.Add(1)
		if i%256 == 255 && ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		err = m.onFile(ctx, e.UID, func(r mailstore.Record, f file) error {
			if onlyDeleted && !r.Flags.Has(mailstore.Deleted) {
				return nil
			}
			octets := size.size(dir, f)
			if err := files.remove(f); err != nil {
				return err
			}
			size.remove(m, r.Flags.System, octets)
			inNew, inCur = inNew || f.inNew, inCur || !f.inNew
			removed.Add(e.UID)
			return nil
		})
		if err != nil && !errors.Is(err, mailstore.ErrExpunged) {
			break
		}
		err = nil
	}
	// Nobody waits for a sync of new/ when a message leaves it for cur/: a loss of power would
	// bring it back to where it was.
	inNew = inNew || inCur && !m.newDir.still
	synced := m.syncBoth(inNew, inCur)
	m.newDir.still = m.newDir.still || inNew && synced == nil
	return removed, errors.Join(err, synced)
}

// syncBoth makes changes in the directories durable.
func (m *mailbox) syncBoth(inNew, inCur bool) error {
	var err error
	if inCur {
		err = m.syncCur()
	}
	if inNew {
		err = errors.Join(err, m.syncNew())
	}
	return err
}
