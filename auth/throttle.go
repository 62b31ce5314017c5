package auth

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// patience says how failures turn into delays.
type patience struct {
	free  int           // failures without a delay
	first time.Duration // the delay after one more; it doubles from there
	most  time.Duration
	queue time.Duration // the longest that an attempt may have to wait in all
	half  time.Duration // in this time without a failure, half of them are forgotten
}

// A user may mistype once; a network, which may be an office or a family, a few
// times more.
func userPatience() patience {
	return patience{1, time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}
}
func netPatience() patience {
	return patience{8, time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}
}

// throttle makes attempts wait by what failed before under the same key. It
// remembers a bounded number of keys, those that failed last.
type throttle struct {
	patience
	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of *failures, those that failed last in front
}

// failures is what is known of one key.
type failures struct {
	key     string
	count   int
	last    time.Time            // when the last failure was
	next    time.Time            // when the next attempt may begin
	guesses [8][sha256.Size]byte // what was tried last, keyed hashes
	newest  int
}

// maxKeys bounds what strangers can make us remember: about 5 MB.
const maxKeys = 10000

func newThrottle(p func() patience) *throttle {
	return &throttle{patience: p(), keys: map[string]*list.Element{}, order: list.New()}
}

// reserve returns how long an attempt has to wait. Attempts under one key that
// come at the same time wait one behind the other, so that opening many
// connections makes guessing no faster; false says that too many wait already.
func (t *throttle) reserve(key string, now time.Time) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.keys[key]
	if !ok {
		return 0, true
	}
	f := e.Value.(*failures)
	d := t.delay(t.remembered(f, now))
	if d == 0 {
		return 0, true
	}
	begin := now
	if f.next.After(now) {
		begin = f.next
	}
	begin = begin.Add(d)
	if begin.Sub(now) > t.queue {
		return 0, false
	}
	f.next = begin
	return begin.Sub(now), true
}

// failure counts a wrong password. A guess that was made before under the key
// is not counted, and false: it is a device with an old password that keeps
// asking, and tells a stranger nothing new.
func (t *throttle) failure(key string, guess [sha256.Size]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	e, ok := t.keys[key]
	if !ok {
		e = t.order.PushFront(&failures{key: key})
		t.keys[key] = e
		t.forgetOldest()
	}
	t.order.MoveToFront(e)
	f := e.Value.(*failures)
	for i := range f.guesses {
		if f.count > 0 && f.guesses[i] == guess {
			return false
		}
	}
	f.count = t.remembered(f, now) + 1
	f.last = now
	f.guesses[f.newest] = guess
	f.newest = (f.newest + 1) % len(f.guesses)
	return true
}

// success forgets what failed under the key.
func (t *throttle) success(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.keys[key]; ok {
		t.order.Remove(e)
		delete(t.keys, key)
	}
}

func (t *throttle) forgetOldest() {
	for len(t.keys) > maxKeys {
		e := t.order.Back()
		t.order.Remove(e)
		delete(t.keys, e.Value.(*failures).key)
	}
}

// remembered is how many failures still count.
func (t *throttle) remembered(f *failures, now time.Time) int {
	halves := int(now.Sub(f.last) / t.half)
	if halves > 30 {
		return 0
	}
	return f.count >> halves
}

func (t *throttle) delay(count int) time.Duration {
	over := count - t.free
	if over <= 0 {
		return 0
	}
	return min(t.first<<min(over-1, 10), t.most)
}
