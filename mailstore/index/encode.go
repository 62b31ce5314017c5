package index

import (
	"restante/mailstore"
)

// A Codec turns the datum of a format into octets and back. Its methods may be
// called by several goroutines.
type Codec[T any] interface {
	// Encode appends the datum, at most 65,534 octets of it.
	Encode(dst []byte, data T) []byte
	// Decode is its reverse. The datum may keep parts of text.
	Decode(text string) (T, error)
	// Recent says whether a message with this datum has the Recent flag when it is
	// loaded; the index does not keep that.
	Recent(data T) bool
}

// maxDatum is how long a datum may be. A record without one keeps what the message
// has.
const (
	maxDatum = 1<<16 - 2
	noDatum  = 1<<16 - 1
)

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
	for _, n := range []uint32{s.messages, c.seen, c.recent, c.deleted, c.unknownSize, c.unknownSizeWithDeleted, c.summaries} {
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
		unknownSizeWithDeleted: le.Uint32(b[68:]), summaries: le.Uint32(b[72:]), size: int64(le.Uint64(b[76:])), deletedSize: int64(le.Uint64(b[84:])),
	}
	return s, b[stateLen : len(b)-stateTail], s.uidNext > 0 && s.modSeq < 1<<63 && s.summaries.end >= 0
}

// encoder turns state into frames. It knows which keywords the file has.
type encoder[T any] struct {
	codec Codec[T]
	chain uint32
	words map[mailstore.Keywords]uint32
	list  []mailstore.Keywords // of words, in the order of their numbers
	told  int                  // of them, in the file
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
		e.list = append(e.list, k)
		no = uint32(len(e.list))
		e.words[k] = no
	}
	e.last, e.no = k, no
	return no
}

// tell appends the frames of keywords that the file does not have. used says how
// many of the messages in packs have them.
func (e *encoder[T]) tell(used []uint32) {
	for ; e.told < len(e.list); e.told++ {
		n := uint32(0)
		if e.told < len(used) {
			n = used[e.told]
		}
		e.frame(frameWords, append(le.AppendUint32(nil, n), e.list[e.told].String()...))
	}
}

// changed is what a record is now. Without known, its datum is what it was.
type changed[T any] struct {
	slot  slot
	words mailstore.Keywords
	data  T
	known bool
}

// records appends the frames for some messages. It reports false when a datum is
// too long: then there can be no index.
func (e *encoder[T]) records(list []changed[T]) bool {
	for len(list) > 0 {
		n := min(len(list), blockRecords)
		for i := range list[:n] {
			e.number(list[i].words)
		}
		e.tell(nil)
		if !e.block(list[:n]) {
			return false
		}
		list = list[n:]
	}
	return true
}

func (e *encoder[T]) block(list []changed[T]) bool {
	b, at := beginFrame(e.buf, frameRecords)
	b = le.AppendUint32(b, uint32(len(list)))
	e.data = e.data[:0]
	for i := range list {
		size := noDatum
		if list[i].known {
			before := len(e.data)
			e.data = e.codec.Encode(e.data, list[i].data)
			if size = len(e.data) - before; size > maxDatum {
				return false
			}
		}
		s := &list[i].slot
		b = le.AppendUint32(b, uint32(s.uid))
		b = le.AppendUint32(b, e.number(list[i].words))
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
		half := len(list) / 2
		return e.block(list[:half]) && e.block(list[half:])
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
