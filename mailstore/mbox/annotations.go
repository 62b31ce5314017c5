package mbox

import (
	"context"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// annotationsName is the file among our notes on a mailbox with what clients noted of
// it, accountNotesName that beside the subscriptions with what they noted of the account
// (mailstore.Annotations).
const (
	annotationsName  = "restante.annotations"
	accountNotesName = ".restante-annotations"
)

// Annotations returns what was noted of a mailbox or of the account.
func (a *account) Annotations(ctx context.Context, name string) (mailstore.Annotations, error) {
	if err := ctx.Err(); err != nil {
		return nil, a.fail("annotations of", name, err)
	}
	path, err := a.annotationsPath(mailstore.CanonicalName(name, delimiter))
	if err != nil {
		return nil, a.fail("annotations of", name, err)
	}
	data, err := fsys.ReadAny(a.opt.FS, path, mailstore.MaxAnnotationsFile)
	return mailstore.ParseAnnotations(data), a.fail("annotations of", name, err)
}

func (a *account) annotationsPath(name string) (string, error) {
	if name == "" {
		return filepath.Join(a.opt.Root, accountNotesName), nil
	}
	p, err := a.find(strings.TrimSuffix(name, string(delimiter)))
	return filepath.Join(p.notes, annotationsName), err
}

// ChangeAnnotations changes what was noted.
func (a *account) ChangeAnnotations(ctx context.Context, name string, change func(mailstore.Annotations) error) error {
	return a.changeTree(ctx, "change annotations of", name, func(name string) error {
		path, err := a.annotationsPath(name)
		if err != nil {
			return err
		}
		return a.changeFile(path, mailstore.MaxAnnotationsFile, func(data []byte) ([]byte, bool, error) {
			return mailstore.ChangeAnnotations(data, change)
		})
	})
}
