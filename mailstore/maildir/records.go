package maildir

import (
	"restante/mailstore"
	"restante/mailstore/index"
)

// insert adds a message to the index.
func (m *mailbox) insert(tx *index.Tx[file], e entry, recent bool) {
	m.insertRecord(tx, e, m.kw.of(e.name), mailstore.Unknown, recent)
}

func (m *mailbox) insertRecord(tx *index.Tx[file], e entry, flags mailstore.Flags, date int64, recent bool) {
	base := e.base()
	if size := sizeField(base, 'W'); size != mailstore.Unknown {
		e.size = size
	}
	if recent {
		flags.System |= mailstore.Recent
		m.recent.Add(e.uid)
	}
	if e.inNew {
		m.fresh[e.uid] = struct{}{}
	}
	if m.names != nil {
		m.names[base] = uint32(e.uid)
	}
	tx.Add(mailstore.Record{UID: e.uid, Flags: flags, Date: date, Size: e.size}, e.file)
}

// remove takes a message out of the index.
func (m *mailbox) remove(tx *index.Tx[file], uid mailstore.UID) {
	_, f, found := tx.Get(uid)
	if !found {
		return
	}
	tx.Expunge(uid)
	delete(m.fresh, uid)
	if base := f.base(); m.names[base] == uint32(uid) {
		delete(m.names, base)
	}
}

// replace gives a message another file name and other flags. Somebody may have
// claimed Recent since they were looked up: it is taken away here, and never given.
func (m *mailbox) replace(tx *index.Tx[file], uid mailstore.UID, f file, flags mailstore.Flags) {
	if flags.Has(mailstore.Recent) {
		if r, _, there := tx.Get(uid); !there || !r.Flags.Has(mailstore.Recent) {
			flags.System &^= mailstore.Recent
		}
	}
	tx.SetData(uid, f)
	tx.SetFlags(uid, flags)
	if f.inNew {
		m.fresh[uid] = struct{}{}
	} else {
		delete(m.fresh, uid)
	}
}
