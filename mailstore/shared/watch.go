package shared

import (
	"context"
	"log/slog"

	"restante/mailstore"
)

// Watch tells of the user's own mailboxes, of those of others that he may look up,
// and with the tree of lists of rights too, which change what he sees.
func (a *account) Watch(what mailstore.Watched, changed func(mailbox string)) (stop func()) {
	foreign := make(map[string]*mailstore.Watched) // by owner
	own := mailstore.Watched{Tree: what.Tree, Notes: what.Notes}
	of := func(name string) *mailstore.Watched {
		owner, _, ok := a.cutForeign(name)
		if !ok || !a.sharesWith(owner) {
			return &own
		}
		if foreign[owner] == nil {
			foreign[owner] = new(mailstore.Watched)
		}
		return foreign[owner]
	}
	for _, name := range what.Messages {
		w := of(name)
		w.Messages = append(w.Messages, name)
	}
	for _, name := range what.Annotations {
		w := of(name)
		w.Annotations = append(w.Annotations, name)
	}
	stops := []func(){a.Account.Watch(own, changed)}
	if what.Tree {
		stops = append(stops, a.store.changes.listen(func() { changed("") }))
	}
	for owner, w := range foreign {
		stops = append(stops, a.watchForeign(owner, w, changed))
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// watchForeign watches mailboxes of one owner, whose account is open meanwhile. Who
// cannot look there hears nothing.
func (a *account) watchForeign(owner string, what *mailstore.Watched, changed func(mailbox string)) (stop func()) {
	p, err := a.enter(context.Background(), owner)
	if err != nil {
		a.store.opt.Logger.Warn("the mailboxes of another user cannot be watched", slog.String("user", a.user), slog.String("owner", owner), slog.Any("err", err))
		return func() {}
	}
	known := make(map[string]string) // the names that the user uses, by the owner's
	theirs := func(names []string) (list []string) {
		for _, name := range names {
			_, rest, _ := a.cutForeign(name)
			p.name = mailstore.CanonicalName(swap(rest, a.delim, string(p.Delimiter())), p.Delimiter())
			if p.look(context.Background(), a.user) == nil && p.rights.Has(mailstore.RightLookup) {
				known[p.name] = name
				list = append(list, p.name)
			}
		}
		return list
	}
	end := p.Watch(mailstore.Watched{Messages: theirs(what.Messages), Annotations: theirs(what.Annotations)},
		func(mailbox string) { changed(known[mailbox]) })
	return func() {
		end()
		a.close(p)
	}
}
