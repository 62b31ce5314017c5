package shared

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"restante/mailstore"
)

// maxEntries bounds a list of rights.
const maxEntries = 1000

// knowing are the rights that let a user know of a mailbox (RFC 4314 section 4,
// MYRIGHTS).
const knowing = mailstore.RightLookup | mailstore.RightRead | mailstore.RightInsert | mailstore.RightCreate | mailstore.RightRemove | mailstore.RightAdmin

// administer runs fn on a mailbox whose list the user may see and change: one of
// his own, or one in whose list he has that right.
func (a *account) administer(ctx context.Context, op, name string, fn func(*place) error) error {
	return a.either(name, func() error {
		return a.on(ctx, op, name, mailstore.RightAdmin, fn)
	}, func() error {
		p := &place{Account: a.Account, owner: a.user, name: name, rights: mailstore.AllRights}
		var err error
		if p.list, err = p.ACL(ctx, name); err != nil {
			return err
		}
		return fn(p)
	})
}

// MyRights returns what the user may do.
func (a *account) MyRights(ctx context.Context, name string) (r mailstore.Rights, err error) {
	err = a.either(name, func() error {
		return a.on(ctx, "rights in", name, 0, func(p *place) error {
			if r = p.rights; r&knowing == 0 {
				return mailstore.ErrNotFound
			}
			return nil
		})
	}, func() error {
		r = mailstore.AllRights
		_, err := a.Account.ACL(ctx, name)
		return err
	})
	if err != nil {
		return 0, err
	}
	return r, nil
}

// Grants lists who may do what.
func (a *account) Grants(ctx context.Context, name string) (list []mailstore.Grant, err error) {
	err = a.administer(ctx, "rights in", name, func(p *place) error {
		list = append(list, mailstore.Grant{Who: p.owner, Rights: mailstore.AllRights})
		for _, e := range p.list {
			if id := identifierOf(e, p.owner); id != "" {
				list = append(list, mailstore.Grant{Who: id, Rights: e.Rights})
			}
		}
		return nil
	})
	return list, err
}

// identifierOf is an entry's identifier as users know it, "" for one that counts
// for nobody.
func identifierOf(e mailstore.ACLEntry, owner string) string {
	id := ""
	switch user, isUser := strings.CutPrefix(e.Who, mailstore.ACLUserPrefix); {
	case isUser && user != owner:
		id = user
	case e.Who == mailstore.ACLAnyone, e.Who == mailstore.ACLAuthenticated:
		id = e.Who
	case strings.HasPrefix(e.Who, mailstore.ACLGroupPrefix):
		id = "$" + strings.TrimPrefix(e.Who, mailstore.ACLGroupPrefix)
	}
	if id != "" && e.Negative {
		id = "-" + id
	}
	return id
}

// identify is the reverse: the entry that an identifier means. A name without a
// domain means somebody in that of the owner. Whether there is such a user does not
// matter, so nobody learns it.
func (a *account) identify(who, owner string) (entry string, negative bool, err error) {
	who, negative = strings.CutPrefix(who, "-")
	if group, ok := strings.CutPrefix(who, "$"); ok && group != "" {
		return mailstore.ACLGroupPrefix + group, negative, nil
	}
	if who, err = a.store.opt.Users.Canonical(who); err != nil {
		return "", false, mailstore.ErrInvalidName
	}
	if who == mailstore.ACLAnyone || who == mailstore.ACLAuthenticated {
		return who, negative, nil
	}
	if !strings.Contains(who, "@") {
		who += domainOf(owner)
	}
	return mailstore.ACLUserPrefix + who, negative, nil
}

// grantable reports whether somebody can be given rights in a mailbox of an owner.
func grantable(entry, owner string) bool {
	user, isUser := strings.CutPrefix(entry, mailstore.ACLUserPrefix)
	if !isUser {
		return entry == mailstore.ACLAnyone || entry == mailstore.ACLAuthenticated
	}
	return user != owner && domainOf(user) == domainOf(owner)
}

// Grantable returns what an identifier always has and what it can be given.
func (a *account) Grantable(ctx context.Context, name, who string) (always, optional mailstore.Rights, err error) {
	err = a.administer(ctx, "rights in", name, func(p *place) error {
		entry, negative, err := a.identify(who, p.owner)
		switch {
		case err != nil:
			return err
		case entry == mailstore.ACLUserPrefix+p.owner && !negative:
			always = mailstore.AllRights
		case grantable(entry, p.owner):
			optional = mailstore.AllRights
		}
		return nil
	})
	return always, optional, err
}

// Grant changes the rights of an identifier.
func (a *account) Grant(ctx context.Context, name, who string, change func(mailstore.Rights) mailstore.Rights) error {
	return a.administer(ctx, "give rights in", name, func(p *place) error {
		entry, negative, err := a.identify(who, p.owner)
		if err == nil && !grantable(entry, p.owner) {
			err = mailstore.ErrNotPermitted
		}
		if err != nil {
			return err
		}
		return a.change(ctx, p, func(l *mailstore.ACL) error {
			old, there := l.Get(entry, negative)
			if !there && len(*l) >= maxEntries {
				return mailstore.ErrLimit
			}
			l.Put(entry, negative, change(old))
			return nil
		})
	})
}

// Revoke removes an identifier.
func (a *account) Revoke(ctx context.Context, name, who string) error {
	return a.administer(ctx, "take rights in", name, func(p *place) error {
		entry, negative, err := a.identify(who, p.owner)
		if err == nil && entry == mailstore.ACLUserPrefix+p.owner {
			err = mailstore.ErrNotPermitted
		}
		if err != nil {
			return err
		}
		return a.change(ctx, p, func(l *mailstore.ACL) error {
			l.Remove(entry, negative)
			return nil
		})
	})
}

// change changes a list. To whom it gives rights is noted before, and to whom it
// does not any more after it: who shares with whom is never too little.
func (a *account) change(ctx context.Context, p *place, fn func(*mailstore.ACL) error) error {
	s := a.store
	s.granting.Lock()
	defer s.granting.Unlock()
	var before, after []string
	err := p.ChangeACL(ctx, p.name, func(l *mailstore.ACL) error {
		before = l.Grantees()
		if err := fn(l); err != nil {
			return err
		}
		after = l.Grantees()
		return s.shares.set(p.owner, after, true)
	})
	s.changes.announce()
	if err != nil {
		return err
	}
	lost := func(who string) bool {
		_, stays := slices.BinarySearch(after, who)
		return !stays
	}
	if !slices.ContainsFunc(before, lost) {
		return nil
	}
	if err := s.forget(ctx, p); err != nil {
		s.opt.Logger.Warn("who shares with whom is noted with more than there is", slog.String("user", p.owner), slog.Any("err", err))
	}
	return nil
}

// forget notes with whom an owner still shares something; the caller holds granting.
func (s *Store) forget(ctx context.Context, p *place) error {
	list, err := granteesOf(ctx, p)
	if err != nil {
		return err
	}
	return s.shares.set(p.owner, list, false)
}

// granteesOf finds all identifiers that have rights in some mailbox of an account.
func granteesOf(ctx context.Context, acct mailstore.Account) ([]string, error) {
	all, err := acct.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, in := range all {
		if in.NoSelect {
			continue
		}
		l, err := acct.ACL(ctx, in.Name)
		if err != nil && !absent(err) {
			return nil, err
		}
		list = append(list, l.Grantees()...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// Rebuild notes anew what a user shares, from the lists of all his mailboxes. It is
// for lists that others have written.
func (s *Store) Rebuild(ctx context.Context, user mailstore.User) (grantees []string, err error) {
	acct, err := s.opt.Store.OpenAccount(ctx, user)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, acct.Close()) }()
	s.granting.Lock()
	defer s.granting.Unlock()
	if grantees, err = granteesOf(ctx, acct); err != nil {
		return nil, err
	}
	return grantees, s.shares.set(user.Name, grantees, false)
}
