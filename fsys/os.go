package fsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// OS is the machine's file system.
type OS struct{}

var _ FS = OS{}

// OpenFile is open(2), as open.go has it; the file is closed on exec.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// CreateWith writes a file without a name and then gives it one, so that a crash
// leaves nothing behind. Where there are no such files it has another name first.
func (o OS) CreateWith(name string, content []byte, perm fs.FileMode) (File, error) {
	f, err := createNameless(name, content, perm)
	if errors.Is(err, errors.ErrUnsupported) {
		return o.createRenamed(name, content, perm)
	}
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// createNameless uses O_TMPFILE and linkat(2). Its error is
// errors.ErrUnsupported where the file system has no files without a name, or
// /proc is not mounted.
func createNameless(name string, content []byte, perm fs.FileMode) (*os.File, error) {
	f, err := openFile(filepath.Dir(name), unix.O_TMPFILE|os.O_RDWR, perm)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.EINVAL):
		return nil, errors.ErrUnsupported
	case err != nil:
		return nil, err
	}
	if _, err = f.Write(content); err == nil {
		self := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
		err = unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
		if err == unix.ENOENT || err == unix.EPERM || err == unix.EXDEV {
			err = errors.ErrUnsupported
		}
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "create", Path: name, Err: err}, f.Close())
	}
	return f, nil
}

func (o OS) createRenamed(name string, content []byte, perm fs.FileMode) (File, error) {
	temp := TempName(name)
	f, err := o.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(content); err == nil {
		err = os.Link(temp, name)
	}
	if err = errors.Join(err, os.Remove(temp)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Rename is rename(2), but for a directory in the place of newname, which stays.
// os.Rename looks for that first; where there is nothing, which is the rule, the
// kernel says so in the same call.
func (OS) Rename(oldname, newname string) error {
	err := noEINTR(func() error {
		return unix.Renameat2(unix.AT_FDCWD, oldname, unix.AT_FDCWD, newname, unix.RENAME_NOREPLACE)
	})
	switch err {
	case nil:
		return nil
	case unix.EEXIST, unix.EINVAL, unix.ENOSYS: // or it is a file system that cannot say
		return os.Rename(oldname, newname)
	}
	return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
}

// Link is link(2).
func (OS) Link(oldname, newname string) error { return os.Link(oldname, newname) }

// Symlink is symlink(2).
func (OS) Symlink(target, name string) error { return os.Symlink(target, name) }

// Readlink is readlink(2).
func (OS) Readlink(name string) (string, error) { return os.Readlink(name) }

// Remove is unlink(2) or rmdir(2).
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir is mkdir(2).
func (OS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// Stat follows symbolic links.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Lstat does not follow symbolic links.
func (OS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Chtimes sets access and modification time.
func (OS) Chtimes(name string, atime, mtime time.Time) error { return os.Chtimes(name, atime, mtime) }

// Chmod is chmod(2).
func (OS) Chmod(name string, perm fs.FileMode) error { return os.Chmod(name, perm) }

// Lchown is lchown(2).
func (OS) Lchown(name string, uid, gid int) error { return os.Lchown(name, uid, gid) }

// SyncDir is fsync(2) on the directory.
func (OS) SyncDir(name string) error {
	fd, err := openGuarded(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	err = noEINTR(func() error { return unix.Fsync(fd) })
	if err == unix.EINVAL { // a file system that has no such thing
		err = nil
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return &fs.PathError{Op: "sync", Path: name, Err: err}
	}
	return nil
}

// localTypes are file systems on disks of this machine alone (statfs(2)).
var localTypes = [...]int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC,
	0x2FC12FC1, // ZFS
	0xCA451A4E, // bcachefs
}

// bootMargin is more than the rounding of the clocks that Booted compares.
const bootMargin = time.Second

// Booted is the start of this machine, for what stands on its own disks.
func (OS) Booted(path string) (time.Time, bool) {
	if !isOf(path, localTypes[:]) {
		return time.Time{}, false
	}
	up, ok := uptime()
	return time.Now().Add(-up - bootMargin), ok
}

// seenOnceTypes are the file systems on which Linux 6.13 and newer give no time twice that
// somebody has seen (FS_MGTIME).
var seenOnceTypes = [...]int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC}

// maxTick is how long the clock may stand still that stamps files.
const maxTick = 10 * time.Millisecond

// FileClock is the clock of the kernel.
func (OS) FileClock(path string) FileClock {
	if seesOnce() && isOf(path, seenOnceTypes[:]) {
		return noClock{}
	}
	return kernelClock{}
}

// seesOnce reports whether this is Linux 6.13 or newer.
func seesOnce() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 6 || major == 6 && minor >= 13
}

// kernelClock moves on with each tick.
type kernelClock struct{}

// SameTick takes a time for that of this kernel if it is at most a tick ahead of its clock:
// times that are given only once are, and files of other file systems that are changed next
// get the last of them. One that is more ahead has another machine given.
func (kernelClock) SameTick(changed time.Time) bool {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil {
		return false
	}
	ahead := changed.Sub(time.Unix(now.Unix()))
	return ahead >= 0 && ahead <= maxTick
}

// isOf reports whether a path is on a file system of one of these types.
func isOf(path string, types []int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && slices.ContainsFunc(types, func(t int64) bool { return uint32(st.Type) == uint32(t) })
}

// uptime is how long this machine has been running. It does not come from
// /proc/uptime: some containers have one of their own there.
func uptime() (time.Duration, bool) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, false
	}
	return time.Duration(now.Nano()), true
}

type osFile struct{ *os.File }

// syncData is fdatasync(2).
func (f osFile) syncData() error { return f.withFD("sync", unix.Fdatasync) }

// startSync is sync_file_range(2), where it can be had.
func (f osFile) startSync() error {
	return f.withFD("start sync", func(fd int) error {
		err := unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
		switch err {
		case unix.ENOSYS, unix.EINVAL, unix.ESPIPE, unix.EPERM, unix.EOPNOTSUPP:
			return nil
		}
		return err
	})
}

// withFD calls fn, which does op, until it is not interrupted.
func (f osFile) withFD(op string, fn func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = noEINTR(func() error { return fn(int(fd)) }) })
	if err == nil && failed != nil {
		err = &fs.PathError{Op: op, Path: f.Name(), Err: failed}
	}
	return err
}

// TryLock is F_OFD_SETLK over the whole file.
func (f osFile) TryLock(exclusive bool) (bool, error) {
	kind := int16(unix.F_RDLCK)
	if exclusive {
		kind = unix.F_WRLCK
	}
	err := f.setLock(kind)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// Unlock is F_OFD_SETLK with F_UNLCK.
func (f osFile) Unlock() error { return f.setLock(unix.F_UNLCK) }

// LockHolder is F_OFD_GETLK.
func (f osFile) LockHolder() (int, error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK}
	if err := f.fcntl(unix.F_OFD_GETLK, &lk); err != nil {
		return 0, err
	}
	if lk.Type == unix.F_UNLCK {
		return 0, nil
	}
	return max(int(lk.Pid), 0), nil
}

func (f osFile) setLock(kind int16) error {
	return f.fcntl(unix.F_OFD_SETLK, &unix.Flock_t{Type: kind})
}

// fcntl does an operation on locks, again when a signal has interrupted it.
func (f osFile) fcntl(cmd int, lk *unix.Flock_t) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			lockErr = unix.FcntlFlock(fd, cmd, lk)
			if !errors.Is(lockErr, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if lockErr != nil {
		return &fs.PathError{Op: "lock", Path: f.Name(), Err: lockErr}
	}
	return nil
}
