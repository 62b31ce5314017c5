package mbox

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"restante/mailstore"
)

// committer joins appends that are committed at about the same time: while one
// batch is being written those who come wait, and are the next batch. All
// batches in a row are written under one round of locks, and each costs two
// syncs, however many messages it has; docs/design/mbox.md, "Appending".
type committer struct {
	mu      sync.Mutex
	queue   []*pending
	running bool
}

// commit returns when the append is durable, or has failed. Until it is taken
// into a batch it can be given up by its context.
func (c *committer) commit(ctx context.Context, m *Mailbox, a *pending) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.ready = make(chan struct{})
	c.mu.Lock()
	c.queue = append(c.queue, a)
	if !c.running {
		c.running = true
		go c.run(m)
	}
	c.mu.Unlock()
	select {
	case <-a.ready:
	case <-ctx.Done():
		if c.withdraw(a) {
			return context.Cause(ctx)
		}
		<-a.ready
	}
	return a.err
}

func (c *committer) withdraw(a *pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.queue, a)
	if i >= 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
	}
	return i >= 0
}

// take returns those who wait. When nobody does and the committer is about to
// end, the next one who comes starts another.
func (c *committer) take(end bool) []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.queue
	c.queue = nil
	if len(list) == 0 && end {
		c.running = false
	}
	return list
}

// run serves the queue until it is empty. It waits for locks as long as every
// operation does; those who wait have contexts of their own.
func (c *committer) run(m *Mailbox) {
	for {
		err := m.locked(context.Background(), func(r *rewriter) error {
			if err := m.noteEnd(r); err != nil {
				return err
			}
			c.batches(m, r)
			return nil
		})
		list := c.take(true)
		if len(list) == 0 {
			return
		}
		if err == nil {
			c.mu.Lock()
			c.queue = append(list, c.queue...) // they came too late for the locks
			c.mu.Unlock()
			continue
		}
		for _, a := range list {
			a.finish(err)
		}
	}
}

func (a *pending) finish(err error) {
	if a.err = err; err != nil {
		a.uids = nil
	}
	close(a.ready)
}

// maxBatches bounds how long other programs are kept out.
const maxBatches = 16

// batches commits batch after batch while somebody waits. Only at the end does
// the journal say durably that nothing is going on: before that the locks keep
// everybody from touching what it describes.
func (c *committer) batches(m *Mailbox, r *rewriter) {
	for range maxBatches {
		list := c.take(false)
		if len(list) == 0 {
			break
		}
		b := batch{m: m, list: list}
		if b.run(r); r.j.refused || m.gone() != nil {
			break
		}
		if r.lock != nil {
			r.lock.keep()
		}
	}
	if r.j.h.kind == journalAppend && !r.j.refused {
		r.j.done()
	}
}

// batch is a number of appends that are written together.
type batch struct {
	m    *Mailbox
	list []*pending
}

// run commits the batch and tells those who wait. When it fails each append is
// tried alone: one that cannot be stored, or for which there is no room, must not
// take the others with it.
func (b *batch) run(r *rewriter) {
	err := b.commit(r)
	if err == nil || len(b.list) == 1 || errors.Is(err, errHalfDone) || b.m.gone() != nil {
		for _, a := range b.list {
			a.finish(err)
		}
		return
	}
	for i, a := range b.list {
		one := batch{m: b.m, list: b.list[i : i+1]}
		err := one.commit(r)
		a.finish(err)
		if errors.Is(err, errHalfDone) || b.m.gone() != nil {
			for _, rest := range b.list[i+1:] {
				rest.finish(err)
			}
			return
		}
	}
}

// commit reads what it is to write as every reader of the file would, then writes it, and
// only then lets it count. The journal still describes it.
func (b *batch) commit(r *rewriter) error {
	m := b.m
	first := m.UIDNext()
	if uint64(mailstore.MaxUID-first) <= uint64(b.len()) {
		return m.renumber()
	}
	start := m.snap.size
	lead, err := m.leadIn(start)
	if err != nil {
		return err
	}
	compose := func(w io.Writer) error { return b.compose(w, lead, first) }
	note, err := noteOf(compose)
	if err != nil {
		return err
	}
	a := appended{batch: b, start: start + int64(len(lead)), end: start + note.n, first: first}
	told, err := a.foretell(note)
	if err != nil {
		return err
	}
	if err := r.append(start, note, told, compose); err != nil {
		r.j.told = m.toldHere()
		return m.afterFailure(r, err)
	}
	if len(lead) > 0 {
		err = m.lookAgain(m.lastEntry(), a.start)
	}
	if err == nil {
		err = a.accept()
	}
	r.j.told = m.toldHere()
	if err != nil {
		return errors.Join(err, m.afterFailure(r, r.takeBackAppend()))
	}
	return nil
}

// toldHere is what the journal has to tell now.
func (m *Mailbox) toldHere() toldUIDs { return newTold(m.validity, m.UIDNext(), m.unlisted) }

// len is the number of messages.
func (b *batch) len() (n int) {
	for _, a := range b.list {
		n += len(a.messages)
	}
	return n
}

func (b *batch) compose(w io.Writer, lead []byte, uid mailstore.UID) error {
	if _, err := w.Write(lead); err != nil {
		return err
	}
	carried := b.newBase()
	for _, a := range b.list {
		for i := range a.messages {
			msg := &a.messages[i]
			n := notes{base: carried, uid: uid, system: msg.flags.System, keywords: msg.flags.Keywords, length: msg.bodyLength()}
			from := appendFromLine(nil, msg.sender, msg.date, b.m.acct.opt.Zone)
			if err := msg.compose(w, &a.spool, from, n.anew()); err != nil {
				return err
			}
			carried = nil
			uid++
		}
	}
	return nil
}

// newBase is the X-IMAPbase that the first of the messages carries when the file
// has none that could.
func (b *batch) newBase() *base {
	if !b.m.carriesNoMail() {
		return nil
	}
	base := &base{found: true, validity: b.m.validity, last: b.m.UIDNext() + mailstore.UID(b.len()) - 1}
	for _, a := range b.list {
		for _, msg := range a.messages {
			base.keywords = withWords(base.keywords, msg.flags.Keywords)
		}
	}
	return base
}
