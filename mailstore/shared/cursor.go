package shared

import "restante/mailstore"

// Follow returns the messages, and a cursor that ends when the user may not read
// them any more.
func (b *foreignBox) Follow() ([]mailstore.UID, mailstore.Cursor) {
	uids, in := b.in.Follow()
	if !b.mayRead() {
		uids = nil
	}
	c := &cursor{in: in, box: b, ready: make(chan struct{}, 1), done: make(chan struct{})}
	changed := make(chan struct{}, 1)
	c.stop = b.a.store.changes.listen(func() { sign(changed) })
	go c.forward(changed)
	return uids, c
}

// cursor is one whose reader may lose the right to read.
type cursor struct {
	in    mailstore.Cursor
	box   *foreignBox
	ready chan struct{}
	done  chan struct{}
	stop  func() // ends what tells of lists of rights
}

// sign gives a sign, unless there is one.
func sign(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// forward gives a sign for what happens to the mailbox and for lists of rights that
// change.
func (c *cursor) forward(changed <-chan struct{}) {
	for {
		select {
		case <-c.in.Ready():
		case <-changed:
			if c.Err() == nil {
				continue
			}
		case <-c.done:
			return
		}
		sign(c.ready)
	}
}

func (c *cursor) Ready() <-chan struct{} { return c.ready }

// Next returns nothing any more when the user may not read.
func (c *cursor) Next() (changes []mailstore.Change, lost bool) {
	if !c.box.mayRead() {
		return nil, false
	}
	return c.in.Next()
}

// Err tells who may not read any more what it tells when the mailbox is gone.
func (c *cursor) Err() error {
	if err := c.in.Err(); err != nil {
		return err
	}
	if !c.box.mayRead() {
		return mailstore.ErrGone
	}
	return nil
}

func (c *cursor) Close() {
	c.stop()
	close(c.done)
	c.in.Close()
}
