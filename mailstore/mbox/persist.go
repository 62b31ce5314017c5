package mbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// persist makes durable what the file does not say of these messages before
// anybody is told of them. On a full disk it goes on without, so that there is
// a way to expunge; it is made up for at the next look.
func (m *Mailbox) persist(batch []newMessage, next mailstore.UID) error {
	list := m.unsaved
	for _, n := range batch {
		if n.fresh && (!n.stamped || !m.base.found) {
			list = append(list, knownOf(n.record(), n.loc))
		}
	}
	if len(list) == 0 && m.savedValidity == m.validity && (m.marked || len(batch) == 0) {
		return nil
	}
	return m.tolerate(m.saveNew(list, next, len(batch) > 0), list)
}

// tolerate forgives what must not keep a mailbox from being opened.
func (m *Mailbox) tolerate(err error, list []known) error {
	switch {
	case err == nil:
		m.unsaved = nil
	case isFull(err):
		m.log().Warn("mbox: the disk is full; UIDs of new messages are not durable yet", "mailbox", m.Name(), "err", err)
		m.unsaved = list
	case errors.Is(errKind(err), mailstore.ErrReadOnly):
		if m.volatile.CompareAndSwap(false, true) {
			m.log().Warn("mbox: UIDs cannot be made durable here; clients will load the mailbox again after a restart", "mailbox", m.Name(), "err", err)
		}
		m.savedValidity, m.marked, m.unsaved = m.validity, true, nil
	default:
		return err
	}
	return nil
}

// saveNew adds messages to the state file. Under another UIDVALIDITY than the
// file was written for it begins anew.
func (m *Mailbox) saveNew(list []known, next mailstore.UID, changes bool) error {
	st := m.stateNow()
	st.next = next
	st.dirty = changes || m.marked
	if m.savedValidity != 0 && m.savedValidity != m.validity {
		if err := m.state.save(st, func(func([]known) error) error { return nil }); err != nil {
			return err
		}
		m.savedValidity = m.validity
	}
	if err := m.state.add(st, list); err != nil {
		return err
	}
	m.savedValidity, m.marked = m.validity, st.dirty
	m.changed = true
	return nil
}

// mark notes durably, before the first change after the mailbox was opened, that
// the state file no longer knows the highest mod-sequence.
func (m *Mailbox) mark() error {
	if m.marked {
		return nil
	}
	return m.tolerate(m.saveNew(m.unsaved, m.UIDNext(), true), m.unsaved)
}

func (n *newMessage) record() mailstore.Record {
	return mailstore.Record{UID: n.resolved.uid, Flags: n.flags, ModSeq: n.modSeq, Date: n.date, Size: n.size}
}

// publish tells the sessions, as one batch.
func (m *Mailbox) publish(before []known, batch []newMessage, next mailstore.UID) {
	m.io.Lock()
	defer m.io.Unlock()
	m.layoutGen++
	m.Update(func(tx *index.Tx[loc]) {
		i := 0
		for _, k := range before {
			for i < len(batch) && batch[i].resolved.uid < k.uid {
				i++
			}
			if i == len(batch) || batch[i].resolved.uid != k.uid {
				tx.Expunge(k.uid)
			}
		}
		for j := range batch {
			n := &batch[j]
			uid := n.resolved.uid
			if _, _, found := tx.Get(uid); !found {
				tx.Add(n.record(), n.loc)
				continue
			}
			tx.SetFlags(uid, n.flags)
			tx.SetData(uid, n.loc)
		}
		tx.SetUIDNext(next)
	})
}

func (m *Mailbox) setSnap(s fileStamp) {
	m.io.Lock()
	m.snap = s
	m.io.Unlock()
}

// shutdown ends the mailbox when nobody has it open any more. With notes that
// the mbox should have, and room to write them, it writes them.
func (m *Mailbox) shutdown() error {
	m.watch.stopAll()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	m.op <- struct{}{}
	defer m.end()
	if m.gone() == nil && m.wantNotes {
		if err := m.withWriteLock(ctx, m.writeAllNotes); err != nil {
			m.log().Info("mbox: notes stay in the state file for now", "mailbox", m.Name(), "err", err)
		}
	}
	var err error
	if m.gone() == nil && m.changed && !m.volatile.Load() {
		err = m.saveState()
	}
	if m.j != nil {
		err = errors.Join(err, m.j.close())
		m.j = nil
	}
	m.setHandle(nil)
	m.setGone("it has been closed")
	return err
}

// closeTimeout is how long Close waits for other programs before it leaves the
// notes to the next time.
const closeTimeout = 2 * time.Second

// saveState writes the state file anew. It is a cache but for what was made
// durable before, so a full disk is no reason to fail.
func (m *Mailbox) saveState() error {
	st := m.stateNow()
	fi, err := m.acct.opt.FS.Stat(m.paths().mbox)
	st.whole = err == nil && stampOf(fi) == m.snap && !m.partial
	err = m.state.save(st, func(yield func([]known) error) error {
		for list := range slices.Chunk(m.knownMessages(), recordBatch) {
			if err := yield(list); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		m.log().Warn("mbox: the state of a mailbox could not be saved", "mailbox", m.Name(), "err", err)
	}
	return nil
}

func (m *Mailbox) stateNow() *state {
	return &state{
		validity: m.validity, next: m.UIDNext(), claimed: m.claimed, retired: m.retired, modSeq: m.HighestModSeq(),
		file: m.snap, style: m.style, base: m.base,
	}
}
