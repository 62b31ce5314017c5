package mbox

import (
	"errors"
	"io"
)

// windowSize is what a parser holds of the file, whatever the length of its
// lines.
const windowSize = 256 << 10

// window is a buffered view of a file that is read mostly forwards.
type window struct {
	r    io.ReaderAt
	size int64 // the end; what stands behind it is not looked at
	room int64 // how much the buffer shall hold
	buf  []byte
	off  int64 // place of buf[0] in the file
	n    int   // octets of buf that are filled
	err  error // the first failure; from then on everything reads as the end
}

func newWindow(r io.ReaderAt, start, size int64) window {
	return newWindowOf(windowSize, r, start, size)
}

// newWindowOf holds n octets, at least twice what a From line may have.
func newWindowOf(n int64, r io.ReaderAt, start, size int64) window {
	return window{r: r, size: size, room: min(n, max(size-start, 1)+maxFromLine), off: start}
}

// at returns what stands at off: at least need octets, fewer only at the end of
// the file. The slice is good until the next call.
func (w *window) at(off int64, need int) []byte {
	need = int(min(int64(need), w.size-off))
	if need <= 0 || w.err != nil {
		return nil
	}
	if i := off - w.off; i >= 0 && i+int64(need) <= int64(w.n) {
		return w.buf[i:w.n]
	}
	w.fill(off)
	if w.n < need {
		return nil
	}
	return w.buf[:w.n]
}

// held is at for what the window holds already; nil is that it does not.
func (w *window) held(off int64, need int) []byte {
	need = int(min(int64(need), w.size-off))
	if i := off - w.off; need > 0 && i >= 0 && i+int64(need) <= int64(w.n) {
		return w.buf[i:w.n]
	}
	return nil
}

// fill makes off the first octet of the buffer and reads as much as it holds.
func (w *window) fill(off int64) {
	if w.buf == nil {
		w.buf = make([]byte, w.room)
	}
	if i := off - w.off; i >= 0 && i < int64(w.n) {
		w.n = copy(w.buf, w.buf[i:w.n])
	} else {
		w.n = 0
	}
	w.off = off
	want := int(min(int64(len(w.buf)), w.size-off))
	for w.n < want {
		n, err := w.r.ReadAt(w.buf[w.n:want], off+int64(w.n))
		w.n += n
		if err != nil && w.n < want {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the file became shorter while it was read
			}
			w.err, w.n = err, 0
			return
		}
	}
}
