package maildir

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// What stands beside the messages of a mailbox, and is no cache, Dovecot calls
// control files: the UID list, the keywords, and in the root the subscriptions,
// the last UIDVALIDITY and maildirsize. They may have a tree of their own, in
// which each mailbox has a directory of the same name as among the messages; that
// of INBOX is .INBOX, in the FS layout INBOX.

// controlRoot is where the control files of the account are.
func (t *tree) controlRoot() string {
	if t.control != "" {
		return t.control
	}
	return t.root
}

// controlOf is where the control files of the mailbox in dir are.
func (t *tree) controlOf(dir string) string {
	if t.control == "" {
		return dir
	}
	name := strings.TrimPrefix(dir, t.root)
	if dir == t.inbox {
		name = mailstore.Inbox
		if t.layout == MaildirPP {
			name = "." + name
		}
	}
	return filepath.Join(t.control, name)
}

// newLocation is where a mailbox is.
func (t *tree) newLocation(name, dir string) *location {
	return &location{name, dir, t.controlOf(dir)}
}

// makeControl makes the directory for the control files of the mailbox in dir,
// where it is another.
func (a *account) makeControl(dir string) error {
	if a.tree.control == "" {
		return nil
	}
	control := a.tree.controlOf(dir)
	if _, err := a.fs.Stat(control); !isAbsent(err) {
		return err
	}
	return fsys.MkdirAll(a.fs, control, a.dirPerm)
}

// eachControl calls fn with the name of each control file of the mailbox in dir,
// where these have a directory of their own. What else is there belongs to
// mailboxes below.
func (a *account) eachControl(dir string, fn func(control, name string) error) error {
	if a.tree.control == "" {
		return nil
	}
	control := a.tree.controlOf(dir)
	entries, err := a.fs.ReadDir(control)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if mayBeDir(e) {
			continue
		}
		if err := fn(control, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// dropControl removes the control files of a mailbox that is not there (any
// more).
func (a *account) dropControl(dir string) error {
	err := a.eachControl(dir, func(control, name string) error {
		if err := a.fs.Remove(filepath.Join(control, name)); !isAbsent(err) {
			return err
		}
		return nil
	})
	if err == nil && a.tree.control != "" && dir != a.tree.inbox {
		_ = a.fs.Remove(a.tree.controlOf(dir)) // unless it has others in it
	}
	return err
}

// linkControl gives the control files of a mailbox that is being renamed a second
// place. So whatever becomes of the renaming, they are where the mailbox is. What
// is there is left over from a mailbox that is gone.
func (a *account) linkControl(from, to string) error {
	err := a.dropControl(to)
	if err == nil {
		err = a.makeControl(to)
	}
	if err != nil {
		return err
	}
	target := a.tree.controlOf(to)
	err = a.eachControl(from, func(control, name string) error {
		if strings.HasSuffix(name, ".lock") {
			return nil
		}
		return a.fs.Link(filepath.Join(control, name), filepath.Join(target, name))
	})
	if err != nil || a.tree.control == "" {
		return err
	}
	return a.fs.SyncDir(target)
}

// moveControlled renames the directories of mailboxes, with their control files.
func (a *account) moveControlled(steps []renameStep) error {
	if a.tree.control == "" {
		return a.moveDirs(steps)
	}
	final, err := a.finalDirs(steps)
	if err != nil {
		return err
	}
	moves := make([]dirMove, 0, len(steps)) // of mailboxes; moveDirs may change steps
	for i, s := range steps {
		if s.from.kind != box {
			continue
		}
		moves = append(moves, dirMove{s.from.dir, final[i]})
		if err = a.linkControl(s.from.dir, final[i]); err != nil {
			break
		}
	}
	if err == nil {
		err = a.moveDirs(steps)
	}
	a.settleControl(moves)
	return err
}

// settleControl removes the control files from where the mailboxes are not. After
// an error both is possible.
func (a *account) settleControl(moves []dirMove) {
	for _, m := range moves {
		k, err := a.tree.kindOf(m.to)
		switch {
		case err != nil: // two links do no harm
		case k == box:
			err = a.dropControl(m.from)
		default:
			err = a.dropControl(m.to)
		}
		if err != nil {
			a.log.Warn("cannot remove second links of a renamed mailbox's files", "path", a.tree.control, "err", err)
		}
	}
}

// finalDirs returns where the directories will be, as moveDirs moves them: what
// is below one that moves as a whole goes with it.
func (a *account) finalDirs(steps []renameStep) ([]string, error) {
	var whole []dirMove
	final := make([]string, len(steps))
	for i, s := range steps {
		final[i] = s.to.dir
		if dir, moved := movedAlready(whole, s.from.dir); moved && a.tree.layout == FS {
			final[i] = dir
			continue
		}
		switch k, err := a.tree.kindOf(s.to.dir); {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case k == nothing:
			whole = append(whole, dirMove{s.from.dir, s.to.dir})
		}
	}
	return final, nil
}
