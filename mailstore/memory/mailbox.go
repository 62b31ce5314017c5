package memory

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// stored is a message: its bytes, which are never changed, and when it came into
// the mailbox.
type stored struct {
	data  []byte
	saved int64
}

// mailbox implements mailstore.Mailbox.
type mailbox struct {
	*index.Index[stored]
	account     *account
	uidValidity uint32
	name        atomic.Pointer[string]
	gone        atomic.Bool
	summaries   summaries
	blobs       blobs
	acl         []byte // under the account's lock
	annotations []byte // likewise
}

func newMailbox(a *account, name string, uidValidity uint32) *mailbox {
	m := &mailbox{Index: index.New[stored](1, 1), account: a, uidValidity: uidValidity}
	m.name.Store(&name)
	return m
}

// Name is the mailbox's present name.
func (m *mailbox) Name() string { return *m.name.Load() }

// UIDValidity is the mailbox's UIDVALIDITY.
func (m *mailbox) UIDValidity() uint32 { return m.uidValidity }

// ObjectID tells the mailbox from all others by its UIDVALIDITY, which none has again.
func (m *mailbox) ObjectID(ctx context.Context) (string, error) {
	return m.objectID(), m.read(ctx, "identify", nil)
}

func (m *mailbox) objectID() string { return strconv.FormatUint(uint64(m.uidValidity), 10) }

// ReadOnly is false.
func (m *mailbox) ReadOnly() bool { return false }

// Status returns the state as it is now.
func (m *mailbox) Status() mailstore.Status { return m.Index.Status(m.uidValidity) }

// Refresh has nothing to fold in; it reports a deleted mailbox.
func (m *mailbox) Refresh(ctx context.Context) error { return m.read(ctx, "refresh", nil) }

// Watch does nothing: no other program changes these mailboxes.
func (m *mailbox) Watch() (stop func()) { return func() {} }

// Fill has nothing to find out.
func (m *mailbox) Fill(ctx context.Context, _ mailstore.UIDSet, _ mailstore.Attrs) error {
	return m.read(ctx, "fill", nil)
}

// OpenMessage gives access to the message's bytes.
func (m *mailbox) OpenMessage(ctx context.Context, uid mailstore.UID) (mailstore.Message, error) {
	var msg mailstore.Message
	err := m.read(ctx, "open message in", func() error {
		_, s, found := m.Index.Get(uid)
		if !found {
			return mailstore.ErrExpunged
		}
		msg = newMessage(s.data)
		return nil
	})
	return msg, err
}

// SaveDates tells when messages came into the mailbox.
func (m *mailbox) SaveDates() func(mailstore.UID) (int64, bool) {
	return func(uid mailstore.UID) (int64, bool) {
		_, s, found := m.Index.Get(uid)
		return s.saved, found
	}
}

// SetFlags changes flags as one batch.
func (m *mailbox) SetFlags(ctx context.Context, uids mailstore.UIDSet, op mailstore.FlagOp, flags mailstore.Flags, opt mailstore.SetFlagsOptions) (mailstore.SetFlagsResult, error) {
	var res mailstore.SetFlagsResult
	err := m.write(ctx, "set flags in", func() error {
		m.Update(func(tx *index.Tx[stored]) {
			for r := range tx.All(uids) {
				if (opt.Conditional || opt.UnchangedSince > 0) && r.ModSeq > opt.UnchangedSince {
					res.Failed.Add(r.UID)
					continue
				}
				if f := opt.Apply(op, r.Flags, flags); f != r.Flags {
					tx.SetFlags(r.UID, f)
					res.Changed.Add(r.UID)
					res.ModSeq = tx.ModSeq()
				}
			}
		})
		return nil
	})
	return res, err
}

// Copy adds copies to dest.
func (m *mailbox) Copy(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	claim, err := m.account.Claim(ctx)
	if err == nil && claim != nil {
		err = claim.Add(m.sizeOf(uids))
	}
	if err != nil {
		return mailstore.CopyResult{}, &mailstore.Error{Op: "copy from", Mailbox: m.Name(), Err: err}
	}
	defer claim.Release()
	res, err := m.transferTo(ctx, "copy from", uids, dest, false)
	if err == nil {
		claim.Settle()
	}
	return res, err
}

// sizeOf counts messages and their octets.
func (m *mailbox) sizeOf(uids mailstore.UIDSet) (octets, messages int64) {
	for _, e := range m.Collect(uids) {
		octets += e.Size
		messages++
	}
	return octets, messages
}

// Move adds copies to dest and expunges the originals.
func (m *mailbox) Move(ctx context.Context, uids mailstore.UIDSet, dest mailstore.Mailbox) (mailstore.CopyResult, error) {
	return m.transferTo(ctx, "move from", uids, dest, true)
}

var errForeignMailbox = errors.New("the destination belongs to another account")

func (m *mailbox) transferTo(ctx context.Context, op string, uids mailstore.UIDSet, dest mailstore.Mailbox, move bool) (mailstore.CopyResult, error) {
	var res mailstore.CopyResult
	err := m.write(ctx, op, func() (err error) {
		to, mine := dest.(*mailbox)
		if !mine || to.account != m.account {
			return errForeignMailbox
		}
		res, err = m.transfer(uids, to, move)
		m.account.tell(to.Name())
		return err
	})
	return res, err
}

// transfer copies or moves messages; the caller has the account's lock, which
// is what keeps the messages where they are between the two batches of a move.
// The copies come first, so that no reader misses a message in both.
func (m *mailbox) transfer(uids mailstore.UIDSet, to *mailbox, move bool) (mailstore.CopyResult, error) {
	if to.gone.Load() {
		return mailstore.CopyResult{}, mailstore.ErrGone
	}
	res := mailstore.CopyResult{UIDValidity: to.uidValidity}
	entries := m.Collect(uids)
	if !to.hasRoom(len(entries)) {
		return mailstore.CopyResult{}, errNoUIDs
	}
	to.Update(func(tx *index.Tx[stored]) {
		for _, e := range entries {
			res.Source = append(res.Source, e.UID)
			res.Dest = append(res.Dest, addTo(tx, e.Record, e.Data.data))
		}
		if move && to == m {
			expunge(tx, res.Source)
		}
	})
	if move && to != m {
		m.Update(func(tx *index.Tx[stored]) { expunge(tx, res.Source) })
	}
	return res, nil
}

// Expunge removes messages for good.
func (m *mailbox) Expunge(ctx context.Context, uids mailstore.UIDSet, onlyDeleted bool) (mailstore.UIDSet, error) {
	var removed mailstore.UIDSet
	err := m.write(ctx, "expunge", func() error {
		m.Update(func(tx *index.Tx[stored]) {
			var list []mailstore.UID
			for r := range tx.All(uids) {
				if !onlyDeleted || r.Flags.Has(mailstore.Deleted) {
					list = append(list, r.UID)
					removed.Add(r.UID)
				}
			}
			expunge(tx, list)
		})
		return nil
	})
	return removed, err
}

// ClaimRecent takes away Recent wherever it is set.
func (m *mailbox) ClaimRecent(ctx context.Context) (mailstore.UIDSet, error) {
	var claimed mailstore.UIDSet
	err := m.write(ctx, "claim recent in", func() error {
		if m.Status().Recent == 0 {
			return nil
		}
		m.Update(func(tx *index.Tx[stored]) {
			for r := range tx.All(mailstore.AllUIDs()) {
				if r.Flags.Has(mailstore.Recent) {
					claimed.Add(r.UID)
					tx.SetFlags(r.UID, r.Flags.Without(mailstore.NewFlags(mailstore.Recent)))
				}
			}
		})
		return nil
	})
	return claimed, err
}

// Close does nothing: the mailbox lives as long as its account.
func (m *mailbox) Close() error { return nil }

// read runs fn unless the mailbox is gone or ctx has ended.
func (m *mailbox) read(ctx context.Context, op string, fn func() error) error {
	err := ctx.Err()
	switch {
	case err != nil:
	case m.gone.Load():
		err = mailstore.ErrGone
	case fn != nil:
		err = fn()
	}
	if err != nil {
		return &mailstore.Error{Op: op, Mailbox: m.Name(), Err: err}
	}
	return nil
}

// write is read with the right to change every mailbox of the account.
func (m *mailbox) write(ctx context.Context, op string, fn func() error) error {
	m.account.mu.Lock()
	defer m.account.mu.Unlock()
	err := m.read(ctx, op, fn)
	if err == nil {
		m.account.tell(m.Name())
	}
	return err
}

// errNoUIDs is what remains to say after four thousand million messages.
var errNoUIDs = errors.New("no UIDs are left; copy the messages to a new mailbox")

// hasRoom reports whether n more messages can get UIDs.
func (m *mailbox) hasRoom(n int) bool {
	return uint64(mailstore.MaxUID-m.UIDNext()) > uint64(n)
}

// addTo adds a message as a new one: with Recent and a mod-sequence of its own.
func addTo(tx *index.Tx[stored], r mailstore.Record, data []byte) mailstore.UID {
	r.UID = tx.UIDNext()
	r.ModSeq = 0
	r.Flags.System |= mailstore.Recent
	tx.Add(r, stored{data, time.Now().Unix()})
	return r.UID
}

func expunge(tx *index.Tx[stored], uids []mailstore.UID) {
	for _, uid := range uids {
		tx.Expunge(uid)
	}
}
