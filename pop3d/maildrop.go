package pop3d

import (
	"context"
	"errors"

	"restante/mailstore"
)

// A maildrop is the inbox as it was at login. A message's number is its index plus one.
type maildrop struct {
	box      mailstore.Mailbox
	messages []entry
	sized    bool   // the sizes of all messages are known
	ids      *uidls // nil until they are asked for
}

// entry is what a session remembers of one message: 16 octets, as there may be a million.
type entry struct {
	size int64 // in CRLF form, or mailstore.Unknown
	uid  mailstore.UID
	mark mark
}

type mark uint8

const (
	markDeleted mark = 1 << iota
	markRetrieved
)

// openMaildrop opens the inbox and takes its snapshot.
func openMaildrop(ctx context.Context, account mailstore.Account) (*maildrop, error) {
	box, err := account.Open(ctx, "INBOX")
	if err != nil {
		return nil, err
	}
	if err := box.Refresh(ctx); err != nil {
		box.Close() // the error of Refresh is the one to be told
		return nil, err
	}
	d := &maildrop{box: box, messages: make([]entry, 0, box.Status().Messages)}
	d.eachRecord(func(r mailstore.Record) {
		d.messages = append(d.messages, entry{size: r.Size, uid: r.UID})
	})
	return d, nil
}

func (d *maildrop) close() error { return d.box.Close() }

// eachRecord walks the mailbox in pieces.
func (d *maildrop) eachRecord(do func(mailstore.Record)) {
	buf := make([]mailstore.Record, 0, 512)
	for first := mailstore.UID(1); ; {
		buf = d.box.Records(buf[:0], first)
		for _, r := range buf {
			do(r)
		}
		if len(buf) < cap(buf) || buf[len(buf)-1].UID == mailstore.MaxUID {
			return
		}
		first = buf[len(buf)-1].UID + 1
	}
}

// fillSizes makes all sizes known. It is put off until they are asked for, as it may have to read messages.
// A message that has gone before its size was known, or that cannot be read, counts as empty.
func (d *maildrop) fillSizes(ctx context.Context) error {
	if d.sized {
		return nil
	}
	var missing mailstore.UIDSet
	for i := range d.messages {
		if d.messages[i].size == mailstore.Unknown {
			missing.Add(d.messages[i].uid)
		}
	}
	if !missing.Empty() {
		if err := d.box.Fill(ctx, missing, mailstore.AttrSize); err != nil {
			return err
		}
		d.takeSizes()
	}
	d.sized = true
	return nil
}

// takeSizes goes through snapshot and mailbox side by side.
func (d *maildrop) takeSizes() {
	i := 0
	d.eachRecord(func(r mailstore.Record) {
		for i < len(d.messages) && d.messages[i].uid < r.UID {
			i++
		}
		if i < len(d.messages) && d.messages[i].uid == r.UID && d.messages[i].size == mailstore.Unknown {
			d.messages[i].size = r.Size
		}
	})
	for i := range d.messages {
		if d.messages[i].size == mailstore.Unknown {
			d.messages[i].size = 0
		}
	}
}

// errUnreadable is logged where a message is asked for that cannot be read; the
// store has logged why.
var errUnreadable = errors.New("the message cannot be read")

// fillSize makes the size of one message known, without which RETR would have to read all.
func (d *maildrop) fillSize(ctx context.Context, m *entry) error {
	if m.size != mailstore.Unknown {
		return nil
	}
	if err := d.box.Fill(ctx, mailstore.NewUIDSet(m.uid), mailstore.AttrSize); err != nil {
		return err
	}
	r, ok := d.box.Record(m.uid)
	switch {
	case !ok:
		return mailstore.ErrExpunged
	case r.Size == mailstore.Unknown:
		return errUnreadable
	}
	m.size = r.Size
	return nil
}

// marked gives the messages that have all of one mark and nothing of another.
func (d *maildrop) marked(with, without mark) mailstore.UIDSet {
	var set mailstore.UIDSet
	for i := range d.messages {
		if m := d.messages[i].mark; m&with == with && m&without == 0 {
			set.Add(d.messages[i].uid)
		}
	}
	return set
}

// total counts what is not deleted.
func (d *maildrop) total() (count, size int64) {
	for i := range d.messages {
		if d.messages[i].mark&markDeleted == 0 {
			count++
			size += d.messages[i].size
		}
	}
	return count, size
}
