package memory

import "slices"

// A watch is one call of Watch.
type watch struct {
	mailboxes []string
	tree      bool
	changed   func(mailbox string)
}

// Watch tells of every operation that may have changed something.
func (a *account) Watch(mailboxes []string, tree bool, changed func(mailbox string)) (stop func()) {
	w := &watch{slices.Clone(mailboxes), tree, changed}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watches[w] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watches, w)
	}
}

// tell tells who watches a mailbox; the caller has the lock.
func (a *account) tell(mailbox string) {
	for w := range a.watches {
		if slices.Contains(w.mailboxes, mailbox) {
			w.changed(mailbox)
		}
	}
}

// tellTree tells of a change to the names; any of them may stand for another
// mailbox now.
func (a *account) tellTree() {
	for w := range a.watches {
		if w.tree {
			w.changed("")
		}
		for _, name := range w.mailboxes {
			w.changed(name)
		}
	}
}
