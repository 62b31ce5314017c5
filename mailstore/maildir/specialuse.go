package maildir

import (
	"context"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// specialUsesName is the file beside the subscriptions in which the special uses
// of mailboxes stand (mailstore.SpecialUses). It is ours: Dovecot has them in its
// configuration.
const (
	specialUsesName = "restante-special-uses"
	maxSpecialUses  = 1 << 20
)

func (a *account) specialUsesPath() string {
	return filepath.Join(a.tree.controlRoot(), specialUsesName)
}

// readSpecialUses gives the file's content, nothing when there is none.
func (a *account) readSpecialUses(beside *rootFiles) ([]byte, error) {
	if beside.lack(&a.tree, a.specialUsesPath()) {
		return nil, nil
	}
	return fsys.ReadAny(a.fs, a.specialUsesPath(), maxSpecialUses)
}

// changeSpecialUses rewrites the file; the caller holds treeMu for writing.
func (a *account) changeSpecialUses(fn func(mailstore.SpecialUses) error) error {
	return a.changeFile(a.specialUsesPath(), maxSpecialUses, func(data []byte) ([]byte, bool, error) {
		return mailstore.ChangeSpecialUses(data, fn)
	})
}

// SetSpecialUse gives a mailbox a special use.
func (a *account) SetSpecialUse(ctx context.Context, name, use string) error {
	a.treeMu.Lock()
	defer a.treeMu.Unlock()
	return fail("special use", name, a.setSpecialUse(ctx, a.canonical(name), use))
}

func (a *account) setSpecialUse(ctx context.Context, name, use string) error {
	name = strings.TrimSuffix(name, a.tree.delimiter())
	n, err := a.tree.find(ctx, name)
	switch {
	case err != nil:
		return err
	case name != mailstore.Inbox && n.kind != box:
		return a.noBox(ctx, n)
	}
	return a.changeSpecialUses(func(u mailstore.SpecialUses) error { return u.Give(name, use) })
}

// followSpecialUses follows a change of the tree that has been made. When it cannot,
// the mailbox is listed by its name until somebody gives it its use again.
func (a *account) followSpecialUses(change func(mailstore.SpecialUses)) {
	err := a.changeSpecialUses(func(u mailstore.SpecialUses) error {
		change(u)
		return nil
	})
	if err != nil {
		a.log.Warn("special uses of mailboxes cannot be written", "path", a.specialUsesPath(), "err", err)
	}
}
