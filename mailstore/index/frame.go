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
	framePacks   = 'P'
	frameRecords = 'R'
	frameGone    = 'X'
	frameState   = 'S'
	frameOpen    = 'O'
)

const (
	indexMagic   = "restidx\n"
	indexFormat  = 3
	indexHeader  = 32
	frameHead    = 12
	maxFrame     = 32 << 20 // 1,024 records with data of 64 KB each are more; see encoder.block
	windowLen    = 16 << 10
	writeLen     = 256 << 10 // how much is written at once
	packsLen     = 1 << 20   // of a frame of packs, about
	wordsLen     = 4
	recordLen    = 40
	goneLen      = 16
	stateLen     = 92
	stateTail    = 8
	blockRecords = 1024
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian

	errDamaged = errors.New("is damaged")
	errFormat  = errors.New("is of another version")
)

// header is the beginning of a file; data stand between it and the place frames.
func header(id uint64, frames int64) []byte {
	b := append(make([]byte, 0, indexHeader), indexMagic...)
	b = le.AppendUint32(b, indexFormat)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, id)
	return le.AppendUint64(b, uint64(frames))
}

// dataSeed is what the checksums of the data in a file begin with: two files never
// have the same.
func dataSeed(header []byte) uint32 { return checksum(header[:24]) }

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
	f      io.ReaderAt
	size   int64  // of the file
	pos    int64  // of the next frame
	seed   uint32 // of the checksums of data
	frames int64  // where the first frame stands, behind the data
	chain  uint32
	buf    []byte
	r, w   int // unread part of buf
}

// newFrameReader reads the header.
func newFrameReader(f io.ReaderAt, size int64) (*frameReader, error) {
	r := &frameReader{f: f, size: size, buf: make([]byte, min(size, windowLen))}
	b := r.buf[:min(size, indexHeader)]
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case len(b) < indexHeader || string(b[:8]) != indexMagic:
		return nil, errDamaged
	case !ours(b):
		return nil, errFormat
	}
	r.seed, r.chain, r.frames = dataSeed(b), checksum(b), int64(le.Uint64(b[24:]))
	if r.frames < indexHeader || r.frames > size {
		return nil, errDamaged
	}
	r.pos = r.frames
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
	m, err := r.f.ReadAt(r.buf[r.w:], r.pos+int64(r.w-r.r))
	r.w += m
	if err != nil && err != io.EOF {
		return nil, err
	}
	return r.buf[r.r:r.w], nil
}

// next returns the next frame. io.EOF means that what follows, if anything,
// is no frame of this file. A payload of packs stays as it is, any other is good
// until the next call.
func (r *frameReader) next() (kind byte, payload []byte, err error) {
	head, err := r.ensure(frameHead)
	if err != nil {
		return 0, nil, err
	}
	if len(head) < frameHead {
		return 0, nil, io.EOF
	}
	n := int(le.Uint32(head))
	if n > maxFrame || int64(n) > r.size-r.pos-frameHead {
		return 0, nil, io.EOF
	}
	if kind = head[8]; kind == framePacks {
		payload, err = r.keep(n)
	} else if payload, err = r.ensure(frameHead + n); len(payload) >= frameHead+n {
		payload = payload[frameHead : frameHead+n]
	}
	if err != nil {
		return 0, nil, err
	}
	if len(payload) < n {
		return 0, nil, io.EOF
	}
	head = r.buf[r.r:][:frameHead]
	sum := frameSum(r.chain, head, payload)
	if sum != le.Uint32(head[4:]) {
		return 0, nil, io.EOF
	}
	r.chain = sum
	r.pos += int64(frameHead + n)
	r.r = min(r.r+frameHead+n, r.w)
	return kind, payload, nil
}

// keep reads a payload of n octets into memory of its own, fewer at the end of the
// file.
func (r *frameReader) keep(n int) ([]byte, error) {
	b := make([]byte, n)
	have := copy(b, r.buf[r.r+frameHead:r.w])
	if have == n {
		return b, nil
	}
	m, err := r.f.ReadAt(b[have:], r.pos+frameHead+int64(have))
	if err == io.EOF {
		err = nil
	}
	return b[:have+m], err
}
