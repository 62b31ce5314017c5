package fulltext

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"restante/mailstore"
)

// The format of a segment is in docs/design/fulltext.md.

const (
	segmentMagic  = "restgram"
	segmentFormat = 1
	headLen       = 36 // without the version of the text
	footLen       = 24
	maxVersion    = 1 << 10

	// maxDocs is how many messages a segment may have.
	maxDocs = 1 << 16
	// blockLen is how long a block gets before the next begins.
	blockLen = 16 << 10
	// maxBlock is how long it can be: the last entry may be a bitmap of all messages.
	maxBlock = blockLen + maxDocs/8 + 3*binary.MaxVarintLen64 + sumLen
	sumLen   = 4
)

// A key is a gram in a place: of a header or, with inBody, of a body.
type key uint32

const (
	inBody  key = 1 << 24
	maxKeys     = 1 << 25
)

var (
	errDamaged = errors.New("damaged segment")
	errOther   = errors.New("segment of another mailbox or version")
)

var le = binary.LittleEndian

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is of octets at a place in the file of that number, so that none passes for
// another.
func checksum(id uint64, at int64, b []byte) uint32 {
	var where [16]byte
	le.PutUint64(where[:], id)
	le.PutUint64(where[8:], uint64(at))
	return crc32.Update(crc32.Checksum(where[:], castagnoli), castagnoli, b)
}

// docs are the messages of a segment: the ranks of their UIDs are their numbers.
type docs struct {
	uids mailstore.UIDSet
	rank []int // of the first UID of each range
	n    int
}

func newDocs(uids mailstore.UIDSet) docs {
	d := docs{uids: uids, rank: make([]int, len(uids))}
	for i, r := range uids {
		d.rank[i] = d.n
		d.n += int(r.Last-r.First) + 1
	}
	return d
}

// append appends the UIDs as gaps and lengths of their ranges.
func (d docs) append(dst []byte) []byte {
	last := mailstore.UID(0)
	for _, r := range d.uids {
		dst = binary.AppendUvarint(dst, uint64(r.First-last))
		dst = binary.AppendUvarint(dst, uint64(r.Last-r.First))
		last = r.Last
	}
	return dst
}

// readDocs is the reverse of append.
func readDocs(b []byte) (docs, error) {
	var set mailstore.UIDSet
	last, n := uint64(0), uint64(0)
	for len(b) > 0 {
		gap, i := binary.Uvarint(b)
		if i <= 0 {
			return docs{}, errDamaged
		}
		length, j := binary.Uvarint(b[i:])
		if j <= 0 || gap > math.MaxUint32 || length >= maxDocs {
			return docs{}, errDamaged
		}
		first := last + gap
		last = first + length
		n += length + 1
		if gap == 0 || len(set) > 0 && gap == 1 || last > uint64(mailstore.MaxUID) || n > maxDocs {
			return docs{}, errDamaged
		}
		set = append(set, mailstore.UIDRange{First: mailstore.UID(first), Last: mailstore.UID(last)})
		b = b[i+j:]
	}
	if n == 0 {
		return docs{}, errDamaged
	}
	return newDocs(set), nil
}
