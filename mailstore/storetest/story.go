package storetest

import (
	"iter"
	"slices"

	"restante/mailstore"
)

// story puts together what all sessions were told.
type story struct {
	ids     map[where]string // content, by where it was added
	sources map[where]where  // copies and moves, by where they went
	removed map[where]bool
	claimed map[where]bool
}

func newStory() *story {
	return &story{
		ids:     make(map[where]string),
		sources: make(map[where]where),
		removed: make(map[where]bool),
		claimed: make(map[where]bool),
	}
}

// tell adds a session's events and reports what contradicts the others'.
func (st *story) tell(e *env, events []event) {
	e.Helper()
	once := func(set map[where]bool, at where, what string) {
		e.Helper()
		if set[at] {
			e.Errorf("message %d of %s was %s twice", at.uid, at.box.Name(), what)
		}
		set[at] = true
	}
	for _, ev := range events {
		if ev.claimed {
			once(st.claimed, ev.to, "claimed as recent")
			continue
		}
		if ev.to != (where{}) {
			_, copied := st.sources[ev.to]
			if _, added := st.ids[ev.to]; added || copied {
				e.Errorf("UID %d of %s was given twice", ev.to.uid, ev.to.box.Name())
			}
		}
		switch {
		case ev.id != "":
			st.ids[ev.to] = ev.id
			continue
		case ev.to != (where{}):
			st.sources[ev.to] = ev.from
		}
		if !ev.copied {
			once(st.removed, ev.from, "removed")
		}
	}
}

// content follows copies back to the append.
func (st *story) content(at where) (string, bool) {
	for {
		from, copied := st.sources[at]
		if !copied {
			id, found := st.ids[at]
			return id, found
		}
		at = from
	}
}

// check compares the story's end with the mailboxes.
func (st *story) check(e *env, boxes []mailstore.Mailbox) {
	e.Helper()
	left := make(map[mailstore.Mailbox][]mailstore.UID)
	note := func(at where) {
		if !st.removed[at] {
			left[at.box] = append(left[at.box], at.uid)
		}
	}
	for at := range st.ids {
		note(at)
	}
	for at := range st.sources {
		note(at)
	}
	for _, m := range boxes {
		slices.Sort(left[m])
		e.wantUIDs(m, left[m]...)
		for _, uid := range left[m] {
			id, found := st.content(where{m, uid})
			if got := e.read(m, uid); got != text(id) || !found {
				e.Errorf("message %d of %s is %q, want %q", uid, m.Name(), got, text(id))
			}
		}
	}
}

// rename puts the values of mailboxes that were opened anew in the old ones' place.
func (st *story) rename(from, to []mailstore.Mailbox) {
	moved := func(at where) where {
		if i := slices.Index(from, at.box); i >= 0 {
			at.box = to[i]
		}
		return at
	}
	next := newStory()
	for at, id := range st.ids {
		next.ids[moved(at)] = id
	}
	for at, source := range st.sources {
		next.sources[moved(at)] = moved(source)
	}
	for at := range st.removed {
		next.removed[moved(at)] = true
	}
	*st = *next
}

// each walks the UIDs of a small set.
func each(set mailstore.UIDSet) iter.Seq[mailstore.UID] {
	return func(yield func(mailstore.UID) bool) {
		for _, r := range set {
			for uid := r.First; ; uid++ {
				if !yield(uid) {
					return
				}
				if uid == r.Last {
					break
				}
			}
		}
	}
}
