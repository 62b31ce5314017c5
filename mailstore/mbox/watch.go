package mbox

import (
	"context"
	"sync"
	"time"
)

// watchEvery is how often the file of a watched mailbox is looked at.
const watchEvery = time.Second

// watcher looks at the file while somebody wants to know.
type watcher struct {
	mu    sync.Mutex
	n     int
	stop  context.CancelFunc
	ended chan struct{}
}

// Watch folds in outside changes about once a second until stop is called.
func (m *Mailbox) Watch() (stop func()) {
	w := &m.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n++; w.n == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		w.stop, w.ended = cancel, make(chan struct{})
		go m.poll(ctx, w.ended)
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

func (m *Mailbox) poll(ctx context.Context, ended chan struct{}) {
	defer close(ended)
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := m.Refresh(ctx)
		if m.gone() != nil {
			return
		}
		if err != nil && ctx.Err() == nil && !failed {
			m.log().Warn("mbox: watching a mailbox failed", "mailbox", m.Name(), "err", err)
		}
		failed = err != nil
	}
}
