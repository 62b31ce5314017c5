package mbox

import (
	"context"
	"errors"

	"restante/mailstore"
)

// usage is the size of all mbox files and, if that is asked for, how many messages
// are in them. A file that cannot be read does not count, or nobody could add
// anything anywhere because of it.
func (a *account) usage(ctx context.Context, messages bool) (sum mailstore.Amount, err error) {
	w := walker{a: a}
	if err := w.walk(ctx, a.opt.Root, "", 0, false); err != nil {
		return sum, err
	}
	for _, in := range append(w.have, mailstore.Info{Name: mailstore.Inbox}) {
		if in.NoSelect {
			continue
		}
		one, err := a.usageOf(ctx, in.Name, messages)
		switch {
		case ctx.Err() != nil:
			return sum, ctx.Err()
		case err != nil && !errors.Is(err, mailstore.ErrNotFound) && !errors.Is(err, mailstore.ErrNoSelect):
			a.opt.Logger.Warn("mbox: a mailbox is not counted for the quota", "mailbox", in.Name, "err", err)
		}
		sum.Octets += one.Octets
		sum.Messages += one.Messages
	}
	return sum, nil
}

func (a *account) usageOf(ctx context.Context, name string, messages bool) (sum mailstore.Amount, err error) {
	p, err := a.locate(name)
	if err != nil {
		return sum, err
	}
	fi, err := a.look(&p)
	if err != nil {
		return sum, err
	}
	sum.Octets = fi.Size()
	if messages {
		s, err := a.Status(ctx, name, 0)
		if err != nil {
			return sum, err
		}
		sum.Messages = int64(s.Messages)
	}
	return sum, nil
}
