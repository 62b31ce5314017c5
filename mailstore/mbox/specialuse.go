package mbox

import (
	"context"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// The special uses of mailboxes (mailstore.SpecialUses) stand beside the
// subscriptions, in a file of ours.
const (
	specialUsesFile = ".restante-special-uses"
	maxSpecialUses  = 1 << 20
)

func (a *account) specialUsesPath() string {
	return filepath.Join(a.opt.Root, specialUsesFile)
}

// readSpecialUses gives the file's content, nothing when there is none.
func (a *account) readSpecialUses() ([]byte, error) {
	return fsys.ReadAny(a.opt.FS, a.specialUsesPath(), maxSpecialUses)
}

// changeSpecialUses rewrites the file; the caller has the right to change the tree.
func (a *account) changeSpecialUses(fn func(mailstore.SpecialUses) error) error {
	return a.changeFile(a.specialUsesPath(), maxSpecialUses, func(data []byte) ([]byte, bool, error) {
		return mailstore.ChangeSpecialUses(data, fn)
	})
}

// SetSpecialUse gives a mailbox a special use.
func (a *account) SetSpecialUse(ctx context.Context, name, use string) error {
	return a.changeTree(ctx, "special use", name, func(name string) error {
		name = strings.TrimSuffix(name, string(delimiter))
		m, err := a.open(ctx, name)
		if err != nil {
			return err
		}
		if err := m.Close(); err != nil {
			return err
		}
		return a.changeSpecialUses(func(u mailstore.SpecialUses) error { return u.Give(name, use) })
	})
}

// followSpecialUses follows a change of the tree that has been made. When it cannot,
// the mailbox is listed by its name until somebody gives it its use again.
func (a *account) followSpecialUses(change func(mailstore.SpecialUses)) {
	err := a.changeSpecialUses(func(u mailstore.SpecialUses) error {
		change(u)
		return nil
	})
	if err != nil {
		a.opt.Logger.Warn("mbox: special uses of mailboxes cannot be written", "path", a.specialUsesPath(), "err", err)
	}
}
