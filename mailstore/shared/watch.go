package shared

import (
	"context"
	"log/slog"

	"restante/mailstore"
)

// Watch tells of the user's own mailboxes, of those of others that he may look up,
// and with the tree of lists of rights too, which change what he sees.
func (a *account) Watch(mailboxes []string, tree bool, changed func(mailbox string)) (stop func()) {
	var own []string
	foreign := make(map[string][]string) // by owner
	for _, name := range mailboxes {
		if owner, _, ok := a.cutForeign(name); ok && a.sharesWith(owner) {
			foreign[owner] = append(foreign[owner], name)
		} else {
			own = append(own, name)
		}
	}
	stops := []func(){a.Account.Watch(own, tree, changed)}
	if tree {
		stops = append(stops, a.store.changes.listen(func() { changed("") }))
	}
	for owner, names := range foreign {
		stops = append(stops, a.watchForeign(owner, names, changed))
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// watchForeign watches mailboxes of one owner, whose account is open meanwhile. Who
// cannot look there hears nothing.
func (a *account) watchForeign(owner string, names []string, changed func(mailbox string)) (stop func()) {
	p, err := a.enter(context.Background(), owner)
	if err != nil {
		a.store.opt.Logger.Warn("the mailboxes of another user cannot be watched", slog.String("user", a.user), slog.String("owner", owner), slog.Any("err", err))
		return func() {}
	}
	known := make(map[string]string) // the names that the user uses, by the owner's
	var theirs []string
	for _, name := range names {
		_, rest, _ := a.cutForeign(name)
		p.name = mailstore.CanonicalName(swap(rest, a.delim, string(p.Delimiter())), p.Delimiter())
		if p.look(context.Background(), a.user) == nil && p.rights.Has(mailstore.RightLookup) {
			known[p.name] = name
			theirs = append(theirs, p.name)
		}
	}
	end := p.Watch(theirs, false, func(mailbox string) { changed(known[mailbox]) })
	return func() {
		end()
		a.close(p)
	}
}
