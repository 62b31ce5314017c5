package fsys

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// looksAreQuick reports whether the file system of what is open keeps all that stat tells
// of it in memory, so that the call never waits: for no disk, no network and no process.
func looksAreQuick(fd int) bool {
	var st unix.Statfs_t
	if err := noEINTR(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return false
	}
	switch int64(st.Type) & 0xffffffff {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
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
