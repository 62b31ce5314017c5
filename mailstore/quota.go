package mailstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"restante/gate"
)

// An Amount of mail.
type Amount struct{ Octets, Messages int64 }

// NoLimit says that something is not limited, where 0 would mean that nothing was
// said about it.
const NoLimit = -1

// add is the sum.
func (a Amount) add(b Amount) Amount { return Amount{a.Octets + b.Octets, a.Messages + b.Messages} }

// sub is the difference.
func (a Amount) sub(b Amount) Amount { return Amount{a.Octets - b.Octets, a.Messages - b.Messages} }

// Or takes from b what a does not say.
func (a Amount) Or(b Amount) Amount {
	if a.Octets == 0 {
		a.Octets = b.Octets
	}
	if a.Messages == 0 {
		a.Messages = b.Messages
	}
	return a
}

// A Quota is what an account may hold and what it holds. A field of Limit that is
// not positive is no limit, and then that field of Used is not counted. Octets are
// an estimate of what the mail takes in its format.
type Quota struct{ Limit, Used Amount }

// A Limiter is an Account that can be given limits. All formats are; who opens an
// account for others calls it, and they see only [Account].
type Limiter interface {
	// LimitTo sets what the account may hold: NoLimit for no limit, 0 for what the
	// mail's own files say, if they can. It may be called at any time.
	LimitTo(limit Amount)
}

// WithCredit returns a context for an append or copy of which as much will be
// removed at once afterwards: what replaces a message needs room only for what it
// is larger.
func WithCredit(ctx context.Context, credit Amount) context.Context {
	return context.WithValue(ctx, creditKey{}, credit)
}

type creditKey struct{}

// A Counter counts what an account holds.
type Counter func(ctx context.Context) (Amount, error)

// A Room enforces an account's limits for its format. What is added through it is
// known at once; what is removed, and what other programs do, is found by counting:
// whenever somebody asks for the Quota, before anything is refused, and else when
// the last count is older than a minute. So nobody is refused for mail that is gone,
// and a delivery that was not seen may let an account exceed its limit by as much as
// a minute brings.
//
// A message that is added while a count is running may be counted twice, until the
// next count.
type Room struct {
	rule func(set Amount) (Amount, Counter)

	counting gate.Gate // held while one counts

	mu      sync.Mutex
	set     Amount
	used    Amount    // when it was counted, and what was added since
	held    Amount    // by claims
	counted time.Time // when the last count began
}

// countAge is how long a count is good enough to let something in.
const countAge = time.Minute

// NewRoom makes a Room without limits. rule tells what they are and how to count,
// when LimitTo has set these.
func NewRoom(rule func(set Amount) (Amount, Counter)) *Room {
	return &Room{rule: rule}
}

// LimitTo is Limiter.LimitTo.
func (r *Room) LimitTo(limit Amount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set != limit {
		r.set, r.counted = limit, time.Time{} // what was not limited was not counted
	}
}

// now is what holds now.
func (r *Room) now() (limit Amount, count Counter) {
	r.mu.Lock()
	set := r.set
	r.mu.Unlock()
	limit, count = r.rule(set)
	return Amount{max(limit.Octets, 0), max(limit.Messages, 0)}, count
}

// Quota is Account.Quota.
func (r *Room) Quota(ctx context.Context) (Quota, error) {
	limit, count := r.now()
	if limit == (Amount{}) {
		return Quota{}, nil
	}
	if err := r.count(ctx, count, time.Now()); err != nil {
		return Quota{}, &Error{Op: "count mail", Err: err}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return Quota{Limit: limit, Used: r.used}, nil
}

// count counts, unless somebody has begun to do so after the moment needed.
func (r *Room) count(ctx context.Context, count Counter, needed time.Time) error {
	if r.counting.Lock(ctx) != nil {
		return ctx.Err()
	}
	defer r.counting.Unlock()
	r.mu.Lock()
	fresh := r.counted.After(needed)
	r.mu.Unlock()
	if fresh {
		return nil
	}
	began := time.Now()
	used, err := count(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used, r.counted = used, began
	return nil
}

// Claim begins to ask for room. It is nil, and then asks for nothing, where there
// is no limit. It counts when that has not been done lately.
func (r *Room) Claim(ctx context.Context) (*Claim, error) {
	limit, count := r.now()
	if limit == (Amount{}) {
		return nil, nil
	}
	if err := r.count(ctx, count, time.Now().Add(-countAge)); err != nil {
		return nil, err
	}
	c := &Claim{room: r, ctx: ctx, limit: limit, count: count}
	credit, _ := ctx.Value(creditKey{}).(Amount)
	c.wants = Amount{}.sub(credit)
	return c, nil
}

// A Claim is the room that one append or copy needs, for one goroutine. A nil Claim
// is room without limits.
type Claim struct {
	room  *Room
	ctx   context.Context
	limit Amount
	count Counter
	wants Amount // what was asked for, without the credit
	holds Amount // of the room's held
}

// Add asks for more room. ErrOverQuota when there is none; then it is as if it had
// not been asked for.
func (c *Claim) Add(octets, messages int64) error {
	if c == nil {
		return nil
	}
	asked := time.Now()
	more := Amount{octets, messages}
	err := c.hold(more)
	if err == nil {
		return nil
	}
	if err := c.room.count(c.ctx, c.count, asked); err != nil {
		return err
	}
	return c.hold(more)
}

// hold takes the room, if it is there by what is known.
func (c *Claim) hold(more Amount) error {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	wants := c.wants.add(more)
	others := r.used.add(r.held).sub(c.holds)
	for _, f := range [...]struct {
		what               string
		more, wants, limit int64
		has                int64
	}{
		{"octets", more.Octets, wants.Octets, c.limit.Octets, others.Octets},
		{"messages", more.Messages, wants.Messages, c.limit.Messages, others.Messages},
	} {
		if f.limit > 0 && f.more > 0 && f.wants > 0 && f.wants > f.limit-f.has {
			return fmt.Errorf("%w: %d %s more, and %d are there of %d", ErrOverQuota, f.wants, f.what, f.has, f.limit)
		}
	}
	c.wants = wants
	holds := Amount{max(wants.Octets, 0), max(wants.Messages, 0)}
	r.held = r.held.add(holds).sub(c.holds)
	c.holds = holds
	return nil
}

// Settle tells that what was asked for is stored now.
func (c *Claim) Settle() { c.end(true) }

// Release gives up what was asked for, unless it is stored.
func (c *Claim) Release() { c.end(false) }

func (c *Claim) end(stored bool) {
	if c == nil {
		return
	}
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = r.held.sub(c.holds)
	if stored {
		r.used = r.used.add(c.holds)
	}
	c.holds, c.wants = Amount{}, Amount{}
}
