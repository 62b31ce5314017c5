package mailstore

import "context"

// Progress is told how much of a long operation is done, and of how much; total is
// 0 where that is not known. The unit is the operation's own, messages or octets,
// and an operation of several parts begins again with each. It is called by
// whoever does the work, with locks held: it has to return at once and must not
// call the store.
type Progress func(done, total int64)

type progressKey struct{}

// WithProgress returns a context whose operations tell fn how far they are: those
// that may read or change much, as Open, Status, Refresh, Fill, Copy, Move,
// SetFlags, and Expunge. They tell it at most about a hundred times for each of
// their parts.
func WithProgress(ctx context.Context, fn Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, fn)
}

// ProgressOf returns what WithProgress put into a context, else nil. Its methods
// work on nil.
func ProgressOf(ctx context.Context) Progress {
	p, _ := ctx.Value(progressKey{}).(Progress)
	return p
}

// unknownStep is how many units are done from one telling to the next where the
// total is not known.
const unknownStep = 1 << 10

// Track begins to count a part of an operation. It tells the total at once.
func (p Progress) Track(total int64) Tracker {
	t := Tracker{fn: p, total: max(total, 0), step: max(total/100, 1)}
	if total <= 0 {
		t.step = unknownStep
	}
	if p != nil {
		t.tell()
	}
	return t
}

// A Tracker counts what is done. Counting costs nothing beside the work: there is
// no allocation, no clock is read, and nobody is called for most of it. The zero
// value tells nobody.
type Tracker struct {
	fn                      Progress
	done, total, step, next int64
}

// Add counts n units more.
func (t *Tracker) Add(n int64) {
	if t.fn == nil {
		return
	}
	if t.done += n; t.done >= t.next {
		t.tell()
	}
}

func (t *Tracker) tell() {
	t.next = t.done + t.step
	if t.total > 0 {
		t.next = min(t.next, max(t.total, t.done+1))
	}
	t.fn(t.done, t.total)
}
