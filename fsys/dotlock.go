package fsys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
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
