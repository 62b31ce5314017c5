package shared

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"restante/mailstore"
)

// Mailboxes lists the user's own mailboxes and those of others that he may look up.
// Names above these that he may not look up are listed as names that do not exist,
// as they are if they do not.
func (a *account) Mailboxes(ctx context.Context) ([]mailstore.Info, error) {
	own, err := a.Account.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	var have []mailstore.Info
	for _, owner := range a.store.shares.with(a.user) {
		list, err := a.listOf(ctx, owner)
		switch {
		case ctx.Err() != nil:
			return nil, a.fail("list", "", ctx.Err())
		case err != nil:
			// That one account cannot be opened is no reason to show none.
			a.store.opt.Logger.Warn("the mailboxes of another user cannot be listed", slog.String("user", a.user), slog.String("owner", owner), slog.Any("err", err))
		}
		have = append(have, list...)
	}
	if len(have) == 0 {
		return own, nil
	}
	return a.merge(own, have), nil
}

// listOf lists the mailboxes of an owner that the user may look up.
func (a *account) listOf(ctx context.Context, owner string) (have []mailstore.Info, err error) {
	p, err := a.enter(ctx, owner)
	if errors.Is(err, mailstore.ErrNotFound) {
		return nil, nil // a user who is no more
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	all, err := p.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	delim := string(p.Delimiter())
	for _, in := range all {
		if in.NoSelect {
			continue
		}
		list, err := p.ACL(ctx, in.Name)
		if err != nil && !absent(err) {
			return have, err
		}
		if list.RightsOf(a.user).Has(mailstore.RightLookup) {
			have = append(have, mailstore.Info{Name: a.foreignName(owner, in.Name, delim)})
		}
	}
	return have, nil
}

// merge joins the own names and those of others to one list. Which of the latter
// are subscribed stands among the own ones.
func (a *account) merge(own, have []mailstore.Info) []mailstore.Info {
	foreign := mailstore.FinishList(have, nil, a.Delimiter())[1:] // without INBOX
	at := make(map[string]int, len(foreign))
	for i := range foreign {
		foreign[i].SpecialUse = ""
		at[foreign[i].Name] = i
	}
	all := make([]mailstore.Info, 0, len(own)+len(foreign))
	for _, in := range own {
		i, twice := at[in.Name]
		if !twice {
			all = append(all, in)
			continue
		}
		foreign[i].Subscribed = in.Subscribed
		if foreign[i].NonExistent && !in.NonExistent {
			in.HasChildren = true
			foreign[i] = in
		}
	}
	all = append(all, foreign...)
	slices.SortFunc(all, func(x, y mailstore.Info) int { return mailstore.CompareNames(x.Name, y.Name, a.Delimiter()) })
	return all
}
