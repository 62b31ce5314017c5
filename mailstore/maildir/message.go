package maildir

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/index"
)

// openFlags keep a link that somebody put into a Maildir from being followed.
const openFlags = os.O_RDONLY | syscall.O_NOFOLLOW

// message implements mailstore.Message: the open file keeps the bytes readable
// after the file was renamed or removed.
type message struct{ fsys.Content }

// Len is the file's size.
func (msg message) Len() int64 { return msg.Size() }

// OpenMessage opens the message's file, which tells its date.
func (m *mailbox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	f, err := m.openFile(ctx, uid)
	if err != nil {
		return nil, fail("open message in", m.Name(), err)
	}
	if r, found := m.Record(uid); found && r.Date == mailstore.Unknown {
		m.Learn(func(tx *index.Tx[file]) { tx.SetAttrs(uid, mailstore.Unknown, f.ModTime()) })
	}
	return message{f}, nil
}

// openFile opens the message's file without waiting for a write, unless the file
// is not where it was.
func (m *mailbox) openFile(ctx context.Context, uid mailstore.UID) (f fsys.Content, err error) {
	if f := m.openNear(ctx, uid); f != nil {
		return f, nil
	}
	err = m.atFile(ctx, uid, func(path string) error {
		f, err = fsys.OpenContent(m.a.fs, path)
		return err
	})
	return f, err
}

// openNear is openFile for what nearly all messages are: in cur/, the owner's, and
// where the index has them. It is nil for others.
func (m *mailbox) openNear(ctx context.Context, uid mailstore.UID) fsys.Content {
	if ctx.Err() != nil || m.gone.Load() {
		return nil
	}
	_, where, found := m.Get(uid)
	if !found || where.inNew {
		return nil
	}
	dir := m.a.near.of(m).cur
	if dir == nil {
		return nil
	}
	f, err := dir.Open(where.name)
	if err != nil {
		return nil // by its path it opens, or the error is a true one
	}
	return f
}

// atFile runs fn with the path of a message's file; without ops, and again with
// ops when the file was not there.
func (m *mailbox) atFile(ctx context.Context, uid mailstore.UID, fn func(path string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.gone.Load() {
		return mailstore.ErrGone
	}
	_, where, found := m.Get(uid)
	if !found {
		return mailstore.ErrExpunged
	}
	err := fn(where.below(m.dir()))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := m.ops.Lock(ctx); err != nil {
		return err
	}
	defer m.ops.Unlock()
	if m.gone.Load() {
		return mailstore.ErrGone
	}
	return m.onFile(ctx, uid, func(_ mailstore.Record, f file) error {
		return fn(f.below(m.dir()))
	})
}

// fillBatch is how many messages Fill looks at before it tells the index.
const fillBatch = 256

// Fill finds out dates by stat and sizes by reading the file, where its name
// does not tell.
func (m *mailbox) Fill(ctx context.Context, uids mailstore.UIDSet, attrs mailstore.Attrs) error {
	if m.gone.Load() {
		return fail("fill", m.Name(), mailstore.ErrGone)
	}
	return fail("fill", m.Name(), m.fill(ctx, uids, attrs))
}

func (m *mailbox) fill(ctx context.Context, uids mailstore.UIDSet, attrs mailstore.Attrs) error {
	var todo []mailstore.Record
	m.Walk(uids, func(r mailstore.Record) {
		if lacking(r, attrs) != 0 {
			todo = append(todo, r)
		}
	})
	progress := mailstore.ProgressOf(ctx).Track(int64(len(todo)))
	for len(todo) > 0 {
		n := min(len(todo), fillBatch)
		known := make([]mailstore.Record, 0, n)
		for _, r := range todo[:n] {
			progress.Add(1)
			err := m.examine(ctx, &r, lacking(r, attrs))
			switch {
			case err == nil:
				known = append(known, r)
			case errors.Is(err, mailstore.ErrGone) || ctx.Err() != nil:
				return err
			case !errors.Is(err, mailstore.ErrExpunged):
				m.a.log.Error("message cannot be read", "mailbox", m.Name(), "uid", r.UID, "err", err)
			}
		}
		m.Learn(func(tx *index.Tx[file]) {
			for _, r := range known {
				tx.SetAttrs(r.UID, r.Size, r.Date)
			}
		})
		todo = todo[n:]
	}
	return nil
}

// lacking returns those of the attributes that are unknown.
func lacking(r mailstore.Record, attrs mailstore.Attrs) mailstore.Attrs {
	if r.Size != mailstore.Unknown {
		attrs &^= mailstore.AttrSize
	}
	if r.Date != mailstore.Unknown {
		attrs &^= mailstore.AttrDate
	}
	return attrs
}

// examine makes attributes of one record known.
func (m *mailbox) examine(ctx context.Context, r *mailstore.Record, attrs mailstore.Attrs) error {
	if attrs&mailstore.AttrSize == 0 {
		return m.atFile(ctx, r.UID, func(path string) error {
			fi, err := m.a.fs.Stat(path)
			if err == nil {
				r.Date = fi.ModTime().Unix()
			}
			return err
		})
	}
	f, err := m.openFile(ctx, r.UID)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := m.a.buffer()
	defer m.a.buffers.Put(buf)
	if r.Size, err = crlfSize(io.NewSectionReader(f, 0, math.MaxInt64), *buf); err != nil {
		return err
	}
	r.Date = f.ModTime()
	m.learned.Add(1)
	return nil
}

// crlfSize is the number of octets that r has when every LF without CR before it
// becomes CRLF.
func crlfSize(r io.Reader, buf []byte) (int64, error) {
	var size int64
	afterCR := false
	for {
		n, err := r.Read(buf)
		if n > 0 {
			part := buf[:n]
			size += int64(n + bytes.Count(part, []byte{'\n'}) - bytes.Count(part, []byte("\r\n")))
			if afterCR && part[0] == '\n' {
				size--
			}
			afterCR = part[n-1] == '\r'
		}
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
