package maildir

import (
	"path/filepath"
	"slices"
	"time"

	"restante/fsys"
)

// rootFiles says which of our files stand in the root of the mailboxes, as far as reading
// that has told: most users have none of them, and to find that out by opening each takes
// a part of LIST's time. The zero value knows of none that it is not there.
type rootFiles struct {
	known bool
	names []string // those that are there
}

// rootSettled is how long the root must have been left alone. A file that is replaced while
// a directory is read may not be told of under either name.
const rootSettled = 5 * time.Second

// note notes what the root holds, which has just been read.
func (f *rootFiles) note(t *tree, entries []fsys.Entry) {
	if f == nil {
		return
	}
	mtime, err := fsys.ModTime(t.fs, t.root)
	if err != nil || time.Since(mtime) < rootSettled {
		return
	}
	for i := range entries {
		switch name := entries[i].Name; name {
		case subscriptionsName, courierSubsName, specialUsesName:
			f.names = append(f.names, name)
		}
	}
	f.known = true
}

// lack reports that a file is not there. A file that stands elsewhere they do not know.
func (f *rootFiles) lack(t *tree, path string) bool {
	if f == nil || !f.known || filepath.Dir(path) != t.root {
		return false
	}
	return !slices.Contains(f.names, filepath.Base(path))
}
