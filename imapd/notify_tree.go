package imapd

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"restante/imap"
	"restante/mailstore"
)

// A place is a name in scope.
type place struct {
	mailstore.Info
	wants events
}

// selectable reports whether there is a mailbox.
func (p *place) selectable() bool { return p.Name != "" && !p.NoSelect && !p.NonExistent }

// listPlaces lists the names in scope.
func (n *notifier) listPlaces() (map[string]place, error) {
	tree, err := n.s.tree()
	if err != nil {
		return nil, err
	}
	places := make(map[string]place)
	for i := range tree {
		if ev := n.wanted(&tree[i]) &^ evServer; ev != 0 {
			places[tree[i].Name] = place{tree[i], ev}
		}
	}
	return places, nil
}

// setBoxes makes the list of watched mailboxes from that of names.
func (n *notifier) setBoxes() {
	before := n.boxes
	n.boxes = make(map[string]*watchedBox)
	for name, p := range n.places {
		if !p.selectable() || p.wants&evBox == 0 {
			continue
		}
		b := before[name]
		if b == nil {
			b = new(watchedBox)
		}
		b.wants = p.wants
		n.boxes[name] = b
	}
}

// tellTree looks at the names and tells what has become of them (RFC 5465 sections
// 5.4 and 5.5), but for those that own says are of the client's own doing.
func (n *notifier) tellTree(own func(name string) bool) {
	before := n.places
	now, err := n.listPlaces()
	if err != nil {
		if !n.lost { // once, not each time
			n.s.log().Warn("watched mailboxes cannot be listed", slog.Any("err", err))
		}
		n.lost, n.rest = true, time.Now().Add(lookRetry)
		n.pending.note("")
		return
	}
	n.lost = false
	if n.places = now; n.checkLimit() != nil {
		n.overflow()
		return
	}
	old := n.boxes
	n.setBoxes()
	if !sameKeys(old, n.boxes) {
		n.watch()
	}
	renamed := n.findRenamed(old)
	n.tellNames(before, renamed, own)
	for from, to := range renamed {
		n.boxes[to].status, n.boxes[to].known = old[from].status, true
		n.boxes[to].noted = old[from].noted
		n.pending.note(to)
	}
	n.noteUses(before, own)
}

func sameKeys(a, b map[string]*watchedBox) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if b[name] == nil {
			return false
		}
	}
	return true
}

// A likeness is what tells a renamed mailbox from another one. UIDVALIDITY alone
// would not do, as some programs give the same to several (docs/design/objectid.md).
type likeness struct {
	validity, messages uint32
	uidNext            mailstore.UID
}

func (b *watchedBox) likeness() likeness {
	return likeness{b.status.UIDValidity, b.status.Messages, b.status.UIDNext}
}

// findRenamed looks at the mailboxes that are new, and tells which of them were
// there before under other names: those like exactly one that has gone. Another
// user's count as new.
func (n *notifier) findRenamed(old map[string]*watchedBox) (renamed map[string]string) {
	gone := make(map[likeness][]string)
	for name, b := range old {
		if n.boxes[name] == nil && b.known && !n.scope.foreign(name) {
			gone[b.likeness()] = append(gone[b.likeness()], name)
		}
	}
	renamed = make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(n.boxes)) {
		b := n.boxes[name]
		if old[name] != nil || b.wants&evStatus == 0 {
			continue
		}
		if err := n.look(name, b); err != nil || !b.known {
			n.pending.note(name)
			continue
		}
		if from := gone[b.likeness()]; len(from) == 1 && renamed[from[0]] == "" && !n.scope.foreign(name) {
			renamed[from[0]] = name
			continue
		}
		if b.news(new(watchedBox)) {
			*b = watchedBox{wants: b.wants, noted: b.noted}
			n.pending.note(name) // told when its name has been
		}
	}
	return renamed
}

// tellNames sends a LIST response for each name of which something has changed.
func (n *notifier) tellNames(before map[string]place, renamed map[string]string, own func(string) bool) {
	oldNames := make(map[string]string, len(renamed))
	for from, to := range renamed {
		oldNames[to] = from
	}
	names := maps.Clone(before)
	maps.Copy(names, n.places)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], n.places[name]
		if own != nil && own(name) {
			continue
		}
		if renamed[name] != "" && is.Name == "" {
			continue // its new name tells
		}
		if from, moved := oldNames[name]; moved {
			if !n.childOfRenamed(from, name, renamed) && is.wants&evName != 0 {
				n.sendName(is.Info, from)
			}
			continue
		}
		if changedName(&was, &is) {
			if is.Name == "" {
				is.Info = mailstore.Info{Name: name, NonExistent: true, NoSelect: true}
			}
			n.sendName(is.Info, "")
		}
	}
}

// childOfRenamed reports whether a mailbox has another name only because one above
// it has.
func (n *notifier) childOfRenamed(from, to string, renamed map[string]string) bool {
	for _, above := range ancestors(from, n.scope.delim) {
		if top, moved := renamed[above]; moved && to == top+strings.TrimPrefix(from, above) {
			return true
		}
	}
	return false
}

// changedName reports whether a change between two states of a name is to be told.
// That a parent has got its first child, or lost its last, affects its name as well.
func changedName(was, is *place) bool {
	ev := was.wants | is.wants
	there := func(p *place) bool { return p.Name != "" && !p.NonExistent }
	name := there(was) != there(is) || was.selectable() != is.selectable() || was.HasChildren != is.HasChildren
	return ev&evName != 0 && name || ev&evSubscription != 0 && was.Subscribed != is.Subscribed
}

// sendName sends the LIST response of a notification.
func (n *notifier) sendName(in mailstore.Info, oldName string) {
	l := lister{args: &imap.List{Return: imap.ListReturn{Subscribed: true}}, delim: n.scope.delim, explicit: true}
	n.s.sendListRow("LIST", listRow{info: in, attrs: l.attrs(&in), oldName: oldName})
}

// ownChange takes note of what the client itself did to names, which it knows (RFC
// 5465 section 4).
func (s *session) ownChange(cmd *imap.Command) {
	if s.notify == nil || !s.notify.tree {
		return
	}
	var names []string
	switch cmd.Name {
	case "CREATE":
		names = []string{cmd.Args.(*imap.Create).Mailbox}
	case "RENAME":
		a := cmd.Args.(*imap.Rename)
		names = []string{a.From, a.To}
	case "DELETE", "SUBSCRIBE", "UNSUBSCRIBE":
		names = []string{cmd.Args.(*imap.Mailbox).Name}
	default:
		return
	}
	delim := s.delimiter()
	for i := range names {
		names[i] = strings.TrimSuffix(s.name(names[i]), delim)
	}
	s.notify.tellTree(func(name string) bool {
		return slices.ContainsFunc(names, func(own string) bool {
			return name == own || strings.HasPrefix(name, own+delim) || strings.HasPrefix(own, name+delim)
		})
	})
}
