package mbox

import (
	"cmp"
	"errors"
	"hash/crc32"
	"log/slog"
	"slices"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// rewriter applies plans to an mbox that this process has locked.
type rewriter struct {
	f    fsys.File
	j    *journal
	log  *slog.Logger
	name string
	zone *time.Location // of the From lines
	// lock is kept before each step from looking left over; nil where there is none.
	lock *fileLock
	// progress counts the octets that are written.
	progress mailstore.Progress
	buf      []byte // the step that was announced last
	// syncing tells when what was written last is durable; nil when it is.
	syncing <-chan error
	most    int64 // bounds a step that goes through the journal; 0 is stepData
	// late syncs the file soon, for what a plan may have late; nil where nobody could.
	late debtor
}

// A debtor syncs a file soon.
type debtor interface {
	owe()
	// takeOwed gives up what was owed and reports whether anything was: the caller syncs.
	takeOwed() bool
}

// apply brings the file into the state that the plan describes, or leaves it as
// it was. An error of kind errHalfDone means neither: then the journal says how
// to go on, and nobody must touch the file before recover has.
func (r *rewriter) apply(p *plan) error {
	switch {
	case p.empty():
		return nil
	case p.single != nil && p.late && r.late != nil:
		_, err := r.f.WriteAt(p.single[1:], p.edits[0].off)
		if err == nil {
			r.late.owe()
		}
		return err
	case p.single != nil:
		// One octet reaches the disk or does not.
		return r.writeOctet(p.edits[0].off, p.single[0], p.single[1])
	case p.cutsTail():
		// So does a new size.
		return r.cut(p.edits[0].off)
	}
	if err := r.settle(); err != nil {
		return err
	}
	l := newLayout(p.edits, p.old, r.f, r.j.f)
	steps, err := r.prepare(p, l)
	if err != nil {
		r.j.trim()
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

// settle makes durable what is owed: a journal speaks of a file that is so on disk.
func (r *rewriter) settle() error {
	if r.late == nil || !r.late.takeOwed() {
		return nil
	}
	err := r.sync()
	if err != nil {
		r.late.owe()
	}
	return err
}

func (r *rewriter) sync() error { return syncTwice(r.f) }

// syncTwice tries twice: a failure may have been none of this file.
func syncTwice(f interface{ Sync() error }) error {
	err := f.Sync()
	if err != nil {
		err = f.Sync()
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
	steps, err := r.takeRoom(&h, l)
	if err != nil {
		return nil, err
	}
	if err := r.j.put(h); err != nil {
		return nil, err
	}
	if l.newSize <= l.oldSize {
		return steps, nil
	}
	if err = r.j.sync(); err == nil {
		err = r.extend(l.oldSize, l.newSize)
	}
	if err != nil {
		return nil, errors.Join(err, r.undo(l.oldSize))
	}
	return steps, nil
}

// takeRoom cuts the rewrite into steps for which there is room.
func (r *rewriter) takeRoom(h *journalHeader, l *layout) ([]step, error) {
	room := max(r.j.room(), journalRoom)
	steps, err := r.makeRoom(h, l, cmp.Or(r.most, stepData))
	if err == nil {
		return steps, nil
	}
	if r.j.room() > room {
		// The mbox may need what the journal has taken of the disk.
		if err := r.j.f.Truncate(room); err != nil {
			return nil, err
		}
	}
	return r.makeRoom(h, l, r.smallStep(h))
}

// smallStep is the largest step for which the journal has room as it is.
func (r *rewriter) smallStep(h *journalHeader) int64 {
	h.slotRoom = 0
	n := (r.j.room()-h.slotAt(0))/2 - blockSize
	return min(max(n, minStepData), stepData) / minStepData * minStepData
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

// doSteps does the steps from first on. What a step with data has written reaches
// the disk while the next one is announced; that one waits for it.
func (r *rewriter) doSteps(l *layout, steps []step, first int, data []byte, begun bool) error {
	total := int64(0)
	for _, s := range steps[first:] {
		total += s.size()
	}
	progress := r.progress.Track(total)
	for k := first; k < len(steps); k++ {
		if r.lock != nil {
			r.lock.keep()
		}
		if k > first || !begun {
			// The step that was begun stands in the journal; to write it there
			// again could destroy what is needed to do it.
			var err error
			if data, err = r.announce(l, steps[k], k); err != nil && !begun {
				return errors.Join(err, r.undo(l.oldSize))
			} else if err != nil {
				return errors.Join(errHalfDone, err, r.waitSync())
			}
			begun = true
		}
		if err := r.waitSync(); err != nil {
			return errors.Join(errHalfDone, err)
		}
		if err := r.writeStep(l, steps[k], data); err != nil {
			return errors.Join(errHalfDone, err)
		}
		r.startSync()
		if last := k == len(steps)-1; last || !steps[k].data {
			if err := r.waitSync(); err != nil {
				return errors.Join(errHalfDone, err)
			}
		}
		progress.Add(steps[k].size())
	}
	return nil
}

// startSync begins to make durable what was written to the file.
func (r *rewriter) startSync() {
	done := make(chan error, 1)
	go func() { done <- r.f.Sync() }()
	r.syncing = done
}

// waitSync waits for startSync, if it was called.
func (r *rewriter) waitSync() error {
	if r.syncing == nil {
		return nil
	}
	err := <-r.syncing
	r.syncing = nil
	return err
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
	if err := r.j.sync(); err != nil {
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

// writeStep writes a step that was announced.
func (r *rewriter) writeStep(l *layout, s step, data []byte) error {
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
	return nil
}

// announce writes durably into the journal that step k begins, with the octets
// that it needs and destroys, which it returns until the next one.
func (r *rewriter) announce(l *layout, s step, k int) ([]byte, error) {
	size := int64(0)
	if s.data {
		size = s.size()
	}
	r.buf = slices.Grow(r.buf[:0], int(blockSize+size))[:blockSize+size]
	data := r.buf[blockSize:]
	if s.data {
		at := data
		for _, sp := range s.spans {
			if err := l.read(at[:sp.hi-sp.lo], sp.lo); err != nil {
				return nil, err
			}
			at = at[sp.hi-sp.lo:]
		}
	}
	if err := r.j.putSlot(k, r.buf); err != nil {
		return nil, err
	}
	return data, r.j.sync()
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
