package fulltext

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"restante/mailstore"
	"restante/search"
)

// Which mailboxes a Keeper keeps an index of.
type Which uint8

const (
	// Searched mailboxes: those in which a search had to open many messages.
	Searched Which = iota
	// Opened mailboxes: all that somebody selects.
	Opened
)

// Options are what a Keeper works with.
type Options struct {
	// Store opens accounts: the one that sessions use.
	Store  mailstore.Store
	Which  Which
	Logger *slog.Logger // nil is silence
}

// A Keeper brings the indexes of mailboxes up to date, one after the other, in the
// background, and lets searches use them. It is safe for concurrent use. A nil Keeper
// does nothing.
type Keeper struct {
	opt  Options
	wake chan struct{}

	mu      sync.Mutex
	queue   []job
	waiting map[target]bool
	failed  map[target]time.Time // when it failed
}

// A target names a mailbox.
type target struct{ user, mailbox string }

type job struct {
	target
	user mailstore.User
}

const (
	// A mailbox with fewer messages than that, or a search that had to open fewer and
	// smaller ones, needs no index: opening them costs as much as asking it.
	worthMessages = 64
	worthOctets   = 1 << 20
	// maxQueue is how many mailboxes wait at most. Others come when they are searched
	// the next time.
	maxQueue = 10_000
	// retryAfter is how long nothing is tried with a mailbox after a failure.
	retryAfter = time.Hour
	// restFor is how long the Keeper sleeps for what it has worked: so it takes at most
	// a fifth of one processor.
	restFor = 4
)

// New returns a Keeper. Options.Store must be set, and Run be called.
func New(opt Options) *Keeper {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keeper{opt: opt, wake: make(chan struct{}, 1), waiting: make(map[target]bool), failed: make(map[target]time.Time)}
}

// Narrow lets a query, which is for that mailbox, open only what the index does not rule
// out.
func (k *Keeper) Narrow(q *search.Query, box mailstore.Mailbox) {
	if k == nil || !q.Indexable() || box.Status().Messages < worthMessages {
		return
	}
	ix := Open(box)
	defer ix.Close()
	if len(ix.segs) > 0 {
		q.Narrow(ix)
	}
}

// HasSearched tells that a query has been through a mailbox, after Narrow. If it had to open
// much for want of an index, the mailbox gets one soon, or its index what it lacks.
func (k *Keeper) HasSearched(user mailstore.User, box mailstore.Mailbox, q *search.Query) {
	if k == nil || q.Unindexed.Messages < worthMessages && q.Unindexed.Octets < worthOctets {
		return
	}
	k.want(user, box)
}

// HasOpened tells that somebody has selected a mailbox.
func (k *Keeper) HasOpened(user mailstore.User, box mailstore.Mailbox) {
	if k == nil || k.opt.Which != Opened || box.Status().Messages < worthMessages {
		return
	}
	k.want(user, box)
}

// want puts a mailbox into the queue.
func (k *Keeper) want(user mailstore.User, box mailstore.Mailbox) {
	if box.Blobs() == nil {
		return
	}
	j := job{target{user.Name, box.Name()}, user}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting[j.target] || len(k.queue) >= maxQueue {
		return
	}
	if at, failed := k.failed[j.target]; failed && time.Since(at) < retryAfter {
		return
	}
	k.waiting[j.target] = true
	k.queue = append(k.queue, j)
	select {
	case k.wake <- struct{}{}:
	default: // it is awake
	}
}

// Run works until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for k != nil {
		j, ok := k.next()
		if !ok {
			select {
			case <-k.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := k.update(ctx, j)
		if ctx.Err() != nil {
			return
		}
		k.done(j, err)
	}
}

func (k *Keeper) next() (job, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) == 0 {
		return job{}, false
	}
	j := k.queue[0]
	k.queue = k.queue[1:]
	return j, true
}

// done notes how it went.
func (k *Keeper) done(j job, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.waiting, j.target)
	for t, at := range k.failed {
		if t == j.target || time.Since(at) >= retryAfter {
			delete(k.failed, t)
		}
	}
	if err != nil && !isAbsent(err) {
		k.failed[j.target] = time.Now()
		k.opt.Logger.Warn("a mailbox cannot be indexed: searching it will be slow", slog.String("user", j.target.user), slog.String("mailbox", j.mailbox), slog.Any("err", err))
	}
}

// isAbsent reports whether an error says that the mailbox is not there any more, or not any
// more for this user.
func isAbsent(err error) bool {
	for _, absent := range []error{mailstore.ErrNotFound, mailstore.ErrNoSelect, mailstore.ErrGone, mailstore.ErrNoRight} {
		if errors.Is(err, absent) {
			return true
		}
	}
	return false
}

// update opens a mailbox and brings its index up to date.
func (k *Keeper) update(ctx context.Context, j job) error {
	account, err := k.opt.Store.OpenAccount(ctx, j.user)
	if err != nil {
		return err
	}
	defer k.close(account.Close)
	box, err := account.Open(ctx, j.mailbox)
	if err != nil {
		return err
	}
	defer k.close(box.Close)
	r, err := Update(ctx, box, UpdateOptions{Rest: func(worked time.Duration) { rest(ctx, restFor*worked) }})
	k.opt.Logger.Debug("mailbox indexed", slog.String("user", j.target.user), slog.String("mailbox", j.mailbox), slog.Int("added", r.Added),
		slog.Int("messages", r.Messages), slog.Int64("octets", r.Octets), slog.Int("segments", r.Segments), slog.Int("unreadable", r.Unreadable))
	return err
}

func (k *Keeper) close(fn func() error) {
	if err := fn(); err != nil {
		k.opt.Logger.Error("closing failed", slog.Any("err", err))
	}
}

// rest sleeps.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
