package memory

import (
	"slices"

	"restante/mailstore"
)

// A watch is one call of Watch.
type watch struct {
	mailstore.Watched
	changed func(mailbox string)
}

// Watch tells of every operation that may have changed something.
func (a *account) Watch(what mailstore.Watched, changed func(mailbox string)) (stop func()) {
	what.Messages, what.Annotations = slices.Clone(what.Messages), slices.Clone(what.Annotations)
	w := &watch{what, changed}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watches[w] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watches, w)
	}
}

// tell tells who watches the messages of a mailbox; the caller has the lock.
func (a *account) tell(mailbox string) {
	for w := range a.watches {
		if slices.Contains(w.Messages, mailbox) {
			w.changed(mailbox)
		}
	}
}

// tellNotes tells who watches the annotations of a mailbox, or of the account.
func (a *account) tellNotes(mailbox string) {
	for w := range a.watches {
		if mailbox == "" && w.Notes || mailbox != "" && slices.Contains(w.Annotations, mailbox) {
			w.changed(mailbox)
		}
	}
}

// tellTree tells of a change to the names; any of them may stand for another
// mailbox now.
func (a *account) tellTree() {
	for w := range a.watches {
		if w.Tree {
			w.changed("")
		}
		for _, name := range slices.Concat(w.Messages, w.Annotations) {
			w.changed(name)
		}
	}
}
