package fulltext

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"restante/mailstore"
)

// A segment is one that can be read. It holds its messages and where its blocks are, and
// reads those anew each time. It belongs to one goroutine.
type segment struct {
	mailstore.Blob
	name   string
	id     uint64
	docs   docs
	blocks []blockRef
	buf    []byte
}

// A blockRef says where a block is.
type blockRef struct {
	first key
	at    int64
	size  int
}

// openSegment reads what says where everything is. The error is errDamaged or errOther
// for what is of no use to anybody any more.
func openSegment(blob mailstore.Blob, validity uint32, version string) (*segment, error) {
	s := &segment{Blob: blob}
	start, err := s.readHead(validity, version)
	if err != nil {
		return nil, err
	}
	if err := s.readTable(start); err != nil {
		return nil, err
	}
	return s, nil
}

// readHead reads the head and the messages, and returns where the blocks begin.
func (s *segment) readHead(validity uint32, version string) (start int64, err error) {
	head, err := s.read(0, headLen)
	if err != nil {
		return 0, err
	}
	if string(head[:8]) != segmentMagic {
		return 0, errDamaged
	}
	format, valid := le.Uint32(head[8:]), le.Uint32(head[12:])
	s.id = le.Uint64(head[16:])
	n, uids, ver := int64(le.Uint32(head[24:])), int64(le.Uint32(head[28:])), int64(le.Uint32(head[32:]))
	if format != segmentFormat {
		return 0, errOther
	}
	if n > maxDocs || uids > maxDocs*2*binary.MaxVarintLen32 || ver > maxVersion {
		return 0, errDamaged
	}
	if head, err = s.checked(0, headLen+int(ver)+sumLen); err != nil {
		return 0, err
	}
	if valid != validity || string(head[headLen:]) != version {
		return 0, errOther
	}
	at := headLen + ver + sumLen
	list, err := s.checked(at, int(uids)+sumLen)
	if err != nil {
		return 0, err
	}
	if s.docs, err = readDocs(list); err == nil && int64(s.docs.n) != n {
		err = errDamaged
	}
	return at + uids + sumLen, err
}

// readTable reads the end, which says where the blocks are.
func (s *segment) readTable(start int64) error {
	at := s.Len() - footLen
	if at < start {
		return errDamaged
	}
	foot, err := s.checked(at, footLen)
	if err != nil {
		return err
	}
	tableAt, size := int64(le.Uint64(foot)), int64(le.Uint32(foot[8:]))
	if string(foot[12:]) != segmentMagic || tableAt < start || tableAt+size+sumLen != at || size%8 != 0 {
		return errDamaged
	}
	table, err := s.checked(tableAt, int(size)+sumLen)
	if err != nil {
		return err
	}
	s.blocks = make([]blockRef, 0, len(table)/8)
	for last := key(0); len(table) > 0; table = table[8:] {
		b := blockRef{key(le.Uint32(table)), start, int(le.Uint32(table[4:]))}
		if b.first >= maxKeys || b.first < last || b.size <= sumLen || b.size > maxBlock {
			return errDamaged
		}
		s.blocks = append(s.blocks, b)
		start += int64(b.size)
		last = b.first + 1
	}
	if start != tableAt {
		return errDamaged
	}
	return nil
}

// read reads octets, until the next call.
func (s *segment) read(at int64, n int) ([]byte, error) {
	if at+int64(n) > s.Len() {
		return nil, errDamaged
	}
	if cap(s.buf) < n {
		s.buf = make([]byte, max(n, int(min(s.Len(), maxBlock))))
	}
	b := s.buf[:n]
	if m, err := s.ReadAt(b, at); m < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = errDamaged // shorter than it was
		}
		return nil, err
	}
	return b, nil
}

// checked reads octets with their checksum, and returns them without it.
func (s *segment) checked(at int64, n int) ([]byte, error) {
	b, err := s.read(at, n)
	if err != nil {
		return nil, err
	}
	b, sum := b[:n-sumLen], le.Uint32(b[n-sumLen:])
	if checksum(s.id, at, b) != sum {
		return nil, fmt.Errorf("%w: %d octets at %d", errDamaged, n, at)
	}
	return b, nil
}

// entries are what is left of a block.
type entries struct {
	b    []byte
	key  key // of the entry that was read last
	next bool
}

// block reads a block.
func (s *segment) block(i int) (entries, error) {
	b, err := s.checked(s.blocks[i].at, s.blocks[i].size)
	return entries{b: b, key: s.blocks[i].first}, err
}

// read reads the next entry; there is one as long as b is not empty.
func (e *entries) read() (posting, error) {
	gap, i := binary.Uvarint(e.b)
	if i <= 0 || (gap == 0) == e.next || gap >= uint64(maxKeys-e.key) {
		return posting{}, errDamaged
	}
	size, j := binary.Uvarint(e.b[i:])
	rest := e.b[i+max(j, 0):]
	if j <= 0 || size>>1 > uint64(len(rest)) {
		return posting{}, errDamaged
	}
	e.key += key(gap)
	e.next = true
	n := int(size >> 1)
	e.b = rest[n:]
	return posting{rest[:n], size&1 != 0}, nil
}

// find puts the messages that have a gram into docs, which is empty.
func (s *segment) find(k key, found bitset) error {
	i := sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].first > k }) - 1
	if i < 0 {
		return nil
	}
	e, err := s.block(i)
	for err == nil && len(e.b) > 0 {
		var p posting
		if p, err = e.read(); err != nil || e.key > k {
			break
		}
		if e.key == k && !p.each(s.docs.n, found.add) {
			err = errDamaged
		}
	}
	return err
}
