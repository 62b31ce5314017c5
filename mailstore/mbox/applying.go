package mbox

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// apply changes the file and the index. Whoever reads messages sees the state
// before or after.
func (e *editing) apply(p *plan, b *base) (modSeq uint64, err error) {
	m := e.m
	m.io.Lock()
	defer m.io.Unlock()
	if p.empty() {
		return e.publish(b), nil
	}
	before := m.snap
	if err := e.rewrite(p); err != nil {
		return 0, err
	}
	m.layoutGen++
	if err := m.stampChange(before); err != nil {
		return 0, err
	}
	return e.publish(b), nil
}

// rewrite applies the plan. What is left half done is finished at once, or at
// the next access if that fails too.
func (e *editing) rewrite(p *plan) error {
	err := e.r.apply(p)
	if !errors.Is(err, errHalfDone) {
		return err
	}
	e.m.snap = fileStamp{}
	done, rerr := e.r.recover()
	if done && rerr == nil {
		return nil
	}
	return errors.Join(err, rerr)
}

// publish gives the index the new places and tells the sessions. The caller
// holds io.
func (e *editing) publish(b *base) (modSeq uint64) {
	m := e.m
	if b != nil {
		m.base = *b
	}
	change := m.Update
	if e.gone.Empty() && len(e.flags) == 0 {
		change = m.Learn // nothing that clients are told changes
	}
	change(func(tx *index.Tx[loc]) {
		e.move(tx)
		for _, r := range e.gone {
			for uid := r.First; uid <= r.Last; uid++ {
				tx.Expunge(uid)
			}
		}
		for _, f := range e.flags {
			tx.SetFlags(f.uid, f.flags)
		}
		modSeq = tx.ModSeq()
	})
	if m.carriesNoMail() {
		m.base = base{}
	}
	m.wantNotes, m.disputed = !e.all, m.disputed && !e.all
	m.stale = m.stale || !e.gone.Empty()
	return modSeq
}

// move gives the index the new places of the messages.
func (e *editing) move(tx *index.Tx[loc]) {
	set := mailstore.AllUIDs()
	if e.start == 0 && e.gone.Empty() {
		if len(e.rewritten) == 0 {
			return
		}
		set[0].First = e.rewritten[0].uid
		if !slices.ContainsFunc(e.rewritten, func(w rewritten) bool { return w.grown != 0 }) {
			set[0].Last = e.rewritten[len(e.rewritten)-1].uid
		}
	}
	shift, list := e.start, e.rewritten
	for r, l := range tx.All(set) {
		if e.gone.Contains(r.UID) {
			shift -= l.end() - l.off
			continue
		}
		was := l
		l.off += shift
		if len(list) > 0 && list[0].uid == r.UID {
			w := list[0]
			l.hdr = uint32(int64(l.hdr) + int64(w.grown))
			l.hidden = uint32(int64(l.hidden) + int64(w.grown))
			l.bits = w.bits
			shift += int64(w.grown)
			list = list[1:]
		}
		if l != was {
			tx.SetData(r.UID, l)
		}
	}
}

// afterwards reads the file again when a new place could not be foretold.
func (e *editing) afterwards() error {
	for _, w := range e.rewritten {
		if !w.exact {
			fi, err := e.m.stat()
			if err != nil {
				return err
			}
			return e.m.parse(fi, nil, false)
		}
	}
	return nil
}

func accessTime(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Atim.Unix())
	}
	return fi.ModTime()
}
