package mbox

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// plan collects the edits of one rewrite of the file, in order.
type plan struct {
	edits []edit
	j     *journal
	w     *metaWriter
	old   int64 // the size of the file
	shift int64 // what the edits so far add to it
	// single is the one octet that changes, before and after, when all there is
	// to do is that.
	single []byte
}

func newPlan(j *journal, size int64) *plan {
	return &plan{j: j, w: newMetaWriter(j.f), old: size}
}

// replace puts ins in the place of the octets old at off. Only what differs is
// written. Calls must come in the order of off, without overlaps.
func (p *plan) replace(off int64, old, ins []byte) {
	if len(old) == len(ins) {
		for len(ins) > 0 && old[0] == ins[0] {
			off, old, ins = off+1, old[1:], ins[1:]
		}
		for n := len(ins); n > 0 && old[n-1] == ins[n-1]; n = len(ins) {
			old, ins = old[:n-1], ins[:n-1]
		}
		if len(ins) == 0 {
			return
		}
	}
	p.single = nil
	if len(p.edits) == 0 && len(old) == 1 && len(ins) == 1 {
		p.single = []byte{old[0], ins[0]}
	}
	e := edit{off: off, del: int64(len(old)), ins: int64(len(ins))}
	p.shift += e.ins - e.del
	if len(ins) > 0 {
		e.lit = p.w.write(ins)
	}
	p.edits = append(p.edits, e)
}

// remove deletes n octets at off.
func (p *plan) remove(off, n int64) {
	p.shift -= n
	if k := len(p.edits) - 1; k >= 0 && p.edits[k].off+p.edits[k].del == off && p.edits[k].ins == 0 {
		p.edits[k].del += n
		return
	}
	p.single = nil
	p.edits = append(p.edits, edit{off: off, del: n})
}

// insert puts b in front of what stands at off.
func (p *plan) insert(off int64, b []byte) {
	p.single = nil
	if k := len(p.edits) - 1; k >= 0 && p.edits[k].off+p.edits[k].del == off && p.edits[k].ins == 0 {
		p.edits[k].lit, p.edits[k].ins = p.w.write(b), int64(len(b))
		p.shift += int64(len(b))
		return
	}
	p.replace(off, nil, b)
}

func (p *plan) empty() bool { return len(p.edits) == 0 }

// cutsTail reports whether all there is to do is to make the file shorter.
func (p *plan) cutsTail() bool {
	return len(p.edits) == 1 && p.edits[0].ins == 0 && p.edits[0].off+p.edits[0].del == p.old
}

// rewriter applies plans to an mbox that this process has locked.
type rewriter struct {
	f    fsys.File
	j    *journal
	log  *slog.Logger
	name string
	// alive is called before each step, to keep the lock file from looking left over.
	alive func()
}

// apply brings the file into the state that the plan describes, or leaves it as
// it was. An error of kind errHalfDone means neither: then the journal says how
// to go on, and nobody must touch the file before recover has.
func (r *rewriter) apply(p *plan) error {
	switch {
	case p.empty():
		return nil
	case p.single != nil:
		// One octet reaches the disk or does not.
		return r.writeOctet(p.edits[0].off, p.single[0], p.single[1])
	case p.cutsTail():
		// So does a new size.
		return r.cut(p.edits[0].off)
	}
	l := newLayout(p.edits, p.old, r.f, r.j.f)
	steps, err := r.prepare(p, l)
	if err != nil {
		return err
	}
	return r.finish(l, steps, 0, nil, false)
}

func (r *rewriter) writeOctet(off int64, before, after byte) error {
	if _, err := r.f.WriteAt([]byte{after}, off); err != nil {
		return err
	}
	err := r.sync()
	if err != nil {
		_, undone := r.f.WriteAt([]byte{before}, off)
		err = errors.Join(err, undone)
	}
	return err
}

// sync tries twice: a failure may have been none of this file.
func (r *rewriter) sync() error {
	err := r.f.Sync()
	if err != nil {
		err = r.f.Sync()
	}
	return err
}

// cut makes the file end at size.
func (r *rewriter) cut(size int64) error {
	if err := r.f.Truncate(size); err != nil {
		return err
	}
	if err := r.sync(); err != nil {
		return errors.Join(errHalfDone, err) // it is shorter, but perhaps not for long
	}
	return nil
}

// prepare writes the plan and takes all the room that it will need, so that from
// then on a full disk cannot stop it. On an error nothing has changed.
func (r *rewriter) prepare(p *plan, l *layout) ([]step, error) {
	fi, err := r.f.Stat()
	if err != nil {
		return nil, err
	}
	h := journalHeader{kind: journalRewrite, entries: uint32(len(p.edits)), oldSize: l.oldSize, newSize: l.newSize, litLen: p.w.len()}
	h.dev, h.ino = fileID(fi)
	p.w.edits(p.edits)
	p.w.flush()
	if p.w.err != nil {
		return nil, p.w.err
	}
	h.metaCRC = p.w.crc
	steps, err := r.makeRoom(&h, l, stepData)
	if err != nil {
		steps, err = r.makeRoom(&h, l, smallStepData)
	}
	if err != nil {
		return nil, err
	}
	if err := r.j.put(h); err != nil {
		return nil, err
	}
	if l.newSize <= l.oldSize {
		return steps, nil
	}
	if err = r.j.f.Sync(); err == nil {
		err = r.extend(l.oldSize, l.newSize)
	}
	if err != nil {
		return nil, errors.Join(err, r.undo(l.oldSize))
	}
	return steps, nil
}

// makeRoom cuts the rewrite into steps and makes room for them in the journal.
func (r *rewriter) makeRoom(h *journalHeader, l *layout, limit int64) ([]step, error) {
	steps := l.steps(limit)
	h.stepLimit, h.slotRoom = limit, 0
	for _, s := range steps {
		if s.data {
			h.slotRoom = max(h.slotRoom, s.size())
		}
	}
	// The sequence number is not the plan's yet, so no slot can be taken for its.
	room := *r.j
	room.h = *h
	return steps, room.reserve()
}

// undo takes back what prepare did.
func (r *rewriter) undo(size int64) error {
	if err := errors.Join(r.cut(size), r.j.clean()); err != nil {
		return errors.Join(errHalfDone, err)
	}
	return nil
}

func (s step) size() (n int64) {
	for _, sp := range s.spans {
		n += sp.hi - sp.lo
	}
	return n
}

// extend makes the file longer with zeros that have their place on the disk.
func (r *rewriter) extend(from, to int64) error {
	zero := make([]byte, min(64<<10, to-from))
	for from < to {
		n, err := r.f.WriteAt(zero[:min(int64(len(zero)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return r.f.Sync()
}

// errHalfDone: the file is between two states.
var errHalfDone = errors.New("the rewriting of the file was interrupted; it goes on at the next access")

// finish does the steps from first on and everything that comes after. begun
// says that the first of them was announced, with these data, and may have
// changed the file.
func (r *rewriter) finish(l *layout, steps []step, first int, data []byte, begun bool) error {
	if err := r.doSteps(l, steps, first, data, begun); err != nil {
		return err
	}
	if l.newSize < l.oldSize {
		if err := r.finishCut(l); err != nil {
			return errors.Join(errHalfDone, err)
		}
	}
	r.j.done()
	return nil
}

func (r *rewriter) doSteps(l *layout, steps []step, first int, data []byte, begun bool) error {
	for k := first; k < len(steps); k++ {
		if r.alive != nil {
			r.alive()
		}
		if k > first || !begun {
			// The step that was begun stands in the journal; to write it there
			// again could destroy what is needed to do it.
			var err error
			if data, err = r.announce(l, steps[k], k); err != nil && !begun {
				return errors.Join(err, r.undo(l.oldSize))
			} else if err != nil {
				return errors.Join(errHalfDone, err)
			}
			begun = true
		}
		if err := r.doStep(l, steps[k], data); err != nil {
			return errors.Join(errHalfDone, err)
		}
	}
	return nil
}

// finishCut ends the file at its new size.
func (r *rewriter) finishCut(l *layout) error {
	h := r.j.h
	h.kind = journalCut
	var err error
	if h.metaCRC, err = r.rest(l.newSize, l.oldSize); err != nil {
		return err
	}
	if err := r.j.put(h); err != nil {
		return err
	}
	if err := r.j.f.Sync(); err != nil {
		return err
	}
	return r.cut(l.newSize)
}

// rest is a checksum of the end of what is to be cut off, by which one sees
// whether it was.
func (r *rewriter) rest(from, to int64) (uint32, error) {
	b := make([]byte, min(4096, to-from))
	if n, err := r.f.ReadAt(b, to-int64(len(b))); n < len(b) {
		return 0, err
	}
	return crc32.Checksum(b, castagnoli), nil
}

// doStep does a step that was announced.
func (r *rewriter) doStep(l *layout, s step, data []byte) error {
	for _, sp := range s.spans {
		var err error
		if s.data {
			_, err = r.f.WriteAt(data[:sp.hi-sp.lo], sp.lo)
			data = data[sp.hi-sp.lo:]
		} else {
			err = r.copySpan(l, sp)
		}
		if err != nil {
			return err
		}
	}
	return r.f.Sync()
}

// announce writes durably into the journal that step k begins, with the octets
// that it needs and destroys.
func (r *rewriter) announce(l *layout, s step, k int) ([]byte, error) {
	var data []byte
	if s.data {
		data = make([]byte, s.size())
		at := data
		for _, sp := range s.spans {
			if err := l.read(at[:sp.hi-sp.lo], sp.lo); err != nil {
				return nil, err
			}
			at = at[sp.hi-sp.lo:]
		}
	}
	if err := r.j.putSlot(k, data); err != nil {
		return nil, err
	}
	return data, r.j.f.Sync()
}

// copySpan writes a span whose sources are elsewhere.
func (r *rewriter) copySpan(l *layout, sp span) error {
	buf := make([]byte, min(1<<20, sp.hi-sp.lo))
	for d := sp.lo; d < sp.hi; {
		b := buf[:min(int64(len(buf)), sp.hi-d)]
		if err := l.read(b, d); err != nil {
			return err
		}
		if _, err := r.f.WriteAt(b, d); err != nil {
			return err
		}
		d += int64(len(b))
	}
	return nil
}

// fileID is what tells one file from another.
func fileID(fi fs.FileInfo) (dev, ino uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), st.Ino
	}
	return 0, 0
}

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

// abandon gives up on a journal that no longer fits its file and keeps it for
// whoever wants to look.
func (r *rewriter) abandon(why string) error {
	keep := fmt.Sprintf("%s.unfinished-%d", r.j.path, time.Now().UnixNano())
	r.log.Error("mbox: cannot finish an interrupted operation; the mailbox may have lost or doubled text. Look at it, and delete the file named here", "mailbox", r.name, "reason", why, "journal", keep)
	if err := r.j.fs.Rename(r.j.path, keep); err != nil {
		return err
	}
	f, err := createFile(r.j.fs, r.j.path, 0o600)
	if err != nil {
		return err
	}
	old := r.j.f
	r.j.f, r.j.h = f, journalHeader{}
	return old.Close()
}

func (r *rewriter) recoverRewrite(fi fs.FileInfo) (done bool, err error) {
	edits, ok, err := r.j.readEdits()
	if err != nil {
		return false, err
	}
	if !ok {
		return false, r.j.clean() // the plan was never whole, so nothing was begun
	}
	l := newLayout(edits, r.j.h.oldSize, r.f, r.j.f)
	if l.newSize != r.j.h.newSize {
		return false, r.abandon("the journal contradicts itself")
	}
	slot, data, begun, err := r.j.getSlot()
	if err != nil {
		return false, err
	}
	size := fi.Size()
	if !begun {
		return false, r.takeBack(l, size)
	}
	full := max(l.oldSize, l.newSize)
	if size < full || size == full && fi.ModTime().After(time.Unix(0, slot.written).Add(foreignSlack)) {
		return false, r.abandon("another program has changed the file since")
	}
	if slot.data == 0 {
		data = nil
	}
	if size == full {
		return true, r.finish(l, l.steps(r.j.h.stepLimit), slot.step, data, true)
	}
	return true, r.finishUnderMail(l, slot.step, data, full)
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
func (r *rewriter) finishUnderMail(l *layout, first int, data []byte, full int64) error {
	steps := l.steps(r.j.h.stepLimit)
	if err := r.doSteps(l, steps, first, data, true); err != nil {
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
	j, err := openJournal(r.j.fs, fsys.TempName(r.j.path), true)
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
		err = j.fs.Rename(j.path, r.j.path)
	}
	if err == nil {
		err = syncParent(j.fs, r.j.path)
	}
	if err != nil {
		return errors.Join(errHalfDone, err, j.close(), ignoreMissing(j.fs.Remove(j.path)))
	}
	old := r.j.f
	j.path = r.j.path
	*r.j = *j
	return errors.Join(old.Close(), r.finish(l, steps, 0, data, true))
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

// errKind gives errors of the machine their kind in the contract.
func errKind(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", mailstore.ErrOverQuota, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", mailstore.ErrReadOnly, err)
	}
	return err
}
