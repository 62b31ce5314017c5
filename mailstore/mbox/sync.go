package mbox

import (
	"fmt"
	"io/fs"
	"slices"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

const (
	// fullSize is how large a file may be to be read as a whole whenever it has
	// changed. Of a larger one that has grown only what is new is read: then
	// changes that another program made to earlier messages at the same time are
	// seen only fullAfter later, or when the mailbox is opened the next time.
	fullSize  = 16 << 20
	fullAfter = time.Minute
)

// load fills a new mailbox from state file and mbox, under the locks.
func (m *Mailbox) load() error {
	st, err := m.state.load()
	if err != nil {
		return err
	}
	m.validity, m.claimed, m.retired = st.validity, st.claimed, st.retired
	h, err := m.reopen()
	if err != nil {
		return err
	}
	if h == nil && !m.isInbox() {
		return mailstore.ErrNotFound
	}
	fi, err := m.stat()
	if err != nil {
		return err
	}
	m.savedValidity = st.validity
	if st.whole && fi != nil && stampOf(fi) == st.file && st.validity != 0 {
		m.adopt(st)
		return nil
	}
	m.Index = index.New[loc](1, m.firstModSeq(st))
	return m.parse(fi, st)
}

// firstModSeq is a mod-sequence that no message of this mailbox ever had. When
// the last process did not end in order, the clock must do.
func (m *Mailbox) firstModSeq(st *state) uint64 {
	if st.modSeq > 0 && !st.dirty {
		return st.modSeq
	}
	return max(st.modSeq, uint64(time.Now().UnixMicro()))
}

// stat describes the open file; nil when there is none.
func (m *Mailbox) stat() (fs.FileInfo, error) {
	if m.h == nil {
		return nil, nil
	}
	return m.h.Stat()
}

// adopt takes over a state that describes the file as it is.
func (m *Mailbox) adopt(st *state) {
	m.style, m.base, m.snap = st.style, st.base, st.file
	m.readOnly.Store(m.fileReadOnly || m.style.mmdf)
	// Taking over what was told before is no change: the batch that adds the
	// messages must end at the mod-sequence that was the highest.
	highest := st.modSeq
	if len(st.messages) > 0 && highest > 0 {
		highest--
	}
	m.Index = index.New[loc](1, highest)
	m.Update(func(tx *index.Tx[loc]) {
		for _, k := range st.messages {
			tx.Add(mailstore.Record{UID: k.uid, Flags: k.flags, ModSeq: k.modSeq, Date: k.date, Size: k.size}, k.loc)
		}
		tx.SetUIDNext(st.next)
	})
	m.parsedAt = time.Now()
}

// sync brings the index up to date with the file. The caller has the locks.
func (m *Mailbox) sync() error {
	if _, err := m.reopen(); err != nil {
		return err
	}
	fi, err := m.stat()
	if err != nil {
		return err
	}
	if fi == nil && !m.isInbox() {
		m.setGone("the file has been removed")
		return m.gone()
	}
	var now fileStamp
	if fi != nil {
		now = stampOf(fi)
	}
	switch {
	case now == m.snap && !(m.partial && time.Since(m.parsedAt) > fullAfter):
		return m.persist(nil, m.UIDNext())
	case fi != nil && m.canGrow(now):
		return m.grow(fi)
	}
	return m.parse(fi, nil)
}

// canGrow reports whether it will do to read what is behind the old end of the
// file: it is the same file, longer, and a message begins where it ended.
func (m *Mailbox) canGrow(now fileStamp) bool {
	if !m.snap.sameFile(now) || now.size <= m.snap.size || now.size <= fullSize || m.Len() == 0 || m.style.mmdf || m.hasOpen {
		return false
	}
	if m.partial && time.Since(m.parsedAt) > fullAfter {
		return false
	}
	p := newParser(m.h, m.snap.size, now.size, time.UTC)
	p.style = m.style
	if p.newlineBefore(m.snap.size, 1) == 0 {
		return false
	}
	return p.separator(m.snap.size, p.w.at(m.snap.size, maxFromLine), true).kind == fromDated && m.endsWhole()
}

// endsWhole reports whether the last message that is known is what it was: its
// header stands where it stood.
func (m *Mailbox) endsWhole() bool {
	last := m.lastEntry()
	if last == nil || last.Data.end() != m.snap.size {
		return false
	}
	p := newParser(m.h, last.Data.off, m.snap.size, time.UTC)
	p.style, p.first = m.style, false
	again := p.message(last.Data.off)
	return p.w.err == nil && !again.open && again.sameText(last.Data) && again.loc.end() == m.snap.size
}

// lastEntry is the last message.
func (m *Mailbox) lastEntry() *index.Entry[loc] {
	next := m.UIDNext()
	for back := mailstore.UID(64); ; back *= 64 {
		first := mailstore.UID(1)
		if back < next && back > 0 {
			first = next - back
		}
		if list := m.Collect(mailstore.UIDSet{{First: first, Last: next}}); len(list) > 0 {
			return &list[len(list)-1]
		}
		if first == 1 {
			return nil
		}
	}
}

// grow reads what is behind the old end of the file.
func (m *Mailbox) grow(fi fs.FileInfo) error {
	now := stampOf(fi)
	list, err := parseGrown(m.h, m.style, m.snap.size, now.size, m.acct.opt.Zone)
	if err != nil {
		return err
	}
	r := resolver{known: nil, base: m.base, next: m.UIDNext(), trust: true}
	out, next, ok := r.run(list)
	if !ok {
		return m.renumber()
	}
	m.fillDates(list)
	var batch []newMessage
	for i := range list {
		batch = append(batch, m.newMessage(&list[i], out[i]))
	}
	if err := m.persist(batch, next); err != nil {
		return err
	}
	m.publish(nil, batch, next)
	m.setSnap(now)
	m.partial = true
	return nil
}

// newMessage is a message to be added to the index.
type newMessage struct {
	found
	resolved
	flags  mailstore.Flags
	modSeq uint64
}

func (m *Mailbox) newMessage(f *found, o resolved) newMessage {
	n := newMessage{found: *f, resolved: o}
	if o.stamped {
		n.bits |= bitStamped
	}
	n.flags = mailstore.Flags{System: f.system, Keywords: keywordsOf(f, o, m.base)}
	if !f.has(bitOld) && o.uid > m.claimed {
		n.flags.System |= mailstore.Recent
	}
	return n
}

// parse reads the whole file. st is what the state file says, when the mailbox
// is being loaded.
func (m *Mailbox) parse(fi fs.FileInfo, st *state) error {
	p, list, err := m.parseFile(fi)
	if err != nil {
		return err
	}
	if p.base.found && p.base.validity == m.retired {
		p.base.found = false // it ran out of UIDs, and is still to be replaced
		m.wantNotes = true
	}
	loading := st != nil
	r := resolver{base: p.base, trust: true}
	if loading {
		r.known, r.next = st.messages, max(st.next, 1)
		if err := m.chooseValidity(p.base, &r); err != nil {
			return err
		}
	} else {
		r.known, r.next = m.knownMessages(), m.UIDNext()
		if p.base.found && p.base.validity != m.validity {
			m.setGone("another program gave it a new UIDVALIDITY")
			return m.gone()
		}
	}
	out, next, ok := r.run(list)
	if !ok {
		return m.renumber()
	}
	m.style, m.base = p.style, p.base
	m.readOnly.Store(m.fileReadOnly || m.style.mmdf)
	m.fillDates(list)
	batch := m.collect(list, out, &r, loading && !st.dirty)
	if err := m.persist(batch, next); err != nil {
		return err
	}
	m.publish(r.known, batch, next)
	m.hasOpen = slices.ContainsFunc(list, func(f found) bool { return f.open })
	m.changed = true
	m.partial, m.parsedAt = false, time.Now()
	if fi == nil {
		m.setSnap(fileStamp{})
	} else {
		m.setSnap(stampOf(fi))
	}
	return nil
}

// collect joins what was found with what was known of each message.
func (m *Mailbox) collect(list []found, out []resolved, r *resolver, keepModSeq bool) []newMessage {
	batch := make([]newMessage, 0, len(list))
	for i := range list {
		if list[i].pseudo {
			continue
		}
		n := m.newMessage(&list[i], out[i])
		if k := r.find(n.resolved.uid); k != nil && !n.fresh {
			n.date, n.size = k.date, k.size
			if keepModSeq && k.flags == n.flags {
				n.modSeq = k.modSeq
			}
		}
		batch = append(batch, n)
	}
	return batch
}

func (m *Mailbox) parseFile(fi fs.FileInfo) (*parser, []found, error) {
	if fi == nil {
		return &parser{style: style{kind: fromDated}}, nil, nil
	}
	p, list, err := parseAll(m.h, fi.Size(), m.acct.opt.Zone)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", m.paths().mbox, err)
	}
	if p.style.damaged {
		m.log().Warn("mbox: the file is damaged: what stands in front of the first From line is shown as a message of its own", "mailbox", m.Name(), "file", m.paths().mbox)
	}
	return p, list, nil
}

// chooseValidity decides about the UIDVALIDITY of a mailbox that is being
// loaded: what the file says counts, then what we knew, else a new one.
func (m *Mailbox) chooseValidity(b base, r *resolver) error {
	switch {
	case b.found:
		if b.validity != m.validity {
			r.known, r.next = nil, 1
			m.claimed = 0
		}
		m.validity = b.validity
	case m.validity == 0:
		var err error
		if m.validity, err = m.acct.newValidity(); err != nil {
			return err
		}
		r.known, r.next, r.trust = nil, 1, false
	}
	return nil
}

// renumber begins a new UIDVALIDITY, because no UIDs are left.
func (m *Mailbox) renumber() error {
	v, err := m.acct.newValidity()
	if err != nil {
		return err
	}
	st := &state{validity: v, next: 1, retired: m.validity, modSeq: m.HighestModSeq()}
	if err := m.state.save(st, func(func([]known) error) error { return nil }); err != nil {
		return err
	}
	m.setGone("it has run out of UIDs and begins anew")
	return m.gone()
}

// fillDates gives messages without any date that of the message in front.
func (m *Mailbox) fillDates(list []found) {
	date := int64(m.validity) // which in general is the time of the first look
	for i := range list {
		if list[i].date == mailstore.Unknown {
			list[i].date = date
		}
		date = list[i].date
	}
}
