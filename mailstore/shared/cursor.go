package shared

import "restante/mailstore"

// Follow returns the messages, and a cursor that ends when the user may not read
// them any more.
func (b *foreignBox) Follow() ([]mailstore.UID, mailstore.Cursor) {
	uids, in := b.in.Follow()
	if !b.mayRead() {
		uids = nil
	}
	return uids, &cursor{in: in, box: b}
}

// cursor is one whose reader may lose the right to read.
type cursor struct {
	in   mailstore.Cursor
	box  *foreignBox
	stop func() // ends what tells of lists of rights; nil when nothing does
}

// Wake has fn called for what happens to the mailbox and for lists of rights that
// change.
func (c *cursor) Wake(fn func()) {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
	c.in.Wake(fn)
	if fn == nil {
		return
	}
	c.stop = c.box.a.store.changes.listen(fn)
	if c.Err() != nil {
		fn()
	}
}

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
	c.Wake(nil)
	c.in.Close()
}
