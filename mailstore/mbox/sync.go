package mbox

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

const (
	// fullSize is how large a file may be to be read as a whole whenever it has
	// changed. Of a larger one that has grown only what is new is read: then
	// changes that another program made to earlier messages at the same time are
	// seen only later.
	fullSize = 16 << 20
	// fullAfter is when that is, but not before fullShare times as long as the
	// last reading took has passed.
	fullAfter = time.Minute
	fullShare = 20
)

// load fills a new mailbox from index, state file and mbox, under the locks. t is what
// the journal tells.
func (m *Mailbox) load(t toldUIDs) error {
	st, err := m.loadState(false, t)
	if err != nil {
		return err
	}
	m.validity, m.claimed, m.retired = st.validity, st.claimed, st.retired
	m.savedValidity = st.validity
	h, _, err := m.reopen()
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
	m.Index = index.New[loc](1, max(st.modSeq, uint64(time.Now().UnixMicro())))
	verdict := m.loadIndex(fi)
	if verdict == index.Current {
		m.adopted(st)
		return nil
	}
	if fi != nil {
		if fi, err = m.outwait(fi); err != nil {
			return err
		}
	}
	grows := verdict == index.Behind && fi != nil && m.canGrow(stampOf(fi))
	if !grows || m.UIDNext() < st.next {
		if st, err = m.loadState(true, t); err != nil {
			return err
		}
	}
	if !grows {
		return m.parse(fi, st, true)
	}
	if err := m.grow(fi, st); err != nil {
		return err
	}
	m.adopted(st)
	return nil
}

// loadState reads the state file, and adds what the journal knows beyond it.
func (m *Mailbox) loadState(texts bool, t toldUIDs) (*state, error) {
	st, err := m.state.load(texts)
	if err != nil {
		return nil, err
	}
	m.unlisted, st.next = t.beyond(st.validity, st.next)
	if texts {
		st.messages = append(st.messages, m.unlisted...)
	}
	return st, nil
}

// adopted makes good what the state file knows and the index does not.
func (m *Mailbox) adopted(st *state) {
	m.readOnly.Store(m.fileReadOnly || m.style.mmdf)
	m.Learn(func(tx *index.Tx[loc]) { tx.SetUIDNext(st.next) })
	if m.Status().Recent > 0 {
		m.takeRecent(m.claimed)
	}
}

// stat describes the open file; nil when there is none.
func (m *Mailbox) stat() (fs.FileInfo, error) {
	if m.h == nil {
		return nil, nil
	}
	return m.h.Stat()
}

// sync brings the index up to date with the file. The caller has the locks. seen describes
// the file as it is since they were taken; if it is nil, sync finds that out.
func (m *Mailbox) sync(seen fs.FileInfo) (err error) {
	for range maxMoved {
		if err = m.syncOnce(seen); !errors.Is(err, errForeign) {
			break
		}
		m.foreign = true
	}
	return err
}

func (m *Mailbox) syncOnce(seen fs.FileInfo) (err error) {
	fi := seen
	if fi == nil {
		if _, fi, err = m.reopen(); err != nil {
			return err
		}
	}
	if fi == nil && !m.isInbox() {
		m.setGone("the file has been removed")
		return m.gone()
	}
	var now fileStamp
	if fi != nil {
		if now = stampOf(fi); now != m.snap || m.unsure {
			if fi, err = m.outwait(fi); err != nil {
				return err
			}
			now = stampOf(fi)
		}
	}
	if now == m.snap && !m.fullDue() && !m.foreign && (!m.unsure || m.stands(now)) {
		return m.persist(&foundList{}, m.UIDNext())
	}
	st, err := m.toldByOthers()
	switch {
	case err != nil:
		return err
	case fi != nil && m.canGrow(now):
		err = m.grow(fi, st)
	default:
		err = m.parse(fi, st, false)
	}
	m.foreign = m.foreign && err != nil
	return err
}

// stands reports whether a large file that may have been changed without a trace still has its
// last message where it was. What else there is to see in it waits, as when it has grown.
func (m *Mailbox) stands(now fileStamp) bool {
	if now.size <= fullSize || !m.endsWhole() {
		return false
	}
	m.unsure, m.partial = m.mayRepeat(now), true
	return true
}

// fullDue reports whether a file that was read only in part, when it had grown,
// is to be read as a whole now.
func (m *Mailbox) fullDue() bool { return m.partial && time.Now().After(m.fullAt()) }

func (m *Mailbox) fullAt() time.Time { return m.parsedAt.Add(max(fullAfter, fullShare*m.parseTook)) }

// canGrow reports whether it will do to read what is behind the old end of the
// file: it is the same file, longer, and a message begins where it ended.
func (m *Mailbox) canGrow(now fileStamp) bool {
	if !m.snap.sameFile(now) || now.size <= m.snap.size || now.size <= fullSize || m.Len() == 0 || m.style.mmdf || m.hasOpen || m.fullDue() {
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

// grow reads what is behind the old end of the file. st is what the state file says, when
// the mailbox is being loaded, or others have written to it.
func (m *Mailbox) grow(fi fs.FileInfo, st *state) error {
	now := stampOf(fi)
	unsure := m.mayRepeat(now)
	list, err := parseGrown(m.h, m.style, m.snap.size, now.size, m.acct.opt.Zone, m.progress)
	if err != nil {
		return err
	}
	r := resolver{base: m.base, next: m.UIDNext(), trust: true}
	var saved []known
	if st != nil {
		saved = unknownTo(r.next, st.messages)
		r.known, r.next = textsOf(saved), max(r.next, st.next)
	}
	next, ok := r.run(list)
	if !ok {
		return m.renumber()
	}
	m.fillDates(list)
	m.complete(list, saved)
	if err := m.persist(list, next); err != nil {
		return err
	}
	m.noteFindings(&r, list)
	m.publish(list, next)
	m.setSnap(now)
	m.partial, m.unsure = true, unsure
	return nil
}

// noteFindings remembers what others have done to messages that were known.
func (m *Mailbox) noteFindings(r *resolver, list *foundList) {
	lost := r.lost(list)
	m.stale, m.lost, m.disputed = m.stale || lost, m.lost || lost, m.disputed || r.disputed
}

// complete gives the messages the bits that do not stand in the file, and those
// that were known the date and size that clients were told: by the index or, when
// the mailbox is being loaded, by the state file.
func (m *Mailbox) complete(list *foundList, saved []known) {
	for f := range list.all() {
		if f.pseudo {
			continue
		}
		if f.stamped {
			f.bits |= bitStamped
		}
		f.keywords = keywordsOf(f, m.base)
		if !f.has(bitOld) && f.uid > m.claimed {
			f.bits |= bitRecent
			f.system |= mailstore.Recent
		}
		if f.fresh {
			continue
		}
		if r, known := m.Record(f.uid); known {
			f.date, f.size = r.Date, r.Size
			m.disputed = m.disputed || !f.stamped && m.isStamped(f.uid)
		} else if i, known := slices.BinarySearchFunc(saved, f.uid, byUID); known {
			f.date, f.size = saved[i].date, saved[i].size
			m.disputed = m.disputed || !f.stamped
		}
	}
}

// isStamped reports whether the mbox had the UID of a message when it was looked at last.
func (m *Mailbox) isStamped(uid mailstore.UID) bool {
	_, l, there := m.Get(uid)
	return there && l.has(bitStamped)
}

// parse reads the whole file. st is what the state file says, when the mailbox
// is being loaded, or others have written to it.
func (m *Mailbox) parse(fi fs.FileInfo, st *state, loading bool) error {
	start := time.Now()
	var now fileStamp
	if fi != nil {
		now = stampOf(fi)
	}
	unsure := m.mayRepeat(now)
	p, list, err := m.parseFile(fi)
	if err != nil {
		return err
	}
	if p.base.found && p.base.validity == m.retired {
		p.base.found, p.base.last = false, 0 // it ran out of UIDs, and is still to be replaced
		m.wantNotes = true
	}
	r := resolver{base: p.base, trust: true, next: m.UIDNext()}
	var saved []known
	if st != nil {
		saved = unknownTo(r.next, st.messages)
	}
	r.known = m.knownTexts(saved)
	if st != nil {
		r.next = max(r.next, st.next)
	}
	if loading {
		if err := m.chooseValidity(p.base, &r); err != nil {
			return err
		}
	} else if p.base.found && p.base.validity != m.validity {
		m.setGone("another program gave it a new UIDVALIDITY")
		return m.gone()
	}
	next, ok := r.run(list)
	if !ok {
		return m.renumber()
	}
	m.style, m.base = p.style, p.base
	m.readOnly.Store(m.fileReadOnly || m.style.mmdf)
	list.withoutPseudo()
	m.fillDates(list)
	m.complete(list, saved)
	if err := m.persist(list, next); err != nil {
		return err
	}
	m.noteFindings(&r, list)
	m.hasOpen = false
	for f := range list.all() {
		m.hasOpen = m.hasOpen || f.open
	}
	m.replace(list, next)
	m.partial, m.parsedAt, m.parseTook = false, time.Now(), time.Since(start)
	m.setSnap(now)
	m.unsure = unsure
	return nil
}

// knownTexts is what the index holds, and behind it what was saved, for the
// resolver.
func (m *Mailbox) knownTexts(saved []known) []text {
	list := make([]text, 0, m.Len()+len(saved))
	m.View(func(records iter.Seq2[mailstore.Record, loc]) {
		for r, l := range records {
			list = append(list, text{r.UID, l.hsum, l.bsum})
		}
	})
	return append(list, textsOf(saved)...)
}

func textsOf(list []known) (texts []text) {
	for _, k := range list {
		texts = append(texts, k.text)
	}
	return texts
}

func (m *Mailbox) parseFile(fi fs.FileInfo) (*parser, *foundList, error) {
	if fi == nil {
		return &parser{style: style{kind: fromDated}}, &foundList{}, nil
	}
	p, list, err := parseAll(m.h, fi.Size(), m.acct.opt.Zone, m.progress)
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
			m.claimed, m.unlisted = 0, nil
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
	if err := m.state.save(st, none); err != nil {
		return err
	}
	m.setGone("it has run out of UIDs and begins anew")
	return m.gone()
}

// fillDates gives messages without any date that of the message in front.
func (m *Mailbox) fillDates(list *foundList) {
	date := int64(m.validity) // which in general is the time of the first look
	for f := range list.all() {
		if f.date == mailstore.Unknown {
			f.date = date
		}
		date = f.date
	}
}
