package fsys

import "time"

// A tickTeller is a file system that knows the clock by which it stamps what is changed.
type tickTeller interface {
	// SameTick is the function of this name for a file of the file system.
	SameTick(path string, changed time.Time) bool
}

// SameTick reports whether the file at path, which was changed last at that time, may be
// changed once more without getting another: the clock that stamps files stands still for
// up to 10 ms. Who has asked, and looks at the file only then, is told by its time of
// whatever is changed later. Of a file system on another machine, which has a clock of its
// own, and of one that cannot tell, it is false.
//
// Linux 6.13 and newer give a time that somebody has seen only once, on some file systems.
func SameTick(sys FS, path string, changed time.Time) bool {
	t, tells := sys.(tickTeller)
	return tells && t.SameTick(path, changed)
}
