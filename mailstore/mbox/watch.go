package mbox

import (
	"context"
	"sync"
	"time"
)

// watchEvery is how often the file of a watched mailbox is looked at when nobody
// tells that it has changed, or when the last look has failed.
const watchEvery = time.Second

// watcher looks at the file while somebody wants to know.
type watcher struct {
	mu    sync.Mutex
	n     int
	stop  context.CancelFunc
	ended chan struct{}
}

// Watch folds in outside changes soon after they were made, until stop is
// called: within a second where they are looked for, at once where
// Options.Watcher tells of them.
func (m *Mailbox) Watch() (stop func()) {
	w := &m.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n++; w.n == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		w.stop, w.ended = cancel, make(chan struct{})
		go m.follow(ctx, w.ended)
	}
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.n--; w.n == 0 {
			w.stop()
		}
	})
}

// stopAll ends the watch, whoever still has it, and waits until it has ended.
func (w *watcher) stopAll() {
	w.mu.Lock()
	stop, ended := w.stop, w.ended
	w.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
}

// follow looks at the file whenever it may have changed.
func (m *Mailbox) follow(ctx context.Context, ended chan struct{}) {
	defer close(ended)
	var t told
	defer t.stop()
	t.changed = make(chan struct{}, 1)
	failed := false
	for {
		t.listen(m)
		again, err := m.look(ctx)
		if m.gone() != nil {
			return
		}
		if err != nil && ctx.Err() == nil && !failed {
			m.log().Warn("mbox: watching a mailbox failed", "mailbox", m.Name(), "err", err)
		}
		failed = err != nil
		if m.paths().mbox != t.path && t.path != "" {
			continue // it was renamed
		}
		var timer <-chan time.Time
		if again > 0 {
			timer = time.After(again)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.changed:
		case <-timer:
		}
	}
}

// told is what Options.Watcher tells of one file.
type told struct {
	path    string // "" when nobody tells
	changed chan struct{}
	unwatch func()
}

// listen asks to be told of the file that the mailbox stands in now.
func (t *told) listen(m *Mailbox) {
	w, path := m.acct.opt.Watcher, m.paths().mbox
	if w == nil || path == t.path {
		return
	}
	t.stop()
	t.path = path
	t.unwatch = w.Watch([]string{path}, func() {
		select {
		case t.changed <- struct{}{}:
		default:
		}
	})
}

func (t *told) stop() {
	if t.unwatch != nil {
		t.unwatch()
	}
}

// look is Refresh that also says when to look again though nobody tells of a
// change; 0 is never. It opens nothing for writing as long as the file is the
// same, for to close it would be a change too.
func (m *Mailbox) look(ctx context.Context) (again time.Duration, err error) {
	if err := m.begin(ctx); err != nil {
		return watchEvery, err
	}
	defer m.end()
	switch err := m.refresh(ctx); {
	case err != nil:
		return watchEvery, err
	case m.acct.opt.Watcher == nil, m.j != nil && m.j.dirty(), m.owed:
		return watchEvery, nil
	case m.partial:
		return max(time.Until(m.fullAt()), 0) + time.Millisecond, nil
	}
	return 0, nil
}
