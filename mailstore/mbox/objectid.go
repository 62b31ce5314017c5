package mbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// An mbox has no place for a name that it keeps for ever, so that stands among our
// notes for it, in `restante.id`: a line of
//
//	<id, 32 hexadecimal digits> <UIDVALIDITY> <inode of the mbox>
//
// The notes follow a rename, ours and Dovecot's. A file that took the name has another
// UIDVALIDITY, and gets another id. Where the inode is another, a program has written
// the file anew, or somebody has copied it with its notes; then those of all other
// mailboxes are looked at. docs/design/objectid.md.
type identity struct {
	id       string
	validity uint32
	home     uint64
}

const idDigits = 32

func (p *place) id() string { return filepath.Join(p.notes, "restante.id") }

// ObjectID returns the id of the mailbox, which is made when it is asked for first.
func (m *Mailbox) ObjectID(ctx context.Context) (id string, err error) {
	if err := m.begin(ctx); err != nil {
		return "", m.fail("identify", err)
	}
	defer m.end()
	if m.id == "" {
		m.id, err = m.objectID(ctx)
	}
	return m.id, m.fail("identify", err)
}

// objectID finds the id in the notes, or writes one there.
func (m *Mailbox) objectID(ctx context.Context) (string, error) {
	if m.volatile.Load() {
		return "", mailstore.ErrReadOnly // its UIDVALIDITY does not last either
	}
	is := identity{validity: m.validity, home: m.snap.ino}
	was := m.acct.readIdentity(m.paths())
	if was.validity == is.validity {
		if was.home == is.home {
			return was.id, nil
		}
		copied, err := m.acct.isCopy(ctx, m.Name(), identity{was.id, is.validity, is.home})
		if err != nil {
			return "", err
		}
		if !copied {
			is.id = was.id
		}
	}
	if is.id != "" {
		if err := m.acct.writeIdentity(m.paths(), is); err != nil {
			m.log().Info("mbox: it cannot be written whose name this is", "mailbox", m.Name(), "err", err)
		}
		return is.id, nil
	}
	var b [idDigits / 2]byte
	rand.Read(b[:]) // never fails (package crypto/rand)
	is.id = hex.EncodeToString(b[:])
	if err := m.acct.writeIdentity(m.paths(), is); err != nil {
		_ = m.acct.opt.FS.Remove(m.paths().id()) // it may be there, and not last; nobody was told
		return "", err
	}
	return is.id, nil
}

// readIdentity reads the notes of a mailbox. What cannot be read is none.
func (a *account) readIdentity(p *place) (is identity) {
	b, err := fsys.ReadFile(a.opt.FS, p.id(), 200)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			a.opt.Logger.Warn("mbox: the mailbox gets another objectid", "mailbox", p.name, "err", err)
		}
		return identity{}
	}
	n, err := fmt.Sscanf(string(b), "%s %d %d\n", &is.id, &is.validity, &is.home)
	if n != 3 || err != nil || len(is.id) != idDigits || strings.Trim(is.id, "0123456789abcdef") != "" {
		a.opt.Logger.Warn("mbox: the mailbox gets another objectid, as the file that should have it does not", "mailbox", p.name, "path", p.id())
		return identity{}
	}
	return is
}

func (a *account) writeIdentity(p *place, is identity) error {
	if err := fsys.MkdirAll(a.opt.FS, p.notes, 0o700); err != nil {
		return err
	}
	return fsys.WriteFile(a.opt.FS, p.id(), fmt.Appendf(nil, "%s %d %d\n", is.id, is.validity, is.home), 0o600)
}

// isCopy reports whether a mailbox has an id that another one keeps: one whose file is
// the one that its notes speak of, else INBOX, else the first by name.
func (a *account) isCopy(ctx context.Context, name string, is identity) (bool, error) {
	w := walker{a: a, have: []mailstore.Info{{Name: mailstore.Inbox}}}
	if err := w.walk(ctx, a.opt.Root, "", 0, false); err != nil {
		return false, err
	}
	for _, other := range w.have {
		if other.NoSelect || other.Name == name {
			continue
		}
		p, err := a.locate(other.Name)
		if err != nil {
			continue // it has been removed
		}
		was := a.readIdentity(&p)
		if was.id != is.id {
			continue
		}
		fi, err := a.look(&p)
		if err != nil || stampOf(fi).ino == is.home {
			continue // gone, or another name for the same file
		}
		sure := stampOf(fi).ino == was.home
		if sure || other.Name == mailstore.Inbox || name != mailstore.Inbox && other.Name < name {
			return true, nil
		}
	}
	return false, nil
}

// peekID gives a mailbox's id as long as nothing has to be written for that.
func (a *account) peekID(p *place, validity uint32, home uint64) (string, bool) {
	is := a.readIdentity(p)
	return is.id, is.validity == validity && is.home == home
}
