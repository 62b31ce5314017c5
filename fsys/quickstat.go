package fsys

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// looksAreQuick reports whether the file system of what is open keeps all that stat tells
// of it in memory, so that the call never waits: for no disk, no network and no process.
// Another machine may tell its own type of file system (9P does), but has no device here.
func looksAreQuick(fd int, st *unix.Stat_t) bool {
	if unix.Major(uint64(st.Dev)) == 0 {
		return false
	}
	var sys unix.Statfs_t
	if err := noEINTR(func() error { return unix.Fstatfs(fd, &sys) }); err != nil {
		return false
	}
	switch int64(sys.Type) & 0xffffffff {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC:
		return true
	}
	return false
}

// quickStat is fstat of which Go's scheduler is not told. That is told so that it can
// give the processor to another goroutine while a call waits, which costs more than a
// call that does not. Where it is not ok, fstat has to be asked.
func quickStat(fd int) (mtime time.Time, links uint32, ok bool) {
	var st unix.Statx_t
	var noName byte
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&noName)), unix.AT_EMPTY_PATH,
		unix.STATX_MTIME|unix.STATX_NLINK, uintptr(unsafe.Pointer(&st)), 0)
	return time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)), st.Nlink, errno == 0
}
