package maildir

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"

	"restante/fsys"
	"restante/mailstore"
)

// Rename gives a mailbox and all below it another name. Each directory moves by
// one rename; when one fails, those before it are moved back.
func (a *account) Rename(ctx context.Context, from, to string) error {
	a.treeMu.Lock()
	defer a.treeMu.Unlock()
	from, to = a.canonical(from), a.canonical(to)
	if err := a.rename(ctx, from, to); err != nil {
		return fail("rename", from, err)
	}
	a.followSpecialUses(func(u mailstore.SpecialUses) { u.Rename(from, to, a.Delimiter()) })
	return nil
}

func (a *account) rename(ctx context.Context, from, to string) error {
	if err := a.fs.Settle(); err != nil {
		return err
	}
	if err := a.tree.check(to); err != nil {
		return err
	}
	target, err := a.tree.find(ctx, to)
	switch {
	case err != nil:
		return err
	case target.kind == box:
		return mailstore.ErrExists
	case from == mailstore.Inbox:
		return a.renameInbox(ctx, target)
	case a.isBelow(to, from):
		return mailstore.ErrNotPermitted
	}
	steps, err := a.renameSteps(ctx, from, to)
	if err != nil {
		return err
	}
	return a.renameAll(ctx, steps)
}

// renameInbox moves the messages of INBOX into a new mailbox. After an error
// that mailbox is not there, and the messages are in INBOX.
func (a *account) renameInbox(ctx context.Context, target node) error {
	if err := a.makeBox(target.dir); err != nil {
		return err
	}
	err := a.moveInbox(ctx, target.name)
	if err == nil {
		return nil
	}
	if undone := a.delete(context.WithoutCancel(ctx), target.name); undone != nil {
		a.log.Error("cannot take back a rename of INBOX after an error", "mailbox", target.name, "err", undone)
	}
	return err
}

func (a *account) moveInbox(ctx context.Context, to string) error {
	inbox, err := a.open(ctx, mailstore.Inbox)
	if err != nil {
		return err
	}
	defer a.release(inbox)
	dest, err := a.open(ctx, to)
	if err != nil {
		return err
	}
	defer a.release(dest)
	if _, err = inbox.Move(ctx, mailstore.AllUIDs(), dest); err == nil {
		err = inbox.syncBoth(inbox.late.take()) // a rename is waited for
	}
	if err != nil {
		_, back := dest.Move(context.WithoutCancel(ctx), mailstore.AllUIDs(), inbox)
		err = errors.Join(err, back)
	}
	return err
}

// renameStep is one directory that gets another place.
type renameStep struct {
	from node
	to   node
}

// renameSteps finds what has to move: in Maildir++ each mailbox by itself; in
// the FS layout what is below a directory goes with it, unless the target is a
// directory already.
func (a *account) renameSteps(ctx context.Context, from, to string) ([]renameStep, error) {
	all, err := a.tree.list(ctx)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool)
	for _, n := range all {
		taken[n.name] = n.kind == box
	}
	var steps []renameStep
	for _, n := range all {
		if n.name != from && !a.isBelow(n.name, from) {
			continue
		}
		name := to + n.name[len(from):]
		if taken[name] {
			return nil, mailstore.ErrExists
		}
		if err := a.tree.check(name); err != nil {
			return nil, err
		}
		steps = append(steps, renameStep{n, node{name: name, dir: a.tree.newDir(name), kind: n.kind}})
	}
	if len(steps) == 0 {
		return nil, mailstore.ErrNotFound
	}
	slices.SortFunc(steps, func(x, y renameStep) int { return cmp.Compare(x.from.name, y.from.name) })
	return steps, nil
}

// renameAll carries the steps out. The mailboxes among them that are in memory
// are locked meanwhile and follow.
func (a *account) renameAll(ctx context.Context, steps []renameStep) error {
	open, unlock, err := a.lockAll(ctx, steps)
	if err != nil {
		return err
	}
	defer unlock()
	for _, s := range steps {
		if s.from.kind == box {
			// A new mailbox of the old name must not have the same UIDVALIDITY.
			if err := a.retireValidity(s.from.dir); err != nil {
				return err
			}
		}
	}
	if err := a.moveControlled(steps); err != nil {
		return err
	}
	for i, m := range open {
		if steps[i].from.kind == box {
			a.moveIndex(m, steps[i].from.name, steps[i].to.name)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, m := range open {
		if m == nil {
			continue
		}
		if !m.loaded.Load() {
			m.gone.Store(true) // whoever waits for it looks again
			a.forgetLocked(m)
			continue
		}
		delete(a.boxes, steps[i].from.name)
		m.where.Store(a.tree.newLocation(steps[i].to.name, steps[i].to.dir))
		a.boxes[steps[i].to.name] = m
	}
	return nil
}

// lockAll locks the mailboxes that are in memory, the older value first.
func (a *account) lockAll(ctx context.Context, steps []renameStep) (open []*mailbox, unlock func(), err error) {
	open = make([]*mailbox, len(steps))
	a.mu.Lock()
	for i, s := range steps {
		if m := a.boxes[s.from.name]; m != nil && !m.gone.Load() {
			m.refs++
			a.idle.remove(m)
			open[i] = m
		}
	}
	a.mu.Unlock()
	held := slices.DeleteFunc(slices.Clone(open), func(m *mailbox) bool { return m == nil })
	slices.SortFunc(held, func(x, y *mailbox) int { return cmp.Compare(x.serial, y.serial) })
	locked := 0
	unlock = func() {
		for _, m := range held[:locked] {
			m.staying.Unlock()
			m.ops.Unlock()
		}
		for _, m := range held {
			a.release(m)
		}
	}
	for _, m := range held {
		if err := m.ops.Lock(ctx); err != nil {
			unlock()
			return nil, nil, err
		}
		m.staying.Lock()
		locked++
	}
	return open, unlock, nil
}

// dirMove is a rename that was done.
type dirMove struct{ from, to string }

// moveDirs renames the directories, and back when something fails.
func (a *account) moveDirs(steps []renameStep) error {
	var done []dirMove
	err := a.moveEach(steps, &done)
	if err == nil {
		err = a.syncParents(done)
	}
	if err != nil {
		err = errors.Join(err, a.moveBack(done))
	}
	if a.tree.layout != FS {
		return err
	}
	for _, s := range slices.Backward(steps) {
		dir := s.from.dir
		if err != nil {
			dir = s.to.dir
		}
		a.prune(dir)
		a.prune(filepath.Dir(dir))
	}
	return err
}

func (a *account) moveEach(steps []renameStep, done *[]dirMove) error {
	for i, s := range steps {
		if dir, moved := movedAlready(*done, s.from.dir); moved && a.tree.layout == FS {
			steps[i].to.dir = dir
			continue
		}
		if err := a.moveDir(s.from.dir, s.to.dir, done); err != nil {
			return err
		}
	}
	return nil
}

// moveBack undoes what was done.
func (a *account) moveBack(done []dirMove) error {
	var err error
	for _, d := range slices.Backward(done) {
		err = errors.Join(err, a.fs.Rename(d.to, d.from))
	}
	return errors.Join(err, a.syncParents(done))
}

// syncParents makes renames durable.
func (a *account) syncParents(done []dirMove) error {
	parents := make(map[string]bool)
	for _, d := range done {
		parents[filepath.Dir(d.to)], parents[filepath.Dir(d.from)] = true, true
	}
	var err error
	for dir := range parents {
		if syncErr := a.fs.SyncDir(dir); !isAbsent(syncErr) {
			err = errors.Join(err, syncErr)
		}
	}
	return err
}

// movedAlready returns where a directory is that went with one above it.
func movedAlready(done []dirMove, dir string) (string, bool) {
	for _, d := range done {
		if rel, err := filepath.Rel(d.from, dir); err == nil && filepath.IsLocal(rel) {
			return filepath.Join(d.to, rel), true
		}
	}
	return "", false
}

// moveDir renames one directory. When the target is a directory that is no
// mailbox, what belongs to the mailbox goes into it, and mailboxes below follow
// in steps of their own.
func (a *account) moveDir(from, to string, done *[]dirMove) error {
	if err := fsys.MkdirAll(a.fs, filepath.Dir(to), a.dirPerm); err != nil {
		return err
	}
	k, err := a.tree.kindOf(to)
	if err != nil {
		return err
	}
	if k == nothing {
		return a.moveOne(from, to, done)
	}
	if err := a.dropNotes(to); err != nil {
		return err
	}
	entries, err := a.fs.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if a.tree.layout == FS && !reserved(e.Name) {
			continue
		}
		if err := a.moveOne(filepath.Join(from, e.Name), filepath.Join(to, e.Name), done); err != nil {
			return err
		}
	}
	return nil
}

func (a *account) moveOne(from, to string, done *[]dirMove) error {
	err := a.fs.Rename(from, to)
	if err == nil {
		*done = append(*done, dirMove{from, to})
	}
	return err
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
