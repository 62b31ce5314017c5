package maildir

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"restante/mailstore"
)

// quotaRule is what limits the account, and how it is counted. Where nothing is
// set, the limits of maildirsize hold, and then its rules do for what counts.
func (a *account) quotaRule(set mailstore.Amount) (mailstore.Amount, mailstore.Counter) {
	if set != (mailstore.Amount{}) {
		return set, func(ctx context.Context) (mailstore.Amount, error) { return a.usage(ctx, false) }
	}
	limit, allButTrash := a.sizeFileLimit()
	return limit, func(ctx context.Context) (mailstore.Amount, error) { return a.usage(ctx, allButTrash) }
}

// sizeFileLimit is the first line of maildirsize. Nothing is limited where there is
// no such file, or one that cannot be read.
func (a *account) sizeFileLimit() (limit mailstore.Amount, allButTrash bool) {
	path := filepath.Join(a.tree.controlRoot(), maildirSizeName)
	f, err := a.fs.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if isAbsent(err) {
		return limit, false
	}
	var head [512]byte
	n := 0
	if err == nil {
		n, err = f.ReadAt(head[:], 0)
		err = errors.Join(ignoreEOF(err), f.Close())
	}
	if err != nil {
		a.tree.warn("cannot read the limits of the mail's size", path, "err", err)
		return limit, false
	}
	first, second, _ := bytes.Cut(head[:n], []byte{'\n'})
	return parseSizeLimit(string(first)), bytes.HasPrefix(second, []byte{' '})
}

// parseSizeLimit reads `100000000S,10000C`. 0 is no limit; what is written
// otherwise is none of ours.
func parseSizeLimit(line string) (limit mailstore.Amount) {
	for field := range bytes.SplitSeq([]byte(line), []byte{','}) {
		field = bytes.TrimSpace(field)
		if len(field) == 0 {
			continue
		}
		n, err := strconv.ParseInt(string(field[:len(field)-1]), 10, 64)
		if err != nil || n < 0 {
			continue
		}
		switch field[len(field)-1] {
		case 'S':
			limit.Octets = n
		case 'C':
			limit.Messages = n
		}
	}
	return limit
}

// usage counts what stands in all mailboxes. One that cannot be read does not count,
// or nobody could add anything anywhere because of it.
func (a *account) usage(ctx context.Context, allButTrash bool) (sum mailstore.Amount, err error) {
	nodes, err := a.tree.list(ctx)
	if err != nil {
		return sum, err
	}
	for _, n := range append(nodes, node{name: mailstore.Inbox, kind: box}) {
		if n.kind != box || allButTrash && n.name == trashName {
			continue
		}
		one, err := a.usageOf(ctx, n.name, allButTrash)
		switch {
		case ctx.Err() != nil:
			return sum, ctx.Err()
		case errors.Is(err, mailstore.ErrNotFound) || errors.Is(err, mailstore.ErrNoSelect):
			// It was deleted just now.
		case err != nil:
			a.log.Warn("a mailbox is not counted for the quota", "mailbox", n.name, "err", err)
		}
		sum.Octets += one.Octets
		sum.Messages += one.Messages
	}
	return sum, nil
}

// usageOf counts one mailbox: by its index on disk where that is current, else by
// what is known of its messages. None is read.
func (a *account) usageOf(ctx context.Context, name string, allButDeleted bool) (sum mailstore.Amount, err error) {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	s, ok := a.peek(name, mailstore.WantSize)
	var m *mailbox
	if !ok {
		if m, err = a.open(ctx, name); err != nil {
			return sum, err
		}
		defer a.release(m)
		s = m.Status()
	}
	switch {
	case s.Size < 0 || allButDeleted && s.DeletedSize < 0:
		return m.amount(m.allRecords(), allButDeleted), nil
	case allButDeleted:
		return mailstore.Amount{Octets: s.Size - s.DeletedSize, Messages: int64(s.Messages) - int64(s.Deleted)}, nil
	}
	return mailstore.Amount{Octets: s.Size, Messages: int64(s.Messages)}, nil
}

// amountOf counts some messages.
func (m *mailbox) amountOf(uids mailstore.UIDSet) (octets, messages int64) {
	sum := m.amount(func(yield func(mailstore.Record, file) bool) {
		for _, e := range m.Collect(uids) {
			if !yield(e.Record, e.Data) {
				return
			}
		}
	}, false)
	return sum.Octets, sum.Messages
}

// allRecords gives all messages, as they are when it begins.
func (m *mailbox) allRecords() iter.Seq2[mailstore.Record, file] {
	return func(yield func(mailstore.Record, file) bool) {
		for _, e := range m.Collect(mailstore.AllUIDs()) {
			if !yield(e.Record, e.Data) {
				return
			}
		}
	}
}

// amount counts messages: by their size where that is known, else by their files'.
func (m *mailbox) amount(records iter.Seq2[mailstore.Record, file], allButDeleted bool) (sum mailstore.Amount) {
	size := sizeChange{a: m.a}
	dir := m.dir()
	for r, f := range records {
		if allButDeleted && r.Flags.Has(mailstore.Deleted) {
			continue
		}
		sum.Messages++
		if r.Size != mailstore.Unknown {
			sum.Octets += r.Size
		} else {
			sum.Octets += size.size(dir, f)
		}
	}
	return sum
}
