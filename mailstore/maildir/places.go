package maildir

import "restante/fsys"

// manyFiles is from how many files on it pays to open their directory.
const manyFiles = 8

// places are the directories of a mailbox for who gives its files other names, or takes
// them away, one after the other. He has the rights of the account's owner (fsys.Hold)
// and ops until close.
type places struct {
	m        *mailbox
	open     func(fsys.FS, string) *fsys.Place
	new, cur *fsys.Place // nil until it is needed
}

// places is for a number of files.
func (m *mailbox) places(files int) *places {
	p := &places{m: m, open: fsys.PlaceByPath}
	if files >= manyFiles {
		p.open = fsys.OpenPlace
	}
	return p
}

// of is the directory where a file stands.
func (p *places) of(f file) *fsys.Place {
	at, sub := &p.cur, "/cur"
	if f.inNew {
		at, sub = &p.new, "/new"
	}
	if *at == nil {
		*at = p.open(p.m.a.fs, p.m.dir()+sub)
	}
	return *at
}

// rename gives a file another name in the mailbox, if the names differ.
func (p *places) rename(from, to file) error {
	if from == to {
		return nil
	}
	return p.of(from).Rename(from.name, p.of(to), to.name)
}

func (p *places) remove(f file) error { return p.of(f).Remove(f.name) }

func (p *places) close() {
	for _, at := range []*fsys.Place{p.new, p.cur} {
		if at != nil {
			at.Close()
		}
	}
}
