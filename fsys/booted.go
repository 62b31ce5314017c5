package fsys

import "time"

// A bootTeller is a file system that knows since when the processes run that may
// have locks on it.
type bootTeller interface {
	// Booted returns a time before which nobody who runs now can have touched the
	// file at path; not ok when other machines may use the file too.
	Booted(path string) (at time.Time, ok bool)
}

// booted asks a file system that can tell.
func booted(fsys FS, path string) (at time.Time, ok bool) {
	b, tells := fsys.(bootTeller)
	if !tells {
		return time.Time{}, false
	}
	return b.Booted(path)
}

// isLocal reports whether no other machine uses the file system.
func isLocal(fsys FS, path string) bool {
	_, ok := booted(fsys, path)
	return ok
}
