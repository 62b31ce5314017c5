package imapd

import (
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"

	"restante/imap"
	"restante/mailstore"
)

// A noted is what the client knows of the annotations of a mailbox or of the
// server: hashes of the values by the names of the entries.
type noted struct {
	values map[string]uint64
	failed bool // they could not be read the last time, and that was logged
}

// update takes other values and returns the entries that have changed, which those
// are too that are gone (RFC 5465 section 5.6).
func (o *noted) update(seed maphash.Seed, notes mailstore.Annotations) (changed []string) {
	values := make(map[string]uint64, len(notes))
	for entry, value := range notes {
		values[entry] = maphash.String(seed, value)
		if before, had := o.values[entry]; !had || before != values[entry] {
			changed = append(changed, entry)
		}
	}
	for entry := range o.values {
		if _, has := values[entry]; !has {
			changed = append(changed, entry)
		}
	}
	o.values = values
	slices.Sort(changed)
	return changed
}

// lookNoted reads the annotations of a mailbox, or of the server if name is "", and
// returns which have changed. It fails when they may be read later. Of what is not
// there, or not for this user, there are none.
func (n *notifier) lookNoted(name string, o *noted) (changed []string, err error) {
	notes, err := n.s.annotations(name)
	if isAbsent(err) {
		o.values = nil
		return nil, nil
	}
	if err != nil && !o.failed { // once, not each time
		n.s.log().Warn("annotations cannot be looked at", slog.String("mailbox", name), slog.Any("err", err))
	}
	if o.failed = err != nil; o.failed {
		return nil, err
	}
	if use := n.places[name].SpecialUse; use != "" {
		notes[specialUseEntry] = use
	}
	return o.update(n.seed, notes), nil
}

// tellNoted looks at annotations and tells which have changed: their names and not
// their values (RFC 5464 section 4.4.2).
func (n *notifier) tellNoted(name string, o *noted) error {
	changed, err := n.lookNoted(name, o)
	if len(changed) > 0 {
		n.s.w.MetadataChanged(name, changed)
	}
	return err
}

// tellServer is tellNoted for the server.
func (n *notifier) tellServer() {
	if n.all&evServer == 0 {
		return
	}
	if err := n.tellNoted("", &n.server); err != nil {
		n.retry("")
	}
}

// noteUses sees to it that special uses that have changed, and the annotations of
// mailboxes that are new, are told after the names. Of its own mailboxes the client
// knows them.
func (n *notifier) noteUses(before map[string]place, own func(name string) bool) {
	for name, b := range n.boxes {
		was, is := before[name], n.places[name]
		switch {
		case b.wants&evMetadata == 0, was.selectable() && was.SpecialUse == is.SpecialUse:
		case !was.selectable() && own != nil && own(name):
			if _, err := n.lookNoted(name, &b.noted); err != nil {
				n.pending.note(name)
			}
		default:
			n.pending.note(name)
		}
	}
}

// ownNotes takes note of what the client itself has set, which it knows (RFC 5465
// section 5). What others set at the same time is still told.
func (s *session) ownNotes(name string, set []imap.MetadataValue) {
	n := s.notify
	if n == nil {
		return
	}
	o := &n.server
	if name != "" {
		b := n.boxes[name]
		if b == nil {
			return
		}
		o = &b.noted
	}
	if o.values == nil {
		o.values = make(map[string]uint64)
	}
	for _, v := range set {
		if v.Entry == specialUseEntry {
			v.Value, _ = useOf(v) // it was good enough to be set
			v.Nil = v.Value == ""
			p := n.places[name]
			p.SpecialUse = v.Value
			n.places[name] = p
		}
		if o.values[v.Entry] = maphash.String(n.seed, v.Value); v.Nil {
			delete(o.values, v.Entry)
		}
	}
}

// inherit takes over what the client knows of annotations; the seeds are the same.
func (n *notifier) inherit(old *notifier) {
	if old == nil {
		return
	}
	known := func(name string, was, is *noted) {
		if was.values != nil {
			is.values = was.values
			n.pending.note(name)
		}
	}
	known("", &old.server, &n.server)
	for name, b := range old.boxes {
		if again := n.boxes[name]; again != nil {
			known(name, &b.noted, &again.noted)
		}
	}
}

// allMetadata are the filters and events of ENABLE METADATA: the annotations of all
// mailboxes that there are for this user, and of the server.
func (s *session) allMetadata() (filters []imap.MailboxFilter, groups []events) {
	filters = []imap.MailboxFilter{{Kind: imap.FilterPersonal}}
	if a := s.sharer(); a != nil {
		others := strings.TrimSuffix(a.OtherUsers(), s.delimiter())
		filters = append(filters, imap.MailboxFilter{Kind: imap.FilterSubtree, Mailboxes: []string{others}})
	}
	for range filters {
		groups = append(groups, evMetadata|evServer)
	}
	return filters, groups
}

// enableMetadata is ENABLE METADATA (RFC 5464 section 4.1): the client is told of
// annotations that others change. It reports false if that cannot be done. Who has
// given NOTIFY has said what he wants to be told, and it stays with that.
func (s *session) enableMetadata() bool {
	if s.metadata || s.notify != nil {
		return s.metadata
	}
	s.metadata = true
	n, err := s.newNotifier(&imap.Notify{})
	if err == nil {
		n.asked = false
		err = n.begin(false)
	}
	if err != nil {
		s.log().Warn("annotations cannot be watched", slog.Any("err", err))
		n.close()
		s.metadata = false
		return false
	}
	s.notify = n
	return true
}
