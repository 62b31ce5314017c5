package shared

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"restante/mailstore"
)

// Create makes a mailbox. It gets the list of rights of the nearest one above (RFC
// 4314 section 4); among the mailboxes of somebody else that one must let the user
// do it.
func (a *account) Create(ctx context.Context, name string) error {
	if _, _, foreign := a.cutForeign(name); foreign {
		return a.fail("create", name, a.createForeign(ctx, name))
	}
	if !a.store.shares.any(a.user) {
		return a.Account.Create(ctx, name)
	}
	_, list, err := a.above(ctx, a.Account, name)
	if err == nil {
		err = a.createWith(ctx, a.Account, name, list)
	}
	return err
}

// createForeign refuses whatever the user may not do in one way: it does not tell
// what is there.
func (a *account) createForeign(ctx context.Context, name string) error {
	p, err := a.find(ctx, name)
	if errors.Is(err, mailstore.ErrNotFound) {
		return mailstore.ErrNoRight
	}
	if err != nil {
		return err
	}
	defer a.close(p)
	_, list, err := a.above(ctx, p, p.name)
	switch {
	case err != nil:
		return err
	case !list.RightsOf(a.user).Has(mailstore.RightCreate):
		return mailstore.ErrNoRight
	}
	return a.createWith(ctx, p, p.name, list)
}

// above finds the nearest mailbox above a name, and its list; "" when there is none.
func (a *account) above(ctx context.Context, acct mailstore.Account, name string) (string, mailstore.ACL, error) {
	delim := string(acct.Delimiter())
	name = strings.TrimSuffix(name, delim)
	for {
		i := strings.LastIndex(name, delim)
		if i <= 0 {
			return "", nil, nil
		}
		name = name[:i]
		list, err := acct.ACL(ctx, name)
		if err == nil || !absent(err) {
			return name, list, err
		}
	}
}

// createWith makes a mailbox with its list, or none.
func (a *account) createWith(ctx context.Context, acct mailstore.Account, name string, list mailstore.ACL) error {
	err := acct.Create(ctx, name)
	if err != nil || len(list) == 0 || strings.HasSuffix(name, string(acct.Delimiter())) {
		return err
	}
	err = acct.ChangeACL(ctx, name, func(l *mailstore.ACL) error {
		*l = list
		return nil
	})
	if err != nil {
		if undo := acct.Delete(context.WithoutCancel(ctx), name); undo != nil {
			a.store.opt.Logger.Error("a mailbox that got no list of rights cannot be removed", slog.String("mailbox", name), slog.Any("err", undo))
		}
	}
	return err
}

// Delete removes a mailbox.
func (a *account) Delete(ctx context.Context, name string) error {
	return a.either(name, func() error {
		return a.on(ctx, "delete", name, mailstore.RightRemove, func(p *place) error { return p.Delete(ctx, p.name) })
	}, func() error { return a.Account.Delete(ctx, name) })
}

// Rename gives a mailbox another name among those of the same owner.
func (a *account) Rename(ctx context.Context, from, to string) error {
	_, _, foreign := a.cutForeign(to)
	return a.either(from, func() error {
		return a.on(ctx, "rename", from, mailstore.RightRemove, func(p *place) error { return a.renameForeign(ctx, p, to) })
	}, func() error {
		if !foreign {
			return a.Account.Rename(ctx, from, to)
		}
		if _, err := a.Account.ACL(ctx, from); err != nil {
			return err
		}
		return a.fail("rename", from, mailstore.ErrNotPermitted)
	})
}

// renameForeign renames a mailbox that the user may remove. All below it go along,
// so he must have that right for them too, and that to make one where it goes.
func (a *account) renameForeign(ctx context.Context, p *place, to string) error {
	owner, rest, foreign := a.cutForeign(to)
	if !foreign || owner != p.owner || rest == "" || mailstore.CanonicalName(p.name, p.Delimiter()) == mailstore.Inbox {
		return mailstore.ErrNotPermitted
	}
	delim := string(p.Delimiter())
	to = swap(rest, a.delim, delim)
	_, list, err := a.above(ctx, p, to)
	switch {
	case err != nil:
		return err
	case !list.RightsOf(a.user).Has(mailstore.RightCreate):
		return mailstore.ErrNoRight
	}
	all, err := p.Mailboxes(ctx)
	if err != nil {
		return err
	}
	for _, in := range all {
		if in.NoSelect || !strings.HasPrefix(in.Name, p.name+delim) {
			continue
		}
		list, err := p.ACL(ctx, in.Name)
		if err == nil && !list.RightsOf(a.user).Has(mailstore.RightRemove) {
			err = mailstore.ErrNoRight
		}
		if err != nil {
			return err
		}
	}
	return p.Rename(ctx, p.name, to)
}

// SetSpecialUse gives a mailbox of the user's own a special use. Those of others
// are their affair.
func (a *account) SetSpecialUse(ctx context.Context, name, use string) error {
	return a.either(name, func() error {
		return a.on(ctx, "special use", name, 0, func(p *place) error {
			if !p.rights.Has(mailstore.RightLookup) {
				return mailstore.ErrNotFound
			}
			return mailstore.ErrNotPermitted
		})
	}, func() error { return a.Account.SetSpecialUse(ctx, name, use) })
}

// close closes what a refusal or a success has no more use for.
func (a *account) close(p *place) {
	if err := p.Close(); err != nil {
		a.store.opt.Logger.Error("closing failed", slog.String("owner", p.owner), slog.Any("err", err))
	}
}
