package watch

import (
	"errors"
	"path/filepath"
	"sync"
	"time"
)

// A target is a path that somebody watches. It hangs on the hooks of one or two
// inodes:
//
//	a directory    itself
//	anything else  itself, and the directory that its name is in, since most
//	               programs replace a file instead of changing it
//	nothing yet    the directory that its name would be in
type target struct {
	path, base string

	// arming is held while the target is hooked, without Watcher.mu, as that
	// looks paths up. Who waits for it watches the same path. See release.
	arming sync.Mutex

	// Guarded by Watcher.mu:
	watches map[*watch]struct{}
	hooks   [2]*hook // by role
	armed   bool     // has been hooked, or tried, once
	dead    bool     // nobody watches it any more
	dirty   bool     // is in Watcher.dirty
	verify  bool     // is to be hooked anew: the path may name another inode
	refused bool     // the kernel tells nothing, or not all, of it
	seen    state    // by the last look
	echo    time.Time
}

// echoAfter is the coarsest tick of a file system's clock, FAT's. A second
// change within the tick of the first leaves the same state, so the first is
// told again after it.
const echoAfter = 2 * time.Second

// tries bounds how often a path is hooked again that changes under our hands.
const tries = 5

var errUnsteady = errors.New("is replaced faster than it can be watched")

// target returns the target of path. mu is held.
func (w *Watcher) target(path string) *target {
	t := w.targets[path]
	if t == nil {
		t = &target{path: path, base: filepath.Base(path), watches: make(map[*watch]struct{})}
		w.targets[path] = t
	}
	return t
}

// forget ends a target. mu is held.
func (w *Watcher) forget(t *target) {
	t.dead = true
	delete(w.targets, t.path)
	delete(w.fast, t)
	w.detach(t, self)
	w.detach(t, parent)
}

// arm hooks a target and looks at it. The same inode before and after means
// that this is the one that was hooked. t.arming is held, mu is not.
func (w *Watcher) arm(t *target) error {
	w.mu.Lock()
	was := t.hooks
	t.verify = false // whatever comes from now on is for the next time
	w.mu.Unlock()

	var now state
	err := errUnsteady
	for range tries {
		before := w.look(t.path)
		hookErr := w.hookAll(t, before)
		now = w.look(t.path)
		if now.sameFile(before) {
			err = hookErr
			break
		}
	}
	far := now.there && err == nil && w.remote(t.path)
	w.mu.Lock()
	w.settled(t, was, now, err, far)
	w.mu.Unlock()
	w.report(err)
	return err
}

// hookAll hooks what t needs, given its state.
func (w *Watcher) hookAll(t *target, s state) error {
	var selfErr, parentErr error
	if s.there {
		selfErr = w.hook(t, self, t.path, s.dir)
	} else {
		w.unhook(t, self)
	}
	if s.there && s.dir {
		w.unhook(t, parent)
	} else {
		parentErr = w.hook(t, parent, filepath.Dir(t.path), true)
	}
	if selfErr != nil {
		return selfErr
	}
	return parentErr
}

// settled notes how arm went. mu is held.
//
// When a target that was armed hangs on another hook now, or looks different,
// there was a time in which nobody told of changes: that counts as one. The
// first time it does not, as Watch has not returned.
func (w *Watcher) settled(t *target, was [2]*hook, now state, err error, far bool) {
	if t.dead {
		return
	}
	if t.armed && (t.hooks != was || t.seen != now) {
		w.touch(t)
	}
	t.armed, t.seen, t.refused = true, now, err != nil
	_, wasFast := w.fast[t]
	isFast := t.refused || far || now.link || now.blind
	switch {
	case isFast && !wasFast:
		w.fast[t] = struct{}{}
		t.echo = time.Now().Add(echoAfter)
		w.kickPoller()
	case !isFast && wasFast:
		delete(w.fast, t)
	}
}

// release unlocks t.arming. The poller passes by a target that is locked, so
// who unlocks it sees that it comes again if there is a doubt.
func (w *Watcher) release(t *target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.arming.Unlock()
	if t.verify && !t.dead {
		w.verify = append(w.verify, t)
		w.kickPoller()
	}
}

// touch notes that t has changed. mu is held.
func (w *Watcher) touch(t *target) {
	if !t.dirty {
		t.dirty = true
		w.dirty = append(w.dirty, t)
	}
}

// doubt notes that t has changed and is to be hooked anew. mu is held.
func (w *Watcher) doubt(t *target) {
	w.touch(t)
	if !t.verify {
		t.verify = true
		w.verify = append(w.verify, t)
		w.kickPoller()
	}
}
