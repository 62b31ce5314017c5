package maildir

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// appending implements mailstore.Append. Add writes each message to a file in
// tmp/ and makes its content durable; Commit gives the files UIDs and moves them
// to where everybody sees them.
type appending struct {
	m     *mailbox
	claim *mailstore.Claim

	mu     sync.Mutex
	files  []pending
	closed bool
}

// pending is a message in tmp/.
type pending struct {
	tmp   string // its name there
	base  string // the base name that it will have
	flags mailstore.Flags
	date  int64
	size  int64 // in CRLF form
}

// toNew reports whether it becomes a message in new/: it has no flags, so that other
// programs see it as new.
func (p *pending) toNew() bool {
	flags := p.flags
	flags.System &^= mailstore.Recent
	return flags == mailstore.Flags{}
}

// NewAppend begins an append.
func (m *mailbox) NewAppend(ctx context.Context) (mailstore.Append, error) {
	err := ctx.Err()
	switch {
	case err != nil:
	case m.gone.Load():
		err = mailstore.ErrGone
	case m.readOnly.Load():
		err = mailstore.ErrReadOnly
	default:
		err = m.a.fs.Settle()
	}
	ap := &appending{m: m}
	if err == nil {
		ap.claim, err = m.a.Claim(ctx)
	}
	if err != nil {
		return nil, fail("append to", m.Name(), err)
	}
	return ap, nil
}

// Add writes one message to tmp/.
func (ap *appending) Add(opt mailstore.AppendOptions, r io.Reader) error {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	err := errAppendOver
	if !ap.closed {
		err = ap.add(opt, r)
	}
	return fail("append to", ap.m.Name(), err)
}

func (ap *appending) add(opt mailstore.AppendOptions, r io.Reader) error {
	if err := ap.claim.Add(opt.Size, 1); err != nil {
		return err
	}
	p, err := ap.m.store(opt, r)
	if err != nil {
		return err
	}
	ap.files = append(ap.files, p)
	if err = ap.claim.Add(max(p.size-opt.Size, 0), 0); err != nil {
		ap.files = ap.files[:len(ap.files)-1]
		ap.m.discard([]pending{p})
	}
	return err
}

// Abort removes the files from tmp/.
func (ap *appending) Abort() {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	ap.closed = true
	ap.m.discard(ap.files)
	ap.files = nil
	ap.claim.Release()
}

// discard removes files from tmp/. What remains there is removed when it is old.
func (m *mailbox) discard(files []pending) {
	m.staying.RLock()
	defer m.staying.RUnlock()
	for _, p := range files {
		_ = m.a.fs.Remove(m.tmpPath(p))
	}
}

func (m *mailbox) tmpPath(p pending) string { return filepath.Join(m.dir(), "tmp", p.tmp) }

// Commit adds the messages to the mailbox.
func (ap *appending) Commit(ctx context.Context) (uint32, []mailstore.UID, error) {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	m := ap.m
	if ap.closed {
		return 0, nil, fail("append to", m.Name(), errAppendOver)
	}
	ap.closed = true
	files := ap.files
	ap.files = nil
	if len(files) == 0 {
		return m.UIDValidity(), nil, nil
	}
	uids, err := m.commit(ctx, files)
	if err != nil {
		m.discard(files)
		ap.claim.Release()
		return 0, nil, fail("append to", m.Name(), err)
	}
	ap.claim.Settle()
	return m.UIDValidity(), uids, nil
}

// store writes a message to tmp/, with LF as line end, and makes it durable.
func (m *mailbox) store(opt mailstore.AppendOptions, r io.Reader) (p pending, err error) {
	p = pending{tmp: m.a.names.next(), flags: opt.Flags}
	f, err := m.createTmp(p)
	if err != nil {
		return p, err
	}
	stored, crlf, err := m.copyLF(f, r)
	p.size = crlf
	p.base = withSizes(p.tmp, stored, crlf)
	if err == nil {
		p.date, err = m.setDate(f, p, opt.Date)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		m.discard([]pending{p})
	}
	return p, err
}

// createTmp makes a file in tmp/, and tmp/ if somebody has removed it.
func (m *mailbox) createTmp(p pending) (fsys.File, error) {
	m.staying.RLock()
	defer m.staying.RUnlock()
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := m.a.fs.OpenFile(m.tmpPath(p), flags, m.a.filePerm)
	if !isAbsent(err) {
		return f, err
	}
	if k, kindErr := m.a.tree.kindOf(m.dir()); m.gone.Load() || kindErr == nil && k != box {
		return nil, mailstore.ErrGone
	}
	if err := m.a.makeSubdirs(m.dir()); err != nil {
		return nil, err
	}
	return m.a.fs.OpenFile(m.tmpPath(p), flags, m.a.filePerm)
}

// setDate gives a file the modification time that is the internal date.
func (m *mailbox) setDate(f fsys.File, p pending, date time.Time) (int64, error) {
	if !date.IsZero() {
		m.staying.RLock()
		defer m.staying.RUnlock()
		return date.Unix(), m.a.fs.Chtimes(m.tmpPath(p), time.Now(), date)
	}
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.ModTime().Unix(), nil
}

// copyLF copies a message with each CRLF as LF, and returns how long it is as
// stored and in CRLF form. A CRLF behind another CR stays as it is, since the
// way back would not give that CR again.
func (m *mailbox) copyLF(w io.Writer, r io.Reader) (stored, crlf int64, err error) {
	buf := m.a.buffer()
	defer m.a.buffers.Put(buf)
	c := lfWriter{w: w}
	for {
		n, err := r.Read(*buf)
		if n > 0 {
			if err := c.write((*buf)[:n]); err != nil {
				return 0, 0, err
			}
		}
		if err == io.EOF {
			err = c.flush()
			return c.stored, c.stored + c.bare, err
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

// lfWriter turns CRLF into LF.
type lfWriter struct {
	w       io.Writer
	stored  int64 // octets written
	bare    int64 // LF without CR among them
	pending bool  // a CR was read and not written
	afterCR bool  // the last octet written is a CR
}

var crByte = []byte{'\r'}

func (c *lfWriter) emit(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	n, err := c.w.Write(p)
	c.stored += int64(n)
	c.afterCR = p[len(p)-1] == '\r'
	return err
}

// write takes the next piece and compacts it in place.
func (c *lfWriter) write(p []byte) error {
	if c.pending {
		c.pending = false
		if p[0] != '\n' || c.afterCR {
			if err := c.emit(crByte); err != nil {
				return err
			}
		}
	}
	if p[len(p)-1] == '\r' { // decide when the next piece is there
		c.pending = true
		p = p[:len(p)-1]
	}
	out, prev := p[:0], c.afterCR // prev: a CR was written right before p
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			out = append(out, p...)
			break
		}
		line := p[:i]
		p = p[i+1:]
		n, doubled := trailingCRs(line, prev)
		switch {
		case n == 0:
			c.bare++
		case n == 1 && !doubled:
			line = line[:i-1]
			c.bare++
		}
		out = append(append(out, line...), '\n')
		prev = false
	}
	return c.emit(out)
}

// trailingCRs returns how many of the CRs before an LF count, at most one, and
// whether there is another before it. prev says that a CR stands before line
// which has been written already.
func trailingCRs(line []byte, prev bool) (n int, doubled bool) {
	switch i := len(line); {
	case i == 0:
		return boolToInt(prev), prev // it cannot be taken back
	case line[i-1] != '\r':
		return 0, false
	case i == 1:
		return 1, prev
	default:
		return 1, line[i-2] == '\r'
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *lfWriter) flush() error {
	if !c.pending {
		return nil
	}
	c.pending = false
	return c.emit(crByte)
}

// commitQueue collects appends that wait for the mailbox, so that whoever gets
// it first commits all of them with one sync of the UID list and of the
// directories.
type commitQueue struct {
	mu      sync.Mutex
	waiting []*commitRequest
}

type commitRequest struct {
	files []pending
	done  bool // guarded by mailbox.ops
	uids  []mailstore.UID
	err   error
}

func (q *commitQueue) add(r *commitRequest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
}

// takeAll empties the queue.
func (q *commitQueue) takeAll() []*commitRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	return all
}

// remove takes a request back and reports whether nobody had taken it.
func (q *commitQueue) remove(r *commitRequest) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, o := range q.waiting {
		if o == r {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// commit makes files in tmp/ messages, all or none of them.
func (m *mailbox) commit(ctx context.Context, files []pending) ([]mailstore.UID, error) {
	req := &commitRequest{files: files}
	m.queue.add(req)
	if err := m.ops.Lock(ctx); err != nil {
		if m.queue.remove(req) {
			return nil, err
		}
		// Somebody is at it; its end is near.
		if err := m.ops.Lock(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
	}
	defer m.ops.Unlock()
	if !req.done {
		defer fsys.Hold(m.a.fs).Release()
		m.commitAll(ctx, m.queue.takeAll())
	}
	return req.uids, req.err
}
