package mbox

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// Rename gives a file or a directory another name.
func (a *account) Rename(ctx context.Context, from, to string) error {
	return a.changeTree(ctx, "rename", from, func(from string) error {
		to := mailstore.CanonicalName(to, delimiter)
		from = strings.TrimSuffix(from, string(delimiter))
		if err := checkName(to); err != nil {
			return err
		}
		if to == mailstore.Inbox {
			return mailstore.ErrExists
		}
		if from == mailstore.Inbox {
			return a.renameInbox(ctx, to)
		}
		if strings.HasPrefix(to, from+string(delimiter)) {
			return fmt.Errorf("%w: it would be below itself", mailstore.ErrInvalidName)
		}
		if err := a.rename(ctx, from, to); err != nil {
			return err
		}
		a.followSpecialUses(func(u mailstore.SpecialUses) { u.Rename(from, to, delimiter) })
		return nil
	})
}

// renameInbox moves the messages of INBOX into a new mailbox. After an error
// that mailbox is not there, and the messages are in INBOX.
func (a *account) renameInbox(ctx context.Context, to string) error {
	if err := a.create(to, false); err != nil {
		return err
	}
	err := a.moveInbox(ctx, to)
	if err == nil {
		return nil
	}
	if undone := a.removeUntold(to); undone != nil {
		a.opt.Logger.Error("mbox: cannot take back a rename of INBOX after an error", "mailbox", to, "err", undone)
	}
	return err
}

func (a *account) moveInbox(ctx context.Context, to string) error {
	inbox, err := a.open(ctx, mailstore.Inbox)
	if err != nil {
		return err
	}
	defer inbox.Close()
	dest, err := a.open(ctx, to)
	if err != nil {
		return err
	}
	defer dest.Close()
	if err := inbox.Refresh(ctx); err != nil {
		return err
	}
	_, err = inbox.Move(ctx, mailstore.AllUIDs(), dest)
	return err
}

// removeUntold removes a mailbox that was made just now and that nobody has heard
// of, unless there is something in it by now.
func (a *account) removeUntold(name string) error {
	m, err := a.open(context.Background(), name)
	if err != nil {
		return err
	}
	if m.Len() == 0 {
		err = m.removeNow(context.Background(), false)
	}
	err = errors.Join(err, m.Close())
	if err == nil {
		a.prune(filepath.Dir(m.paths().mbox))
	}
	return err
}

func (a *account) rename(ctx context.Context, from, to string) error {
	old, err := a.locate(from)
	if err != nil {
		return err
	}
	fi, err := a.opt.FS.Lstat(old.mbox)
	if err != nil {
		if isMissing(err) {
			return mailstore.ErrNotFound
		}
		return err
	}
	if old.mbox == a.opt.Inbox {
		return mailstore.ErrNotFound
	}
	p, err := a.locateNew(to, false)
	if err != nil {
		return err
	}
	there := a.existing(filepath.Dir(p.mbox))
	err = a.makeParents(to, p.mbox)
	if err == nil {
		err = a.renameHeld(ctx, from, to, func() error { return a.moveFiles(old, p, fi.IsDir()) })
	}
	if err != nil {
		a.pruneTo(there, filepath.Dir(p.mbox))
		return err
	}
	a.prune(filepath.Dir(old.mbox))
	return nil
}

// renameHeld stops all work on the mailboxes, and they follow to where move has
// brought their files.
func (a *account) renameHeld(ctx context.Context, from, to string, move func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	held, release, err := a.holdBelow(ctx, from)
	defer release()
	if err != nil {
		return err
	}
	if err := move(); err != nil {
		return err
	}
	return a.renameSlots(held, from, to)
}

// holdBelow stops all work on the mailboxes at and below a name. The caller has
// a.mu.
func (a *account) holdBelow(ctx context.Context, name string) (held []*slot, release func(), err error) {
	release = func() {
		for _, s := range held {
			if s.m != nil {
				s.m.end()
			}
			s.mu.Unlock()
		}
	}
	for n, s := range a.slots {
		if n != name && !strings.HasPrefix(n, name+string(delimiter)) {
			continue
		}
		s.mu.Lock()
		if s.m != nil && s.m.gone() != nil {
			s.m = nil // those who have it open may keep it
		}
		if s.m != nil {
			if err := s.m.begin(ctx); err != nil {
				s.mu.Unlock()
				return held, release, err
			}
		}
		held = append(held, s)
	}
	return held, release, nil
}

// moveFiles renames a mailbox with our notes for it. The notes go last: without
// them the mailbox is still whole, but for UIDs that the file does not hold. After
// an error all is where it was.
func (a *account) moveFiles(old, p place, isDir bool) error {
	if isDir {
		return a.moveFile(old, p)
	}
	err := a.placeNotes(old, p)
	if err == nil {
		err = a.moveFile(old, p)
	}
	unwanted := old.notes
	if err != nil {
		unwanted = p.notes
	}
	if left := removeTree(a.opt.FS, unwanted); left != nil {
		a.opt.Logger.Info("mbox: notes of a mailbox that is not there stay", "path", unwanted, "err", left)
	}
	return err
}

func (a *account) placeNotes(old, p place) error {
	if err := removeTree(a.opt.FS, p.notes); err != nil {
		return err
	}
	if err := fsys.MkdirAll(a.opt.FS, filepath.Dir(p.notes), 0o700); err != nil {
		return err
	}
	return copyNotes(a.opt.FS, old, p)
}

// moveFile renames a file or directory, durably, or back.
func (a *account) moveFile(old, p place) error {
	fsx := a.opt.FS
	if err := fsx.Rename(old.mbox, p.mbox); err != nil {
		return err
	}
	sync := func() error { return errors.Join(syncParent(fsx, p.mbox), syncParent(fsx, old.mbox)) }
	err := sync()
	if err != nil {
		err = errors.Join(err, fsx.Rename(p.mbox, old.mbox), sync())
	}
	return err
}

// copyNotes makes hard links of our notes at the new place, so that they are
// there at every moment, whichever name the mailbox has after a crash.
func copyNotes(fsx fsys.FS, old, p place) error {
	entries, err := fsx.ReadDir(old.notes)
	if err != nil {
		if isMissing(err) {
			return nil
		}
		return err
	}
	if err := fsys.MkdirAll(fsx, p.notes, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type.IsDir() || !strings.HasPrefix(e.Name, "restante.") && e.Name != aclName {
			continue
		}
		if err := fsx.Link(filepath.Join(old.notes, e.Name), filepath.Join(p.notes, e.Name)); err != nil {
			return err
		}
	}
	return fsx.SyncDir(p.notes)
}

// renameSlots gives open mailboxes their new names. The caller holds them.
func (a *account) renameSlots(held []*slot, from, to string) error {
	var errs []error
	for _, s := range held {
		delete(a.slots, s.name)
		s.name = to + s.name[len(from):]
	}
	for _, s := range held {
		// Nobody can have a slot of the new name but who looked for it in vain.
		if other := a.slots[s.name]; other != nil && other != s {
			other.mu.Lock()
			other.name = ""
			other.mu.Unlock()
		}
		a.slots[s.name] = s
		if s.m == nil {
			continue
		}
		p, err := a.locate(s.name)
		if err != nil {
			errs = append(errs, err)
			s.m.setGone("it was renamed, and cannot be found any more")
			continue
		}
		s.m.place.Store(&p)
		s.m.state.path = p.state()
		if s.m.j != nil {
			s.m.j.path = p.journal()
		}
	}
	a.moveIndexes(held, from, to)
	return errors.Join(errs...)
}
