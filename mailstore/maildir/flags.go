package maildir

import (
	"context"
	"errors"
	"iter"
	"slices"

	"restante/mailstore"
	"restante/mailstore/index"
)

// SetFlags renames the files of the messages whose flags change. They outlive this
// process at once, and a loss of power within a second (latesync.go).
func (m *mailbox) SetFlags(ctx context.Context, uids mailstore.UIDSet, op mailstore.FlagOp, flags mailstore.Flags, opt mailstore.SetFlagsOptions) (mailstore.SetFlagsResult, error) {
	var res mailstore.SetFlagsResult
	w := flagWrite{m: m, op: op, arg: flags, opt: opt}
	err := m.writing(ctx, "set flags in", func() (err error) {
		w.arg.Keywords = m.kw.spelled(flags.Keywords)
		if w.uids = w.choose(uids, &res); len(w.uids) == 0 {
			return nil
		}
		if op != mailstore.RemoveFlags && m.needsLetters(w.arg.Keywords) || len(m.kw.more) > 0 {
			return m.withList(ctx, m.a.lockWait, nil, func() error { return w.run(ctx, true, &res) })
		}
		return w.run(ctx, false, &res)
	})
	switch {
	case res.Changed.Empty():
	case w.leftNew: // between two directories a message could get lost
		err = errors.Join(err, fail("set flags in", m.Name(), m.syncCur()))
	default:
		m.owe(false, true)
	}
	return res, err
}

// needsLetters reports whether some of the keywords have no letter.
func (m *mailbox) needsLetters(words mailstore.Keywords) bool {
	return slices.ContainsFunc(words.List(), func(w string) bool {
		_, found := m.kw.letter(w)
		return !found
	})
}

// flagWrite is one batch of flag changes.
type flagWrite struct {
	m    *mailbox
	op   mailstore.FlagOp
	arg  mailstore.Flags
	opt  mailstore.SetFlagsOptions
	uids []mailstore.UID

	leftNew bool // messages went from new/ to cur/
}

// choose returns the messages that change, without I/O.
func (w *flagWrite) choose(uids mailstore.UIDSet, res *mailstore.SetFlagsResult) []mailstore.UID {
	var list []mailstore.UID
	w.m.Walk(uids, func(r mailstore.Record) {
		switch {
		case (w.opt.Conditional || w.opt.UnchangedSince > 0) && r.ModSeq > w.opt.UnchangedSince:
			res.Failed.Add(r.UID)
		case w.opt.Apply(w.op, r.Flags, w.arg) != r.Flags:
			list = append(list, r.UID)
		}
	})
	return list
}

// run renames the files. locked says that we hold the lock of the UID list and
// may define keywords. What was done before an error stays and is told.
func (w *flagWrite) run(ctx context.Context, locked bool, res *mailstore.SetFlagsResult) error {
	m := w.m
	if locked {
		if err := m.prepareKeywords(w.arg.Keywords); err != nil {
			return err
		}
		w.arg.Keywords = m.kw.spelled(w.arg.Keywords)
		if err := w.rememberMore(); err != nil {
			return err
		}
	}
	done := make([]update, 0, len(w.uids))
	m.promise()
	size := w.sizeChange()
	defer size.done()
	files := m.places(len(w.uids))
	defer files.close()
	err := m.changing(slices.ContainsFunc(w.uids, m.isFresh), true, func() error {
		progress := mailstore.ProgressOf(ctx).Track(int64(len(w.uids)))
		for i, uid := range w.uids {
			progress.Add(1)
			if i%256 == 255 && ctx.Err() != nil {
				return ctx.Err()
			}
			err := m.onFile(ctx, uid, func(r mailstore.Record, f file) error {
				u := update{uid: uid, flags: w.opt.Apply(w.op, r.Flags, w.arg)}
				letters, _ := m.kw.encode(f.name, u.flags.Keywords)
				u.file = file{name: withInfo(f.name, u.flags.System, letters)}
				m.newDir.still = m.newDir.still && !f.inNew
				if err := files.rename(f, u.file); err != nil {
					return err
				}
				w.leftNew = w.leftNew || f.inNew
				done = append(done, u)
				size.change(m, r.Flags.System, m, u.file, u.flags.System)
				return nil
			})
			if err != nil && !errors.Is(err, mailstore.ErrExpunged) {
				return err
			}
		}
		return nil
	})
	m.Update(func(tx *index.Tx[file]) {
		for _, u := range done {
			m.replace(tx, u.uid, u.file, u.flags)
			res.Changed.Add(u.uid)
			if r, there := tx.Record(u.uid); there { // a look at the directory may have told it before
				res.ModSeq = max(res.ModSeq, r.ModSeq)
			}
		}
	})
	return err
}

// isFresh reports whether a message is in new/, as far as we know.
func (m *mailbox) isFresh(uid mailstore.UID) bool {
	_, fresh := m.fresh[uid]
	return fresh
}

// sizeChange is that of the account where \Deleted may be set or taken away.
func (w *flagWrite) sizeChange() *sizeChange {
	if w.op != mailstore.ReplaceFlags && !w.arg.Has(mailstore.Deleted) {
		return nil
	}
	return w.m.a.sizeChange()
}

// prepareKeywords gives letters to keywords that have none, as far as there are
// letters. The caller holds the lock of the UID list.
func (m *mailbox) prepareKeywords(words mailstore.Keywords) error {
	if _, err := m.kw.refresh(m.control()); err != nil {
		return err
	}
	if !m.kw.lacks(words) {
		return nil
	}
	return m.kw.define(m.control(), m.a.filePerm, words.List(), m.lettersInUse)
}

// lettersInUse tells which letters stand in file names.
func (m *mailbox) lettersInUse() (used [keywordLetterNo]bool) {
	m.View(func(records iter.Seq2[mailstore.Record, file]) {
		for _, f := range records {
			_, letters, _ := splitInfo(f.name)
			for _, c := range []byte(letters) {
				if isKeywordLetter(c) {
					used[c-'a'] = true
				}
			}
		}
	})
	return used
}

// rememberMore writes down the keywords that have no letters, before the files
// are renamed: a crash between leaves keywords that were being set, or still has
// those that were being removed.
func (w *flagWrite) rememberMore() error {
	m := w.m
	more := make(map[string]string)
	for _, uid := range w.uids {
		r, f, found := m.Get(uid)
		if !found {
			continue
		}
		_, words := m.kw.encode(f.name, w.opt.Apply(w.op, r.Flags, w.arg).Keywords)
		if base := f.base(); words != m.kw.more[base] {
			more[base] = words
		}
	}
	return m.kw.remember(m.control(), m.a.filePerm, more)
}

// ClaimRecent takes Recent from all messages that have it. Those in new/ move to
// cur/, which is how other programs see that they are no longer new, soon after:
// nobody waits for it, and what a crash leaves in new/ is recent once more.
//
// It does not wait for the mailbox: when a delivery is seen, all who are in IDLE ask
// at once, and while it is still being written down that nobody else gives its UID.
func (m *mailbox) ClaimRecent(ctx context.Context) (claimed mailstore.UIDSet, err error) {
	err = m.a.fs.Settle()
	if m.gone.Load() {
		err = mailstore.ErrGone
	}
	if err != nil || m.Status().Recent == 0 {
		return nil, fail("claim recent in", m.Name(), err)
	}
	m.Learn(func(tx *index.Tx[file]) {
		for _, r := range m.recent {
			for uid := r.First; uid <= r.Last; uid++ {
				if tx.Claim(uid) {
					claimed.Add(uid)
				}
			}
		}
		m.recent = nil
	})
	if !claimed.Empty() && !m.readOnly.Load() {
		m.late.leaving.Owe(m.a.late, m.leaveLate)
	}
	return claimed, nil
}
