package maildir

import (
	"path/filepath"
	"strings"
	"sync"

	"restante/fsys"
)

// QUIRK: procmail takes a mailbox whose name in the recipe does not end in a slash for a
// plain directory, and one that ends in `/.` for a folder of MH. It puts its
// messages beside new/ and cur/, where nobody sees them, or into new/ if the recipe
// names that, and calls them `msg.` with the inode in letters, or 1, 2, 3. Such
// names are used again, and a client takes the new message for the old one. We serve
// what stands in new/ all the same, and tell where the rest is.

// isStray reports whether a file has such a name, which no program gives to a
// message in a Maildir.
func isStray(name string) bool {
	if inode, ok := strings.CutPrefix(name, "msg."); ok {
		return inode != "" && !strings.ContainsFunc(inode, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
	}
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r < '0' || r > '9' })
}

// Warned keeps the directories of which it was said that messages in them have
// gone astray. It is safe for concurrent use.
type Warned struct {
	mu   sync.Mutex
	dirs map[string]struct{}
}

// first reports whether it was not said of a directory before.
func (w *Warned) first(dir string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, before := w.dirs[dir]; before {
		return false
	}
	if w.dirs == nil {
		w.dirs = make(map[string]struct{})
	}
	w.dirs[dir] = struct{}{}
	return true
}

// warnBeside warns of messages in the directory of a mailbox, once.
func (a *account) warnBeside(mailbox, dir string, entries []fsys.Entry) {
	n, example := 0, ""
	for _, e := range entries {
		if isStray(e.Name) && e.Type.IsRegular() {
			n++
			example = e.Name
		}
	}
	if n > 0 && a.warned.first(dir) {
		a.log.Warn("messages lie beside a mailbox, where nobody sees them: in procmail's recipe let its name end in a slash, and move them into its new/",
			"mailbox", mailbox, "messages", n, "path", filepath.Join(dir, example))
	}
}

// warnNames warns of messages with names that are used again, once.
func (m *mailbox) warnNames(found []entry) {
	for i := range found {
		if f := found[i].file; isStray(f.base()) {
			if dir := m.dir(); m.a.warned.first(filepath.Join(dir, "new")) {
				m.a.log.Warn("a message has a name that another one will have: in procmail's recipe name the mailbox, with a slash at the end, and not its new/",
					"mailbox", m.Name(), "path", filepath.Join(dir, f.path()))
			}
			return
		}
	}
}
