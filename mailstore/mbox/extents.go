package mbox

import (
	"errors"
	"io"
	"sort"
	"time"

	"restante/mailstore"
)

// extent is a stretch of the file that belongs to what clients see of a message.
type extent struct {
	off int64 // in the file
	at  int64 // in the message
	n   int64
}

// extents are the stretches of one message, in order.
type extents []extent

func (x *extents) add(off, n int64) {
	list := *x
	at := int64(0)
	if k := len(list) - 1; k >= 0 {
		at = list[k].at + list[k].n
		if list[k].off+list[k].n == off {
			list[k].n += n
			return
		}
	}
	if n > 0 {
		*x = append(list, extent{off, at, n})
	}
}

func (x extents) len() int64 {
	if len(x) == 0 {
		return 0
	}
	last := x[len(x)-1]
	return last.at + last.n
}

// messageExtents reads the header of a message and returns what clients see of
// the message, without the fields that the mbox keeps for itself.
func messageExtents(r io.ReaderAt, l loc) (extents, error) {
	var x extents
	end := l.header() + int64(l.hdr)
	if l.hidden == 0 {
		x.add(l.header(), int64(l.hdr)+l.body)
		return x, nil
	}
	p := newParser(r, l.header(), end, time.UTC)
	p.first = false
	p.from.date = 0
	p.shown = x.add
	m := found{loc: loc{off: l.off, from: l.from}, date: mailstore.Unknown}
	var t tally
	if blank := p.header(&m, &t); blank > 0 {
		x.add(end-int64(blank), int64(blank))
	}
	x.add(end, l.body)
	return x, p.w.err
}

// readAt reads the message from r.
func (x extents) readAt(r io.ReaderAt, b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegativeOffset
	}
	total := 0
	i := sort.Search(len(x), func(i int) bool { return x[i].at+x[i].n > off })
	for ; i < len(x) && len(b) > 0; i++ {
		skip := off - x[i].at
		part := b[:min(int64(len(b)), x[i].n-skip)]
		n, err := r.ReadAt(part, x[i].off+skip)
		total += n
		if n < len(part) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return total, err
		}
		b = b[n:]
		off += int64(n)
	}
	if len(b) > 0 {
		return total, io.EOF
	}
	return total, nil
}

var errNegativeOffset = errors.New("negative offset")
