package watch

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What is asked of directories and of all else. Of a directory's files only
// coming and going is wanted: a spool directory with the mailboxes of thousands
// must not wake us at every write into one of them.
//
// IN_MASK_ADD, because two paths may name one inode and the kernel otherwise
// replaces what the first has asked for.
const (
	dirMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR | unix.IN_MASK_ADD
	fileMask = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CLOSE_WRITE |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_MASK_ADD
)

// selfMask is what makes it doubtful that a path still names the inode.
// IN_ATTRIB comes when the number of links changes: a file that somebody holds
// open is not deleted, in the sense of IN_DELETE_SELF, when its name is gone.
const selfMask = unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_UNMOUNT

// inotify is one inotify instance. Its descriptor does not block, so that a
// read waits in the runtime's poller and not in a thread.
type inotify struct {
	f      *os.File
	conn   syscall.RawConn
	woken  atomic.Bool
	buf    [32 << 10]byte
	events []event
}

func openKernel() (kernel, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	n := &inotify{f: os.NewFile(uintptr(fd), "inotify")}
	n.conn, err = n.f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, n.f.Close())
	}
	return n, nil
}

func (n *inotify) add(path string, dir bool) (int32, error) {
	var mask uint32 = fileMask
	if dir {
		mask = dirMask
	}
	var wd int
	var addErr error
	err := n.conn.Control(func(fd uintptr) {
		addErr = noEINTR(func() (err error) {
			wd, err = unix.InotifyAddWatch(int(fd), path, mask)
			return err
		})
	})
	if err == nil && addErr != nil {
		err = &fs.PathError{Op: "inotify_add_watch", Path: path, Err: addErr}
	}
	return int32(wd), err
}

func (n *inotify) remove(wd int32) {
	// It fails when the kernel was faster, or n is closed: then it is removed.
	_ = n.conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(wd)) })
}

// read with wait first forgets the deadline that an earlier wake has set, then
// looks whether there was a later one: that order loses none.
func (n *inotify) read(wait bool) ([]event, error) {
	size, err := 0, error(nil)
	if wait {
		if err := n.f.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
		if n.woken.Swap(false) {
			return nil, nil
		}
		size, err = n.f.Read(n.buf[:])
	} else {
		size, err = n.readNow()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		n.woken.Store(false)
		return nil, nil
	}
	n.events = decode(n.events[:0], n.buf[:max(size, 0)])
	return n.events, err
}

// readNow reads what there is, past any deadline.
func (n *inotify) readNow() (size int, err error) {
	ctrlErr := n.conn.Control(func(fd uintptr) {
		err = noEINTR(func() (err error) {
			size, err = unix.Read(int(fd), n.buf[:])
			return err
		})
	})
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil
	}
	return size, errors.Join(ctrlErr, err)
}

func (n *inotify) wake() {
	n.woken.Store(true)
	_ = n.f.SetReadDeadline(time.Unix(1, 0)) // it fails when n is closed, which wakes too
}

func (n *inotify) close() error { return n.f.Close() }

// decode appends the events in buf, whose names then lie in buf: inotify(7),
// struct inotify_event. A name is filled up with zeros.
func decode(events []event, buf []byte) []event {
	for len(buf) >= unix.SizeofInotifyEvent {
		e := event{wd: int32(binary.NativeEndian.Uint32(buf))}
		mask := binary.NativeEndian.Uint32(buf[4:])
		size := binary.NativeEndian.Uint32(buf[12:])
		buf = buf[unix.SizeofInotifyEvent:]
		if uint64(size) > uint64(len(buf)) {
			break // the kernel never cuts an event
		}
		e.kind, e.name = kindOf(mask), trimZeros(buf[:size])
		events = append(events, e)
		buf = buf[size:]
	}
	return events
}

func kindOf(mask uint32) eventKind {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		return eventOverflow
	case mask&unix.IN_IGNORED != 0:
		return eventIgnored
	case mask&selfMask != 0:
		return eventMoved
	}
	return eventChanged
}

func trimZeros(name []byte) []byte {
	for len(name) > 0 && name[len(name)-1] == 0 {
		name = name[:len(name)-1]
	}
	return name
}

// remoteTypes are the file systems that other machines, or a process behind
// FUSE, change without this kernel's knowledge: statfs(2), f_type.
var remoteTypes = [...]int64{
	unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
	unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC,
	unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
	0x01161970, // GFS2
	0x0BD00BD0, // Lustre
	0x19830326, // BeeGFS
	0x47504653, // GPFS
	0x786F4256, // VirtualBox shared folders
}

// remote reports whether path lies on a file system of which inotify tells only
// what this machine does to it.
func remote(path string) bool {
	var st unix.Statfs_t
	if noEINTR(func() error { return unix.Statfs(path, &st) }) != nil {
		return false
	}
	for _, t := range remoteTypes {
		if uint32(st.Type) == uint32(t) { // the magic numbers of SMB are negative where int has 32 bits
			return true
		}
	}
	return false
}
