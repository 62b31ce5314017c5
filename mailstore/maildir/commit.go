package maildir

import (
	"context"
	"path/filepath"

	"restante/mailstore"
	"restante/mailstore/index"
)

// arrival is a message on its way into the mailbox.
type arrival struct {
	entry
	flags mailstore.Flags
	date  int64
}

// commitAll commits what several appends brought. The caller holds ops. The
// order on disk:
//
//  1. the content is durable in tmp/ (Add);
//  2. under the lock of the UID list: the keywords are defined, the records are
//     written, the files are renamed to new/ or cur/;
//  3. the list and the directories are synced, in no order;
//  4. the index tells everybody.
//
// A crash before 3 leaves either no file, or files that get UIDs when they are
// next seen; nobody was told of them.
func (m *mailbox) commitAll(ctx context.Context, reqs []*commitRequest) {
	err := error(nil)
	switch {
	case m.gone.Load():
		err = mailstore.ErrGone
	case m.private:
		err = mailstore.ErrReadOnly
	default:
		// One that gives up must not take the others with it.
		if len(reqs) > 1 {
			ctx = context.WithoutCancel(ctx)
		}
		var all []arrival
		err = m.withList(ctx, m.a.lockWait, nil, func() (err error) {
			all, err = m.commitLocked(reqs)
			return err
		})
		m.noteArrivals(all)
	}
	for _, r := range reqs {
		r.done = true
		if err != nil && r.err == nil {
			r.uids, r.err = nil, err
		}
	}
}

// noteArrivals tells what the account's size is now.
func (m *mailbox) noteArrivals(all []arrival) {
	if len(all) == 0 {
		return
	}
	size := m.a.sizeChange()
	for _, a := range all {
		size.add(m, a.file, a.flags.System)
	}
	size.done()
}

// commitLocked does it and returns the new messages. An error that concerns one
// append alone is noted in its request; the error returned concerns all.
func (m *mailbox) commitLocked(reqs []*commitRequest) (all []arrival, err error) {
	inNew, inCur := placesOf(reqs)
	err = m.changing(inNew, inCur, func() error {
		for _, r := range reqs {
			arrivals, err := m.place(r.files)
			if err != nil {
				r.err = err
				continue
			}
			all = append(all, arrivals...)
			for _, a := range arrivals {
				r.uids = append(r.uids, a.uid)
			}
		}
		return nil
	})
	// The syncs come behind: what others do to the directories meanwhile is told by
	// their times, and does not hide behind what we did.
	if err == nil {
		err = m.record(all)
	}
	if err != nil {
		m.unplace(all)
		return nil, err
	}
	m.Learn(func(tx *index.Tx[file]) {
		for _, a := range all {
			m.insertRecord(tx, a.entry, a.flags, a.date, true)
		}
	})
	return all, nil
}

// placesOf tells in which directories there will be new messages.
func placesOf(reqs []*commitRequest) (inNew, inCur bool) {
	for _, r := range reqs {
		for i := range r.files {
			inNew, inCur = inNew || r.files[i].toNew(), inCur || !r.files[i].toNew()
		}
	}
	return inNew, inCur
}

// place renames files from tmp/ to where messages are, and gives them UIDs that
// are not yet written down. After an error none of them is there.
func (m *mailbox) place(files []pending) (placed []arrival, err error) {
	words := mailstore.Flags{}
	for _, p := range files {
		words = words.With(p.flags)
	}
	if words.Keywords != (mailstore.Keywords{}) {
		if err := m.prepareKeywords(words.Keywords); err != nil {
			return nil, err
		}
	}
	more := make(map[string]string)
	for _, p := range files {
		a, words, err := m.arrive(p.base, p.flags, p.size, p.date)
		if err != nil {
			return nil, err
		}
		if words != "" {
			more[p.base] = words
		}
		placed = append(placed, a)
	}
	if err := m.kw.remember(m.control(), m.a.filePerm, more); err != nil {
		return nil, err
	}
	for i, p := range files {
		err := m.a.fs.Rename(m.tmpPath(p), filepath.Join(m.dir(), placed[i].path()))
		if err != nil {
			m.unplace(placed[:i])
			return nil, err
		}
	}
	return placed, nil
}

// arrive decides on UID, place and name of a new message: in new/ without info
// when it has no flags, so that other programs see it as new, otherwise in cur/.
// words are its keywords without letters.
func (m *mailbox) arrive(base string, flags mailstore.Flags, size, date int64) (a arrival, words string, err error) {
	flags.System &^= mailstore.Recent
	flags.Keywords = m.kw.spelled(flags.Keywords)
	a = arrival{flags: flags, date: date}
	a.size = size
	a.file = file{name: base, inNew: true}
	if flags != (mailstore.Flags{}) {
		var letters string
		letters, words = m.kw.encode(base, flags.Keywords)
		a.file = file{name: withInfo(base, flags.System, letters)}
	}
	a.uid, err = m.takeUID()
	return a, words, err
}

// unplace removes messages that were placed and must not be. The names are new,
// so nobody can mean other files by them.
func (m *mailbox) unplace(placed []arrival) {
	for _, a := range placed {
		if err := m.a.fs.Remove(filepath.Join(m.dir(), a.path())); err != nil && !isAbsent(err) {
			m.a.log.Error("cannot take back a message after an error", "mailbox", m.Name(), "path", a.path(), "err", err)
		}
	}
	m.newDir.known, m.curDir.known = false, false
	if len(placed) > 0 {
		_ = m.syncBoth(true, true) // lest they come back with a loss of power
	}
}

// record writes the UIDs down and makes list and directories durable.
func (m *mailbox) record(all []arrival) error {
	if len(all) == 0 {
		return nil
	}
	records := make([]newRecord, len(all))
	inNew, inCur := false, false
	for i, a := range all {
		records[i] = newRecord{a.uid, a.base()}
		inNew, inCur = inNew || a.inNew, inCur || !a.inNew
	}
	err := m.list.append(m.control(), records, func() error { return m.syncBoth(inNew, inCur) })
	if m.listIsStale() {
		m.list.rewrite = true
	}
	return err
}
