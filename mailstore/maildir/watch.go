package maildir

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"restante/mailstore"
)

// lookEvery is how often a watched mailbox is looked at when nobody tells that
// it has changed, or when the last look has failed.
const lookEvery = time.Second

// watching is what Watch needs. It is for all who watch a mailbox together.
type watching struct {
	mu    sync.Mutex
	n     int
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// end waits until nobody looks any more. All who watched have stopped.
func (w *watching) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
	}
	w.ended.Wait()
}

// Watch folds in outside changes soon after they were made, until stop is
// called: within a second where they are looked for, at once where
// Options.Watcher tells of them.
func (m *mailbox) Watch() (stop func()) {
	m.a.near.drop(m) // sessions that wait are many, and need no files open for that
	w := &m.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n++; w.n == 1 {
		var ctx context.Context
		ctx, w.stop = context.WithCancel(context.Background())
		w.ended.Go(func() { m.follow(ctx) })
	}
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.n--; w.n == 0 {
			w.stop()
		}
	})
}

// follow looks at the directories whenever they may have changed.
func (m *mailbox) follow(ctx context.Context) {
	t := told{changed: make(chan struct{}, 1)}
	defer t.stop()
	failed := false
	for {
		t.listen(m)
		again, err := m.lookAgain(ctx)
		if errors.Is(err, mailstore.ErrGone) || ctx.Err() != nil {
			return
		}
		if err != nil && !failed { // once, not each time
			m.a.log.Error("cannot look for new mail", "mailbox", m.Name(), "err", err)
		}
		failed = err != nil
		if t.dir != "" && m.dir() != t.dir {
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

// told is what Options.Watcher tells of the two directories of a mailbox.
type told struct {
	dir     string // "" when nobody tells
	changed chan struct{}
	unwatch func()
}

// listen asks to be told of the directories in which the mailbox stands now.
func (t *told) listen(m *mailbox) {
	w, dir := m.a.watcher, m.dir()
	if w == nil || dir == t.dir {
		return
	}
	t.stop()
	t.dir = dir
	t.unwatch = w.Watch([]string{filepath.Join(dir, "new"), filepath.Join(dir, "cur")}, func() {
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

// lookAgain is Refresh that also says when to look again though nobody tells of
// a change; 0 is never.
func (m *mailbox) lookAgain(ctx context.Context) (again time.Duration, err error) {
	again = lookEvery
	err = m.locked(ctx, "refresh", func() error {
		err := m.refresh(ctx)
		if err == nil && m.a.watcher != nil {
			now := time.Now()
			again = max(m.newDir.restless(now), m.curDir.restless(now))
		}
		return err
	})
	return again, err
}

// restless is how long it takes until another reading of the directory can make
// what we know of it certain, and may be made; 0 when it is certain.
func (d *dirState) restless(now time.Time) time.Duration {
	switch {
	case !d.known:
		return lookEvery
	case d.certain():
		return 0
	}
	return max(margin(d.mtime)-now.Sub(d.seen), rest(d.cost)-now.Sub(d.read), 0) + time.Millisecond
}
