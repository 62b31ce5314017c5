package memory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// message implements mailstore.Message over bytes that nobody changes.
type message struct {
	*bytes.Reader
}

func newMessage(data []byte) mailstore.Message { return message{bytes.NewReader(data)} }

// Len is the number of bytes, however many have been read.
func (m message) Len() int64 { return m.Size() }

// Close does nothing.
func (m message) Close() error { return nil }

// NewAppend begins an append.
func (m *mailbox) NewAppend(ctx context.Context) (mailstore.Append, error) {
	if err := m.read(ctx, "append", nil); err != nil {
		return nil, err
	}
	return &appending{mailbox: m}, nil
}

// appending implements mailstore.Append. Like every Append it belongs to one
// goroutine.
type appending struct {
	mailbox *mailbox
	entries []index.Entry[[]byte]
	done    bool
}

var errAppendDone = errors.New("the append has been committed or aborted")

// Add reads one message.
func (a *appending) Add(opt mailstore.AppendOptions, r io.Reader) error {
	if a.done {
		return a.fail(errAppendDone)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return a.fail(err)
	}
	if opt.Date.IsZero() {
		opt.Date = time.Now()
	}
	a.entries = append(a.entries, index.Entry[[]byte]{
		Record: mailstore.Record{Flags: opt.Flags, Date: opt.Date.Unix(), Size: crlfSize(data)},
		Data:   slices.Clip(data),
	})
	return nil
}

// Commit makes the messages visible as one batch.
func (a *appending) Commit(ctx context.Context) (uint32, []mailstore.UID, error) {
	m := a.mailbox
	var uids []mailstore.UID
	if a.done {
		return 0, nil, a.fail(errAppendDone)
	}
	a.done = true
	err := m.write(ctx, "append", func() error {
		if !m.hasRoom(len(a.entries)) {
			return errNoUIDs
		}
		m.Update(func(tx *index.Tx[[]byte]) {
			for _, e := range a.entries {
				uids = append(uids, addTo(tx, e.Record, e.Data))
			}
		})
		return nil
	})
	a.entries = nil
	if err != nil {
		return 0, nil, err
	}
	return m.uidValidity, uids, nil
}

// Abort forgets what was added and not committed.
func (a *appending) Abort() {
	a.done = true
	a.entries = nil
}

func (a *appending) fail(err error) error {
	return &mailstore.Error{Op: "append", Mailbox: a.mailbox.Name(), Err: err}
}

// crlfSize is the length of data with CRLF for each bare LF. A bare CR stays
// what it is.
func crlfSize(data []byte) int64 {
	return int64(len(data) + bytes.Count(data, []byte{'\n'}) - bytes.Count(data, []byte("\r\n")))
}
