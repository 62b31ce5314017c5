package index

import (
	"math/bits"
	"slices"

	"restante/mailstore"
)

// A pack holds up to chunkLen records in the form in which they stand in the
// file, which is also the form in which they are kept until one of them changes:
// some octets for each, and any of them can be read by itself.
//
// A field takes as many bits as its largest difference to the smallest value of
// the pack needs, most often none. docs/design/index.md has the layout.
type pack []byte

// The fields of a record, in the order in which they stand.
const (
	fieldUID = iota // less the first UID and the record's place
	fieldSystem
	fieldWords
	fieldModSeq
	fieldDate
	fieldSize
	fieldSummary
	packFields
)

// Where things stand in a pack.
const (
	packUnseen = 2
	packRecent = 4
	packRow    = 6 // bits of a record
	packTop    = 8
	packPlace  = 16
	packLen    = 24
	packSum    = 28
	packBases  = 32
	packWidths = packBases + 8*packFields
	packHead   = packWidths + 8
	packTail   = 8 // so that eight octets can be read wherever a field begins
)

// wholeBits is what one read of eight octets gives wherever it begins.
const wholeBits = 57

// values are the fields of a record as numbers.
type values [packFields]uint64

// valuesOf gives the fields of the record at place j of a pack that begins with the
// UID first.
func valuesOf(s *slot, first mailstore.UID, j int) values {
	return values{
		uint64(s.uid-first) - uint64(j), uint64(s.system), uint64(s.words), s.modSeq, uint64(s.date), uint64(s.size), uint64(s.summary),
	}
}

// A dataRef says where the data of the records of a pack stand.
type dataRef struct {
	place int64
	size  uint32
	sum   uint32
}

// appendPack appends the pack of some records, in the order of their UIDs. top is
// at least their highest mod-sequence.
func appendPack(dst []byte, slots []slot, top uint64, ref dataRef) []byte {
	first := slots[0].uid
	low, high := valuesOf(&slots[0], first, 0), valuesOf(&slots[0], first, 0)
	var unseen, recent uint16
	for j := range slots {
		s := &slots[j]
		for f, v := range valuesOf(s, first, j) { // dates and sizes may be negative
			low[f], high[f] = uint64(min(int64(low[f]), int64(v))), uint64(max(int64(high[f]), int64(v)))
		}
		if !s.has(mailstore.Seen) {
			unseen++
		}
		if s.has(mailstore.Recent) {
			recent++
		}
	}
	low[fieldUID] = 0 // the base is the first UID
	begin, row := len(dst), 0
	var widths [8]byte
	for f := range packFields {
		widths[f] = byte(bits.Len64(high[f] - low[f]))
		row += int(widths[f])
	}
	for _, n := range []uint16{uint16(len(slots)), unseen, recent, uint16(row)} {
		dst = le.AppendUint16(dst, n)
	}
	dst = le.AppendUint64(dst, top)
	dst = le.AppendUint64(dst, uint64(ref.place))
	dst = le.AppendUint32(dst, ref.size)
	dst = le.AppendUint32(dst, ref.sum)
	for f, v := range low {
		if f == fieldUID {
			v = uint64(first)
		}
		dst = le.AppendUint64(dst, v)
	}
	dst = append(dst, widths[:]...)
	dst = append(dst, make([]byte, (len(slots)*row+7)/8+packTail)...)
	p, at := pack(dst[begin:]), 0
	for j := range slots {
		for f, v := range valuesOf(&slots[j], first, j) {
			p.put(at, int(widths[f]), v-low[f])
			at += int(widths[f])
		}
	}
	return dst
}

// put writes a number, where there are zeros, behind that many bits of rows.
func (p pack) put(at, width int, v uint64) {
	if width >= wholeBits {
		p.put(at, 32, v&(1<<32-1))
		p.put(at+32, width-32, v>>32)
		return
	}
	b := p[packHead+at>>3:]
	le.PutUint64(b, le.Uint64(b)|v<<(at&7))
}

// bits reads what put wrote.
func (p pack) bits(at, width int) uint64 {
	if width >= wholeBits {
		return p.bits(at, 32) | p.bits(at+32, width-32)<<32
	}
	return le.Uint64(p[packHead+at>>3:]) >> (at & 7) & (1<<width - 1)
}

// cutPack cuts the first pack from b; it is false where none can be.
func cutPack(b []byte) (p pack, rest []byte, ok bool) {
	if len(b) < packHead {
		return nil, nil, false
	}
	p = pack(b)
	n, row := p.n(), 0
	for _, w := range p[packWidths : packWidths+packFields] {
		if w > 64 {
			return nil, nil, false
		}
		row += int(w)
	}
	size := packHead + (n*row+7)/8 + packTail
	if n == 0 || n > chunkLen || row != p.row() || size > len(b) || p[packWidths+fieldUID] > 32 {
		return nil, nil, false
	}
	p = p[:size:size]
	first := le.Uint64(p[packBases:])
	above := uint64(n-1) + p.bits((n-1)*row, int(p[packWidths]))
	return p, b[size:], first > 0 && first < uint64(mailstore.MaxUID) && first+above < uint64(mailstore.MaxUID) && p.top() < 1<<63
}

func (p pack) n() int      { return int(le.Uint16(p)) }
func (p pack) unseen() int { return int(le.Uint16(p[packUnseen:])) }
func (p pack) recent() int { return int(le.Uint16(p[packRecent:])) }
func (p pack) row() int    { return int(le.Uint16(p[packRow:])) }
func (p pack) top() uint64 { return le.Uint64(p[packTop:]) }

// ref says where the data stand.
func (p pack) ref() dataRef {
	return dataRef{int64(le.Uint64(p[packPlace:])), le.Uint32(p[packLen:]), le.Uint32(p[packSum:])}
}

// moved is a copy of the pack whose data stand elsewhere.
func (p pack) moved(to dataRef) pack {
	c := slices.Clone(p)
	le.PutUint64(c[packPlace:], uint64(to.place))
	le.PutUint32(c[packLen:], to.size)
	le.PutUint32(c[packSum:], to.sum)
	return c
}

// uid is the UID of a record.
func (p pack) uid(j int) mailstore.UID {
	first := mailstore.UID(le.Uint64(p[packBases:])) + mailstore.UID(j)
	if w := int(p[packWidths]); w > 0 {
		first += mailstore.UID(p.bits(j*p.row(), w))
	}
	return first
}

func (p pack) last() mailstore.UID { return p.uid(p.n() - 1) }

// system are the system flags of a record.
func (p pack) system(j int) mailstore.System {
	at := j*p.row() + int(p[packWidths])
	return mailstore.System(le.Uint64(p[packBases+8*fieldSystem:]) + p.bits(at, int(p[packWidths+fieldSystem])))
}

// having is that of the piece.
func (p pack) having(dst []mailstore.UID, all, none mailstore.System) []mailstore.UID {
	n, row, at, width := p.n(), p.row(), int(p[packWidths]), int(p[packWidths+fieldSystem])
	base := le.Uint64(p[packBases+8*fieldSystem:])
	switch {
	case none&mailstore.Seen != 0 && p.unseen() == 0:
		return dst
	case width > 0:
	case mailstore.System(base)&(all|none) == all: // as they are all alike
		return p.uids(dst)
	default:
		return dst
	}
	for j := range n {
		if mailstore.System(base+p.bits(j*row+at, width))&(all|none) == all {
			dst = append(dst, p.uid(j))
		}
	}
	return dst
}

// changed is that of the piece.
func (p pack) changed(j int, since uint64) int {
	n, row, at := p.n(), p.row(), 0
	for _, w := range p[packWidths : packWidths+fieldModSeq] {
		at += int(w)
	}
	base, width := le.Uint64(p[packBases+8*fieldModSeq:]), int(p[packWidths+fieldModSeq])
	for j < n && base+p.bits(j*row+at, width) <= since {
		j++
	}
	return j
}

// at is one record.
func (p pack) at(j int) (s slot) {
	r := p.reader()
	r.read(&s, j)
	return s
}

// A packReader reads many records of a pack.
type packReader struct {
	pack pack
	row  int
	base values
	mask values
	bits [packFields]uint8
}

func (p pack) reader() packReader {
	r := packReader{pack: p, row: p.row()}
	head := (*[packHead]byte)(p)
	for f := range packFields {
		r.base[f] = le.Uint64(head[packBases+8*f:])
		r.bits[f] = head[packWidths+f]
		r.mask[f] = 1<<r.bits[f] - 1
	}
	return r
}

func (r *packReader) read(s *slot, j int) {
	if r.row > wholeBits {
		r.readWide(s, j)
		return
	}
	// As nearly always: one read has all fields.
	all := le.Uint64(r.pack[packHead+j*r.row>>3:]) >> (j * r.row & 7)
	s.uid = mailstore.UID(r.base[fieldUID]+all&r.mask[fieldUID]) + mailstore.UID(j)
	all >>= r.bits[fieldUID] & 63
	s.system = mailstore.System(r.base[fieldSystem] + all&r.mask[fieldSystem])
	all >>= r.bits[fieldSystem] & 63
	s.words = uint32(r.base[fieldWords] + all&r.mask[fieldWords])
	all >>= r.bits[fieldWords] & 63
	s.modSeq = r.base[fieldModSeq] + all&r.mask[fieldModSeq]
	all >>= r.bits[fieldModSeq] & 63
	s.date = int64(r.base[fieldDate] + all&r.mask[fieldDate])
	all >>= r.bits[fieldDate] & 63
	s.size = int64(r.base[fieldSize] + all&r.mask[fieldSize])
	all >>= r.bits[fieldSize] & 63
	s.summary = uint32(r.base[fieldSummary] + all&r.mask[fieldSummary])
}

func (r *packReader) readWide(s *slot, j int) {
	v, at := r.base, j*r.row
	for f, n := range r.bits {
		v[f] += r.pack.bits(at, int(n))
		at += int(n)
	}
	*s = slot{
		uid: mailstore.UID(v[fieldUID]) + mailstore.UID(j), system: mailstore.System(v[fieldSystem]), words: uint32(v[fieldWords]),
		modSeq: v[fieldModSeq], date: int64(v[fieldDate]), size: int64(v[fieldSize]), summary: uint32(v[fieldSummary]),
	}
}

// slots appends all records.
func (p pack) slots(dst []slot) []slot {
	r := p.reader()
	for j := range p.n() {
		dst = append(dst, slot{})
		r.read(&dst[len(dst)-1], j)
	}
	return dst
}

// uids appends the UIDs of all records.
func (p pack) uids(dst []mailstore.UID) []mailstore.UID {
	first, row, w, n := mailstore.UID(le.Uint64(p[packBases:])), p.row(), int(p[packWidths]), p.n()
	for j := range n {
		uid := first + mailstore.UID(j)
		if w > 0 {
			uid += mailstore.UID(p.bits(j*row, w))
		}
		dst = append(dst, uid)
	}
	return dst
}
