package mbox

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// persist makes durable which texts have these UIDs before anybody is told of them. On
// a full disk it goes on without, so that there is a way to expunge; it is made up for at
// the next look.
func (m *Mailbox) persist(list *foundList, next mailstore.UID) error {
	if m.savedValidity == m.validity && !m.owed && !list.anyFresh() {
		return nil
	}
	return m.saveNew(next, list.fresh())
}

func (l *foundList) anyFresh() bool {
	for range l.fresh() {
		return true
	}
	return false
}

// fresh is the messages that were not known before.
func (l *foundList) fresh() iter.Seq[known] {
	return func(yield func(known) bool) {
		for f := range l.all() {
			if f.fresh && !yield(f.known()) {
				return
			}
		}
	}
}

func (f *found) known() known {
	return known{text: text{f.uid, f.hsum, f.bsum}, date: f.date, size: f.size}
}

func (f *found) record() mailstore.Record {
	return mailstore.Record{UID: f.uid, Flags: mailstore.Flags{System: f.system, Keywords: f.keywords}, Date: f.date, Size: f.size}
}

// saveNew writes to the state file what it does not hold yet, and these messages.
// It forgives what must not keep a mailbox from being opened.
func (m *Mailbox) saveNew(next mailstore.UID, fresh iter.Seq[known]) error {
	err := m.addToState(next, fresh)
	switch {
	case err == nil:
		m.unlisted, m.owed = nil, false
	case isFull(err):
		m.unlisted = slices.AppendSeq(m.unlisted, fresh)
		m.log().Warn("mbox: the disk is full; UIDs of new messages are not durable yet", "mailbox", m.Name(), "err", err)
		m.owed = len(m.unlisted) > 0
	case errors.Is(errKind(err), mailstore.ErrReadOnly):
		if m.volatile.CompareAndSwap(false, true) {
			m.log().Warn("mbox: UIDs cannot be made durable here; clients will load the mailbox again after a restart", "mailbox", m.Name(), "err", err)
		}
		m.savedValidity, m.owed = m.validity, false
	default:
		return err
	}
	return nil
}

// list is saveNew for who can still do without these messages: a full disk is an error.
func (m *Mailbox) list(next mailstore.UID, fresh iter.Seq[known]) error {
	err := m.addToState(next, fresh)
	switch {
	case err == nil:
		m.unlisted, m.owed = nil, false
	case !isFull(err):
		err = m.saveNew(next, fresh)
	}
	return err
}

// addToState adds to the state file what is new to it, and then fresh. Under another UIDVALIDITY than
// the file was written for it begins anew.
func (m *Mailbox) addToState(next mailstore.UID, fresh iter.Seq[known]) error {
	st := m.stateNow()
	st.next = next
	if m.savedValidity != 0 && m.savedValidity != m.validity {
		if err := m.state.save(st, none); err != nil {
			return err
		}
		m.savedValidity = m.validity
	}
	listed := mailstore.UID(0) // up to here
	all := func(yield func(known) bool) {
		for _, list := range []iter.Seq[known]{slices.Values(m.unlisted), fresh} {
			for k := range list {
				if k.uid > listed && !yield(k) {
					return
				}
			}
		}
	}
	err := m.state.add(st, all)
	for n := 0; errors.Is(err, errForeign) && n < maxMoved; n++ {
		if listed, err = m.nothingNew(st); err == nil {
			err = m.state.add(st, all)
		}
	}
	if err != nil {
		return err
	}
	m.savedValidity, m.claimed = m.validity, max(m.claimed, st.claimed)
	return nil
}

// publish adds new messages to the index and tells the sessions.
func (m *Mailbox) publish(list *foundList, next mailstore.UID) {
	m.io.Lock()
	defer m.io.Unlock()
	m.layoutGen++
	m.Learn(func(tx *index.Tx[loc]) {
		for f := range list.drain() {
			tx.Add(f.record(), f.loc)
		}
		tx.SetUIDNext(next)
	})
}

// replace brings the index to the state in which it holds this list and nothing
// else, as one batch.
func (m *Mailbox) replace(list *foundList, next mailstore.UID) {
	gone, changed := m.differences(list)
	m.io.Lock()
	defer m.io.Unlock()
	m.layoutGen++
	change := m.Update
	if len(gone) == 0 && !changed {
		change = m.Learn
	}
	change(func(tx *index.Tx[loc]) {
		for _, uid := range gone {
			tx.Expunge(uid)
		}
		for f := range list.drain() {
			if _, _, have := tx.Get(f.uid); !have {
				tx.Add(f.record(), f.loc)
				continue
			}
			if changed {
				tx.SetFlags(f.uid, f.record().Flags)
			}
			tx.SetData(f.uid, f.loc)
		}
		tx.SetUIDNext(next)
	})
	m.stale = m.stale || len(gone) > 0
}

// differences lists the messages of the index that are not in the list, and
// reports whether others have other flags. Both are in the order of UIDs.
func (m *Mailbox) differences(list *foundList) (gone []mailstore.UID, changed bool) {
	m.View(func(records iter.Seq2[mailstore.Record, loc]) {
		i := 0
		for r := range records {
			for i < list.len() && list.at(i).uid < r.UID {
				i++
			}
			if i == list.len() || list.at(i).uid != r.UID {
				gone = append(gone, r.UID)
				continue
			}
			changed = changed || r.Flags != list.at(i).record().Flags
		}
	})
	return gone, changed
}

func (m *Mailbox) setSnap(s fileStamp) {
	m.io.Lock()
	m.snap = s
	m.io.Unlock()
}

// closeTimeout is how long Close waits for other programs before it leaves the
// notes to the next time.
const closeTimeout = 2 * time.Second

// lacksNotes reports whether the mbox is to get its notes when it is closed.
func (m *Mailbox) lacksNotes() bool {
	return (m.wantNotes || m.disputed && m.used.Load() && !m.ReadOnly()) && m.notesMove() <= notesAtClose
}

// shutdown ends the mailbox when nobody has it open any more. Notes that the mbox
// should have are written, if there is room and not much has to be moved for them.
func (m *Mailbox) shutdown() error {
	m.watch.stopAll()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = m.op.Lock(context.Background()) // nothing ends this wait
	defer m.end()
	if m.gone() == nil && m.lacksNotes() {
		if err := m.withWriteLock(ctx, m.writeFewNotes); err != nil {
			m.log().Info("mbox: notes stay in the state file for now", "mailbox", m.Name(), "err", err)
		}
	}
	if m.gone() == nil && !m.volatile.Load() {
		m.saveState()
	}
	err := m.syncOwed()
	if m.late.Take(); err != nil && m.disk != nil {
		m.disk.Abandon() // it must not say that all flags are in the file
	} else {
		m.closeIndex()
	}
	if m.j != nil {
		err = errors.Join(err, m.j.close())
		m.j = nil
	}
	if serr := m.spare.Close(); serr != nil && m.gone() == nil {
		m.log().Info("mbox: a file stays beside the state file", "mailbox", m.Name(), "err", serr)
	}
	m.setHandle(nil)
	m.setGone("it has been closed")
	return err
}

// saveState brings the list of texts up to date. What had to be durable is so
// already, thus a full disk is no reason to fail.
func (m *Mailbox) saveState() {
	var err error
	switch {
	case m.stale:
		err = m.state.save(m.stateNow(), func(yield func(known) bool) {
			for e := range m.all() {
				if !yield(known{text: text{e.UID, e.Data.hsum, e.Data.bsum}, date: e.Date, size: e.Size}) {
					return
				}
			}
		})
	case len(m.unlisted) > 0:
		err = m.addToState(m.UIDNext(), none)
	}
	if err != nil && !errors.Is(err, errForeign) { // then it is for the other process to do
		m.log().Warn("mbox: the state of a mailbox could not be saved", "mailbox", m.Name(), "err", err)
	}
}

func (m *Mailbox) stateNow() *state {
	return &state{validity: m.validity, next: m.UIDNext(), claimed: m.claimed, retired: m.retired, modSeq: m.HighestModSeq()}
}
