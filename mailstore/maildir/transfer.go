package maildir

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/index"
)

// Copy makes hard links, so that a copy costs no space and no time. Each copy
// gets a base name of its own: a name that comes back to a mailbox which had it
// before would get its old UID again.
func (m *mailbox) Copy(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	claim, err := m.a.Claim(ctx)
	if err == nil && claim != nil {
		err = claim.Add(m.amountOf(uids))
	}
	if err != nil {
		return mailstore.CopyResult{}, fail("copy from", m.Name(), err)
	}
	defer claim.Release()
	res, err := m.transferTo(ctx, "copy from", uids, dest, false)
	if err == nil {
		claim.Settle()
	}
	return res, err
}

// Move renames the files into the other mailbox: at every moment each is in
// exactly one of the two. When it fails in the middle, those in the result have
// been moved.
func (m *mailbox) Move(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	return m.transferTo(ctx, "move from", uids, dest, true)
}

func (m *mailbox) transferTo(ctx context.Context, op string, uids mailstore.UIDSet, dest mailstore.Mailbox, move bool) (mailstore.CopyResult, error) {
	to, mine := dest.(*mailbox)
	if !mine || to.a != m.a {
		return mailstore.CopyResult{}, fail(op, m.Name(), errForeignMailbox)
	}
	unlock, err := lockBoth(ctx, m, to)
	if err != nil {
		return mailstore.CopyResult{}, fail(op, m.Name(), err)
	}
	defer unlock()
	defer fsys.Hold(m.a.fs).Release()
	if err := m.a.fs.Settle(); err != nil {
		return mailstore.CopyResult{}, fail(op, m.Name(), err)
	}
	t := transfer{from: m, to: to, move: move}
	err = t.run(ctx, uids)
	return t.result(), fail(op, m.Name(), err)
}

// lockBoth takes the locks of two mailboxes in the one order that all keep.
func lockBoth(ctx context.Context, a, b *mailbox) (unlock func(), err error) {
	if a == b {
		return a.ops.Unlock, a.ops.Lock(ctx)
	}
	if a.serial > b.serial {
		a, b = b, a
	}
	if err := a.ops.Lock(ctx); err != nil {
		return nil, err
	}
	if err := b.ops.Lock(ctx); err != nil {
		a.ops.Unlock()
		return nil, err
	}
	return func() { b.ops.Unlock(); a.ops.Unlock() }, nil
}

// transfer is one Copy or Move.
type transfer struct {
	from, to *mailbox
	move     bool
	done     []transferred
	// Where the files are taken from and put.
	source, dest *places
}

// transferred is a message that has its place in the destination.
type transferred struct {
	source mailstore.UID
	was    file // in the source
	arrival
	copied bool // content was copied, so a move still has to remove the source
}

func (t *transfer) result() mailstore.CopyResult {
	res := mailstore.CopyResult{UIDValidity: t.to.UIDValidity()}
	for _, d := range t.done {
		res.Source = append(res.Source, d.source)
		res.Dest = append(res.Dest, d.uid)
	}
	return res
}

func (t *transfer) run(ctx context.Context, uids mailstore.UIDSet) error {
	switch {
	case t.from.gone.Load() || t.to.gone.Load():
		return mailstore.ErrGone
	case t.to.private || t.move && t.from.private:
		return mailstore.ErrReadOnly
	}
	entries := t.from.Collect(uids)
	if len(entries) == 0 {
		return nil
	}
	err := t.to.withList(ctx, t.to.a.lockWait, nil, func() error {
		err := t.carryOut(ctx, entries)
		if len(t.done) > 0 {
			t.tell()
		}
		return err
	})
	t.noteSize()
	return err
}

// carryOut brings the files over, writes their UIDs down and makes it durable,
// the destination first.
func (t *transfer) carryOut(ctx context.Context, entries []index.Entry[file]) error {
	plan, err := t.plan(entries)
	if err != nil {
		return err
	}
	if t.move {
		t.from.promise()
	}
	t.done = make([]transferred, 0, len(plan))
	t.source, t.dest = t.from.places(len(plan)), t.to.places(len(plan))
	defer t.source.close()
	defer t.dest.close()
	err = t.changing(func() error { return t.carryAll(ctx, plan) })
	if err != nil && !t.move {
		t.undo()
		return err
	}
	arrivals := make([]arrival, len(t.done))
	for i, d := range t.done {
		arrivals[i] = d.arrival
	}
	// As with an append, the syncs come behind what is told by the times of directories.
	if recordErr := t.to.record(arrivals); recordErr != nil {
		t.undo()
		return errors.Join(err, recordErr)
	}
	t.leave()
	return err
}

// changing runs fn, which changes the directories of the destination, and of the
// source when messages move.
func (t *transfer) changing(fn func() error) error {
	return t.to.changing(true, true, func() error {
		if !t.move || t.from == t.to {
			return fn()
		}
		return t.from.changing(true, true, fn)
	})
}

// carryAll brings the files over, one after the other, until one cannot be.
func (t *transfer) carryAll(ctx context.Context, plan []transferred) error {
	progress := mailstore.ProgressOf(ctx).Track(int64(len(plan)))
	for i, d := range plan {
		progress.Add(1)
		if i%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := t.carry(ctx, d); err != nil && !errors.Is(err, mailstore.ErrExpunged) {
			return err
		}
	}
	return nil
}

// plan decides on names, flags and UIDs.
func (t *transfer) plan(entries []index.Entry[file]) ([]transferred, error) {
	to := t.to
	words := mailstore.Flags{}
	for _, e := range entries {
		if e.Flags.Keywords != words.Keywords {
			words = words.With(e.Flags)
		}
	}
	if err := to.prepareKeywords(words.Keywords); err != nil {
		return nil, err
	}
	plan := make([]transferred, len(entries))
	more := make(map[string]string)
	for i, e := range entries {
		old := e.Data.base()
		base := withSizes(to.a.names.next(), sizeField(old, 'S'), e.Size)
		a, words, err := to.arrive(base, e.Flags, e.Size, e.Date)
		if err != nil {
			return nil, err
		}
		if words != "" {
			more[base] = words
		}
		plan[i] = transferred{source: e.UID, arrival: a}
	}
	return plan, to.kw.remember(to.control(), to.a.filePerm, more)
}

// carry brings one file over.
func (t *transfer) carry(ctx context.Context, d transferred) error {
	return t.from.onFile(ctx, d.source, func(_ mailstore.Record, f file) error {
		d.was = f
		from, to := t.source.of(f), t.dest.of(d.file)
		var err error
		if t.move {
			err = from.Rename(f.name, to, d.name)
		} else {
			err = from.Link(f.name, to, d.name)
		}
		if needsCopy(err) {
			d.copied = true
			err = t.copyContent(f.below(t.from.dir()), d.below(t.to.dir()))
		}
		if err == nil {
			t.done = append(t.done, d)
		}
		return err
	})
}

// needsCopy reports whether an error of link or rename means that the content
// has to be copied: another file system, one without links, or too many links.
func needsCopy(err error) bool {
	for _, e := range []error{syscall.EXDEV, syscall.EPERM, syscall.EMLINK, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// copyContent copies a file byte by byte, with its modification time.
func (t *transfer) copyContent(from, to string) error {
	a := t.to.a
	in, err := a.fs.OpenFile(from, openFlags, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	temp := filepath.Join(t.to.dir(), "tmp", a.names.next())
	out, err := a.fs.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, a.filePerm)
	if err != nil {
		return err
	}
	err = t.copyBytes(out, in)
	if err == nil {
		err = a.fs.Chtimes(temp, time.Now(), fi.ModTime())
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = a.fs.Rename(temp, to)
	}
	if err != nil {
		_ = a.fs.Remove(temp) // if it stays, it is removed when it is old
	}
	return err
}

func (t *transfer) copyBytes(out fsys.File, in io.Reader) error {
	buf := t.to.a.buffer()
	defer t.to.a.buffers.Put(buf)
	// The struct hides other methods, so that the buffer is used.
	_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, *buf)
	return err
}

// undo takes back what carry did, in the directories that carry worked in, wherever they
// are now. What cannot be taken back is found by the
// next look at the directories, in one of the two mailboxes.
func (t *transfer) undo() {
	for _, d := range t.done {
		var err error
		if t.move && !d.copied {
			err = t.dest.of(d.file).Rename(d.name, t.source.of(d.was), d.was.name)
		} else {
			err = t.dest.remove(d.file)
		}
		if err != nil {
			t.to.a.log.Error("cannot take back a transfer after an error", "mailbox", t.to.Name(), "path", d.path(), "err", err)
		}
	}
	if len(t.done) > 0 {
		_ = t.to.syncBoth(true, true) // lest they come back with a loss of power
	}
	t.done = nil
	for _, m := range []*mailbox{t.from, t.to} {
		m.newDir.known, m.curDir.known = false, false
	}
}

// leave takes the messages out of the source. That they have left it is made durable
// soon: a loss of power before that leaves them in both.
func (t *transfer) leave() {
	if !t.move {
		return
	}
	for _, d := range t.done {
		t.from.owe(d.was.inNew || !t.from.newDir.still, !d.was.inNew)
		if !d.copied {
			continue
		}
		err := t.from.a.fs.Remove(d.was.below(t.from.dir()))
		if err != nil && !isAbsent(err) {
			t.from.a.log.Error("a moved message stays in the old mailbox too", "mailbox", t.from.Name(), "path", d.was.path(), "err", err)
			t.from.newDir.known, t.from.curDir.known = false, false
		}
	}
}

// noteSize tells what the account's size is now.
func (t *transfer) noteSize() {
	if len(t.done) == 0 {
		return
	}
	size := t.to.a.sizeChange()
	for _, d := range t.done {
		if t.move {
			size.change(t.from, d.flags.System, t.to, d.file, d.flags.System)
		} else {
			size.add(t.to, d.file, d.flags.System)
		}
	}
	size.done()
}

// tell updates the index, the destination's first: no reader misses a message
// in both.
func (t *transfer) tell() {
	within := t.move && t.from == t.to
	change := t.to.Learn
	if within {
		change = t.to.Update
	}
	change(func(tx *index.Tx[file]) {
		for _, d := range t.done {
			t.to.insertRecord(tx, d.entry, d.flags, d.date, true)
		}
		if within {
			for _, d := range t.done {
				t.to.remove(tx, d.source)
			}
		}
	})
	if !t.move || t.from == t.to {
		return
	}
	t.from.Update(func(tx *index.Tx[file]) {
		for _, d := range t.done {
			t.from.remove(tx, d.source)
		}
	})
}
