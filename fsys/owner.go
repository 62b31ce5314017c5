package fsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Owner is a user and a group of the machine. The zero value, which names the
// superuser, stands for who runs the process.
type Owner struct{ UID, GID int }

// Self reports whether what belongs to the owner belongs to who runs the process.
func (o Owner) Self() bool { return o.UID == 0 }

// String names both numbers.
func (o Owner) String() string {
	if o.Self() {
		return fmt.Sprintf("user id %d", os.Geteuid())
	}
	return fmt.Sprintf("user id %d, group id %d", o.UID, o.GID)
}

// Grant is the group that counts for what stands directly in a directory.
type Grant struct {
	Dir string
	GID int
}

// ErrCannotBecome: the process lacks the right, or there are no such ids for it.
var ErrCannotBecome = errors.New("this process cannot become")

// As returns a file system on which every operation has the rights of an owner,
// whoever runs the process: links lead nowhere he could not go, and what is made
// is his. grants lists directories with another group. Only a process that runs
// as root can do that, and only for ids that its user namespace has, else it
// is ErrCannotBecome. sys must do each operation on the thread that calls it, as OS does.
// docs/design/ownership.md has the reasons.
func As(sys FS, owner Owner, grants ...Grant) (FS, error) {
	if owner.Self() {
		return sys, nil
	}
	o := &owned{sys, owner, grants}
	for _, gid := range append([]int{owner.GID}, groups(grants)...) {
		if !canBe(Owner{owner.UID, gid}) {
			return nil, fmt.Errorf("%w user id %d, group id %d; in a container, both must be among the ids that it has (/proc/self/uid_map, /proc/self/gid_map)", ErrCannotBecome, owner.UID, gid)
		}
	}
	return o, nil
}

func groups(grants []Grant) (list []int) {
	for _, g := range grants {
		list = append(list, g.GID)
	}
	return list
}

// CanBecome reports whether this process may act with the rights of others: it
// runs as root and has not been denied what belongs to that.
func CanBecome() bool {
	if os.Geteuid() != 0 {
		return false
	}
	const nobody = 65534
	return canBe(Owner{nobody, nobody})
}

// canBe tries whether the rights of an owner can be had. The calls that set them
// do not tell when they fail.
func canBe(owner Owner) bool {
	o := owned{owner: owner}
	defer o.become("").restore()
	return fsIDs() == owner
}

type owned struct {
	sys    FS
	owner  Owner
	grants []Grant
}

// identity is what a thread had before it became somebody else, and what it is then.
type identity struct{ uid, gid, toUID, toGID int }

// become gives this thread the owner's rights until restore. The group comes
// first: the thread may change it as long as it is the superuser's or not. Where
// nothing changes, as within Hold, it only asks.
func (o *owned) become(name string) identity {
	return change(o.owner.UID, o.group(name))
}

// group is the one that counts for a path.
func (o *owned) group(name string) int {
	gid := o.owner.GID
	for i := range o.grants {
		if g := &o.grants[i]; len(name) > len(g.Dir) && name[:len(g.Dir)] == g.Dir && filepath.Dir(name) == g.Dir {
			gid = g.GID
		}
	}
	return gid
}

// isHeld reports whether this thread has the owner's rights already, as within Hold.
func (o *owned) isHeld() bool { return fsIDs() == o.owner }

// fsIDs tells whose rights this thread has for files. No id is -1: it only asks.
func fsIDs() (o Owner) {
	o.UID = setID(sysSetfsuid, -1)
	o.GID = setID(sysSetfsgid, -1)
	return o
}

// setID sets one of the ids of this thread for files, and tells what it was. It does not
// block, so the scheduler hears nothing of it, which would take longer than the call.
func setID(trap uintptr, id int) (was int) {
	r, _, _ := unix.RawSyscall(trap, uintptr(id), 0, 0)
	return int(r)
}

// change sets the ids of this thread that are others. It asks first, with an id
// that cannot be: the kernel copies all rights of a thread (prepare_creds) to set an
// id that it has, and takes four times as long for that as for the question.
func change(uid, gid int) identity {
	runtime.LockOSThread()
	was := fsIDs()
	i := identity{was.UID, was.GID, uid, gid}
	if i.gid != gid {
		setID(sysSetfsgid, gid)
	}
	if i.uid != uid {
		setID(sysSetfsuid, uid)
	}
	return i
}

// restore gives the thread back what it had. Setting fails only for ids that do
// not exist and for processes without the right to, and neither has changed.
func (i identity) restore() {
	if i.uid != i.toUID {
		setID(sysSetfsuid, i.uid)
	}
	if i.gid != i.toGID {
		setID(sysSetfsgid, i.gid)
	}
	runtime.UnlockOSThread()
}

// A Held is what Hold has taken.
type Held struct {
	was  identity
	held bool
}

// Hold lets the calling goroutine have the rights of the owner of sys until Release,
// so that many operations of sys cost one change of rights. What it does to other
// files meanwhile must be made for that (AsProcess). For a file system without an
// owner it does nothing. Release must be called by the same goroutine.
func Hold(sys FS) Held {
	if h, ok := sys.(holder); ok {
		return h.hold()
	}
	return Held{}
}

// Release gives the rights back.
func (h Held) Release() {
	if h.held {
		h.was.restore()
	}
}

// A holder is a file system with an owner, or one in front of it.
type holder interface{ hold() Held }

func (o *owned) hold() Held { return Held{o.become(""), true} }

// ModTime returns the modification time of what a path leads to. It asks with the rights
// of the process if those do, as changing rights costs more than asking: so it may tell
// the time of something that the owner of sys cannot go to. It is for who wants to know
// whether he has to look at a file or directory again, with the owner's rights.
func ModTime(sys FS, name string) (time.Time, error) {
	switch at := sys.(type) {
	case OS:
		var st unix.Stat_t
		if err := noEINTR(func() error { return unix.Stat(name, &st) }); err != nil {
			return time.Time{}, &fs.PathError{Op: "stat", Path: name, Err: err}
		}
		return time.Unix(st.Mtim.Unix()), nil
	case *owned:
		if t, err := ModTime(at.sys, name); err == nil {
			return t, nil
		}
	case *Debts:
		return ModTime(at.FS, name)
	}
	fi, err := sys.Stat(name)
	if err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}

// AsProcess returns a file system on which every operation has the rights of the
// process, also within Hold.
func AsProcess(sys FS) FS {
	if os.Geteuid() != 0 {
		return sys
	}
	return &owned{sys: sys, owner: Owner{0, os.Getegid()}}
}

// asProcess does something with the rights of the process.
func asProcess[T any](do func() (T, error)) (T, error) {
	if os.Geteuid() != 0 {
		return do()
	}
	defer change(0, os.Getegid()).restore()
	return do()
}

func (o *owned) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	defer o.become(name).restore()
	return o.sys.OpenFile(name, flag, perm)
}

func (o *owned) CreateWith(name string, content []byte, perm fs.FileMode) (File, error) {
	defer o.become(name).restore()
	return o.sys.CreateWith(name, content, perm)
}

func (o *owned) Rename(oldname, newname string) error {
	defer o.become(newname).restore()
	return o.sys.Rename(oldname, newname)
}

func (o *owned) Link(oldname, newname string) error {
	defer o.become(newname).restore()
	return o.sys.Link(oldname, newname)
}

func (o *owned) Symlink(target, name string) error {
	defer o.become(name).restore()
	return o.sys.Symlink(target, name)
}

func (o *owned) Readlink(name string) (string, error) {
	defer o.become(name).restore()
	return o.sys.Readlink(name)
}

func (o *owned) Remove(name string) error {
	defer o.become(name).restore()
	return o.sys.Remove(name)
}

func (o *owned) Mkdir(name string, perm fs.FileMode) error {
	defer o.become(name).restore()
	return o.sys.Mkdir(name, perm)
}

func (o *owned) ReadDir(name string) ([]Entry, error) {
	defer o.become(name).restore()
	return o.sys.ReadDir(name)
}

func (o *owned) eachName(dir string, buf []byte, fn func(name []byte, kind fs.FileMode) bool) error {
	defer o.become(dir).restore()
	return EachName(o.sys, dir, buf, fn)
}

func (o *owned) Stat(name string) (fs.FileInfo, error) {
	defer o.become(name).restore()
	return o.sys.Stat(name)
}

func (o *owned) Lstat(name string) (fs.FileInfo, error) {
	defer o.become(name).restore()
	return o.sys.Lstat(name)
}

func (o *owned) Chtimes(name string, atime, mtime time.Time) error {
	defer o.become(name).restore()
	return o.sys.Chtimes(name, atime, mtime)
}

func (o *owned) Chmod(name string, perm fs.FileMode) error {
	defer o.become(name).restore()
	return o.sys.Chmod(name, perm)
}

func (o *owned) Lchown(name string, uid, gid int) error {
	defer o.become(name).restore()
	return o.sys.Lchown(name, uid, gid)
}

func (o *owned) SyncDir(name string) error {
	defer o.become(name).restore()
	return o.sys.SyncDir(name)
}

// OwnerOf returns who a file belongs to; known is false when the description
// does not tell.
func OwnerOf(fi fs.FileInfo) (o Owner, known bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return Owner{}, false
	}
	return Owner{int(st.Uid), int(st.Gid)}, true
}

// passPerm is for directories on the way to a home: to go through, not to look.
const passPerm = 0o711

// MkdirFor makes a directory for an owner and what is missing above it, durably.
// It is no error when the directory exists.
//
// As long as only the superuser can change what stands on the way, it is made
// with the rights of the process, and the last directory is given to the owner.
// From there on all is done with the owner's rights.
func MkdirFor(sys FS, owner Owner, path string) error {
	if !filepath.IsAbs(path) {
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.EINVAL}
	}
	path = filepath.Clean(path)
	for end := 1; end <= len(path); end++ {
		if end < len(path) && path[end] != '/' {
			continue
		}
		dir, last := path[:end], end == len(path)
		made, err := passDir(sys, owner, dir, last)
		if err != nil || last {
			return err
		}
		if !made {
			as, err := As(sys, owner)
			if err != nil {
				return err
			}
			return MkdirAll(as, path, 0o700)
		}
	}
	return nil
}

// passDir makes a directory if it is missing; ours is false where somebody else
// than the superuser can change what is in it.
func passDir(sys FS, owner Owner, dir string, last bool) (ours bool, err error) {
	fi, err := sys.Stat(dir)
	switch {
	case err == nil:
		return onlyRoots(fi), nil
	case !os.IsNotExist(err):
		return false, err
	case last:
		return true, mkdirGiven(sys, owner, dir)
	}
	err = sys.Mkdir(dir, passPerm)
	if err == nil {
		err = sys.Chmod(dir, passPerm) // whatever the umask
	}
	if err != nil && !os.IsExist(err) {
		return false, err
	}
	return true, sys.SyncDir(filepath.Dir(dir))
}

// mkdirGiven makes a directory that belongs to its owner from the first moment.
func mkdirGiven(sys FS, owner Owner, dir string) error {
	temp := TempName(dir)
	err := sys.Mkdir(temp, 0o700)
	if err == nil {
		err = sys.Lchown(temp, owner.UID, owner.GID)
	}
	if err == nil {
		err = sys.Rename(temp, dir)
	}
	if err != nil {
		_ = sys.Remove(temp) // it may not be there
		return err
	}
	return sys.SyncDir(filepath.Dir(dir))
}

// Booted is that of the file system below.
func (o *owned) Booted(path string) (time.Time, bool) {
	defer o.become(path).restore()
	return booted(o.sys, path)
}

// FileClock is that of the file system below.
func (o *owned) FileClock(path string) FileClock {
	defer o.become(path).restore()
	return FileClockOf(o.sys, path)
}
