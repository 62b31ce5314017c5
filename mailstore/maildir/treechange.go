package maildir

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// trashPrefix begins the names of deleted mailboxes whose files are being
// removed. It is no mailbox name in either layout, nor for Dovecot.
const trashPrefix = "..restante-trash."

// folderMark is the empty file that tells delivery agents that a Maildir is a
// mailbox of another one (Maildir++).
const folderMark = "maildirfolder"

// Create makes a mailbox. In Maildir++ a name with a trailing delimiter needs
// nothing: names above others are not directories there.
func (a *account) Create(ctx context.Context, name string) error {
	a.treeMu.Lock()
	defer a.treeMu.Unlock()
	name = a.canonical(name)
	if err := a.create(ctx, name); err != nil {
		return fail("create", name, err)
	}
	a.followSpecialUses(func(u mailstore.SpecialUses) { delete(u, name) }) // of one that another program removed
	return nil
}

func (a *account) create(ctx context.Context, name string) error {
	if err := a.fs.Settle(); err != nil {
		return err
	}
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
// what lacks it is no mailbox. After an error there is nothing that was not there
// before.
func (a *account) makeBox(dir string) error {
	validity, err := a.valid.next(0)
	if err != nil {
		return err
	}
	there := dir // or else the directory above it that is there already
	for there != a.tree.root {
		if _, err := a.fs.Lstat(there); err == nil {
			break
		}
		there = filepath.Dir(there)
	}
	err = a.fillBox(dir, validity)
	if err != nil {
		_ = a.dropControl(dir) // the next Create does it else
	}
	switch {
	case err == nil:
	case there == dir:
		_ = a.fs.Remove(filepath.Join(dir, "cur"))
		_ = a.removeHalfMade(dir)
	default:
		_ = a.removeAll(dir) // without cur/ it is no mailbox anyway
		a.pruneTo(there, filepath.Dir(dir))
	}
	return err
}

func (a *account) fillBox(dir string, validity uint32) error {
	if err := fsys.MkdirAll(a.fs, dir, a.dirPerm); err != nil {
		return err
	}
	if err := a.dropNotes(dir); err != nil {
		return err
	}
	// Nothing that an earlier mailbox has left may belong to this one.
	if a.tree.control != "" {
		if err := errors.Join(a.dropControl(dir), a.makeControl(dir)); err != nil {
			return err
		}
	}
	if err := a.fs.Mkdir(filepath.Join(dir, "new"), a.dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	home, err := a.homeOf(dir)
	if err != nil {
		return err
	}
	h := uidHeader{version: 3, validity: validity, next: 1, guid: newGUID(), home: home}
	if err := fsys.WriteFile(a.fs, filepath.Join(a.tree.controlOf(dir), uidListName), h.append(nil), a.filePerm); err != nil {
		return err
	}
	if err := fsys.WriteFile(a.fs, filepath.Join(dir, folderMark), nil, a.filePerm); err != nil {
		return err
	}
	return a.makeSubdirs(dir)
}

// Delete removes a mailbox: it vanishes by one rename, its files go afterwards.
func (a *account) Delete(ctx context.Context, name string) error {
	a.treeMu.Lock()
	defer a.treeMu.Unlock()
	name = a.canonical(name)
	if err := a.delete(ctx, name); err != nil {
		return fail("delete", name, err)
	}
	a.followSpecialUses(func(u mailstore.SpecialUses) { delete(u, name) })
	return nil
}

func (a *account) delete(ctx context.Context, name string) error {
	if err := a.fs.Settle(); err != nil {
		return err
	}
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
	if err := m.ops.Lock(ctx); err != nil {
		return err
	}
	defer m.ops.Unlock()
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
	if err := a.removeHalfMade(n.dir); err != nil {
		return err
	}
	if err := a.fs.Remove(n.dir); err != nil {
		return err
	}
	return a.fs.SyncDir(filepath.Dir(n.dir))
}

// removeHalfMade removes what a Create has put into a directory that was broken
// off before it made cur/. Whatever else is there stays, mail in new/ before all.
func (a *account) removeHalfMade(dir string) error {
	entries, err := a.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name, fsys.TempPrefix), e.Name == uidListName, e.Name == aclName, e.Name == annotationsName, e.Name == folderMark, e.Name == "new", e.Name == "tmp":
			if err := a.fs.Remove(filepath.Join(dir, e.Name)); err != nil && !isAbsent(err) {
				return err
			}
		}
	}
	return nil
}

// prune removes empty directories that are no mailboxes, upwards from dir.
func (a *account) prune(dir string) { a.pruneTo(a.tree.root, dir) }

// pruneTo is prune for those that are below top.
func (a *account) pruneTo(top, dir string) {
	for dir != top && strings.HasPrefix(dir, top) {
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

// toTrash moves the mailbox out of sight, durably, and returns where to. In the
// FS layout with mailboxes below it, its directory stays and only what belongs to
// it goes. After an error it is where it was.
func (a *account) toTrash(n node) (trash string, err error) {
	trash = filepath.Join(a.tree.root, trashPrefix+a.names.next())
	var done []dirMove
	if err = a.moveToTrash(n, trash, &done); err == nil {
		err = a.syncParents(done)
	}
	if err != nil {
		err = errors.Join(err, a.moveBack(done))
		_ = a.fs.Remove(trash) // an empty directory, if anything
	}
	return trash, err
}

func (a *account) moveToTrash(n node, trash string, done *[]dirMove) error {
	if a.tree.layout == MaildirPP {
		return a.moveOne(n.dir, trash, done)
	}
	entries, err := a.fs.ReadDir(n.dir)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(entries, func(e fsys.Entry) bool { return mayBeDir(e) && !reserved(e.Name) }) {
		return a.moveOne(n.dir, trash, done)
	}
	if err := a.fs.Mkdir(trash, a.dirPerm); err != nil {
		return err
	}
	// cur first: then it is no mailbox any more.
	slices.SortFunc(entries, func(x, y fsys.Entry) int {
		return cmp.Compare(boolToInt(y.Name == "cur"), boolToInt(x.Name == "cur"))
	})
	for _, e := range entries {
		if !reserved(e.Name) {
			continue
		}
		err := a.moveOne(filepath.Join(n.dir, e.Name), filepath.Join(trash, e.Name), done)
		if err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

// cleanRoot removes what a crash in the middle of a Delete left, and old
// temporary files.
func (a *account) cleanRoot() {
	entries, err := a.fs.ReadDir(a.tree.root)
	if err != nil {
		a.log.Warn("cannot look for left-over files", "path", a.tree.root, "err", err)
		return
	}
	a.removeTemps(a.tree.root, entries)
	a.cleanControl(a.tree.control)
	if a.tree.inbox == a.tree.root {
		a.warnBeside(mailstore.Inbox, a.tree.root, entries)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name, trashPrefix) {
			if err := a.removeAll(filepath.Join(a.tree.root, e.Name)); err != nil {
				a.log.Warn("cannot remove all files of a deleted mailbox", "path", e.Name, "err", err)
			}
		}
	}
}

// cleanControl removes temporary files from a directory of control files, unless
// there is no such directory.
func (a *account) cleanControl(dir string) {
	if a.tree.control == "" {
		return
	}
	if entries, err := a.fs.ReadDir(dir); err == nil {
		a.removeTemps(dir, entries)
	}
}

// removeTemps removes the temporary files among the entries of a directory that
// are so old that nobody can be at work on them.
func (a *account) removeTemps(dir string, entries []fsys.Entry) {
	limit := time.Now().Add(-tmpAge)
	for _, e := range entries {
		if strings.HasPrefix(e.Name, fsys.TempPrefix) {
			a.removeOld(filepath.Join(dir, e.Name), limit)
		}
	}
}

// removeOld removes a file that was last changed before limit.
func (a *account) removeOld(path string, limit time.Time) {
	fi, err := a.fs.Lstat(path)
	if err != nil || !fi.Mode().IsRegular() || fi.ModTime().After(limit) {
		return
	}
	if err := a.fs.Remove(path); err != nil && !isAbsent(err) {
		a.log.Warn("cannot remove a left-over file", "path", path, "err", err)
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
