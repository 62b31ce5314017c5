package imap

import "sync"

// Sizes of buffers.
const (
	// idleBuffer is what a Reader holds for itself: enough for most commands.
	idleBuffer = 512
	// bulkBuffer is what a Reader borrows while more than that waits, and a Writer while it writes.
	bulkBuffer = 128 << 10
)

// Buffers lends large buffers to the readers and writers of all connections, so that an idle connection
// holds none. The zero value is ready; it may be used by several goroutines.
type Buffers struct {
	pool sync.Pool
}

func (p *Buffers) get() *[bulkBuffer]byte {
	if b, ok := p.pool.Get().(*[bulkBuffer]byte); ok {
		return b
	}
	return new([bulkBuffer]byte)
}

func (p *Buffers) put(b *[bulkBuffer]byte) { p.pool.Put(b) }
