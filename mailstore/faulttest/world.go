package faulttest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"restante/mailstore"
)

// world is all that clients see of an account.
type world struct {
	boxes      map[string]box
	notes      string   // of the account
	places     []string // names that only lead to others
	subscribed []string
}

type box struct {
	id       string
	validity uint32
	next     mailstore.UID
	highest  uint64
	acl      string
	notes    string
	messages []message
}

// message is one with its text, in CRLF form. Texts tell messages apart.
type message struct {
	uid    mailstore.UID
	flags  string // and the internal date
	modSeq uint64
	text   string
}

func brief(text string) string {
	_, subject, _ := strings.Cut(text, "Subject: ")
	subject, _, _ = strings.Cut(subject, "\r\n")
	return subject
}

func (w world) String() string {
	var s strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.boxes)) {
		b := w.boxes[name]
		fmt.Fprintf(&s, "  %s (UIDVALIDITY %d, UIDNEXT %d):", name, b.validity, b.next)
		for _, m := range b.messages {
			fmt.Fprintf(&s, " %d %s [%s]", m.uid, brief(m.text), m.flags)
		}
		s.WriteByte('\n')
	}
	return s.String() + "  places: " + strings.Join(w.places, " ") + "; subscribed: " + strings.Join(w.subscribed, " ")
}

// flagsOf returns the flags of the messages with this text, one for each.
func (b box) flagsOf(text string) []string {
	var flags []string
	for _, m := range b.messages {
		if m.text == text {
			flags = append(flags, m.flags)
		}
	}
	slices.Sort(flags)
	return flags
}

// texts lists each text in some of the mailboxes once.
func texts(boxes ...box) map[string]bool {
	all := make(map[string]bool)
	for _, b := range boxes {
		for _, m := range b.messages {
			all[m.text] = true
		}
	}
	return all
}

// differs says in what two worlds differ but for UIDs, or returns "".
func (w world) differs(want world) string {
	for name := range w.boxes {
		if _, there := want.boxes[name]; !there {
			return fmt.Sprintf("there is a mailbox %s", name)
		}
	}
	for name, b := range want.boxes {
		got, there := w.boxes[name]
		if !there {
			return fmt.Sprintf("there is no mailbox %s", name)
		}
		if got.acl != b.acl {
			return fmt.Sprintf("the list of rights of %s is %q, not %q", name, got.acl, b.acl)
		}
		if got.notes != b.notes {
			return fmt.Sprintf("the annotations of %s are %s, not %s", name, got.notes, b.notes)
		}
		for text := range texts(got, b) {
			if have, want := got.flagsOf(text), b.flagsOf(text); !slices.Equal(have, want) {
				return fmt.Sprintf("in %s message %s is there as %q, not %q", name, brief(text), have, want)
			}
		}
	}
	if w.notes != want.notes {
		return fmt.Sprintf("the annotations are %s, not %s", w.notes, want.notes)
	}
	if !slices.Equal(w.places, want.places) {
		return fmt.Sprintf("the names without mailbox are %v, not %v", w.places, want.places)
	}
	if !slices.Equal(w.subscribed, want.subscribed) {
		return fmt.Sprintf("subscribed is %v, not %v", w.subscribed, want.subscribed)
	}
	return ""
}

// neither says why a world is not as before an operation nor as after it, but for
// names that only lead to others, or returns "".
func (w world) neither(before, after world) string {
	w.places, before.places, after.places = nil, nil, nil
	old, now := w.differs(before), w.differs(after)
	if old == "" || now == "" {
		return ""
	}
	return "it is half done: " + old + ", and " + now
}

// impossible says what in a world is neither as before nor as after an operation
// nor somewhere between, or returns "".
func (w world) impossible(before, after world) string {
	for name := range w.boxes {
		if !before.has(name) && !after.has(name) {
			return fmt.Sprintf("there is a mailbox %s", name)
		}
	}
	for name, b := range before.boxes {
		if !w.has(name) && after.has(name) && b.validity == after.boxes[name].validity {
			return fmt.Sprintf("there is no mailbox %s", name)
		}
	}
	for name, got := range w.boxes {
		b, a := before.boxes[name], after.boxes[name]
		switch {
		case !before.has(name) || !after.has(name) || b.validity == a.validity:
		case got.validity == b.validity: // it was deleted and made again
			a = box{}
		default:
			b = box{}
		}
		if why := got.between(b, a); why != "" {
			return "in " + name + " " + why
		}
	}
	for text := range texts(slices.Collect(maps.Values(before.boxes))...) {
		if after.count(text) > 0 && w.count(text) == 0 {
			return fmt.Sprintf("message %s is nowhere", brief(text))
		}
	}
	if !slices.Equal(w.subscribed, before.subscribed) && !slices.Equal(w.subscribed, after.subscribed) {
		return fmt.Sprintf("subscribed is %v", w.subscribed)
	}
	return ""
}

func (w world) has(name string) bool { _, there := w.boxes[name]; return there }

func (w world) count(text string) (n int) {
	for _, b := range w.boxes {
		n += len(b.flagsOf(text))
	}
	return n
}

// between does for one mailbox what impossible does for all. A message that was
// there and still is to be has its UID.
func (got box) between(before, after box) string {
	if got.acl != before.acl && got.acl != after.acl {
		return fmt.Sprintf("the list of rights is %q", got.acl)
	}
	if got.notes != before.notes && got.notes != after.notes {
		return fmt.Sprintf("the annotations are %s", got.notes)
	}
	for text := range texts(got, before, after) {
		have, old, now := got.flagsOf(text), before.flagsOf(text), after.flagsOf(text)
		if len(have) < min(len(old), len(now)) || len(have) > max(len(old), len(now)) {
			return fmt.Sprintf("message %s is there %d times", brief(text), len(have))
		}
		for _, f := range have {
			if !slices.Contains(old, f) && !slices.Contains(now, f) {
				return fmt.Sprintf("message %s is %q, was %q, should become %q", brief(text), f, old, now)
			}
		}
	}
	return ""
}

// misnamed says which message that clients know has lost its UID though it was to
// stay where it was, or returns "".
func (w world) misnamed(before, after world, told *ledger) string {
	for name, old := range before.boxes {
		a, there := after.boxes[name]
		if !there || a.validity != old.validity {
			continue
		}
		known := told.at(place{name, old.validity}).texts
		for _, m := range old.messages {
			_, wasTold := known[m.uid]
			if wasTold && a.texted(m.uid) == m.text && w.boxes[name].texted(m.uid) != m.text {
				return fmt.Sprintf("in %s message %s is not UID %d any more", name, brief(m.text), m.uid)
			}
		}
	}
	return ""
}

// texted returns the text of a UID.
func (b box) texted(uid mailstore.UID) string {
	for _, m := range b.messages {
		if m.uid == uid {
			return m.text
		}
	}
	return ""
}

// without leaves out the messages whose names begin so.
func (w world) without(prefix string) world {
	boxes := make(map[string]box)
	for name, b := range w.boxes {
		b.messages = slices.DeleteFunc(slices.Clone(b.messages), func(m message) bool { return strings.HasPrefix(brief(m.text), prefix) })
		boxes[name] = b
	}
	w.boxes = boxes
	return w
}
