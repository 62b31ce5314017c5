// Package watch tells when files and directories change: at once where the
// kernel can tell (Linux, one inotify instance for all watches), by looking
// once a second where it cannot.
//
// It promises
//
//   - that no change is lost. Whatever may hide one (a queue that ran over, a
//     directory that went away, a limit of the kernel, a network file system)
//     ends in a call too many or in a path that is polled, never in silence;
//   - that a burst of changes makes few calls;
//   - that nothing runs while nobody watches, and that no lock is held while a
//     path is looked up, so that a file server that is gone holds up only those
//     who watch what lies on it.
//
// docs/design/watching.md has the reasoning.
package watch

import (
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// The values of Options that are left zero.
const (
	DefaultPollInterval  = time.Second
	DefaultSweepInterval = 30 * time.Second
	DefaultSettle        = 2 * time.Millisecond
	DefaultSpacing       = 20 * time.Millisecond
	DefaultAhead         = 500 * time.Millisecond
)

// Options are the choices of a Watcher. The zero value is good.
type Options struct {
	// Logger hears, once each, why paths are polled. nil: nobody.
	Logger *slog.Logger
	// PollInterval is how often paths are looked at of which the kernel tells
	// nothing or not everything.
	PollInterval time.Duration
	// SweepInterval is how often every path is looked at, whatever the kernel
	// tells, and how often a refused kernel watch is asked for again.
	SweepInterval time.Duration
	// Settle is how long a change of a file waits for others before the call, and a path
	// that may name another inode. A name in a directory does not wait.
	Settle time.Duration
	// Spacing is the time between two rounds of calls when changes do not end.
	Spacing time.Duration
	// Ahead is how much of the time that Spacing asks for may be owed: after a rest, so
	// many rounds come as soon as they can.
	Ahead time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		set  *time.Duration
		zero time.Duration
	}{
		{&o.PollInterval, DefaultPollInterval},
		{&o.SweepInterval, DefaultSweepInterval},
		{&o.Settle, DefaultSettle},
		{&o.Spacing, DefaultSpacing},
		{&o.Ahead, DefaultAhead},
	} {
		if *d.set <= 0 {
			*d.set = d.zero
		}
	}
	return o
}

// Watcher watches paths for a whole process. It is safe for concurrent use.
type Watcher struct {
	opt Options
	// What the Watcher knows of the machine; tests replace them.
	open   func() (kernel, error)
	look   func(path string) state
	remote func(path string) bool

	kick chan struct{} // wakes the poller

	mu      sync.Mutex
	closed  bool
	kernel  kernel // nil before the first watch and after Close
	watches int
	// looping and polling: the goroutine runs. Each ends by itself, under mu,
	// when it finds no watch.
	looping, polling bool
	targets          map[string]*target
	hooks            map[int32]*hook
	fast             map[*target]struct{} // looked at every PollInterval
	dirty            []*target            // changed, their watches not called yet
	verify           []*target            // to be hooked anew by the poller
	said             map[string]bool      // what was logged already
}

// watch is one call of Watch.
type watch struct {
	changed func()
	stopped atomic.Bool
	due     bool // guarded by Watcher.mu, while the calls are collected
	targets []*target
}

// New returns a Watcher that opens and starts nothing until the first Watch.
func New(o Options) *Watcher {
	return &Watcher{
		opt:     o.withDefaults(),
		open:    openKernel,
		look:    look,
		remote:  remote,
		kick:    make(chan struct{}, 1),
		targets: make(map[string]*target),
		hooks:   make(map[int32]*hook),
		fast:    make(map[*target]struct{}),
		said:    make(map[string]bool),
	}
}

// Watch has changed called after something changed in one of the paths, until
// stop is called. Of a directory that is an entry added, removed or renamed; of
// anything else its content, its attributes and what file the name stands for.
// A path need not exist, it may come and go. Several watches of one path cost
// one kernel watch.
//
// What changed before Watch returned may never be told: the caller looks once
// after it. From then on each change is followed by a call that begins after it.
// There may be calls without a change. In particular a file that was opened for
// writing and closed unchanged counts, so whoever opens for writing what he
// watches first asks (by stat) whether there is anything to do, or calls himself
// for ever.
//
// Calls come from a goroutine that serves all watches, one at a time: changed
// must be quick and must not block. It may call stop. A call that is under way
// when stop is called may end after it.
//
// After Close, Watch does nothing.
func (w *Watcher) Watch(paths []string, changed func()) (stop func()) {
	s := &watch{changed: changed}
	ok, err := w.enter(s, paths)
	if !ok {
		return func() {}
	}
	w.reportBlind(err)
	for _, t := range s.targets {
		t.arming.Lock()
		if !t.armed {
			w.arm(t)
		}
		w.release(t)
	}
	return func() { w.leave(s) }
}

// enter adds s to the targets that paths name and sees that the goroutines run.
// The error says why the kernel will not tell anything; it refuses nothing.
func (w *Watcher) enter(s *watch, paths []string) (ok bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(paths) == 0 {
		return false, nil
	}
	if w.watches == 0 {
		err = w.openKernel()
	}
	w.watches++
	for _, path := range paths {
		t := w.target(filepath.Clean(path))
		if _, twice := t.watches[s]; !twice {
			t.watches[s] = struct{}{}
			s.targets = append(s.targets, t)
		}
	}
	if !w.looping {
		w.looping = true
		go w.loop()
	}
	if !w.polling {
		w.polling = true
		go w.poll()
	}
	return true, err
}

// leave takes s out. Targets that nobody else watches go with it, and with the
// last watch the goroutines.
func (w *Watcher) leave(s *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.stopped.Swap(true) || w.closed {
		return
	}
	for _, t := range s.targets {
		delete(t.watches, s)
		if len(t.watches) == 0 {
			w.forget(t)
		}
	}
	w.watches--
	if w.watches == 0 {
		w.kernel.wake()
		w.kickPoller()
	}
}

// Close ends all watches and gives the inotify instance back. It waits for
// system calls on that instance, not for calls of changed that are under way.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	for _, t := range w.targets {
		for s := range t.watches {
			s.stopped.Store(true)
		}
		t.dead = true
	}
	clear(w.targets)
	clear(w.hooks)
	clear(w.fast)
	w.dirty, w.verify, w.watches = nil, nil, 0
	k := w.kernel
	w.kernel = nil
	w.mu.Unlock()
	w.kickPoller()
	if k == nil {
		return nil
	}
	return k.close()
}

// openKernel opens what tells of changes unless that is open. Where it cannot,
// the paths are polled. mu is held; the caller reports the error after it.
func (w *Watcher) openKernel() error {
	old := w.kernel
	if w.closed || old != nil && !isBlind(old) {
		return nil
	}
	k, err := w.open()
	if err != nil {
		if old == nil {
			w.kernel = newBlind()
		}
		return err
	}
	w.kernel = k
	if old != nil {
		_ = old.close() // which wakes the loop, so that it reads from the new one
	}
	return nil
}

func (w *Watcher) kickPoller() {
	select {
	case w.kick <- struct{}{}:
	default: // it will come anyway
	}
}
