package watch

import "time"

// maxDrain bounds how many buffers are read before the calls are made: more
// than the kernel's queue holds by default.
const maxDrain = 256

// loop waits for events, lets a burst settle and calls who watches.
//
// While it settles, or has made as many calls as it may, it does not read, so that 10,000
// deliveries in a second wake it 75 times and not 10,000; the kernel's queue holds 16,384
// events.
func (w *Watcher) loop() {
	var spent time.Time // until when the rounds of calls have used the time up
	for {
		k, wait := w.attend()
		if k == nil {
			return
		}
		events, err := k.read(wait)
		if w.take(k, events, err); len(events) == 0 && !w.isDirty() {
			continue
		}
		time.Sleep(max(w.settle(), time.Until(spent.Add(-w.opt.Ahead))))
		for range maxDrain {
			events, err := k.read(false)
			w.take(k, events, err)
			if len(events) == 0 || err != nil {
				break
			}
		}
		if now := time.Now(); spent.Before(now) {
			spent = now
		}
		spent = spent.Add(w.opt.Spacing)
		w.fire()
	}
}

// attend returns the kernel to read from and whether to wait for it. nil: there
// is no watch, and the loop has ended.
func (w *Watcher) attend() (k kernel, wait bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches == 0 {
		w.looping = false
		return nil, false
	}
	return w.kernel, len(w.dirty) == 0
}

// settle is how long what has changed waits for more. A name in a directory is there at
// once, whole. A file is written in pieces, and whoever writes it has it locked; the same
// goes for a path that is being replaced, and for what others do beside what is watched.
func (w *Watcher) settle() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.dirty {
		if t.verify || !t.seen.dir {
			return w.opt.Settle
		}
	}
	if len(w.dirty) == 0 {
		return w.opt.Settle
	}
	return 0
}

func (w *Watcher) isDirty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.dirty) > 0
}

func (w *Watcher) currentKernel() kernel {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kernel == nil {
		return newBlind() // w is closed
	}
	return w.kernel
}

// take notes what events mean.
func (w *Watcher) take(k kernel, events []event, err error) {
	if err != nil {
		w.dropKernel(k, err)
		return
	}
	overrun := false
	w.mu.Lock()
	if w.kernel == k {
		for i := range events {
			overrun = overrun || events[i].kind == eventOverflow
			w.takeOne(&events[i])
		}
	}
	w.mu.Unlock()
	if overrun && w.sayOnce("overflow") {
		w.opt.Logger.Info("more changes than the kernel keeps, looking at all; the sysctl fs.inotify.max_queued_events may be raised")
	}
}

// takeOne notes one event. mu is held.
func (w *Watcher) takeOne(e *event) {
	if e.kind == eventOverflow {
		// Among the lost events may be that a watch is gone: all are hooked anew.
		for _, t := range w.targets {
			w.doubt(t)
		}
		return
	}
	h := w.hooks[e.wd]
	switch {
	case h == nil: // given back in the meantime
	case e.kind == eventIgnored:
		w.drop(h)
	case len(e.name) > 0:
		for _, t := range h.selfs {
			w.touch(t)
		}
		for _, t := range h.names[string(e.name)] {
			w.doubt(t)
		}
	case e.kind == eventMoved:
		for _, t := range h.selfs {
			w.doubt(t)
		}
		for _, list := range h.names {
			for _, t := range list {
				w.doubt(t)
			}
		}
	default:
		for _, t := range h.selfs {
			w.touch(t)
		}
	}
}

// dropKernel goes over to polling when the kernel cannot be read any more. When
// k is not the kernel any more, that is why.
func (w *Watcher) dropKernel(k kernel, err error) {
	w.mu.Lock()
	if w.kernel != k {
		w.mu.Unlock()
		return
	}
	w.kernel = newBlind()
	for _, h := range w.hooks {
		w.drop(h)
	}
	w.mu.Unlock()
	_ = k.close()
	w.opt.Logger.Error("cannot read from inotify, polling instead", "err", err, "interval", w.opt.PollInterval)
}

// fire calls the watches of all that has changed.
func (w *Watcher) fire() {
	var calls []*watch
	w.mu.Lock()
	for _, t := range w.dirty {
		t.dirty = false
		for s := range t.watches {
			if !s.due {
				s.due = true
				calls = append(calls, s)
			}
		}
	}
	for _, s := range calls {
		s.due = false
	}
	clear(w.dirty)
	w.dirty = w.dirty[:0]
	w.mu.Unlock()
	for _, s := range calls {
		if !s.stopped.Load() {
			s.changed()
		}
	}
}
