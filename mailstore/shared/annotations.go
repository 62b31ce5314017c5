package shared

import (
	"context"
	"maps"
	"strings"

	"restante/mailstore"
)

// sharedEntries is what the names of entries begin with that others see too (RFC
// 5464 section 3.2). All others are the owner's own.
const sharedEntries = "/shared/"

// Annotations returns what was noted of a mailbox. Of somebody else's that is what
// is noted for all, for who may look it up and do something in it (RFC 5464 section 3).
func (a *account) Annotations(ctx context.Context, name string) (notes mailstore.Annotations, err error) {
	err = a.either(name, func() error {
		return a.on(ctx, "annotations of", name, mailstore.RightLookup, func(p *place) error {
			if p.rights&(mailstore.RightRead|mailstore.RightInsert|mailstore.RightPost|mailstore.RightSeen|mailstore.RightWrite) == 0 {
				return mailstore.ErrNoRight
			}
			notes, err = p.Annotations(ctx, p.name)
			maps.DeleteFunc(notes, func(entry, _ string) bool { return !strings.HasPrefix(entry, sharedEntries) })
			return err
		})
	}, func() (err error) {
		notes, err = a.Account.Annotations(ctx, name)
		return err
	})
	return notes, err
}

// ChangeAnnotations changes what was noted. Of somebody else's mailbox that is what
// is noted for all, for who may change its flags.
func (a *account) ChangeAnnotations(ctx context.Context, name string, change func(mailstore.Annotations) error) error {
	return a.either(name, func() error {
		return a.on(ctx, "change annotations of", name, mailstore.RightLookup|mailstore.RightWrite, func(p *place) error {
			return p.ChangeAnnotations(ctx, p.name, func(all mailstore.Annotations) error { return changeShared(all, change) })
		})
	}, func() error { return a.Account.ChangeAnnotations(ctx, name, change) })
}

// changeShared lets change see and change no more than what is noted for all.
func changeShared(all mailstore.Annotations, change func(mailstore.Annotations) error) error {
	notes := maps.Clone(all)
	maps.DeleteFunc(notes, func(entry, _ string) bool { return !strings.HasPrefix(entry, sharedEntries) })
	if err := change(notes); err != nil {
		return err
	}
	for entry := range notes {
		if !strings.HasPrefix(entry, sharedEntries) {
			return mailstore.ErrNoRight
		}
	}
	maps.DeleteFunc(all, func(entry, _ string) bool { return strings.HasPrefix(entry, sharedEntries) })
	maps.Copy(all, notes)
	return nil
}
