package watch

import (
	"maps"
	"slices"
	"time"
)

// poll does all that looks paths up while nobody waits for it: it hooks targets
// anew, looks at those that the kernel does not tell of, and now and then at
// all. It waits when a file server does; the loop and Watch do not wait for it.
func (w *Watcher) poll() {
	now := time.Now()
	nextPoll, nextSweep := now.Add(w.opt.PollInterval), now.Add(w.opt.SweepInterval)
	timer := time.NewTimer(w.opt.SweepInterval)
	defer timer.Stop()
	for {
		anew, ok := w.pollWork()
		if !ok {
			return
		}
		for _, t := range anew {
			_ = w.armAgain(t) // which has reported it
		}
		if now = time.Now(); !now.Before(nextSweep) {
			w.sweep()
			nextSweep = now.Add(w.opt.SweepInterval)
		}
		fast := w.fastTargets()
		if !now.Before(nextPoll) {
			for _, t := range fast {
				w.compare(t)
			}
			nextPoll = now.Add(w.opt.PollInterval)
		}
		w.wakeLoop()

		next := nextSweep
		if len(fast) > 0 && nextPoll.Before(next) {
			next = nextPoll
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-w.kick:
		}
	}
}

// pollWork returns the targets to be hooked anew, or false when nobody watches
// anything and the poller has ended.
func (w *Watcher) pollWork() (anew []*target, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches == 0 {
		w.polling = false
		return nil, false
	}
	anew, w.verify = w.verify, nil
	return anew, true
}

func (w *Watcher) fastTargets() []*target {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.fast))
}

// wakeLoop has the loop call whom the poller has found something for.
func (w *Watcher) wakeLoop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dirty) > 0 && w.kernel != nil {
		w.kernel.wake()
	}
}

// armAgain hooks a target anew when there is a doubt about it or the kernel has
// refused it. If somebody else is at it, release sees that it comes back.
func (w *Watcher) armAgain(t *target) error {
	if !t.arming.TryLock() {
		return nil
	}
	defer w.release(t)
	w.mu.Lock()
	needed := (t.verify || t.refused) && !t.dead
	w.mu.Unlock()
	if !needed {
		return nil
	}
	return w.arm(t)
}

// compare looks at a target and at what it was at the last look.
func (w *Watcher) compare(t *target) {
	if !t.arming.TryLock() {
		return // it is being looked at
	}
	defer w.release(t)
	now := w.look(t.path)
	w.mu.Lock()
	if t.dead {
		w.mu.Unlock()
		return
	}
	sameFile := now.sameFile(t.seen)
	switch at := time.Now(); {
	case now != t.seen:
		w.touch(t)
		t.seen, t.echo = now, at.Add(echoAfter)
	case now.blind:
		w.touch(t) // what may have changed counts as changed
	case !t.echo.IsZero() && !at.Before(t.echo):
		w.touch(t)
		t.echo = time.Time{}
	}
	w.mu.Unlock()
	if !sameFile {
		_ = w.arm(t) // which has reported it
	}
}

// sweep looks at every target, which finds what the kernel does not tell of (a
// directory far above renamed, another file system mounted over a path), and
// asks again for what the kernel has refused.
func (w *Watcher) sweep() {
	w.mu.Lock()
	err := w.openKernel()
	all := slices.Collect(maps.Values(w.targets))
	w.mu.Unlock()
	w.reportBlind(err)
	limited := false
	for _, t := range all {
		w.compare(t)
		if !limited {
			limited = isLimit(w.armAgain(t))
		}
	}
	w.mu.Lock()
	relieved := w.said["limit"] && !limited
	if relieved {
		w.said["limit"] = false
	}
	w.mu.Unlock()
	if relieved {
		w.opt.Logger.Info("no path lacks an inotify watch any more")
	}
}
