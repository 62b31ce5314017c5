package deflate

import (
	"bufio"
	"compress/flate"
	"io"
	"sync"
)

// A Pool lends compressors to the Writers of all connections. The zero Pool is
// ready; it may be used by several goroutines.
type Pool struct{ pool sync.Pool }

// A compressor forgets what it has compressed when it goes to another Writer: a
// stream may at any flush go on without referring to what was before.
type compressor struct {
	deflate *flate.Writer
	out     *bufio.Writer // flate writes a few hundred octets at a time
}

const (
	// level is where more work gains little for mail.
	level = 4
	// outSize is how much is written at once.
	outSize = 16 << 10
	// maxStored is up to what size an answer is sent as it is: a compressor would
	// have nothing to refer to.
	maxStored = 256
)

func (p *Pool) get(dst io.Writer) *compressor {
	c, ok := p.pool.Get().(*compressor)
	if !ok {
		c = &compressor{out: bufio.NewWriterSize(nil, outSize)}
		c.deflate, _ = flate.NewWriter(c.out, level) // fails only for a level that does not exist
	}
	c.out.Reset(dst)
	c.deflate.Reset(c.out)
	return c
}

func (p *Pool) put(c *compressor) {
	c.out.Reset(nil)
	p.pool.Put(c)
}

// A Writer writes a stream. What was written reaches the other end at Flush, or
// earlier when it is much. It belongs to one goroutine at a time. The first error
// of the destination is kept and given by every later call.
type Writer struct {
	dst    io.Writer
	pool   *Pool
	c      *compressor // nil between a Flush and the next large Write
	stored []byte      // what waits without one
	err    error
}

// NewWriter makes a Writer; pool lends it compressors.
func NewWriter(dst io.Writer, pool *Pool) *Writer { return &Writer{dst: dst, pool: pool} }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.c == nil {
		if len(w.stored)+len(p) <= maxStored {
			w.stored = append(w.stored, p...)
			return len(p), nil
		}
		w.c = w.pool.get(w.dst)
		_, w.err = w.c.deflate.Write(w.stored)
		w.stored = w.stored[:0]
	}
	if w.err == nil {
		_, w.err = w.c.deflate.Write(p)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Flush brings all that was written to the other end, with one sync flush. It does
// nothing when nothing was.
func (w *Writer) Flush() error {
	switch {
	case w.err != nil:
	case w.c != nil:
		if w.err = w.c.deflate.Flush(); w.err == nil {
			w.err = w.c.out.Flush()
		}
	case len(w.stored) > 0:
		w.err = w.writeStored()
	}
	w.Release()
	return w.err
}

// writeStored writes a block without compression (RFC 1951 section 3.2.4), and a
// sync flush, which is such a block with nothing in it: compress/flate at the other
// end waits for that. A flush ends at an octet's end, so the block begins at one.
func (w *Writer) writeStored() error {
	n := len(w.stored)
	block := make([]byte, 0, 2*5+maxStored)
	block = append(block, 0, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
	block = append(block, w.stored...)
	_, err := w.dst.Write(append(block, 0, 0, 0, 0xff, 0xff))
	w.stored = w.stored[:0]
	return err
}

// Release gives the compressor back, with what was not flushed lost.
func (w *Writer) Release() {
	if w.c != nil {
		w.pool.put(w.c)
		w.c = nil
	}
	w.stored = w.stored[:0]
}
