package maildir

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"restante/mailstore"
)

// The name that a mailbox has for ever is the GUID in the header of its UID list,
// where Dovecot has it too. It moves with the mailbox, whoever renames it. But it is
// copied with the mailbox as well (cp -a), and then two have it. So behind the GUID
// stands, in a field of ours which Dovecot keeps, whose it is: the inode of new/,
// which a rename does not change and a copy does not share. Where that is another,
// the mailbox was copied, or all of the account was, by a restore or to another
// machine; and where it is missing, the GUID was given by Dovecot. Then, and only
// then, the lists of all other mailboxes are looked at for the same GUID.
// docs/design/objectid.md.

// ObjectID returns the GUID of the mailbox, after it has been made sure that no other
// mailbox of the account has it.
func (m *mailbox) ObjectID(ctx context.Context) (id string, err error) {
	err = m.locked(ctx, "identify", func() error {
		id, err = m.objectID(ctx)
		return err
	})
	return id, err
}

// objectID is ObjectID for who holds ops.
func (m *mailbox) objectID(ctx context.Context) (string, error) {
	home, err := m.a.homeOf(m.dir())
	if isAbsent(err) {
		if err = m.vanished(err); err == nil { // new/ has been made again
			home, err = m.a.homeOf(m.dir())
		}
	}
	if err != nil {
		return "", err
	}
	l := &m.list
	same := l.guid != "" && l.home == home
	if same && !l.guidLost {
		return l.guid, nil
	}
	copied := false
	if l.guid != "" && !same {
		if copied, err = m.a.ids.isCopy(ctx, m.a, owner{m.Name(), home, false}, l.guid); err != nil {
			return "", err
		}
	}
	if copied {
		l.foreign = l.guid
	} else {
		l.ours = l.guid
	}
	err = m.writeGUID(ctx)
	if err != nil && !copied && l.guid != "" && !l.guidLost {
		err = nil // it stands in the list; only whose it is cannot be written now
	}
	if err != nil {
		return "", err
	}
	return l.guid, nil
}

// writeGUID writes the UID list anew, with a GUID that is this mailbox's and says so.
func (m *mailbox) writeGUID(ctx context.Context) error {
	if m.private || m.readOnly.Load() {
		return mailstore.ErrReadOnly
	}
	if err := m.refresh(ctx); err != nil {
		return err
	}
	if !m.exact {
		return mailstore.ErrInUse // what we have not seen must not lose its record
	}
	m.list.rewrite = true
	return m.withList(ctx, m.a.lockWait, nil, nil)
}

// giveGUID sees to it that the list that is about to be written has a GUID, and says
// whose it is if that is known.
func (m *mailbox) giveGUID() error {
	l := &m.list
	if l.guid == "" || l.guid == l.foreign {
		l.guid = newGUID()
		l.ours = l.guid
	}
	if l.guid != l.ours {
		return nil
	}
	home, err := m.a.homeOf(m.dir())
	l.home = home
	return err
}

// homeOf returns what tells the directory of a mailbox from all others that are
// there, and from its copies.
func (a *account) homeOf(dir string) (uint64, error) {
	fi, err := a.fs.Stat(filepath.Join(dir, "new"))
	if err != nil {
		return 0, err
	}
	return fileStampOf(fi).Ino, nil
}

// owner is a mailbox that has a GUID.
type owner struct {
	name string
	home uint64
	// sure: its list says that the GUID is its own.
	sure bool
}

// before decides which of two mailboxes with the same GUID keeps it: the one whose
// list says so, else INBOX, else the first by name.
func (o owner) before(p owner) bool {
	switch {
	case o.sure != p.sure:
		return o.sure
	case (o.name == mailstore.Inbox) != (p.name == mailstore.Inbox):
		return o.name == mailstore.Inbox
	}
	return o.name < p.name
}

// identities are the GUIDs of an account, and who keeps each: a home. It is filled when
// the first mailbox is found whose list does not say that its GUID is its own.
type identities struct {
	mu    sync.Mutex
	keeps map[string]uint64
}

// isCopy reports whether a mailbox has a GUID that another one keeps.
func (ids *identities) isCopy(ctx context.Context, a *account, o owner, guid string) (bool, error) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	home, known := ids.keeps[guid]
	if known && home == o.home {
		return false, nil
	}
	if ids.keeps == nil || known { // who keeps it may have gone since
		keeps, err := a.readGUIDs(ctx)
		if err != nil {
			return false, err
		}
		ids.keeps = keeps
	}
	if home, known = ids.keeps[guid]; !known {
		home = o.home
		ids.keeps[guid] = home
	}
	return home != o.home, nil
}

// readGUIDs reads the beginning of all UID lists and returns who keeps which GUID. A
// mailbox that cannot be looked at keeps none, as nobody can be told it.
func (a *account) readGUIDs(ctx context.Context) (map[string]uint64, error) {
	nodes, err := a.tree.list(ctx)
	if err != nil {
		return nil, err
	}
	nodes = append(nodes, node{name: mailstore.Inbox, dir: a.tree.inbox, kind: box})
	owners := make(map[string]owner, len(nodes))
	for _, n := range nodes {
		if n.kind != box {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		home, err := a.homeOf(n.dir)
		if err != nil {
			continue
		}
		data, err := a.readHead(filepath.Join(a.tree.controlOf(n.dir), uidListName))
		if err != nil {
			continue
		}
		line, _, _ := strings.Cut(data, "\n")
		h, _ := parseUIDHeader(line)
		o := owner{n.name, home, h.home == home}
		if other, twice := owners[h.guid]; h.guid != "" && (!twice || o.before(other)) {
			owners[h.guid] = o
		}
	}
	keeps := make(map[string]uint64, len(owners))
	for guid, o := range owners {
		keeps[guid] = o.home
	}
	return keeps, nil
}
