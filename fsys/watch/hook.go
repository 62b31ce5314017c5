package watch

import "slices"

// role is what a hook's inode is to a target.
type role int

const (
	self role = iota
	parent
)

// A hook is one kernel watch, of one inode, and who hangs on it.
type hook struct {
	wd    int32
	selfs []*target
	names map[string][]*target // the entries wanted of a directory; two paths may lead to one
}

// hook hangs t on the inode at path.
//
// The kernel gives the number of the inode first, and t is hung on it after. In
// between another target may give the number back, and then no event ever comes.
// So whoever is the first to know a number asks for it once more, now that it is
// known and nobody else gives it back: another answer means that it was dead.
func (w *Watcher) hook(t *target, r role, path string, dir bool) error {
	k := w.currentKernel()
	wd, err := k.add(path, dir)
	for range tries {
		if err != nil {
			break
		}
		first, hangErr := w.hang(k, t, r, wd)
		if !first {
			return hangErr
		}
		var again int32
		again, err = k.add(path, dir)
		if err == nil && again == wd {
			return nil
		}
		w.lost(k, wd)
		wd = again
	}
	w.unhook(t, r)
	if err == nil {
		err = errUnsteady
	}
	return err
}

// hang hangs t on the hook wd and reports whether it had to make it.
func (w *Watcher) hang(k kernel, t *target, r role, wd int32) (first bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kernel != k {
		return false, errBlind // k was closed meanwhile
	}
	h := w.hooks[wd]
	if t.dead {
		if h == nil {
			k.remove(wd)
		}
		return false, nil
	}
	if first = h == nil; first {
		h = &hook{wd: wd}
		w.hooks[wd] = h
	}
	w.attach(t, r, h)
	return first, nil
}

// attach hangs t on h instead of what it hung on. mu is held.
func (w *Watcher) attach(t *target, r role, h *hook) {
	if t.hooks[r] == h {
		return
	}
	w.detach(t, r)
	t.hooks[r] = h
	if r == self {
		h.selfs = append(h.selfs, t)
		return
	}
	if h.names == nil {
		h.names = make(map[string][]*target)
	}
	h.names[t.base] = append(h.names[t.base], t)
}

// detach takes t from its hook and gives the kernel watch back when it was the
// last. mu is held.
func (w *Watcher) detach(t *target, r role) {
	h := t.hooks[r]
	if h == nil {
		return
	}
	t.hooks[r] = nil
	if r == self {
		h.selfs = without(h.selfs, t)
	} else if rest := without(h.names[t.base], t); len(rest) > 0 {
		h.names[t.base] = rest
	} else {
		delete(h.names, t.base)
	}
	if len(h.selfs)+len(h.names) == 0 {
		delete(w.hooks, h.wd)
		w.kernel.remove(h.wd)
	}
}

func without(list []*target, t *target) []*target {
	return slices.DeleteFunc(list, func(o *target) bool { return o == t })
}

func (w *Watcher) unhook(t *target, r role) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !t.dead {
		w.detach(t, r)
	}
}

// lost gives up a hook that is known to be dead.
func (w *Watcher) lost(k kernel, wd int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hooks[wd]; h != nil && w.kernel == k {
		k.remove(wd)
		w.drop(h)
	}
}

// drop forgets a hook whose kernel watch is gone; its targets are hooked anew
// by the poller. mu is held.
func (w *Watcher) drop(h *hook) {
	delete(w.hooks, h.wd)
	for _, t := range h.selfs {
		t.hooks[self] = nil
		w.doubt(t)
	}
	for _, list := range h.names {
		for _, t := range list {
			t.hooks[parent] = nil
			w.doubt(t)
		}
	}
}
