package maildir

import (
	"context"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// annotationsName is the file in a mailbox's directory with what was noted of the
// mailbox, accountNotesName that beside the subscriptions with what was noted of the
// account (mailstore.Annotations). They are ours; other programs leave them alone.
const (
	annotationsName  = "restante-annotations"
	accountNotesName = "restante-account-annotations"
)

// Annotations returns what was noted of a mailbox or of the account.
func (a *account) Annotations(ctx context.Context, name string) (mailstore.Annotations, error) {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	path, err := a.annotationsPath(ctx, name)
	if err != nil {
		return nil, fail("annotations of", name, err)
	}
	data, err := fsys.ReadAny(a.fs, path, mailstore.MaxAnnotationsFile)
	return mailstore.ParseAnnotations(data), fail("annotations of", name, err)
}

// ChangeAnnotations changes what was noted.
func (a *account) ChangeAnnotations(ctx context.Context, name string, change func(mailstore.Annotations) error) error {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	a.notesMu.Lock()
	defer a.notesMu.Unlock()
	path, err := a.annotationsPath(ctx, name)
	if err == nil {
		err = a.changeFile(path, mailstore.MaxAnnotationsFile, func(data []byte) ([]byte, bool, error) {
			return mailstore.ChangeAnnotations(data, change)
		})
	}
	return fail("change annotations of", name, err)
}

// annotationsPath finds the file; the caller holds treeMu.
func (a *account) annotationsPath(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if name == "" {
		return filepath.Join(a.tree.controlRoot(), accountNotesName), nil
	}
	name = strings.TrimSuffix(a.canonical(name), a.tree.delimiter())
	n, err := a.tree.find(ctx, name)
	if err == nil && n.kind != box {
		err = a.noBox(ctx, n)
	}
	return filepath.Join(n.dir, annotationsName), err
}
