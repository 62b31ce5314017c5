package shared_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/mailstore/shared"
)

// directory is a table of users.
type directory []string

func (d directory) Lookup(name string) (mailstore.User, bool) {
	for _, u := range d {
		if u == name {
			return mailstore.User{Name: u, UID: -1, GID: -1}, true
		}
	}
	return mailstore.User{}, false
}

func (directory) Canonical(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || strings.ContainsAny(name, "/\\:\" \n\t") {
		return "", errors.New("not a name")
	}
	return name, nil
}

var everybody = directory{"jane@a.org", "fred@a.org", "fred.b@a.org", "joe@b.org", "root", "adm"}

// world is a store with its accounts, which are opened once for each user. Delimiters
// are those of users whose own is not the slash.
type world struct {
	*testing.T
	ctx   context.Context
	below below
	store *shared.Store
	open  map[string]mailstore.Sharer
}

// below is a store of several, by the user's delimiter.
type below map[rune]*memory.Store

// dotted are the users whose delimiter is a dot.
const dotted = "fred.b@a.org adm"

func (b below) OpenAccount(ctx context.Context, user mailstore.User) (mailstore.Account, error) {
	delim := '/'
	for name := range strings.FieldsSeq(dotted) {
		if user.Name == name {
			delim = '.'
		}
	}
	return b[delim].OpenAccount(ctx, user)
}

func newWorld(t *testing.T, opt shared.Options) *world {
	w := &world{T: t, ctx: t.Context(), below: below{'/': memory.New(memory.Options{}), '.': memory.New(memory.Options{Delimiter: '.'})}}
	opt.Store, opt.Users = w.below, everybody
	w.store, w.open = shared.New(opt), make(map[string]mailstore.Sharer)
	return w
}

// of is the account of a user.
func (w *world) of(user string) mailstore.Sharer {
	w.Helper()
	if a := w.open[user]; a != nil {
		return a
	}
	u, _ := everybody.Lookup(user)
	a, err := w.store.OpenAccount(w.ctx, u)
	w.ok(err)
	w.open[user] = a.(mailstore.Sharer)
	return w.open[user]
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// grant lets somebody do something.
func (w *world) grant(owner, name, who, letters string) {
	w.Helper()
	r, _ := mailstore.ParseRights(letters)
	w.ok(w.of(owner).Grant(w.ctx, name, who, func(mailstore.Rights) mailstore.Rights { return r }))
}

// box opens a mailbox until the end of the test.
func (w *world) box(user, name string) mailstore.Mailbox {
	w.Helper()
	box, err := w.of(user).Open(w.ctx, name)
	w.ok(err)
	w.Cleanup(func() {
		if err := box.Close(); err != nil {
			w.Error(err)
		}
	})
	return box
}

func text(subject string) string { return "Subject: " + subject + "\r\n\r\nx\r\n" }

func add(ctx context.Context, box mailstore.Mailbox, flags mailstore.Flags, subjects ...string) ([]mailstore.UID, error) {
	app, err := box.NewAppend(ctx)
	if err != nil {
		return nil, err
	}
	defer app.Abort()
	for _, s := range subjects {
		if err := app.Add(mailstore.AppendOptions{Flags: flags, Date: time.Unix(1e9, 0)}, strings.NewReader(text(s))); err != nil {
			return nil, err
		}
	}
	_, uids, err := app.Commit(ctx)
	return uids, err
}

// names lists what a user sees of others; "-" marks what does not exist.
func (w *world) names(user string) string {
	w.Helper()
	list, err := w.of(user).Mailboxes(w.ctx)
	w.ok(err)
	var names []string
	for _, in := range list {
		if !strings.HasPrefix(in.Name, "Other Users") {
			continue
		}
		name := strings.TrimPrefix(in.Name, "Other Users")
		if in.NonExistent {
			name += "-"
		}
		if in.Subscribed {
			name += "*"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}
