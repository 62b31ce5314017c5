package maildir

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// trashPrefix begins the names of deleted mailboxes whose files are being
// removed. It is no mailbox name in either layout, nor for Dovecot.
const trashPrefix = "..restante-trash."

// Create makes a mailbox. In Maildir++ a name with a trailing delimiter needs
// nothing: names above others are not directories there.
func (a *account) Create(ctx context.Context, name string) error {
	a.treeMu.Lock()
	defer a.treeMu.Unlock()
	return fail("create", name, a.create(ctx, a.canonical(name)))
}

func (a *account) create(ctx context.Context, name string) error {
	name, onlyPlace := strings.CutSuffix(name, a.tree.delimiter())
	if err := a.tree.check(name); err != nil {
		return err
	}
	n, err := a.tree.find(ctx, name)
	switch {
	case err != nil:
		return err
	case n.kind == box, onlyPlace && n.kind == place && a.tree.layout == FS:
		return mailstore.ErrExists
	case onlyPlace && a.tree.layout == MaildirPP:
		return nil
	case onlyPlace:
		return fsys.MkdirAll(a.fs, n.dir, a.dirPerm)
	}
	return a.makeBox(n.dir)
}

// makeBox makes a mailbox's directory with everything in it. cur/ comes last:
// what lacks it is no mailbox.
func (a *account) makeBox(dir string) error {
	validity, err := a.valid.next(0)
	if err != nil {
		return err
	}
	_, statErr := a.fs.Stat(dir)
	if err := fsys.MkdirAll(a.fs, dir, a.dirPerm); err != nil {
		return err
	}
	// Nothing that an earlier mailbox has left may belong to this one.
	if a.tree.control != "" {
		if err := errors.Join(a.dropControl(dir), a.makeControl(dir)); err != nil {
			return err
		}
	}
	h := uidHeader{version: 3, validity: validity, next: 1, guid: newGUID()}
	err = fsys.WriteFile(a.fs, filepath.Join(a.tree.controlOf(dir), uidListName), h.append(nil), a.filePerm)
	if err == nil {
		err = fsys.WriteFile(a.fs, filepath.Join(dir, "maildirfolder"), nil, a.filePerm)
	}
	if err == nil {
		err = a.makeSubdirs(dir)
	}
	if err != nil && isAbsent(statErr) {
		_ = a.removeAll(dir) // without cur/ it is no mailbox anyway
	}
	return err
}

// Delete removes a mailbox: it vanishes by one rename, its files go afterwards.
func (a *account) Delete(ctx context.Context, name string) error {
	a.treeMu.Lock()
	defer a.treeMu.Unlock()
	return fail("delete", name, a.delete(ctx, a.canonical(name)))
}

func (a *account) delete(ctx context.Context, name string) error {
	if name == mailstore.Inbox {
		return mailstore.ErrNotPermitted
	}
	n, err := a.tree.find(ctx, name)
	if err != nil {
		return err
	}
	if n.kind != box {
		err := a.noBox(ctx, n)
		if !errors.Is(err, mailstore.ErrNoSelect) {
			return err
		}
		return a.deletePlace(ctx, n)
	}
	m := a.acquire(name)
	defer a.release(m)
	if err := m.ops.lock(ctx); err != nil {
		return err
	}
	defer m.ops.unlock()
	if err := a.retireValidity(n.dir); err != nil {
		return err
	}
	m.staying.Lock()
	trash, err := a.toTrash(n)
	if err == nil {
		m.lose()
	}
	m.staying.Unlock()
	if err != nil {
		return err
	}
	a.removeIndex(name)
	size := a.sizeChange()
	size.removeAll(name, trash)
	size.done()
	if err := errors.Join(a.dropControl(n.dir), a.removeAll(trash)); err != nil {
		a.log.Warn("cannot remove all files of a deleted mailbox", "path", trash, "err", err)
	}
	if a.tree.layout == FS {
		a.prune(filepath.Dir(n.dir))
	}
	return nil
}

// deletePlace removes a name that only leads to others, if it does not.
func (a *account) deletePlace(ctx context.Context, n node) error {
	all, err := a.tree.list(ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		if a.isBelow(other.name, n.name) {
			return mailstore.ErrHasChildren
		}
	}
	if err := a.fs.Remove(n.dir); err != nil {
		return err
	}
	return a.fs.SyncDir(filepath.Dir(n.dir))
}

// prune removes empty directories that are no mailboxes, upwards from dir.
func (a *account) prune(dir string) {
	for dir != a.tree.root && strings.HasPrefix(dir, a.tree.root) {
		if k, err := a.tree.kindOf(dir); err != nil || k != place {
			return
		}
		if a.fs.Remove(dir) != nil {
			return // not empty
		}
		dir = filepath.Dir(dir)
	}
}

// retireValidity makes sure that the UIDVALIDITY of the mailbox in dir is not
// given to the next one of the same name.
func (a *account) retireValidity(dir string) error {
	data, err := a.readHead(filepath.Join(a.tree.controlOf(dir), uidListName))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = a.readHead(filepath.Join(dir, courierListName))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(data, "\n")
	h, _ := parseUIDHeader(line) // what cannot be read, no client knows
	return a.valid.raise(h.validity)
}

func (a *account) readHead(path string) (string, error) {
	f, err := a.fs.OpenFile(path, openFlags, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var buf [1024]byte
	n, err := f.ReadAt(buf[:], 0)
	if n > 0 {
		err = nil
	}
	return string(buf[:n]), ignoreEOF(err)
}

// toTrash moves the mailbox out of sight and returns where to. In the FS layout
// with mailboxes below it, its directory stays and only what belongs to it goes.
func (a *account) toTrash(n node) (string, error) {
	trash := filepath.Join(a.tree.root, trashPrefix+a.names.next())
	parent := filepath.Dir(n.dir)
	if a.tree.layout == MaildirPP {
		if err := a.fs.Rename(n.dir, trash); err != nil {
			return "", err
		}
		return trash, a.fs.SyncDir(parent)
	}
	entries, err := a.fs.ReadDir(n.dir)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(entries, func(e fsys.Entry) bool { return mayBeDir(e) && !reserved(e.Name) }) {
		if err := a.fs.Rename(n.dir, trash); err != nil {
			return "", err
		}
		return trash, a.fs.SyncDir(parent)
	}
	if err := a.fs.Mkdir(trash, a.dirPerm); err != nil {
		return "", err
	}
	// cur first: then it is no mailbox any more.
	slices.SortFunc(entries, func(x, y fsys.Entry) int {
		return cmp.Compare(boolToInt(y.Name == "cur"), boolToInt(x.Name == "cur"))
	})
	for _, e := range entries {
		if !reserved(e.Name) {
			continue
		}
		if err := a.fs.Rename(filepath.Join(n.dir, e.Name), filepath.Join(trash, e.Name)); err != nil && !isAbsent(err) {
			return trash, err
		}
	}
	return trash, a.fs.SyncDir(n.dir)
}

// emptyTrash removes what a crash in the middle of a Delete left.
func (a *account) emptyTrash() {
	entries, err := a.fs.ReadDir(a.tree.root)
	if err != nil {
		a.log.Warn("cannot look for left-over files", "path", a.tree.root, "err", err)
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name, trashPrefix) {
			if err := a.removeAll(filepath.Join(a.tree.root, e.Name)); err != nil {
				a.log.Warn("cannot remove all files of a deleted mailbox", "path", e.Name, "err", err)
			}
		}
	}
}

// removeAll removes a directory with everything in it.
func (a *account) removeAll(path string) error {
	fi, err := a.fs.Lstat(path)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.IsDir() {
		entries, err := a.fs.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := a.removeAll(filepath.Join(path, e.Name)); err != nil {
				return err
			}
		}
	}
	if err := a.fs.Remove(path); err != nil && !isAbsent(err) {
		return err
	}
	return nil
}
