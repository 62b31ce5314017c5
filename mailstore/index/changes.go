package index

import (
	"slices"
	"sync"

	"restante/mailstore"
)

// maxLog is how many changes are kept for the slowest cursor before it is told
// that it has lost track: 16 bytes each, 16 MB at most for a mailbox that has a
// session which does not read.
const maxLog = 1 << 20

// changeLog holds the changes that some cursor has not read yet. It is guarded
// by the index's lock.
type changeLog struct {
	changes []mailstore.Change
	base    uint64 // position of changes[0]; positions only rise
	cursors []*cursor
	ended   bool
	// uids are all messages in order, as the sessions share them; nil when they have
	// to be listed anew. What was handed out is never changed.
	uids []mailstore.UID
}

// added notes a new message behind all others.
func (l *changeLog) added(uid mailstore.UID) {
	if l.uids != nil {
		l.uids = append(l.uids, uid)
	}
}

// removed notes that a message is no longer there.
func (l *changeLog) removed() { l.uids = nil }

// add notes a change if anybody listens.
func (l *changeLog) add(c mailstore.Change) {
	if len(l.cursors) == 0 {
		return
	}
	if len(l.changes) == maxLog {
		l.base += uint64(len(l.changes))
		l.changes = nil // cursors that stand before base have lost track
	}
	l.changes = append(l.changes, c)
}

func (l *changeLog) end() uint64 { return l.base + uint64(len(l.changes)) }

// wake gives a sign to every cursor that wants one.
func (l *changeLog) wake() {
	for _, c := range l.cursors {
		if c.fn != nil {
			c.fn()
		}
	}
}

// trim drops what all cursors have read. The array is kept while it is small.
func (l *changeLog) trim() {
	low := l.end()
	for _, c := range l.cursors {
		low = min(low, max(c.pos, l.base))
	}
	switch done := int(low - l.base); {
	case done == len(l.changes) && cap(l.changes) <= 1024:
		l.changes = l.changes[:0]
	case done == len(l.changes):
		l.changes = nil
	case done > len(l.changes)/2:
		l.changes = slices.Clone(l.changes[done:])
	default:
		return
	}
	l.base = low
}

func (l *changeLog) newCursor(mu *sync.RWMutex) *cursor {
	c := &cursor{mu: mu, log: l, pos: l.end()}
	l.cursors = append(l.cursors, c)
	return c
}

// End tells all cursors, also those to come, that the mailbox is gone.
func (x *Index[T]) End() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.log.ended = true
	x.log.wake()
}

// cursor implements mailstore.Cursor.
type cursor struct {
	mu  *sync.RWMutex // the index's
	log *changeLog
	pos uint64
	fn  func() // gives a sign; nil for none
}

// Wake has fn called when there is something to read or the mailbox is gone.
func (c *cursor) Wake(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fn = fn
	if fn != nil && (c.pos != c.log.end() || c.log.ended) {
		fn()
	}
}

// Next returns the changes since the last call.
func (c *cursor) Next() ([]mailstore.Change, bool) {
	c.mu.RLock()
	idle := c.pos == c.log.end()
	c.mu.RUnlock()
	if idle {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.log
	lost := c.pos < l.base
	var changes []mailstore.Change
	if !lost {
		changes = slices.Clone(l.changes[c.pos-l.base:])
	}
	c.pos = l.end()
	l.trim()
	return changes, lost
}

// Err is mailstore.ErrGone after End.
func (c *cursor) Err() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.log.ended {
		return mailstore.ErrGone
	}
	return nil
}

// Close takes the cursor out of the log. Closing twice does nothing.
func (c *cursor) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.log.cursors, c); i >= 0 {
		c.log.cursors = slices.Delete(c.log.cursors, i, i+1)
		c.log.trim()
	}
	if len(c.log.cursors) == 0 {
		c.log.uids = nil
	}
}
