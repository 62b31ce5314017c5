package mbox

import (
	"context"
	"errors"
	"io/fs"
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
	data, err := a.readAnnotations(path)
	return mailstore.ParseAnnotations(data), a.fail("annotations of", name, err)
}

func (a *account) annotationsPath(name string) (string, error) {
	if name == "" {
		return filepath.Join(a.opt.Root, accountNotesName), nil
	}
	p, err := a.find(strings.TrimSuffix(name, string(delimiter)))
	return filepath.Join(p.notes, annotationsName), err
}

// readAnnotations gives the file's content, nothing when there is none.
func (a *account) readAnnotations(path string) ([]byte, error) {
	data, err := fsys.ReadFile(a.opt.FS, path, mailstore.MaxAnnotationsFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return data, err
}

// ChangeAnnotations changes what was noted.
func (a *account) ChangeAnnotations(ctx context.Context, name string, change func(mailstore.Annotations) error) error {
	return a.changeTree(ctx, "change annotations of", name, func(name string) error {
		path, err := a.annotationsPath(name)
		if err != nil {
			return err
		}
		data, err := a.readAnnotations(path)
		if err != nil {
			return err
		}
		data, changed, err := mailstore.ChangeAnnotations(data, change)
		if err != nil || !changed {
			return err
		}
		if err := fsys.MkdirAll(a.opt.FS, filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return fsys.WriteFile(a.opt.FS, path, data, 0o600)
	})
}
