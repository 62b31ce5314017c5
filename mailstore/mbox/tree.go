package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// maxDepth bounds the levels that are listed, should links lead in a circle.
const maxDepth = 40

// Mailboxes lists the files and directories.
func (a *account) Mailboxes(ctx context.Context) ([]mailstore.Info, error) {
	w := walker{a: a}
	err := w.walk(ctx, a.opt.Root, "", 0, false)
	if err != nil {
		return nil, a.fail("list", "", err)
	}
	subscribed, err := a.subscriptions()
	if err != nil {
		return nil, a.fail("list", "", err)
	}
	uses, err := a.readSpecialUses()
	if err != nil {
		return nil, a.fail("list", "", err)
	}
	mailstore.ParseSpecialUses(uses).Mark(w.have)
	return mailstore.FinishList(w.have, subscribed, delimiter), nil
}

// walker lists the files and directories of an account.
type walker struct {
	a      *account
	have   []mailstore.Info
	visits fsys.Visits // of what stands behind links
	warned bool
}

// walk lists what is in dir; prefix stands in front of the names. linked says that
// a symbolic link has led there.
func (w *walker) walk(ctx context.Context, dir, prefix string, depth int, linked bool) error {
	a := w.a
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := a.opt.FS.ReadDir(dir)
	if err != nil {
		if depth > 0 && (isMissing(err) || errors.Is(err, fs.ErrPermission)) {
			return nil
		}
		return err
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		a.removeTemp(dir, e)
		name, ok := nameOf(e.Name)
		path := filepath.Join(dir, e.Name)
		if !ok || hiddenName(e.Name) || path == a.opt.Inbox || len(e.Name) > maxNameBytes {
			continue
		}
		kind := a.kindOf(dir, path, e.Type)
		isInbox := depth == 0 && strings.EqualFold(name, mailstore.Inbox)
		if isInbox {
			name = mailstore.Inbox
		}
		switch {
		case kind == fs.ModeDir:
			if !isInbox && !seen[name] {
				w.have = append(w.have, mailstore.Info{Name: prefix + name, NoSelect: true})
			}
			linked := linked || e.Type != fs.ModeDir
			if depth < maxDepth && w.enter(path, linked) {
				if err := w.walk(ctx, path, prefix+name+string(delimiter), depth+1, linked); err != nil {
					return err
				}
			}
		case kind != 0 || isInbox || seen[name]:
			continue // no mailbox, or one that another file hides
		default:
			w.have = append(w.have, mailstore.Info{Name: prefix + name})
		}
		seen[name] = true
	}
	return nil
}

// enter reports whether the walk shall go into a directory.
func (w *walker) enter(path string, linked bool) bool {
	if !linked {
		return true
	}
	fi, err := w.a.opt.FS.Stat(path)
	if err != nil {
		return false
	}
	ok := w.visits.Enter(fi)
	if !ok && !w.warned {
		w.warned = true
		w.a.opt.Logger.Warn("mbox: too many symbolic links lead to one directory: remove some of them", "path", path)
	}
	return ok
}

// kindOf is the kind of what stands at path: what a link leads to, or nothing
// that could be listed if that is nowhere or one of the directories above.
func (a *account) kindOf(dir, path string, kind fs.FileMode) fs.FileMode {
	if kind == 0 || kind == fs.ModeDir {
		return kind
	}
	fi, err := a.opt.FS.Stat(path)
	if err != nil {
		return fs.ModeIrregular
	}
	for up := dir; fi.IsDir(); up = filepath.Dir(up) {
		if above, err := a.opt.FS.Stat(up); err != nil || fsys.SameFile(above, fi) {
			return fs.ModeIrregular
		}
		if up == a.opt.Root {
			break
		}
	}
	return fi.Mode().Type()
}

// changeTree runs fn with the right to change the tree.
func (a *account) changeTree(ctx context.Context, op, name string, fn func(name string) error) error {
	if err := ctx.Err(); err != nil {
		return a.fail(op, name, err)
	}
	a.tree.Lock()
	defer a.tree.Unlock()
	if err := a.debts.Settle(); err != nil {
		return a.fail(op, name, err)
	}
	return a.fail(op, name, fn(mailstore.CanonicalName(name, delimiter)))
}

// Create makes an empty file, or with a trailing delimiter a directory.
func (a *account) Create(ctx context.Context, name string) error {
	return a.changeTree(ctx, "create", name, func(name string) error {
		name, isPlace := strings.CutSuffix(name, string(delimiter))
		if name == mailstore.Inbox && !isPlace {
			return mailstore.ErrExists
		}
		if err := a.create(name, isPlace); err != nil {
			return err
		}
		a.followSpecialUses(func(u mailstore.SpecialUses) { delete(u, name) }) // of one that another program removed
		return nil
	})
}

// create leaves nothing of what it has made when it fails.
func (a *account) create(name string, isPlace bool) error {
	p, err := a.locateNew(name, isPlace)
	if err != nil {
		return err
	}
	there := a.existing(filepath.Dir(p.mbox))
	err = a.makeParents(name, p.mbox)
	switch {
	case err != nil:
	case isPlace:
		err = a.makePlace(p)
	default:
		err = a.makeFile(p)
	}
	if err != nil {
		a.pruneTo(there, filepath.Dir(p.mbox))
	}
	return err
}

func (a *account) makePlace(p place) error {
	fsx := a.opt.FS
	if err := fsx.Mkdir(p.mbox, 0o700); err != nil {
		return err
	}
	err := syncParent(fsx, p.mbox)
	if err != nil {
		_ = fsx.Remove(p.mbox)
	}
	return err
}

func (a *account) makeFile(p place) error {
	fsx := a.opt.FS
	// What a mailbox of this name has left behind, removed by another program.
	if err := removeTree(fsx, p.notes); err != nil {
		return err
	}
	f, err := fsx.OpenFile(p.mbox, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(f.Close(), syncParent(fsx, p.mbox)); err != nil {
		_ = fsx.Remove(p.mbox)
	}
	return err
}

// existing returns a directory, or the first above it that is there.
func (a *account) existing(dir string) string {
	for dir != a.opt.Root {
		if _, err := a.opt.FS.Lstat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// locateNew returns the place of a name that is free.
func (a *account) locateNew(name string, isPlace bool) (place, error) {
	p, err := a.locate(name)
	if name == mailstore.Inbox {
		p.mbox = filepath.Join(a.opt.Root, mailstore.Inbox) // a place below INBOX
	}
	if err != nil {
		return place{}, err
	}
	fi, err := a.opt.FS.Lstat(p.mbox)
	switch {
	case err != nil && isMissing(err):
		return p, nil
	case err != nil:
		return place{}, err
	case fi.IsDir() && !isPlace:
		return place{}, fmt.Errorf("%w: it is a directory for others, and an mbox mailbox cannot be both", mailstore.ErrExists)
	}
	return place{}, mailstore.ErrExists
}

// makeParents makes the directories above a mailbox.
func (a *account) makeParents(name, path string) error {
	dir := filepath.Dir(path)
	if dir == a.opt.Root {
		return nil
	}
	for up, above := dir, name; up != a.opt.Root; up = filepath.Dir(up) {
		above = above[:strings.LastIndexByte(above, delimiter)]
		if fi, err := a.opt.FS.Stat(up); err == nil && !fi.IsDir() {
			return errBelowFile(above)
		}
	}
	return fsys.MkdirAll(a.opt.FS, dir, 0o700)
}

// removeTree deletes a directory of our own notes with all that is in it.
func removeTree(fsx fsys.FS, dir string) error {
	entries, err := fsx.ReadDir(dir)
	if err != nil {
		if isMissing(err) {
			return nil
		}
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		if e.Type.IsDir() {
			err = removeTree(fsx, path)
		} else {
			err = ignoreMissing(fsx.Remove(path))
		}
		if err != nil {
			return err
		}
	}
	if err := ignoreMissing(fsx.Remove(dir)); err != nil {
		return err
	}
	return syncParent(fsx, dir)
}

// Delete removes the file, or a directory without mailboxes.
func (a *account) Delete(ctx context.Context, name string) error {
	return a.changeTree(ctx, "delete", name, func(name string) error {
		if name == mailstore.Inbox {
			return mailstore.ErrNotPermitted
		}
		name = strings.TrimSuffix(name, string(delimiter))
		m, err := a.open(ctx, name)
		switch {
		case errors.Is(err, mailstore.ErrNoSelect):
			return a.deletePlace(name)
		case errors.Is(err, errNotMbox), errors.Is(err, errMacLines):
			return a.deleteFile(name)
		case err != nil:
			return err
		}
		err = m.remove(ctx)
		if err = errors.Join(err, m.Close()); err == nil {
			a.prune(filepath.Dir(m.paths().mbox))
			a.followSpecialUses(func(u mailstore.SpecialUses) { delete(u, name) })
		}
		return err
	})
}

func (a *account) deletePlace(name string) error {
	p, err := a.locate(name)
	if err != nil {
		return err
	}
	removed, err := removeEmpty(a.opt.FS, p.mbox)
	if err == nil && !removed {
		err = mailstore.ErrHasChildren
	}
	if err == nil {
		a.prune(filepath.Dir(p.mbox))
	}
	return err
}

// removeEmpty removes a directory in which there is nothing but notes of
// mailboxes that have gone.
func removeEmpty(fsx fsys.FS, dir string) (bool, error) {
	entries, err := fsx.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name != notesDir {
			return false, nil
		}
	}
	if err := removeTree(fsx, filepath.Join(dir, notesDir)); err != nil {
		return false, err
	}
	if err := fsx.Remove(dir); err != nil {
		return false, err
	}
	if err := syncParent(fsx, dir); err != nil {
		return false, errors.Join(err, fsx.Mkdir(dir, 0o700))
	}
	return true, nil
}

// prune removes directories, from dir upwards, that lead to nothing any more:
// they were made for what stood in them.
func (a *account) prune(dir string) { a.pruneTo(a.opt.Root, dir) }

// pruneTo is prune for those that are below top.
func (a *account) pruneTo(top, dir string) {
	for dir != top {
		removed, err := removeEmpty(a.opt.FS, dir)
		if err != nil && !isMissing(err) {
			a.opt.Logger.Info("mbox: an empty directory stays", "path", dir, "err", err)
		}
		if err != nil || !removed {
			return
		}
		dir = filepath.Dir(dir)
	}
}

// deleteFile removes a file that is no mbox.
func (a *account) deleteFile(name string) error {
	p, err := a.locate(name)
	if err != nil {
		return err
	}
	if err := removeFile(a.opt.FS, p); err != nil {
		return err
	}
	a.prune(filepath.Dir(p.mbox))
	return nil
}

// removeFile deletes a mailbox's file and our notes for it. First it gets a name
// that nobody looks for, and when that is durable it goes; so after an error all
// is as it was. What a crash leaves is removed when it is old, and the notes by
// the next Create.
func removeFile(fsx fsys.FS, p place) error {
	doomed := fsys.TempName(p.mbox)
	if err := fsx.Rename(p.mbox, doomed); err != nil {
		return err
	}
	if err := syncParent(fsx, p.mbox); err != nil {
		return errors.Join(err, fsx.Rename(doomed, p.mbox), syncParent(fsx, p.mbox))
	}
	_ = removeTree(fsx, p.notes)
	_ = fsx.Remove(doomed)
	return nil
}

// remove deletes the mailbox's file, and its UIDVALIDITY never comes again.
func (m *Mailbox) remove(ctx context.Context) error { return m.removeNow(ctx, true) }

// removeNow is remove; told says that somebody may know the UIDVALIDITY.
func (m *Mailbox) removeNow(ctx context.Context, told bool) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.end()
	l, err := m.lock(ctx, true)
	if err != nil {
		return err
	}
	if told {
		err = m.acct.retireValidity(m.validity)
	}
	if err == nil {
		err = removeFile(m.acct.opt.FS, *m.paths())
	}
	if err == nil {
		m.setGone("it was deleted")
		m.removeIndex()
	}
	return errors.Join(err, l.unlock())
}
