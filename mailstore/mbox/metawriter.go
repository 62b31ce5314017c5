package mbox

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// metaWriter writes literals and table and sums them up.
type metaWriter struct {
	f   io.WriterAt
	off int64
	crc uint32
	buf []byte
	err error
}

func newMetaWriter(f io.WriterAt) *metaWriter { return &metaWriter{f: f, off: journalStart} }

// write appends b and returns where it begins.
func (w *metaWriter) write(b []byte) int64 {
	at := w.off + int64(len(w.buf))
	w.crc = crc32.Update(w.crc, castagnoli, b)
	if w.buf = append(w.buf, b...); len(w.buf) >= 256<<10 {
		w.flush()
	}
	return at
}

func (w *metaWriter) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.f.WriteAt(w.buf, w.off)
	}
	w.off += int64(len(w.buf))
	w.buf = w.buf[:0]
}

// len is the number of octets written so far.
func (w *metaWriter) len() int64 { return w.off + int64(len(w.buf)) - journalStart }

func (w *metaWriter) edits(list []edit) {
	for _, e := range list {
		var b [editSize]byte
		for i, n := range []int64{e.off, e.del, e.ins, e.lit} {
			binary.LittleEndian.PutUint64(b[8*i:], uint64(n))
		}
		w.write(b[:])
	}
}
