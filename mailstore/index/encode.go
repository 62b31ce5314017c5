package index

import (
	"restante/mailstore"
)

// A Codec turns the datum of a format into octets and back. Its methods may be
// called by several goroutines.
type Codec[T any] interface {
	// Encode appends the datum, at most 65,535 octets of it.
	Encode(dst []byte, data T) []byte
	// Decode is its reverse. The datum may keep parts of text. recent says that
	// the message has the Recent flag, which the index does not keep.
	Decode(text string) (data T, recent bool, err error)
}

// state is what a state frame tells beside the stamp.
type state struct {
	uidNext   mailstore.UID
	closed    bool
	modSeq    uint64
	goneSince uint64
	summaries summaryState
	messages  uint32
	counts    counts
}

// summaryState says which summaries file counts.
type summaryState struct {
	id    uint64
	end   int64  // behind the last summary
	total uint64 // summaries that were ever written to it
}

// append appends the payload of a state frame. chain is the checksum of the frame
// before: with it, and the length at the end, a state that ends a file can be read
// without what stands in front of it (Peek).
func (s *state) append(dst, stamp []byte, chain uint32) []byte {
	begin := len(dst)
	dst = le.AppendUint32(dst, uint32(s.uidNext))
	closed := byte(0)
	if s.closed {
		closed = 1
	}
	dst = append(dst, closed, 0, 0, 0)
	dst = le.AppendUint64(dst, s.modSeq)
	dst = le.AppendUint64(dst, s.goneSince)
	dst = le.AppendUint64(dst, s.summaries.id)
	dst = le.AppendUint64(dst, uint64(s.summaries.end))
	dst = le.AppendUint64(dst, s.summaries.total)
	c := &s.counts
	for _, n := range []uint32{s.messages, c.seen, c.recent, c.deleted, c.unknownSize, c.unknownSizeWithDeleted} {
		dst = le.AppendUint32(dst, n)
	}
	dst = le.AppendUint64(dst, uint64(c.size))
	dst = le.AppendUint64(dst, uint64(c.deletedSize))
	dst = append(dst, stamp...)
	dst = le.AppendUint32(dst, chain)
	return le.AppendUint32(dst, uint32(len(dst)+4-begin))
}

func parseState(b []byte) (s state, stamp []byte, ok bool) {
	if len(b) < stateLen+stateTail {
		return state{}, nil, false
	}
	s = state{
		uidNext: mailstore.UID(le.Uint32(b)), closed: b[4] == 1, modSeq: le.Uint64(b[8:]), goneSince: le.Uint64(b[16:]),
		summaries: summaryState{id: le.Uint64(b[24:]), end: int64(le.Uint64(b[32:])), total: le.Uint64(b[40:])},
	}
	s.messages = le.Uint32(b[48:])
	s.counts = counts{
		seen: le.Uint32(b[52:]), recent: le.Uint32(b[56:]), deleted: le.Uint32(b[60:]), unknownSize: le.Uint32(b[64:]),
		unknownSizeWithDeleted: le.Uint32(b[68:]), size: int64(le.Uint64(b[72:])), deletedSize: int64(le.Uint64(b[80:])),
	}
	return s, b[stateLen : len(b)-stateTail], s.uidNext > 0 && s.modSeq < 1<<63 && s.summaries.end >= 0
}

// encoder turns state into frames. It knows which keywords the file has.
type encoder[T any] struct {
	codec Codec[T]
	chain uint32
	words map[mailstore.Keywords]uint32
	sets  int // in the file
	last  mailstore.Keywords
	no    uint32
	buf   []byte // finished frames
	data  []byte
}

func newEncoder[T any](codec Codec[T], chain uint32) *encoder[T] {
	return &encoder[T]{codec: codec, chain: chain, words: make(map[mailstore.Keywords]uint32)}
}

func (e *encoder[T]) frame(kind byte, payload []byte) {
	e.buf, e.chain = appendFrame(e.buf, kind, payload, e.chain)
}

// number returns the number that a set of keywords has in the file.
func (e *encoder[T]) number(k mailstore.Keywords) uint32 {
	if k == e.last {
		return e.no
	}
	no := e.words[k]
	if no == 0 && k != (mailstore.Keywords{}) {
		e.frame(frameWords, []byte(k.String()))
		e.sets++
		no = uint32(e.sets)
		e.words[k] = no
	}
	e.last, e.no = k, no
	return no
}

// records appends the frames for some messages, words being their keywords. It
// reports false when a datum is too long: then there can be no index.
func (e *encoder[T]) records(slots []slot[T], words []mailstore.Keywords) bool {
	for len(slots) > 0 {
		n := min(len(slots), blockRecords)
		for _, k := range words[:n] {
			e.number(k)
		}
		if !e.block(slots[:n], words[:n]) {
			return false
		}
		slots, words = slots[n:], words[n:]
	}
	return true
}

func (e *encoder[T]) block(slots []slot[T], words []mailstore.Keywords) bool {
	b, at := beginFrame(e.buf, frameRecords)
	b = le.AppendUint32(b, uint32(len(slots)))
	e.data = e.data[:0]
	for i := range slots {
		s := &slots[i]
		before := len(e.data)
		e.data = e.codec.Encode(e.data, s.data)
		size := len(e.data) - before
		if size > 1<<16-1 {
			return false
		}
		b = le.AppendUint32(b, uint32(s.uid))
		b = le.AppendUint32(b, e.number(words[i]))
		b = le.AppendUint64(b, s.modSeq)
		b = le.AppendUint64(b, uint64(s.date))
		b = le.AppendUint64(b, uint64(s.size))
		b = le.AppendUint32(b, s.summary)
		b = append(b, byte(s.system&^mailstore.Recent), 0)
		b = le.AppendUint16(b, uint16(size))
	}
	b = append(b, e.data...)
	if len(b)-at-frameHead > maxFrame {
		// Halves fit in the end: one record is at most 64 KB.
		half := len(slots) / 2
		return e.block(slots[:half], words[:half]) && e.block(slots[half:], words[half:])
	}
	e.chain = endFrame(b, at, e.chain)
	e.buf = b
	return true
}

func (e *encoder[T]) gone(ranges []goneRange) {
	for len(ranges) > 0 {
		n := min(len(ranges), 1<<14)
		b, at := beginFrame(e.buf, frameGone)
		for _, r := range ranges[:n] {
			b = le.AppendUint32(b, uint32(r.first))
			b = le.AppendUint32(b, uint32(r.last))
			b = le.AppendUint64(b, r.modSeq)
		}
		e.chain = endFrame(b, at, e.chain)
		e.buf, ranges = b, ranges[n:]
	}
}

func (e *encoder[T]) state(s state, stamp []byte) {
	e.frame(frameState, s.append(nil, stamp, e.chain))
}
