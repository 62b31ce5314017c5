package fsys

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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

// stale decides as the comment at the top of dotlock.go says.
func (w *waiter) stale() bool {
	h := w.holder
	if at, ok := booted(w.fs, w.path); ok && h.Touched.Before(at) {
		return true
	}
	if host, err := os.Hostname(); err != nil || h.PID == 0 || h.Host != host {
		return h.Age > w.opt.Stale
	}
	if errors.Is(syscall.Kill(h.PID, 0), syscall.ESRCH) {
		return true
	}
	p, known := processOf(h.PID)
	// A second for the rounding of both clocks.
	return known && (p.ended || h.Age > p.age+time.Second)
}

// process is what is known of a process of this host.
type process struct {
	ended bool          // and only its parent has not asked how, as in a container where nobody does
	age   time.Duration // how long it has been running
}

// processOf looks at a process (proc(5): fields 3, 20 and 22 of stat: its state, the number
// of threads, and its start in hundredths of a second since boot).
func processOf(pid int) (p process, known bool) {
	// What a user sees in /proc may be no more than his own processes.
	stat, err := asProcess(func() ([]byte, error) { return os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") })
	if err != nil {
		return p, false
	}
	// The name in field 2 may hold spaces and parentheses; behind it begins field 3.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return p, false
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return p, false
	}
	up, known := uptime()
	p.ended = fields[0] == "Z" && fields[17] == "1" // else others of its threads go on
	p.age = up - time.Duration(ticks)*(time.Second/100)
	return p, known && p.age >= 0
}
