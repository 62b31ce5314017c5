package fsys

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What stands under a name in somebody's mail is up to him, and may change at any
// moment. So everything is opened in a way in which it does not matter:
//
//   - O_NONBLOCK: opening a pipe waits for its other end, with nothing to end it;
//   - O_NOCTTY: a terminal that a service opens may become its controlling one,
//     and whoever has the other end can then kill the service;
//   - RESOLVE_NO_MAGICLINKS: the links in /proc/self/fd lead to what the process
//     has open, past the permissions of the directories on the way: to the mail
//     of somebody else, readable in a home that is closed.
const openGuards = unix.O_NONBLOCK | unix.O_NOCTTY

// leaseWait is longer than the kernel lets the holder of a lease (fcntl(2),
// F_SETLEASE; a file server's clients have them) take to give it back:
// /proc/sys/fs/lease-break-time, 45 seconds.
const (
	leaseWait  = time.Minute
	leasePause = 10 * time.Millisecond
)

// openFile is os.OpenFile for regular files and directories.
func openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	fd, err := openPatiently(name, flag, perm)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if err := settle(fd, flag); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Join(err, unix.Close(fd))}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openPatiently is openGuarded, which waits for who holds a lease.
func openPatiently(name string, flag int, perm fs.FileMode) (fd int, err error) {
	if fd, err = openGuarded(name, flag, perm); err != unix.EAGAIN {
		return fd, err
	}
	for end := time.Now().Add(leaseWait); err == unix.EAGAIN && time.Now().Before(end); {
		time.Sleep(leasePause) // open(2) without O_NONBLOCK would wait the same
		fd, err = openGuarded(name, flag, perm)
	}
	return fd, err
}

// openGuarded is openat2(2), or open(2) where the kernel or a sandbox does not
// have that.
func openGuarded(name string, flag int, perm fs.FileMode) (fd int, err error) {
	flag |= openGuards | unix.O_CLOEXEC | unix.O_LARGEFILE
	how := unix.OpenHow{Flags: uint64(flag), Resolve: unix.RESOLVE_NO_MAGICLINKS}
	if flag&(unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY) != 0 {
		how.Mode = uint64(perm.Perm()) // else it must be zero
	}
	err = noEINTR(func() (err error) {
		if haveOpenat2() {
			fd, err = unix.Openat2(unix.AT_FDCWD, name, &how)
		} else {
			fd, err = unix.Open(name, flag, uint32(perm.Perm()))
		}
		return err
	})
	return fd, err
}

// haveOpenat2 tells once for all: who could make openat2 fail at will could
// choose the other way.
var haveOpenat2 = sync.OnceValue(func() bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS})
	if err == nil {
		err = unix.Close(fd)
	}
	return err == nil
})

// settle refuses what is neither a file nor a directory, and makes the open file
// one whose reads wait.
func settle(fd, flag int) error {
	var st unix.Stat_t
	if err := noEINTR(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return err
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return ErrNotFile
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flag&^unix.O_NONBLOCK)
	return err
}

func noEINTR(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
