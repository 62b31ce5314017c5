package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// The kinds of frames in an index file; docs/design/index.md has their layout.
const (
	frameWords   = 'K'
	frameRecords = 'R'
	frameGone    = 'X'
	frameState   = 'S'
	frameOpen    = 'O'
)

const (
	indexMagic   = "restidx\n"
	indexFormat  = 2
	indexHeader  = 24
	frameHead    = 12
	maxFrame     = 32 << 20 // 1,024 records with data of 64 KB each are more; see blockLen
	windowLen    = 256 << 10
	recordLen    = 40
	goneLen      = 16
	stateLen     = 88
	stateTail    = 8
	blockRecords = 1024
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian

	errDamaged = errors.New("is damaged")
	errFormat  = errors.New("is of another version")
)

func header(id uint64) []byte {
	b := append(make([]byte, 0, indexHeader), indexMagic...)
	b = le.AppendUint32(b, indexFormat)
	b = le.AppendUint32(b, 0)
	return le.AppendUint64(b, id)
}

// ours reports whether a header is that of this format and version.
func ours(header []byte) bool {
	return string(header[:8]) == indexMagic && le.Uint32(header[8:]) == indexFormat
}

// beginFrame appends the head of a frame whose payload the caller appends.
func beginFrame(dst []byte, kind byte) (b []byte, at int) {
	return append(dst, 0, 0, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0), len(dst)
}

// endFrame fills in the head of the frame at the given place. chain is the
// checksum of the frame before; the new one is returned.
func endFrame(b []byte, at int, chain uint32) uint32 {
	le.PutUint32(b[at:], uint32(len(b)-at-frameHead))
	sum := frameSum(chain, b[at:at+frameHead], b[at+frameHead:])
	le.PutUint32(b[at+4:], sum)
	return sum
}

func frameSum(chain uint32, head, payload []byte) uint32 {
	sum := crc32.Update(chain, castagnoli, head[:4])
	sum = crc32.Update(sum, castagnoli, head[8:12])
	return crc32.Update(sum, castagnoli, payload)
}

func appendFrame(dst []byte, kind byte, payload []byte, chain uint32) ([]byte, uint32) {
	b, at := beginFrame(dst, kind)
	b = append(b, payload...)
	return b, endFrame(b, at, chain)
}

// frameReader reads the frames of an index file.
type frameReader struct {
	f     io.Reader
	size  int64 // of the file
	pos   int64 // of the next frame
	chain uint32
	buf   []byte
	r, w  int // unread part of buf
}

// newFrameReader reads the header.
func newFrameReader(f io.Reader, size int64) (*frameReader, error) {
	r := &frameReader{f: f, size: size, buf: make([]byte, min(size, windowLen))}
	b, err := r.ensure(indexHeader)
	if err != nil {
		return nil, err
	}
	switch {
	case len(b) < indexHeader || string(b[:8]) != indexMagic:
		return nil, errDamaged
	case !ours(b):
		return nil, errFormat
	}
	r.chain = checksum(b[:indexHeader])
	r.skip(indexHeader)
	return r, nil
}

// ensure returns at least n unread octets, fewer at the end of the file. They
// are good until the next call.
func (r *frameReader) ensure(n int) ([]byte, error) {
	if r.w-r.r >= n {
		return r.buf[r.r:r.w], nil
	}
	if n > len(r.buf) {
		r.buf = append(make([]byte, 0, n), r.buf[r.r:r.w]...)[:n]
		r.r, r.w = 0, r.w-r.r
	} else if r.r > 0 {
		r.r, r.w = 0, copy(r.buf, r.buf[r.r:r.w])
	}
	for r.w < n {
		m, err := r.f.Read(r.buf[r.w:])
		r.w += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return r.buf[r.r:r.w], nil
}

func (r *frameReader) skip(n int) {
	r.r += n
	r.pos += int64(n)
}

// next returns the next frame. io.EOF means that what follows, if anything,
// is no frame of this file. The payload is good until the next call.
func (r *frameReader) next() (kind byte, payload []byte, err error) {
	head, err := r.ensure(frameHead)
	if err != nil {
		return 0, nil, err
	}
	if len(head) < frameHead {
		return 0, nil, io.EOF
	}
	n := le.Uint32(head)
	if n > maxFrame || int64(n) > r.size-r.pos-frameHead {
		return 0, nil, io.EOF
	}
	b, err := r.ensure(frameHead + int(n))
	if err != nil {
		return 0, nil, err
	}
	if len(b) < frameHead+int(n) {
		return 0, nil, io.EOF
	}
	head, payload = b[:frameHead], b[frameHead:frameHead+int(n)]
	sum := frameSum(r.chain, head, payload)
	if sum != le.Uint32(head[4:]) {
		return 0, nil, io.EOF
	}
	r.chain = sum
	r.skip(frameHead + int(n))
	return head[8], payload, nil
}
