package shared

import (
	"context"
	"errors"

	"restante/mailstore"
)

// account is a user's account with what others share with him. Whatever is not
// defined here is his own.
type account struct {
	mailstore.Account
	store *Store
	user  string
	delim string
}

var _ mailstore.Sharer = (*account)(nil)

// LimitTo limits the user's own mail. What somebody adds to a mailbox of another one
// counts for that one.
func (a *account) LimitTo(limit mailstore.Amount) {
	if own, ok := a.Account.(mailstore.Limiter); ok {
		own.LimitTo(limit)
	}
}

// A place is a mailbox of somebody else, and what the user may do with it.
type place struct {
	mailstore.Account // the owner's; to be closed
	owner             string
	name              string // as the owner has it
	list              mailstore.ACL
	rights            mailstore.Rights
}

// find opens the account of the owner whose mailbox a name means. A mailbox that is
// not there is a place without rights. ErrNotFound when the owner shares nothing
// with the user, whoever that is.
func (a *account) find(ctx context.Context, name string) (*place, error) {
	owner, rest, _ := a.cutForeign(name)
	if rest == "" || !a.sharesWith(owner) {
		return nil, mailstore.ErrNotFound
	}
	p, err := a.enter(ctx, owner)
	if err != nil {
		return nil, err
	}
	p.name = swap(rest, a.delim, string(p.Delimiter()))
	if err := p.look(ctx, a.user); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// enter opens the account of an owner.
func (a *account) enter(ctx context.Context, owner string) (*place, error) {
	user, known := a.store.opt.Users.Lookup(owner)
	if !known || user.Name != owner {
		return nil, mailstore.ErrNotFound
	}
	acct, err := a.store.opt.Store.OpenAccount(ctx, user)
	if err != nil {
		return nil, err
	}
	return &place{Account: acct, owner: owner}, nil
}

// look finds out what the user may do.
func (p *place) look(ctx context.Context, user string) error {
	list, err := p.ACL(ctx, p.name)
	if err != nil && !absent(err) {
		return err
	}
	p.list, p.rights = list, list.RightsOf(user)
	return nil
}

// absent reports whether an error says that there is no mailbox of a name.
func absent(err error) bool {
	return errors.Is(err, mailstore.ErrNotFound) || errors.Is(err, mailstore.ErrNoSelect) || errors.Is(err, mailstore.ErrInvalidName)
}

// need refuses who does not have all of the rights. Without the right to look the
// mailbox up, it is not there.
func need(have, all mailstore.Rights) error {
	switch {
	case have.Has(all):
		return nil
	case have.Has(mailstore.RightLookup):
		return mailstore.ErrNoRight
	}
	return mailstore.ErrNotFound
}

// on runs fn on the mailbox of somebody else that a name means, if the user has
// the rights.
func (a *account) on(ctx context.Context, op, name string, all mailstore.Rights, fn func(*place) error) error {
	p, err := a.find(ctx, name)
	if err == nil {
		if err = need(p.rights, all); err == nil {
			err = fn(p)
		}
		err = errors.Join(err, p.Close())
	}
	return a.fail(op, name, err)
}

// fail gives an error the name by which the user knows the mailbox. What it says
// of the owner's is for the log.
func (a *account) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &mailstore.Error{Op: op, Mailbox: name, Err: err}
}

// either runs foreign for a name of somebody else's mailbox, and own for others. A
// mailbox of the user's own that has such a name stays what it is.
func (a *account) either(name string, foreign, own func() error) error {
	if _, _, isForeign := a.cutForeign(name); !isForeign {
		return own()
	}
	err := foreign()
	if errors.Is(err, mailstore.ErrNotFound) {
		return own()
	}
	return err
}

// Open returns a mailbox. One of somebody else is open to who may read it or add
// to it; each method asks for the right that it needs.
func (a *account) Open(ctx context.Context, name string) (mailstore.Mailbox, error) {
	return a.openBy(ctx, name, func() (mailstore.Mailbox, error) { return a.Account.Open(ctx, name) })
}

// OpenTarget is Open for who only adds to the mailbox.
func (a *account) OpenTarget(ctx context.Context, name string) (mailstore.Mailbox, error) {
	return a.openBy(ctx, name, func() (mailstore.Mailbox, error) { return mailstore.OpenTarget(ctx, a.Account, name) })
}

func (a *account) openBy(ctx context.Context, name string, openOwn func() (mailstore.Mailbox, error)) (mailstore.Mailbox, error) {
	var box mailstore.Mailbox
	err := a.either(name, func() (err error) {
		box, err = a.openForeign(ctx, name)
		return a.fail("open", name, err)
	}, func() error {
		own, err := openOwn()
		if err == nil {
			box = ownBox{Mailbox: own, owner: a.user}
		}
		return err
	})
	return box, err
}

func (a *account) openForeign(ctx context.Context, name string) (mailstore.Mailbox, error) {
	p, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	err = need(p.rights, mailstore.RightRead)
	if p.rights.Has(mailstore.RightInsert) {
		err = nil
	}
	var in mailstore.Mailbox
	if err == nil {
		in, err = p.Open(ctx, p.name)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return newForeignBox(a, p, in), nil
}

// Status returns the state of a mailbox.
func (a *account) Status(ctx context.Context, name string, items mailstore.StatusItems) (st mailstore.Status, err error) {
	err = a.either(name, func() error {
		return a.on(ctx, "status", name, mailstore.RightRead, func(p *place) (err error) {
			st, err = p.Status(ctx, p.name, items)
			if st.ObjectID != "" {
				st.ObjectID = foreignID(p.owner, st.ObjectID)
			}
			return err
		})
	}, func() (err error) {
		st, err = a.Account.Status(ctx, name, items)
		return err
	})
	return st, err
}
