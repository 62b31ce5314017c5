package maildir

import (
	"path/filepath"
	"slices"

	"restante/fsys"
)

// rootFiles says which of our files stand in the root of the mailboxes, as far as reading
// that has told: most users have none of them, and to find that out by opening each takes
// a part of LIST's time. The zero value knows of none that it is not there.
type rootFiles struct {
	known bool
	names [3]string // those that are there
}

// note notes what the root holds.
func (f *rootFiles) note(entries []fsys.Entry) {
	if f == nil {
		return
	}
	n := 0
	for i := range entries {
		switch name := entries[i].Name; name {
		case subscriptionsName, courierSubsName, specialUsesName:
			if n < len(f.names) {
				f.names[n] = name
				n++
			}
		}
	}
	f.known = true
}

// lack reports that a file is not there. A file that stands elsewhere they do not know.
func (f *rootFiles) lack(t *tree, path string) bool {
	if f == nil || !f.known || filepath.Dir(path) != t.root {
		return false
	}
	return !slices.Contains(f.names[:], filepath.Base(path))
}
