package fsys

import "time"

// A clockTeller is a file system that knows the clock by which it stamps what is changed.
type clockTeller interface {
	// FileClock returns the time that a file which is changed now may get. Not ok: it
	// cannot be told.
	FileClock() (now time.Time, ok bool)
}

// SameTick reports whether a file that was changed at that time, which is its own, may be
// changed once more without getting another: the clock that stamps files stands still for
// up to 10 ms, except that Linux 6.13 and newer give a time that somebody has seen only
// once. Of a file system that cannot tell, and of one on another machine, it is false. Who
// has looked at a file only after that is told by its time of whatever is changed later.
func SameTick(sys FS, changed time.Time) bool {
	now, ok := fileClock(sys)
	return ok && now.Equal(changed)
}

func fileClock(sys FS) (now time.Time, ok bool) {
	t, tells := sys.(clockTeller)
	if !tells {
		return time.Time{}, false
	}
	return t.FileClock()
}
