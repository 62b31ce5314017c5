package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// foreignSlack is how long after a step was begun its writes may come.
const foreignSlack = time.Minute

// recover finishes or takes back what the journal says is going on. done says
// that it was finished. The caller has the exclusive locks.
func (r *rewriter) recover() (done bool, err error) {
	if err := r.j.load(); err != nil {
		return false, err
	}
	if r.j.h.kind == journalClean {
		return false, r.j.settle()
	}
	if err := r.inherit(); err != nil {
		return false, err
	}
	fi, err := r.f.Stat()
	if err != nil {
		return false, err
	}
	r.log.Warn("mbox: an operation was interrupted; finishing it or taking it back", "mailbox", r.name, "kind", int(r.j.h.kind), "size", fi.Size())
	if dev, ino := fileID(fi); dev != r.j.h.dev || ino != r.j.h.ino {
		return false, r.abandon("the file has been replaced by another program since")
	}
	switch r.j.h.kind {
	case journalAppend:
		return r.recoverAppend(fi.Size())
	case journalCut:
		return true, r.recoverCut(fi.Size())
	}
	return r.recoverRewrite(fi)
}

// inherit makes durable what whoever was interrupted may have left in memory: how far he came is
// told by what is there.
func (r *rewriter) inherit() error {
	err := r.j.sync()
	if err == nil {
		err = r.f.Sync()
	}
	return err
}

// abandon gives up on a journal that no longer fits its file and keeps it for
// whoever wants to look.
func (r *rewriter) abandon(why string) error {
	keep := fmt.Sprintf("%s.unfinished-%d", r.j.path, time.Now().UnixNano())
	r.log.Error("mbox: cannot finish an interrupted operation; the mailbox may have lost or doubled text. Look at it, and delete the file named here", "mailbox", r.name, "reason", why, "journal", keep)
	next, err := r.j.successor()
	if isFull(err) {
		return r.j.clean() // there is no room to keep it
	}
	if err != nil {
		return err
	}
	if err = next.clean(); err == nil {
		err = r.keepJournal(keep)
	}
	if err == nil {
		err = next.rename(r.j.path)
	}
	if err != nil {
		return errors.Join(err, next.discard())
	}
	return r.take(next)
}

// keepJournal gives the journal another name, and takes the one that it has only where a file
// can have no two.
func (r *rewriter) keepJournal(name string) error {
	if r.j.fs.Link(r.j.path, name) == nil {
		return nil
	}
	return r.j.fs.Rename(r.j.path, name)
}

// take goes on with a journal that has taken the place of the present one.
func (r *rewriter) take(next *journal) error {
	old := r.j.f
	*r.j = *next
	return old.Close()
}

func (r *rewriter) recoverRewrite(fi fs.FileInfo) (done bool, err error) {
	ok, err := r.j.whole()
	if err != nil {
		return false, err
	}
	if !ok {
		return false, r.j.clean() // the plan was never whole, so nothing was begun
	}
	edits, err := r.j.readEdits()
	if errors.Is(err, errContradiction) {
		return false, r.abandon(err.Error())
	}
	if err != nil {
		return false, err
	}
	l := newLayout(edits, r.j.h.oldSize, r.f, r.j.f)
	if l.newSize != r.j.h.newSize {
		return false, r.abandon(errContradiction.Error())
	}
	list, err := r.j.begunSteps()
	if err != nil {
		return false, err
	}
	size := fi.Size()
	if len(list) == 0 {
		return false, r.takeBack(l, size)
	}
	full := max(l.oldSize, l.newSize)
	last := list[len(list)-1]
	if size < full || size == full && fi.ModTime().After(time.Unix(0, last.written).Add(foreignSlack)) {
		return false, r.abandon("another program has changed the file since")
	}
	steps := l.steps(r.j.h.stepLimit)
	if slices.ContainsFunc(list, func(b begun) bool { return !b.of(steps) }) {
		return false, r.abandon(errContradiction.Error())
	}
	if err := r.redoBefore(l, steps, list); err != nil {
		return false, err
	}
	if size == full {
		return true, r.finish(l, steps, last.step, last.octets, true)
	}
	return true, r.finishUnderMail(l, steps, last, full)
}

// of reports whether a step that was begun is one of these.
func (b *begun) of(steps []step) bool {
	if b.step < 0 || b.step >= len(steps) {
		return false
	}
	s := steps[b.step]
	return s.data && b.data == s.size() || !s.data && b.data == 0
}

// redoBefore does the step before the last one again: if it has data it may not
// have reached the disk when the last one was announced.
func (r *rewriter) redoBefore(l *layout, steps []step, list []begun) error {
	before, last := list[0], list[len(list)-1]
	if before.step != last.step-1 || !steps[before.step].data {
		return nil
	}
	if err := r.writeStep(l, steps[before.step], before.octets); err != nil {
		return err
	}
	return r.f.Sync()
}

// takeBack ends a rewrite of which nothing was done but to make room at the end
// of the file. Mail may have been delivered behind that room since.
func (r *rewriter) takeBack(l *layout, size int64) error {
	if size <= l.oldSize || l.newSize <= l.oldSize {
		return r.j.clean()
	}
	first, err := r.firstText(l.oldSize, size)
	if err != nil {
		return err
	}
	if first == size {
		return r.undo(l.oldSize)
	}
	return r.deleteUnderMail(l.oldSize, first)
}

// firstText is the first octet that is not zero, or end.
func (r *rewriter) firstText(off, end int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for off < end {
		n, err := r.f.ReadAt(buf[:min(int64(len(buf)), end-off)], off)
		for i, c := range buf[:n] {
			if c != 0 {
				return off + int64(i), nil
			}
		}
		if off += int64(n); err != nil && off < end {
			return 0, err
		}
	}
	return end, nil
}

// finishUnderMail finishes a rewrite behind whose end mail has been delivered
// since it was interrupted. The mail moves to its place afterwards.
func (r *rewriter) finishUnderMail(l *layout, steps []step, last begun, full int64) error {
	if err := r.doSteps(l, steps, last.step, last.octets, true); err != nil {
		return err
	}
	if l.newSize == full {
		return r.j.clean()
	}
	return r.deleteUnderMail(l.newSize, full)
}

// deleteUnderMail removes [from, to) with a journal of its own, which takes the
// place of the present one in one moment, with its first step begun.
func (r *rewriter) deleteUnderMail(from, to int64) error {
	if from == to {
		return r.j.clean()
	}
	fi, err := r.f.Stat()
	if err != nil {
		return err
	}
	j, err := r.j.successor()
	if err != nil {
		return err
	}
	p := newPlan(j, fi.Size())
	p.remove(from, to-from)
	l := newLayout(p.edits, p.old, r.f, j.f)
	next := *r
	next.j = j
	var data []byte
	steps, err := next.prepare(p, l)
	if err == nil {
		data, err = next.announce(l, steps[0], 0)
	}
	if err == nil {
		err = j.rename(r.j.path)
	}
	if err != nil {
		return errors.Join(errHalfDone, err, j.discard())
	}
	return errors.Join(r.take(j), r.finish(l, steps, 0, data, true))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// recoverCut ends a rewrite of which only the cut at the end is missing, or not
// even that. Mail may have been delivered since.
func (r *rewriter) recoverCut(size int64) error {
	oldSize, newSize := r.j.h.oldSize, r.j.h.newSize
	if size < oldSize {
		return r.j.clean()
	}
	switch crc, err := r.rest(newSize, oldSize); {
	case err != nil:
		return err
	case crc != r.j.h.metaCRC:
		return r.j.clean() // it was cut, and mail was delivered
	case size > oldSize:
		return r.deleteUnderMail(newSize, oldSize)
	}
	if err := r.cut(newSize); err != nil {
		return errors.Join(errHalfDone, err)
	}
	return r.j.clean()
}
