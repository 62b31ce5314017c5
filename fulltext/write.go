package fulltext

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// A writer writes a segment: the messages first, then the entries in the order of their
// keys.
type writer struct {
	w     io.Writer
	id    uint64
	docs  docs
	at    int64
	block []byte
	first key // of block
	last  key // of all
	table []byte
	err   error
}

// newWriter writes the head of a segment.
func newWriter(w io.Writer, validity uint32, version string, d docs) *writer {
	s := &writer{w: w, id: rand.Uint64(), docs: d}
	uids := d.append(nil)
	head := append(make([]byte, 0, headLen+len(version)), segmentMagic...)
	head = le.AppendUint32(head, segmentFormat)
	head = le.AppendUint32(head, validity)
	head = le.AppendUint64(head, s.id)
	head = le.AppendUint32(head, uint32(d.n))
	head = le.AppendUint32(head, uint32(len(uids)))
	head = le.AppendUint32(head, uint32(len(version)))
	head = append(head, version...)
	s.put(head)
	s.put(uids)
	return s
}

// put writes octets and their checksum.
func (s *writer) put(b []byte) {
	if s.err != nil {
		return
	}
	b = le.AppendUint32(b, checksum(s.id, s.at, b))
	_, s.err = s.w.Write(b)
	s.at += int64(len(b))
}

// add writes an entry.
func (s *writer) add(k key, list []uint16) {
	if len(s.block) >= blockLen {
		s.endBlock()
	}
	if len(s.block) == 0 {
		s.first, s.last = k, k
	}
	s.block = binary.AppendUvarint(s.block, uint64(k-s.last))
	s.block = appendPosting(s.block, list, s.docs.n)
	s.last = k
}

func (s *writer) endBlock() {
	if len(s.block) == 0 {
		return
	}
	s.table = le.AppendUint32(s.table, uint32(s.first))
	s.table = le.AppendUint32(s.table, uint32(len(s.block)+sumLen))
	s.put(s.block)
	s.block = s.block[:0]
}

// end writes what is left.
func (s *writer) end() error {
	s.endBlock()
	foot := le.AppendUint64(make([]byte, 0, footLen), uint64(s.at))
	foot = le.AppendUint32(foot, uint32(len(s.table)))
	foot = append(foot, segmentMagic...)
	s.put(s.table)
	s.put(foot)
	return s.err
}
