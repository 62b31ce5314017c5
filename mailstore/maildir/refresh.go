package maildir

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/index"
)

// same reports whether nobody has changed the directories, which is what most looks
// find. The caller holds ops.
func (m *mailbox) same() bool { return m.unchanged(nil, time.Now(), (*dirState).mayStay) }

// stillSame is same for a session that was told of the mailbox before: where it stands is
// not looked up again for a moment.
func (m *mailbox) stillSame() bool {
	now := time.Now()
	return m.unchanged(m.a.near.standing(m, now), now, (*dirState).mayStay)
}

// seemsSame is same for who can do with less: a directory that is as old as it was has
// not been changed, though it may have been in the moment of our last change.
func (m *mailbox) seemsSame() bool {
	return m.unchanged(nil, time.Now(), func(d *dirState, mtime, _ time.Time) bool { return d.known && mtime.Equal(d.mtime) })
}

// unchanged asks of both directories with their times: of those that are open, or of those
// at the mailbox's path if open is nil.
func (m *mailbox) unchanged(open *nearDirs, now time.Time, same func(d *dirState, mtime, now time.Time) bool) bool {
	if m.unsure.Load() {
		return false
	}
	newTime, curTime, err := m.times(open)
	return err == nil && same(&m.newDir, newTime, now) && same(&m.curDir, curTime, now)
}

// times are the modification times of new/ and cur/.
func (m *mailbox) times(open *nearDirs) (newTime, curTime time.Time, err error) {
	if open != nil {
		if newTime, err = open.new.ModTime(); err == nil {
			curTime, err = open.cur.ModTime()
		}
		return newTime, curTime, err
	}
	if newTime, err = fsys.ModTime(m.a.fs, m.dir()+"/new"); err == nil {
		curTime, err = fsys.ModTime(m.a.fs, m.dir()+"/cur")
	}
	return newTime, curTime, err
}

// refresh folds in what other programs did. The caller holds ops.
func (m *mailbox) refresh(ctx context.Context) error {
	m.doubt()
	newTime, err := m.modTime("new")
	if err != nil {
		return m.vanished(err)
	}
	curTime, err := m.modTime("cur")
	if err != nil {
		return m.vanished(err)
	}
	now := time.Now()
	readNew, readCur := m.newDir.mustRead(newTime, now), m.curDir.mustRead(curTime, now)
	readCur = readCur && !m.confirm(&m.curDir, curTime, false)
	readNew = readNew && (readCur || !m.confirm(&m.newDir, newTime, true))
	if !readNew && !readCur {
		return nil
	}
	found, err := m.catchUp(ctx, newTime, readCur, false)
	if err != nil {
		return m.vanished(err)
	}
	return m.settle(ctx, found, refreshLockWait)
}

// doubt lets both directories be read if the index may have other names for files
// than they have.
func (m *mailbox) doubt() bool {
	doubtful := m.unsure.Swap(false)
	if doubtful {
		m.newDir.known, m.curDir.known = false, false
		m.reread = true
	}
	return doubtful
}

// catchUp brings the index up to date and returns the files that have no UID. It
// reads cur/ only if readCur says so, or if new/ and the UID list ask for it.
// locked says that we hold the list's lock.
func (m *mailbox) catchUp(ctx context.Context, newTime time.Time, readCur, locked bool) ([]entry, error) {
	if !readCur {
		found, complete, err := m.readNew(ctx, newTime, locked)
		if err != nil || complete {
			return found, err
		}
	}
	return m.readAll(ctx, locked)
}

// catchUpLocked is catchUp for who has just got the lock of the UID list and
// found that others wrote there.
func (m *mailbox) catchUpLocked(ctx context.Context) ([]entry, error) {
	m.doubt()
	newTime, err := m.modTime("new")
	if err != nil {
		return nil, err
	}
	curTime, err := m.modTime("cur")
	if err != nil {
		return nil, err
	}
	return m.catchUp(ctx, newTime, !m.loaded.Load() || m.curDir.mustRead(curTime, time.Now()), true)
}

// vanished turns the error of a missing directory into ErrGone: another program
// has removed or renamed the mailbox. If it only lacks new/, it gets that again.
func (m *mailbox) vanished(err error) error {
	if !isAbsent(err) {
		return err
	}
	if k, kindErr := m.a.tree.kindOf(m.dir()); kindErr == nil && k == box {
		m.newDir.known = false
		return m.a.makeSubdirs(m.dir())
	}
	m.lose()
	return mailstore.ErrGone
}

// settle gives UIDs to the files that were found without, and writes the UID
// list anew when it needs that. When another program holds the list's lock, new
// mail waits for the next refresh.
func (m *mailbox) settle(ctx context.Context, found []entry, wait time.Duration) error {
	if len(found) == 0 && !m.list.rewrite {
		return nil
	}
	if m.private {
		return m.giveUIDs(found, false)
	}
	err := m.withList(ctx, wait, found, nil)
	switch {
	case err == nil:
		return nil
	case isReadOnly(err) && len(found) == 0:
		m.readOnly.Store(true)
		return nil
	case isReadOnly(err):
		// The new files need UIDs that are ours alone, under a UIDVALIDITY that
		// is too: whoever opens the mailbox next gets that.
		m.readOnly.Store(true)
		m.lose()
		return mailstore.ErrGone
	}
	m.newDir.known, m.curDir.known = false, false
	m.a.log.Warn("new messages must wait", "mailbox", m.Name(), "err", err)
	if errors.Is(err, mailstore.ErrGone) || ctx.Err() != nil {
		return err
	}
	return nil
}

// readNew reads new/ alone, as nothing changed in cur/, and what was appended to
// the UID list. It is not complete, and has changed nothing, when a message has
// left new/ or came there from cur/, or when the list speaks of other files: then
// cur/ changed too, after we looked.
func (m *mailbox) readNew(ctx context.Context, mtime time.Time, locked bool) (found []entry, complete bool, err error) {
	same, err := m.list.unchanged(m.control())
	if err != nil {
		return nil, false, err
	}
	l := &listing{bases: newBaseTable(0), newDir: m.newDir.begin(mtime, time.Now())}
	if err := l.readDir(ctx, m, true); err != nil {
		return nil, false, err
	}
	present := 0
	names := m.uidsOf(l.has)
	if m.gone.Load() {
		return nil, false, mailstore.ErrGone
	}
	for i := range l.entries {
		e := &l.entries[i]
		uid, known := names[e.base()]
		if !known {
			continue
		}
		if _, f, _ := m.Get(mailstore.UID(uid)); f != e.file {
			return nil, false, nil
		}
		e.known = true
		present++
	}
	if present != len(m.fresh) || len(l.twins) > 0 {
		return nil, false, nil
	}
	if !same {
		before := m.list
		r, unseen, err := m.readList(l, locked)
		if err != nil {
			return nil, false, err
		}
		if r.full || unseen > 0 {
			m.list = before
			return nil, false, nil
		}
	}
	listed, found := m.sortOut(l)
	m.Learn(func(tx *index.Tx[file]) {
		for _, e := range listed {
			m.insert(tx, e, true)
		}
	})
	l.newDir.still = m.newDir.still // all is there that was
	m.newDir = l.newDir
	return found, true, nil
}

// readAll looks at both directories and at the UID list and brings the index up
// to date with them. It returns the files that the list does not have. locked
// says that we hold the list's lock.
func (m *mailbox) readAll(ctx context.Context, locked bool) ([]entry, error) {
	m.a.near.drop(m) // it may be another directory by now
	var vanished map[mailstore.UID]struct{}
	before, loaded := m.list, m.loaded.Load()
	same, err := m.list.unchanged(m.control())
	if err != nil {
		return nil, err
	}
	for looks := 1; ; looks++ {
		l, err := m.look(ctx)
		if err != nil {
			return nil, err
		}
		var r listReading
		unseen := 0
		if !same || !loaded {
			m.list = before
			if r, unseen, err = m.readList(l, locked); err != nil {
				return nil, err
			}
		}
		missing := m.missing(l)
		if looks == 1 || l.quiet {
			vanished = missing
		} else {
			maps.DeleteFunc(vanished, func(uid mailstore.UID, _ struct{}) bool {
				_, stillMissing := missing[uid]
				return !stillMissing
			})
		}
		settled := len(missing) == 0 && unseen == 0
		if settled || l.quiet && (looks > 1 || !loaded) || looks == maxLooks {
			m.exact = l.quiet || settled && loaded
			return m.fold(l, r, vanished)
		}
	}
}

// readList reads what is new in the UID list and tells the listing. unseen
// counts records of files that we have not seen: they are gone already, or were
// hidden from us by a rename.
func (m *mailbox) readList(l *listing, locked bool) (r listReading, unseen int, err error) {
	next := m.UIDNext()
	r, err = m.list.update(m.control(), locked, func(rec uidRecord) {
		if !l.give(rec) && rec.uid >= next {
			unseen++
		}
	})
	switch {
	case err != nil:
	case r.changed:
		m.lose()
		err = mailstore.ErrGone
	case r.missing && !m.loaded.Load():
		err = m.readCourier(l)
		m.list.rewrite = true
	case r.missing:
		m.list.rewrite = true
	case r.damaged():
		m.a.log.Error("the UID list is damaged and will be repaired", "mailbox", m.Name(), "header", r.header, "lines", r.damage)
	}
	return r, unseen, err
}

// missing returns the messages of the index that a look did not find.
func (m *mailbox) missing(l *listing) map[mailstore.UID]struct{} {
	missing := make(map[mailstore.UID]struct{})
	m.View(func(records iter.Seq2[mailstore.Record, file]) {
		for r, f := range records {
			if !l.has(f.base()) {
				missing[r.UID] = struct{}{}
			}
		}
	})
	return missing
}

// fold brings the index up to date with a listing and returns the files that
// have no UID.
func (m *mailbox) fold(l *listing, r listReading, vanished map[mailstore.UID]struct{}) ([]entry, error) {
	if m.gone.Load() { // nothing said which files the messages are
		return nil, mailstore.ErrGone
	}
	again, err := m.kw.refresh(m.control())
	if err != nil {
		return nil, err
	}
	updates, moved := m.compare(l, r, again || m.reread || m.unsure.Load())
	m.reread = false
	for uid := range moved {
		vanished[uid] = struct{}{}
	}
	listed, found := m.sortOut(l)
	change := m.Update
	if len(updates)+len(vanished) == 0 {
		change = m.Learn
	}
	change(func(tx *index.Tx[file]) {
		for _, u := range updates {
			m.replace(tx, u.uid, u.file, u.flags)
		}
		for _, uid := range slices.Sorted(maps.Keys(vanished)) {
			m.remove(tx, uid)
		}
		for _, e := range listed {
			m.insert(tx, e, e.inNew)
		}
		tx.SetUIDNext(m.list.next)
	})
	m.newDir, m.curDir = l.newDir, l.curDir
	if len(l.twins) > 0 && !m.readOnly.Load() {
		m.list.rewrite = true // takes the lock, under which twins are separated
		m.newDir.known, m.curDir.known = false, false
	}
	return found, nil
}

// update is a message whose file has another name than before.
type update struct {
	uid   mailstore.UID
	file  file
	flags mailstore.Flags
}

// compare goes through the index and finds the messages whose files were
// renamed, and those to which the UID list now gives another UID. It marks the
// entries that the index has.
func (m *mailbox) compare(l *listing, r listReading, again bool) (updates []update, moved map[mailstore.UID]struct{}) {
	moved = make(map[mailstore.UID]struct{})
	m.View(func(records iter.Seq2[mailstore.Record, file]) {
		for rec, f := range records {
			i, found := l.find(f.base())
			if !found {
				continue
			}
			e := &l.entries[i]
			switch {
			case e.uid != 0 && e.uid != rec.UID:
				moved[rec.UID] = struct{}{}
				continue
			case e.uid == 0 && r.full:
				m.list.rewrite = true // the list has lost it
			}
			e.known = true
			if e.file == f && !again {
				continue
			}
			flags := m.kw.of(e.name)
			if rec.Flags.Has(mailstore.Recent) && (e.inNew || !f.inNew) {
				flags.System |= mailstore.Recent // nobody else has taken it out of new/
			}
			if e.file != f { // else what is known stays, so that this name need not
				f = file{strings.Clone(e.name), e.inNew}
			}
			updates = append(updates, update{rec.UID, f, flags})
		}
	})
	return updates, moved
}

// sortOut returns the new messages that have a UID in the list, in the order of
// UIDs, and those that have none.
func (m *mailbox) sortOut(l *listing) (listed, found []entry) {
	next := m.UIDNext()
	var order []uint64 // UID and place in entries, which sorts faster than entries
	unlisted := 0
	for i := range l.entries {
		switch e := &l.entries[i]; {
		case e.known:
		case e.uid < next || e.uid == mailstore.MaxUID:
			e.uid = 0
			unlisted++
		default:
			if order == nil {
				order = make([]uint64, 0, len(l.entries)-i)
			}
			order = append(order, uint64(e.uid)<<32|uint64(i))
		}
	}
	l.ownNames(unlisted + len(order))
	slices.Sort(order)
	listed, found = make([]entry, 0, len(order)), make([]entry, 0, unlisted)
	for i := range l.entries {
		if e := &l.entries[i]; !e.known && e.uid == 0 {
			found = append(found, *e)
		}
	}
	for _, o := range order {
		e := l.entries[uint32(o)]
		if n := len(listed); n > 0 && listed[n-1].uid == e.uid {
			// A damaged list may give one UID to two files. The later of them, by
			// its name and not by the directory's order, needs another.
			if e.name < listed[n-1].name {
				listed[n-1], e = e, listed[n-1]
			}
			e.uid = 0
			found = append(found, e)
			continue
		}
		listed = append(listed, e)
	}
	return listed, found
}

// ownNames gives names memory of their own if only so many are new, and the others,
// with which they share it, will be forgotten.
func (l *listing) ownNames(fresh int) {
	if 2*fresh > len(l.entries) {
		return
	}
	for i := range l.entries {
		if e := &l.entries[i]; !e.known {
			e.name = strings.Clone(e.name)
		}
	}
}
