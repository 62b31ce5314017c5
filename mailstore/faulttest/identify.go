package faulttest

import (
	"maps"
	"slices"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// identifyOperations write object ids: where there is none yet, and where a mailbox
// has that of another.
func identifyOperations(f Format) []operation {
	return []operation{
		{kind: "identify", name: "identify", run: identify("Empty"), before: func(fs *faultfs.FS) error { return f.ForgetID(fs, "Empty") }},
		{kind: "identify", name: "identify a copy", run: identify("Old", "Empty"), before: func(fs *faultfs.FS) error { return f.CopyID(fs, "Old", "Empty") }},
	}
}

// identified are the mailboxes that have an object id before anything happens, so that
// it is known what shall stay.
func (op *operation) identified() []string {
	switch op.kind {
	case "identify":
		return []string{"Old", "Empty"}
	case "rename":
		return slices.Collect(maps.Values(op.keeps))
	}
	return nil
}

// identify asks for object ids.
func identify(names ...string) func(p *process) error {
	return func(p *process) error {
		for _, name := range names {
			err := p.with(name, func(m mailstore.Mailbox) error {
				_, err := p.identify(m)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// identify returns a mailbox's object id and notes that it was told.
func (p *process) identify(m mailstore.Mailbox) (string, error) {
	id, err := m.ObjectID(p.ctx)
	if err == nil {
		p.told.identify(place{m.Name(), m.UIDValidity()}, id)
	}
	return id, err
}

// identify notes which object id a mailbox has, for ever. Of mailboxes that may have
// it, one is the other renamed.
func (l *ledger) identify(at place, id string) {
	b := l.at(at)
	if b.id != "" && b.id != id {
		l.complain("%s, UIDVALIDITY %d: the object id was %s and is %s", at.name, at.validity, b.id, id)
	}
	b.id = id
	for other, has := range l.boxes {
		if has.id == id && other.validity != at.validity {
			l.complain("%s, UIDVALIDITY %d, has the object id of %s, UIDVALIDITY %d", at.name, at.validity, other.name, other.validity)
		}
	}
}

// unidentified lets a mailbox have another object id.
func (l *ledger) unidentified(name string) {
	for at, b := range l.boxes {
		if at.name == name {
			b.id = ""
		}
	}
}

// identified complains of mailboxes that have the same object id at one time, but for two
// names of one, where a loss of power may leave them.
func (l *ledger) identified(w world, twoNames bool) {
	names := make(map[string]string)
	for name, b := range w.boxes {
		if other, twice := names[b.id]; twice && !(twoNames && w.boxes[other].validity == b.validity) {
			l.complain("%s and %s have the same object id", name, other)
		}
		names[b.id] = name
	}
}
