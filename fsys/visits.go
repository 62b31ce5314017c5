package fsys

import (
	"io/fs"
	"syscall"
)

// maxVisits is how often a walk enters one directory: more often than anybody has
// a use for.
const maxVisits = 16

// Visits bounds a walk through directories that follows symbolic links. Among N
// directories that hold links to each other there are more than N! paths, none of
// which leads in a circle. The zero value is ready for use.
type Visits struct{ times map[[2]uint64]int }

// Enter reports whether the walk shall enter a directory, and counts it.
func (v *Visits) Enter(dir fs.FileInfo) bool {
	st, ok := dir.Sys().(*syscall.Stat_t)
	if !ok {
		return true // no file system of users
	}
	if v.times == nil {
		v.times = make(map[[2]uint64]int)
	}
	id := [2]uint64{uint64(st.Dev), st.Ino}
	v.times[id]++
	return v.times[id] <= maxVisits
}
