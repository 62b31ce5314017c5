package fsys

import "time"

// A FileClock knows the clock by which files are stamped that are changed.
type FileClock interface {
	// SameTick reports whether a file that was changed last at that time may be changed
	// once more without getting another: the clock stands still for up to 10 ms. Who has
	// asked, and looks at the file only then, is told by its time of whatever is changed
	// later.
	SameTick(changed time.Time) bool
}

// A clockTeller is a file system that has such a clock.
type clockTeller interface {
	// FileClock returns the clock for what is at path.
	FileClock(path string) FileClock
}

// FileClockOf returns the clock of a file that exists. SameTick is always false where no time
// is given twice that somebody has seen, and where the file system cannot tell; mostly on
// another machine, the clock of which cannot be read.
func FileClockOf(sys FS, path string) FileClock {
	if t, tells := sys.(clockTeller); tells {
		return t.FileClock(path)
	}
	return noClock{}
}

type noClock struct{}

func (noClock) SameTick(time.Time) bool { return false }
