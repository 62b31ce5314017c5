package mbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"restante/fsys"
	"restante/mailstore"
)

// smallMessage is how large a message may be to be copied into memory when it is
// opened. Of a larger one the octets are read from the mbox as they are asked
// for.
const smallMessage = 256 << 10

// readers are the open messages that read from the file.
type readers struct {
	mu   sync.Mutex
	open map[*openMessage]struct{}
}

func (r *readers) add(msg *openMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(map[*openMessage]struct{})
	}
	r.open[msg] = struct{}{}
}

func (r *readers) remove(msg *openMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, msg)
}

// of returns the open messages with UIDs of a set.
func (r *readers) of(set mailstore.UIDSet) []*openMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*openMessage
	for msg := range r.open {
		if set.Contains(msg.uid) {
			list = append(list, msg)
		}
	}
	return list
}

// errMoved: the file is no longer what the index describes.
var errMoved = errors.New("the file was changed meanwhile")

// OpenMessage gives access to a message. A small one is in memory from then on.
// The octets of a large one are read from the file, wherever they stand at that
// time; an expunge of this process copies them away first. Only when another
// program takes a large message out of the file while it is read is there
// nothing left: then ReadAt fails with ErrExpunged.
func (m *Mailbox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	msg, err := m.openMessage(ctx, uid)
	if err != nil {
		return nil, m.fail("open message in", err)
	}
	return msg, nil
}

func (m *Mailbox) openMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	if err := errors.Join(ctx.Err(), m.gone()); err != nil {
		return nil, err
	}
	for range 10 {
		msg, err := m.tryOpen(uid)
		if !errors.Is(err, errMoved) {
			return msg, err
		}
		if err := m.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errMoved
}

// tryOpen opens a message if the file is what the index describes.
func (m *Mailbox) tryOpen(uid mailstore.UID) (mailstore.Message, error) {
	m.io.RLock()
	defer m.io.RUnlock()
	_, l, found := m.Get(uid)
	if !found {
		return nil, mailstore.ErrExpunged
	}
	if m.h == nil {
		return nil, errMoved
	}
	if l.visible() <= smallMessage && int64(l.hdr) <= 2*smallMessage {
		return m.readSmall(l)
	}
	x, err := messageExtents(m.h, l)
	if err := m.checkUnmoved(m.h, m.snap, err); err != nil {
		return nil, err
	}
	m.h.hold()
	msg := &openMessage{m: m, uid: uid, size: x.len(), h: m.h, snap: m.snap, gen: m.layoutGen, x: x}
	m.readers.add(msg)
	return msg, nil
}

// checkUnmoved turns a failure to read into errMoved if the file was changed.
func (m *Mailbox) checkUnmoved(h *handle, snap fileStamp, err error) error {
	fi, statErr := h.Stat()
	if statErr != nil {
		return statErr
	}
	if !stampOf(fi).sameText(snap) {
		return errMoved
	}
	return err
}

func (m *Mailbox) readSmall(l loc) (mailstore.Message, error) {
	msg := newMemoryMessage(&m.acct.buffers, int(int64(l.hdr)+l.body))
	raw := *msg.buf.Load()
	_, err := io.ReadFull(io.NewSectionReader(m.h, l.header(), int64(len(raw))), raw)
	if err := m.checkUnmoved(m.h, m.snap, err); err != nil {
		return nil, errors.Join(err, msg.Close())
	}
	msg.text = raw
	if l.hidden == 0 {
		return msg, nil
	}
	l.off, l.from = 0, 0
	x, err := messageExtents(bytes.NewReader(raw), l)
	if err != nil {
		return nil, errors.Join(err, msg.Close())
	}
	msg.text = raw[:0]
	for _, e := range x {
		msg.text = append(msg.text, raw[e.off:e.off+e.n]...)
	}
	return msg, nil
}

// memoryMessage is a message in memory, in a buffer that Close gives back.
type memoryMessage struct {
	text []byte
	pool *sync.Pool
	buf  atomic.Pointer[[]byte]
}

func newMemoryMessage(pool *sync.Pool, n int) *memoryMessage {
	buf := takeBuffer(pool)
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	*buf = (*buf)[:n]
	m := &memoryMessage{pool: pool}
	m.buf.Store(buf)
	return m
}

// takeBuffer gives memory of any size, which may be put into the pool again.
func takeBuffer(pool *sync.Pool) *[]byte {
	if buf, ok := pool.Get().(*[]byte); ok {
		return buf
	}
	return new([]byte)
}

// Len is the number of stored octets.
func (m *memoryMessage) Len() int64 { return int64(len(m.text)) }

// ReadAt implements io.ReaderAt.
func (m *memoryMessage) ReadAt(b []byte, off int64) (int, error) {
	switch {
	case m.buf.Load() == nil:
		return 0, os.ErrClosed
	case off < 0:
		return 0, errNegativeOffset
	case off >= int64(len(m.text)):
		if len(b) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(b, m.text[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Close gives the buffer back.
func (m *memoryMessage) Close() error {
	if buf := m.buf.Swap(nil); buf != nil {
		m.pool.Put(buf)
	}
	return nil
}

// openMessage reads a message from the file, or from a copy.
type openMessage struct {
	m    *Mailbox
	uid  mailstore.UID
	size int64

	mu     sync.Mutex
	h      *handle // nil when there is a copy or the message is closed
	snap   fileStamp
	gen    uint64
	x      extents
	copied fsys.File
}

// Len is the number of stored octets.
func (msg *openMessage) Len() int64 { return msg.size }

// ReadAt implements io.ReaderAt.
func (msg *openMessage) ReadAt(b []byte, off int64) (int, error) {
	for range 10 {
		n, err := msg.tryRead(b, off)
		if !errors.Is(err, errMoved) {
			return n, err
		}
		if err := msg.m.Refresh(context.Background()); err != nil && !errors.Is(err, mailstore.ErrGone) {
			return 0, err
		}
	}
	return 0, errMoved
}

func (msg *openMessage) tryRead(b []byte, off int64) (int, error) {
	m := msg.m
	m.io.RLock()
	defer m.io.RUnlock()
	msg.mu.Lock()
	defer msg.mu.Unlock()
	switch {
	case msg.copied != nil:
		return readCopy(msg.copied, b, off, msg.size)
	case msg.h == nil:
		return 0, os.ErrClosed
	}
	if msg.gen != m.layoutGen && m.gone() == nil {
		if err := msg.locate(); err != nil {
			return 0, err
		}
	}
	n, err := msg.x.readAt(msg.h, b, off)
	return n, m.checkUnmoved(msg.h, msg.snap, err)
}

func readCopy(f fsys.File, b []byte, off, size int64) (int, error) {
	if off < 0 {
		return 0, errNegativeOffset
	}
	n, err := f.ReadAt(b[:max(0, min(int64(len(b)), size-off))], off)
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

// locate finds the message again after messages have moved.
func (msg *openMessage) locate() error {
	m := msg.m
	_, l, found := m.Get(msg.uid)
	if !found {
		return mailstore.ErrExpunged
	}
	if m.h == nil {
		return errMoved
	}
	x, err := messageExtents(m.h, l)
	if err := m.checkUnmoved(m.h, m.snap, err); err != nil {
		return err
	}
	if x.len() != msg.size {
		return mailstore.ErrExpunged
	}
	m.h.hold()
	old := msg.h
	msg.h, msg.snap, msg.gen, msg.x = m.h, m.snap, m.layoutGen, x
	return old.release()
}

// keep copies the message away, because it is about to leave the file. The
// caller holds io.
func (msg *openMessage) keep() error {
	msg.mu.Lock()
	defer msg.mu.Unlock()
	if msg.copied != nil || msg.h == nil {
		return nil
	}
	if msg.gen != msg.m.layoutGen {
		if err := msg.locate(); err != nil {
			return err
		}
	}
	f, err := tempFile(msg.m.acct.opt.FS, msg.m.paths().notes)
	if err != nil {
		return err
	}
	r := io.NewSectionReader(readerAt(func(b []byte, off int64) (int, error) { return msg.x.readAt(msg.h, b, off) }), 0, msg.size)
	if _, err := io.Copy(f, r); err != nil {
		return errors.Join(err, f.Close())
	}
	msg.copied = f
	old := msg.h
	msg.h = nil
	return old.release()
}

type readerAt func(b []byte, off int64) (int, error)

func (f readerAt) ReadAt(b []byte, off int64) (int, error) { return f(b, off) }

// tempFile makes a file without a name: what is in it goes when it is closed.
func tempFile(fsx fsys.FS, dir string) (fsys.File, error) {
	if err := fsys.MkdirAll(fsx, dir, 0o700); err != nil {
		return nil, err
	}
	name := fsys.TempName(dir + "/x")
	f, err := fsx.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := fsx.Remove(name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close ends the access.
func (msg *openMessage) Close() error {
	msg.m.readers.remove(msg)
	msg.mu.Lock()
	defer msg.mu.Unlock()
	var errs []error
	if msg.h != nil {
		errs = append(errs, msg.h.release())
		msg.h = nil
	}
	if msg.copied != nil {
		errs = append(errs, msg.copied.Close())
		msg.copied = nil
	}
	return errors.Join(errs...)
}
