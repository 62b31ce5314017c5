package maildir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/index"
)

// tmpAge is how old a file in tmp/ must be to be taken for left over, as the
// page that describes Maildir says.
const tmpAge = 36 * time.Hour

// load reads a mailbox for the first time: two directories and the UID list.
func (m *mailbox) load(ctx context.Context) error {
	n, err := m.a.tree.find(ctx, m.Name())
	if err != nil {
		return err
	}
	if n.kind != box {
		return m.a.noBox(ctx, n)
	}
	m.where.Store(m.a.tree.newLocation(n.name, n.dir))
	if err := m.a.makeSubdirs(n.dir); err != nil && !isReadOnly(err) {
		return err
	}
	if err := m.a.makeControl(n.dir); err != nil && !isReadOnly(err) {
		return err
	}
	verdict, known, err := m.loadIndex()
	if err != nil {
		return err
	}
	m.probe()
	beside := m.lookBeside()
	if verdict == index.Current {
		return nil
	}
	if verdict == index.Useless {
		if err := m.takeCourierKeywords(ctx); err != nil {
			return err
		}
	}
	var found []entry
	if verdict == index.Behind {
		found, err = m.catchUpFrom(ctx, known)
	} else {
		found, err = m.readAll(ctx, false)
	}
	if err != nil {
		return err
	}
	if m.listIsStale() || m.list.torn() {
		m.list.rewrite = true
	}
	if err := m.settleFirst(ctx, found); err != nil {
		return err
	}
	m.validity.Store(m.list.validity)
	m.cleanTmp(beside)
	return nil
}

// lookBeside reads the mailbox's directory, but for the root: that is looked at when
// the account is opened.
func (m *mailbox) lookBeside() []fsys.Entry {
	if m.dir() == m.a.tree.root {
		return nil
	}
	entries, err := m.a.fs.ReadDir(m.dir())
	if err != nil {
		return nil // it may not be listed; the mailbox can be used all the same
	}
	m.a.warnBeside(m.Name(), m.dir(), entries)
	return entries
}

// settleFirst is settle for a mailbox that nobody has open yet.
func (m *mailbox) settleFirst(ctx context.Context, found []entry) error {
	unreliable := m.list.validity == 0 || m.list.lostHeader
	if len(found) == 0 && !m.list.rewrite && !unreliable {
		return nil
	}
	if m.readOnly.Load() {
		return m.loadPrivate(found, unreliable)
	}
	err := m.withList(ctx, m.a.lockWait, found, nil)
	switch {
	case isReadOnly(err):
		m.readOnly.Store(true)
		return m.loadPrivate(found, unreliable)
	case (errors.Is(err, fsys.ErrLocked) || isFull(err)) && !unreliable && m.hasList() && ctx.Err() == nil:
		// What has UIDs can be read, and expunged to make room; the rest must wait.
		m.newDir.known, m.curDir.known = false, false
		m.a.log.Warn("new messages must wait", "mailbox", m.Name(), "err", err)
		return nil
	}
	return err
}

// hasList reports whether there is a UID list, so that what the index has was
// read from it.
func (m *mailbox) hasList() bool {
	_, err := m.a.fs.Stat(filepath.Join(m.control(), uidListName))
	return err == nil
}

// loadPrivate opens a mailbox whose UID list we cannot write. Messages that the
// list does not have get UIDs of this process alone; so that no client takes
// them for those of another time, the UIDVALIDITY is of this moment too.
func (m *mailbox) loadPrivate(found []entry, unreliable bool) error {
	if len(found) == 0 && !unreliable {
		return nil
	}
	m.private = true
	m.abandonIndex()
	m.list.validity = max(m.list.validity+1, uint32(time.Now().Unix()))
	return m.giveUIDs(found, false)
}

// probe finds out whether the mailbox may be written.
func (m *mailbox) probe() {
	f, err := m.a.fs.OpenFile(filepath.Join(m.control(), uidListName), os.O_RDWR, 0)
	if err == nil {
		_ = f.Close() // nothing was written
	}
	m.readOnly.Store(isReadOnly(err))
}

// noBox is the error of a name that is no mailbox.
func (a *account) noBox(ctx context.Context, n node) error {
	if n.kind == place && a.tree.layout == FS {
		return mailstore.ErrNoSelect
	}
	all, err := a.tree.list(ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		if a.isBelow(other.name, n.name) {
			return mailstore.ErrNoSelect
		}
	}
	return mailstore.ErrNotFound
}

// cleanTmp removes what deliveries that died left in tmp/, and what writers of
// the UID list and its like left beside it. An unreadable directory is no reason
// not to open the mailbox.
func (m *mailbox) cleanTmp(beside []fsys.Entry) {
	if m.readOnly.Load() {
		return
	}
	m.a.removeTemps(m.dir(), beside)
	m.a.cleanControl(m.control())
	dir := filepath.Join(m.dir(), "tmp")
	entries, err := m.a.fs.ReadDir(dir)
	if err != nil {
		m.a.log.Warn("cannot look for left-over files", "path", dir, "err", err)
		return
	}
	limit := time.Now().Add(-tmpAge)
	for _, e := range entries {
		if strings.HasPrefix(e.Name, ".") {
			continue
		}
		// A message that is being stored has the date that the client gave it;
		// our names tell when the file was made.
		if sec, _ := deliveryTime(e.Name); sec > uint64(limit.Unix()) {
			continue
		}
		m.a.removeOld(filepath.Join(dir, e.Name), limit)
	}
}
