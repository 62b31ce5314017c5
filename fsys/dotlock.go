package fsys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A dotlock is a file whose existence is the lock, as `inbox.lock` beside an
// mbox or `dovecot-uidlist.lock` in a Maildir. Everybody who knows the mail
// formats honours them, over NFS too. The content, "pid:host", is Dovecot's.
//
// The trouble with dotlocks is the ones that stay behind. A lock is taken for
// left over when
//
//   - its process is of this host and no longer runs, or began to run after the
//     lock was made (the number was given again, as happens to the first
//     process of a container),
//   - it was touched last before this machine was started, on a file system that
//     no other machine uses: a loss of power leaves lock files without content,
//     which name nobody, or
//   - its process is unknown or of another host, and the file was not touched
//     for the time DotlockOptions.Stale, measured by the file system's clock.
//
// A process that runs on this host keeps its lock however long it takes.
//
// Two waiters may find the same lock stale. If each simply removed it, the
// slower would remove the new lock of the faster. So whoever breaks a lock first
// takes an open-file-description lock on the stale file and looks whether path
// still names that file: the slower one finds that it does not.

// ErrLocked: somebody else holds the lock. The error that wraps it is a *LockedError.
var ErrLocked = errors.New("is locked")

// ErrLockLost: the lock file is no longer ours, somebody has taken it for left
// over. What was done since may have met the changes of others.
var ErrLockLost = errors.New("the lock was taken away by another program")

// DefaultStale is how long a lock of an unknown process must stay untouched
// before it is taken for left over. Dovecot waits as long for its uidlist.
const DefaultStale = 2 * time.Minute

// The pauses between two attempts.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// DotlockOptions are the choices that Dotlock leaves open.
type DotlockOptions struct {
	// Stale replaces DefaultStale unless zero. Programs of the field use five
	// minutes for mbox files.
	Stale time.Duration
	// Perm is the lock file's mode; 0 is 0644, as it holds no secret.
	Perm fs.FileMode
	// NoWait gives up at once when somebody holds the lock.
	NoWait bool
	// Spare, unless nil, saves making a file. Its locks have all the same Perm.
	Spare *Spare
	// Broke, unless nil, is told of every lock that was taken for left over.
	Broke func(path string, holder Holder)
}

// Holder is what a lock file tells of who made it.
type Holder struct {
	PID  int    // 0 when the file does not tell
	Host string // "" when the file does not tell
	// Touched is the lock file's modification time, Age how long ago that was
	// by the clock of the file system.
	Touched time.Time
	Age     time.Duration
}

// String reads `process 4711 on host mx1, for 3s`.
func (h Holder) String() string {
	age := h.Age.Round(time.Second)
	if h.PID == 0 {
		return fmt.Sprintf("an unnamed process, for %v", age)
	}
	if h.Host == "" {
		return fmt.Sprintf("process %d on an unnamed host, for %v", h.PID, age)
	}
	return fmt.Sprintf("process %d on host %s, for %v", h.PID, h.Host, age)
}

// LockedError is the failure to get a lock. It wraps ErrLocked and, when the
// context ended the wait, the context's error.
type LockedError struct {
	Path   string
	Holder Holder
	Cause  error // nil with NoWait
}

// Error names the lock file and its holder.
func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is held by %v", e.Path, e.Holder)
}

// Unwrap gives ErrLocked and the cause to errors.Is.
func (e *LockedError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrLocked}
	}
	return []error{ErrLocked, e.Cause}
}

// Dotlock is a lock file that this process holds. Its methods are for one
// goroutine at a time.
type Dotlock struct {
	fs      FS
	path    string
	file    File
	info    fs.FileInfo
	content []byte
	spare   *Spare // whose file it is; nil if it is the lock's own
}

// LockDot makes the lock file path, waiting until ctx ends for whoever holds
// it. It tries at least once. Errors other than *LockedError are those of making
// the file, as fs.ErrPermission where the directory is not ours to write.
func LockDot(ctx context.Context, fsys FS, path string, opt DotlockOptions) (*Dotlock, error) {
	if opt.Stale == 0 {
		opt.Stale = DefaultStale
	}
	if opt.Perm == 0 {
		opt.Perm = 0o644
	}
	w := waiter{fs: fsys, path: path, opt: opt}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		d, err := create(fsys, path, opt)
		if !errors.Is(err, fs.ErrExist) {
			return d, err
		}
		broken, err := w.breakStale()
		switch {
		case err != nil:
			return nil, err
		case broken:
			continue
		case opt.NoWait:
			return nil, &LockedError{Path: path, Holder: w.holder}
		}
		select {
		case <-ctx.Done():
			return nil, &LockedError{Path: path, Holder: w.holder, Cause: context.Cause(ctx)}
		case <-time.After(pause):
		}
	}
}

func create(fsys FS, path string, opt DotlockOptions) (*Dotlock, error) {
	if opt.Spare != nil {
		if d, err := opt.Spare.lock(path, opt.Perm); err == nil || errors.Is(err, fs.ErrExist) {
			return d, err
		}
	}
	// With its content from the first moment: nobody could tell whose an empty
	// one is that a crash has left, and all would wait.
	content := ownContent()
	f, err := fsys.CreateWith(path, content, opt.Perm)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		// On a full disk an empty file is a lock all the same: whoever wants to
		// expunge must get it.
		content = nil
		f, err = createEmpty(fsys, path, opt.Perm)
	}
	if err != nil {
		return nil, err
	}
	d := &Dotlock{fs: fsys, path: path, file: f, content: content}
	if d.info, err = f.Stat(); err != nil {
		return nil, errors.Join(err, fsys.Remove(path), f.Close())
	}
	if opt.Spare != nil {
		opt.Spare.madeNew()
	}
	return d, nil
}

// createEmpty makes a lock file that cannot name its process. Where it can be
// marked it is, from the first moment, so that others see when the process has
// ended; elsewhere they wait as for any lock of an unknown process.
func createEmpty(fsys FS, path string, perm fs.FileMode) (File, error) {
	if isLocal(fsys, filepath.Dir(path)) {
		f, err := createMarked(fsys, path, perm)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
}

// createMarked makes an empty file that has an open-file-description lock on it,
// which ends with this process, and the sticky bit to say so, which means nothing
// else on a file. Both are there before it has its name.
func createMarked(fsys FS, path string, perm fs.FileMode) (f File, err error) {
	temp := TempName(path)
	if f, err = fsys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm); err != nil {
		return nil, err
	}
	if err = mark(fsys, f, temp); err == nil {
		err = fsys.Link(temp, path)
	}
	_ = fsys.Remove(temp) // what stays is cleaned up as what a crash leaves
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func mark(fsys FS, f File, name string) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if ok, err := f.TryLock(true); !ok || err != nil {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return fsys.Chmod(name, fi.Mode().Perm()|fs.ModeSticky)
}

// isMarked reports whether whoever made the lock file has a lock on it as long as
// he has this one.
func isMarked(fsys FS, path string, fi fs.FileInfo) bool {
	return fi.Size() == 0 && fi.Mode()&fs.ModeSticky != 0 && isLocal(fsys, path)
}

// isLocal reports whether no other machine uses the file system.
func isLocal(fsys FS, path string) bool {
	b, tells := fsys.(bootTeller)
	if !tells {
		return false
	}
	_, ok := b.Booted(path)
	return ok
}

func ownContent() []byte {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return []byte(strconv.Itoa(os.Getpid()) + ":" + host)
}

// Path is the lock file's name.
func (d *Dotlock) Path() string { return d.path }

// Check returns ErrLockLost when the lock is no longer ours. Long operations
// ask before they make their work visible.
func (d *Dotlock) Check() error {
	fi, err := d.fs.Lstat(d.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !SameFile(fi, d.info) {
		return fmt.Errorf("%s: %w", d.path, ErrLockLost)
	}
	return err
}

// Touch tells the others that the lock is still in use. Long operations call
// it every few seconds.
func (d *Dotlock) Touch() error {
	if err := d.Check(); err != nil {
		return err
	}
	if len(d.content) == 0 {
		now := time.Now()
		return d.fs.Chtimes(d.path, now, now)
	}
	_, err := d.file.WriteAt(d.content, 0) // sets the time by the file system's clock
	return err
}

// Unlock gives the lock back. ErrLockLost means that it was not ours any more;
// then the file, which is somebody else's, stays. With any other error it stays and
// is one that is left over: if it names this process, nobody gets it until that ends.
func (d *Dotlock) Unlock() error {
	err := d.remove()
	if f, shared := d.file.(*spareFile); shared {
		return errors.Join(err, d.spare.giveBack(f))
	}
	_ = d.file.Close() // what it holds is of no use any more
	return err
}

// remove takes the name away. As so much hangs on it, a failure is worth other tries;
// none of them may meet the lock of somebody else, who can have a marked one as soon
// as the file is closed.
func (d *Dotlock) remove() (err error) {
	for range 3 {
		if err = d.Check(); err == nil {
			err = d.fs.Remove(d.path)
		}
		if err == nil || errors.Is(err, ErrLockLost) {
			break
		}
	}
	return err
}

// waiter looks at a lock that somebody else holds.
type waiter struct {
	fs     FS
	path   string
	opt    DotlockOptions
	holder Holder
	skew   time.Duration // clock of the file system minus ours
	timed  bool          // skew is known
}

// breakStale removes the lock file if it was left over, and reports whether
// there is now a chance to make it anew.
func (w *waiter) breakStale() (bool, error) {
	f, mayWrite, err := openLock(w.fs, w.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return w.breakUnread() // given back just now, or a link that leads nowhere
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return false, err
	}
	var buf [256]byte
	n, _ := f.ReadAt(buf[:], 0)
	w.setHolder(string(buf[:n]), fi)
	stale := w.stale()
	if !stale && !(mayWrite && isMarked(w.fs, w.path, fi)) {
		return false, nil
	}
	// A lock for reading meets that of whoever made it, too, but not that of another
	// who breaks it and may only read.
	free, err := f.TryLock(mayWrite)
	if err == nil && !free {
		return false, nil // somebody else is breaking it, or who made it runs
	}
	if err != nil && !stale {
		return false, nil
	}
	return w.removeIf(fi)
}

// openLock opens for writing, which an exclusive lock on the lock needs, if it may.
func openLock(fsys FS, path string) (f File, mayWrite bool, err error) {
	if f, err = fsys.OpenFile(path, os.O_RDWR, 0); errors.Is(err, fs.ErrPermission) {
		f, err = fsys.OpenFile(path, os.O_RDONLY, 0)
		return f, false, err
	}
	return f, true, err
}

// breakUnread judges a lock file that cannot be opened by its age alone.
func (w *waiter) breakUnread() (bool, error) {
	fi, err := w.fs.Lstat(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	w.setHolder("", fi)
	if !w.stale() {
		return false, nil
	}
	return w.removeIf(fi)
}

// removeIf removes the lock file if it is still the one that was judged.
func (w *waiter) removeIf(judged fs.FileInfo) (bool, error) {
	now, err := w.fs.Lstat(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if !SameFile(now, judged) || !now.ModTime().Equal(judged.ModTime()) {
		return false, nil
	}
	if err := w.fs.Remove(w.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if w.opt.Broke != nil {
		w.opt.Broke(w.path, w.holder)
	}
	return true, nil
}

func (w *waiter) setHolder(content string, fi fs.FileInfo) {
	if !w.timed {
		w.measureSkew()
	}
	w.holder = Holder{Touched: fi.ModTime(), Age: time.Since(fi.ModTime()) + w.skew}
	pid, host, _ := strings.Cut(strings.TrimSpace(content), ":")
	if n, err := strconv.Atoi(pid); err == nil && n > 0 {
		// Some programs write the number alone: then the host is unknown.
		w.holder.PID, w.holder.Host = n, host
	}
}

// measureSkew asks the file system what time it is there, by making a file.
// Where that fails our own clock must do.
func (w *waiter) measureSkew() {
	w.timed = true
	temp := TempName(filepath.Clean(w.path))
	f, err := w.fs.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	if fi, err := f.Stat(); err == nil {
		w.skew = time.Until(fi.ModTime())
	}
	_ = f.Close() // nothing was written
	_ = w.fs.Remove(temp)
}

// A bootTeller is a file system that knows since when the processes run that may
// have locks on it.
type bootTeller interface {
	// Booted returns a time before which nobody who runs now can have touched the
	// file at path; not ok when other machines may use the file too.
	Booted(path string) (at time.Time, ok bool)
}

// stale decides as the comment at the top of the file says.
func (w *waiter) stale() bool {
	h := w.holder
	if b, tells := w.fs.(bootTeller); tells {
		if at, ok := b.Booted(w.path); ok && h.Touched.Before(at) {
			return true
		}
	}
	if host, err := os.Hostname(); err != nil || h.PID == 0 || h.Host != host {
		return h.Age > w.opt.Stale
	}
	if errors.Is(syscall.Kill(h.PID, 0), syscall.ESRCH) {
		return true
	}
	running, known := processAge(h.PID)
	// A second for the rounding of both clocks.
	return known && h.Age > running+time.Second
}

// processAge tells how long a process of this host has been running (proc(5):
// field 22 of stat, in hundredths of a second since boot).
func processAge(pid int) (time.Duration, bool) {
	// What a user sees in /proc may be no more than his own processes.
	stat, err := asProcess(func() ([]byte, error) { return os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") })
	if err != nil {
		return 0, false
	}
	// The name in field 2 may hold spaces and parentheses; behind it begins field 3.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return 0, false
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return 0, false
	}
	up, known := uptime()
	age := up - time.Duration(ticks)*(time.Second/100)
	return age, known && age >= 0
}
