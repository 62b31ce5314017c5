package maildir

import (
	"errors"
	"fmt"
	"path/filepath"

	"restante/mailstore"
)

// restoreFiles finds out where messages are when the index cannot tell any more, as
// its file was overwritten while it was in use: the UID list knows the base names,
// the directories the rest. It runs under the lock of the index.
//
// A message that the UID list does not have gets a name that no file has, so that the
// next look takes it for gone. Without a list that is this mailbox's there is nothing
// to go by, and who has the mailbox open has to open it again.
func (m *mailbox) restoreFiles(uids []mailstore.UID) []file {
	m.unsure.Store(true)
	bases, err := m.listedBases()
	if err != nil && !m.gone.Load() {
		m.a.log.Error("neither index nor UID list say which files the messages are", "mailbox", m.Name(), "err", err)
		m.gone.Store(true)
		go m.loseIndex() // it takes the lock that our caller holds
	}
	present := m.filesByBase()
	files := make([]file, len(uids))
	for i, uid := range uids {
		base, listed := bases[uid]
		f, there := present[base]
		switch {
		case !listed:
			f = file{name: fmt.Sprintf(".restante-lost.%d", uid)}
		case !there: // perhaps renamed while we looked
			f = file{name: base}
		}
		files[i] = f
	}
	return files
}

// loseIndex is lose for a mailbox whose index is of no use.
func (m *mailbox) loseIndex() {
	m.lose()
	m.a.removeIndex(m.Name())
}

var errOtherList = errors.New("the UID list is missing, or another mailbox's")

// listedBases reads the base names from the UID list.
func (m *mailbox) listedBases() (map[mailstore.UID]string, error) {
	list := uidList{fs: m.a.fs}
	bases := make(map[mailstore.UID]string)
	r, err := list.update(m.control(), false, func(rec uidRecord) { bases[rec.uid] = string(rec.base) })
	if err == nil && (r.missing || r.header != nil || list.validity != m.UIDValidity()) {
		err = errOtherList
	}
	if err != nil {
		return nil, err
	}
	return bases, nil
}

// filesByBase looks at both directories. What cannot be seen is looked for again
// when it is needed.
func (m *mailbox) filesByBase() map[string]file {
	files := make(map[string]file)
	for _, sub := range []string{"new", "cur"} { // what moved meanwhile is in cur/
		f := file{inNew: sub == "new"}
		entries, err := m.a.fs.ReadDir(filepath.Join(m.dir(), sub))
		if err != nil {
			m.a.log.Warn("cannot look for messages", "mailbox", m.Name(), "dir", sub, "err", err)
		}
		for _, e := range entries {
			if usable(e.Name) {
				f.name = e.Name
				files[f.base()] = f
			}
		}
	}
	return files
}
