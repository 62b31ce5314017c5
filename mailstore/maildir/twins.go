package maildir

import (
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"restante/fsys"
	"restante/mailstore"
)

// Two files with one base name are mostly one file: it was renamed while the
// directory was being read, and both names were returned. Then one of them no
// longer exists. If both do, they are either two links to one message, as a
// crash between link and unlink leaves them, or two messages, as a delivery
// agent makes them that uses a name twice. docs/design/maildir.md, "Twins".

// resolveTwins decides which of the names found for one base name is true. What
// remains in l.twins exists beside the file that is in l.entries.
func (l *listing) resolveTwins(m *mailbox) {
	found := l.twins
	l.twins = nil
	for _, f := range found {
		l.quiet = false              // something was renamed just now, or needs another look
		place, _ := l.find(f.base()) // it is there, or f were no twin
		e := &l.entries[place]
		first, second := m.lstat(e.file), m.lstat(f)
		switch {
		case second == nil:
			// f was renamed to what is in entries, or to a third name.
		case first == nil:
			e.file = f
		case m.lstat(e.file) == nil:
			e.file = f // renamed between our two looks
		default:
			l.twins = append(l.twins, f)
		}
	}
}

func (m *mailbox) lstat(f file) fs.FileInfo {
	fi, err := m.a.fs.Lstat(filepath.Join(m.dir(), f.path()))
	if err != nil {
		return nil
	}
	return fi
}

// separateTwins makes messages of their own of the second files, and removes
// second links. The caller holds dovecot-uidlist.lock, under which Dovecot does
// the same. It returns what new messages there are now.
func (m *mailbox) separateTwins(l *listing) ([]entry, error) {
	var made []entry
	names := m.allNames()
	for _, f := range l.twins {
		uid, known := names[f.base()]
		if !known {
			continue
		}
		_, other, found := m.Get(mailstore.UID(uid))
		if !found {
			continue
		}
		if other == f { // the look before came to the names in another order
			place, _ := l.find(f.base())
			f = l.entries[place].file
		}
		first, second := m.lstat(other), m.lstat(f)
		if first == nil || second == nil {
			continue
		}
		path := filepath.Join(m.dir(), f.path())
		if fsys.SameFile(first, second) {
			if links(second) > 1 && m.lstat(other) != nil {
				if err := m.a.fs.Remove(path); err != nil && !isAbsent(err) {
					return made, err
				}
			}
			continue
		}
		base := f.base()
		twin := file{name: m.renamed(base) + strings.TrimPrefix(f.name, base), inNew: f.inNew}
		err := m.a.fs.Rename(path, filepath.Join(m.dir(), twin.path()))
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return made, err
		}
		m.a.log.Warn("two messages had one file name: renamed the second", "mailbox", m.Name(), "path", path, "new", twin.name)
		made = append(made, entry{file: twin, size: mailstore.Unknown})
	}
	return made, nil
}

// renamed returns a new base name for another file of the same content sizes.
func (m *mailbox) renamed(base string) string {
	return withSizes(m.a.names.next(), sizeField(base, 'S'), sizeField(base, 'W'))
}

func links(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 0
}
