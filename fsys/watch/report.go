package watch

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// The kinds of refusals that are logged.
func isLimit(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM) }
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// report logs why the kernel does not tell of a path. Once: the next ten
// thousand mailboxes have the same reason.
func (w *Watcher) report(err error) {
	switch {
	case err == nil, isAbsent(err), errors.Is(err, errBlind):
	case isLimit(err):
		if w.sayOnce("limit") {
			w.opt.Logger.Warn("no more inotify watches, polling instead; raise the sysctl fs.inotify.max_user_watches",
				"err", err, "interval", w.opt.PollInterval)
		}
	default:
		if w.sayOnce("refused") {
			w.opt.Logger.Warn("cannot be told of changes, polling instead; further paths are not logged",
				"err", err, "interval", w.opt.PollInterval)
		}
	}
}

// reportBlind logs why nothing is told by the kernel at all.
func (w *Watcher) reportBlind(err error) {
	if err == nil || !w.sayOnce("blind") {
		return
	}
	level, text := w.opt.Logger.Warn, "cannot open inotify, polling instead; raise the sysctl fs.inotify.max_user_instances or the limit of open files"
	if errors.Is(err, errors.ErrUnsupported) {
		level, text = w.opt.Logger.Info, "this system does not tell of changes, polling instead"
	}
	level(text, "err", err, "interval", w.opt.PollInterval)
}

func (w *Watcher) sayOnce(what string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := !w.said[what]
	w.said[what] = true
	return first
}
