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
	var claim *mailstore.Claim
	err := m.read(ctx, "append", func() (err error) {
		claim, err = m.account.Claim(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &appending{mailbox: m, claim: claim}, nil
}

// appending implements mailstore.Append. Like every Append it belongs to one
// goroutine.
type appending struct {
	mailbox *mailbox
	claim   *mailstore.Claim
	entries []index.Entry[stored]
	done    bool
}

var errAppendDone = errors.New("the append has been committed or aborted")

// Add reads one message.
func (a *appending) Add(opt mailstore.AppendOptions, r io.Reader) error {
	if a.done {
		return a.fail(errAppendDone)
	}
	if err := a.claim.Add(opt.Size, 1); err != nil {
		return a.fail(err)
	}
	data, err := io.ReadAll(r)
	if err == nil {
		err = a.claim.Add(max(crlfSize(data)-opt.Size, 0), 0)
	}
	if err != nil {
		return a.fail(err)
	}
	if opt.Date.IsZero() {
		opt.Date = time.Now()
	}
	a.entries = append(a.entries, index.Entry[stored]{
		Record: mailstore.Record{Flags: opt.Flags, Date: opt.Date.Unix(), Size: crlfSize(data)},
		Data:   stored{data: slices.Clip(data)},
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
		m.Update(func(tx *index.Tx[stored]) {
			for _, e := range a.entries {
				uids = append(uids, addTo(tx, e.Record, e.Data.data))
			}
		})
		return nil
	})
	a.entries = nil
	if err != nil {
		a.claim.Release()
		return 0, nil, err
	}
	a.claim.Settle()
	return m.uidValidity, uids, nil
}

// Abort forgets what was added and not committed.
func (a *appending) Abort() {
	a.done = true
	a.entries = nil
	a.claim.Release()
}

func (a *appending) fail(err error) error {
	return &mailstore.Error{Op: "append", Mailbox: a.mailbox.Name(), Err: err}
}

// crlfSize is the length of data with CRLF for each bare LF. A bare CR stays
// what it is.
func crlfSize(data []byte) int64 {
	return int64(len(data) + bytes.Count(data, []byte{'\n'}) - bytes.Count(data, []byte("\r\n")))
}
