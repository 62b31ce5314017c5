package deflate

import (
	"errors"
	"io"
)

// ErrCorrupt is what a Reader gives for octets that are no DEFLATE stream.
var ErrCorrupt = errors.New("deflate: corrupt input")

const (
	maxWindow = 32 << 10 // how far back a stream may refer
	minWindow = 1 << 10
	// maxPending is how much is decoded before it is handed out; with the longest
	// copy it must not fill the window.
	maxPending = maxWindow / 2
	inputSize  = 2 << 10
	// maxEmptyReads is how often a source may give nothing.
	maxEmptyReads = 100
)

// A Reader decodes a stream. It gives what can be decoded from what the source
// has given so far before it reads from the source again.
//
// An error of the source is passed on, and the next call goes on where this one
// was. Corrupt input ends the Reader with ErrCorrupt, the end of the stream with
// io.EOF.
type Reader struct {
	src      io.Reader
	in       []byte // not yet decoded
	buf      [inputSize]byte
	bits     uint64 // the next nbits bits, lowest first
	nbits    uint
	step     func(*Reader) error // decodes something, or gives errMore and has taken nothing
	final    bool                // the block is the last one
	left     int                 // octets of a stored block
	literals huffman
	dists    huffman

	window        []byte // a ring once it has its full size
	written, read int64  // octets since the beginning
	err           error
}

// NewReader makes a Reader. first are octets that were read from the source
// already; the Reader keeps the slice.
func NewReader(src io.Reader, first []byte) *Reader {
	return &Reader{src: src, in: first, step: (*Reader).block}
}

// errMore: the source has to give more before anything can be decoded.
var errMore = errors.New("more input is needed")

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.read == r.written {
		if r.err != nil {
			return 0, r.err
		}
		switch err := r.decode(min(len(p), maxPending)); {
		case err == errMore && r.read == r.written:
			if err := r.fill(); err != nil {
				return 0, err
			}
		case err != errMore:
			r.err = err
		}
	}
	return r.take(p), nil
}

// decode makes octets until there are so many or the input is used up.
func (r *Reader) decode(want int) error {
	for r.written-r.read < int64(want) {
		if err := r.step(r); err != nil {
			return err
		}
	}
	return nil
}

// take hands out what was decoded.
func (r *Reader) take(p []byte) (n int) {
	for n < len(p) && r.read < r.written {
		at := int(r.read) & (len(r.window) - 1)
		run := r.window[at:min(len(r.window), at+int(r.written-r.read))]
		k := copy(p[n:], run)
		n += k
		r.read += int64(k)
	}
	return n
}

// fill reads from the source.
func (r *Reader) fill() error {
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[:])
		if n > 0 {
			r.in = r.buf[:n]
			return nil // an error comes again
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// have reports whether n bits, 48 at most, are there.
func (r *Reader) have(n uint) bool {
	for r.nbits <= 56 && len(r.in) > 0 {
		r.bits |= uint64(r.in[0]) << r.nbits
		r.in = r.in[1:]
		r.nbits += 8
	}
	return r.nbits >= n
}

// drop takes n bits that are there.
func (r *Reader) drop(n uint) {
	r.bits >>= n
	r.nbits -= n
}

// low gives the lowest n bits without taking them.
func low(bits uint64, n uint) int { return int(bits & (1<<n - 1)) }

// block reads the header of a block (RFC 1951 section 3.2.3).
func (r *Reader) block() error {
	if r.final {
		return io.EOF
	}
	if !r.have(3) {
		return errMore
	}
	last, kind := low(r.bits, 1) == 1, low(r.bits>>1, 2)
	switch kind {
	case 0:
		r.step = (*Reader).storedHeader
	case 1:
		r.fixedCodes()
		r.step = (*Reader).symbol
	case 2:
		r.step = (*Reader).codes
	default:
		return ErrCorrupt
	}
	r.drop(3)
	r.final = last
	return nil
}

// storedHeader reads the length of a block without compression (section 3.2.4).
func (r *Reader) storedHeader() error {
	pad := r.nbits % 8
	if !r.have(pad + 32) {
		return errMore
	}
	r.drop(pad)
	n, check := low(r.bits, 16), low(r.bits>>16, 16)
	if n != check^0xffff {
		return ErrCorrupt
	}
	r.drop(32)
	r.left = n
	r.step = (*Reader).stored
	return nil
}

// stored copies such a block.
func (r *Reader) stored() error {
	if r.left == 0 {
		r.step = (*Reader).block
		return nil
	}
	if r.nbits >= 8 { // octets that were looked at
		r.emit(byte(r.bits))
		r.drop(8)
		r.left--
		return nil
	}
	room := int(maxPending - (r.written - r.read))
	n := min(r.left, len(r.in), room)
	if n == 0 {
		return errMore // there is room, or decode would have ended
	}
	for _, c := range r.in[:n] {
		r.emit(c)
	}
	r.in = r.in[n:]
	r.left -= n
	return nil
}

// emit adds an octet to the window.
func (r *Reader) emit(c byte) {
	if len(r.window) < maxWindow {
		r.grow(1)
	}
	r.window[int(r.written)&(len(r.window)-1)] = c
	r.written++
}

// grow makes the window large enough for n octets more, up to its full size: no
// stream refers to what was not yet sent.
func (r *Reader) grow(n int64) {
	size := max(len(r.window), minWindow)
	for int64(size) < r.written+n && size < maxWindow {
		size *= 2
	}
	if size > len(r.window) {
		r.window = append(make([]byte, 0, size), r.window...)[:size]
	}
}

// Lengths and distances (section 3.2.5).
var (
	lengthBase = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase   = [...]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
		8193, 12289, 16385, 24577}
	distBits = [...]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

const endOfBlock = 256

// symbol decodes an octet, a copy or the end of the block. Nothing is taken of a
// copy whose bits, 48 at most, are not all there.
func (r *Reader) symbol() error {
	r.have(48)
	sym, n, err := r.literals.decode(r.bits, r.nbits)
	switch {
	case err != nil:
		return err
	case sym < endOfBlock:
		r.drop(n)
		r.emit(byte(sym))
		return nil
	case sym == endOfBlock:
		r.drop(n)
		r.step = (*Reader).block
		return nil
	}
	return r.match(sym-endOfBlock-1, n)
}

// match decodes the rest of a copy, whose length code has taken used bits.
func (r *Reader) match(code int, used uint) error {
	if code >= len(lengthBase) {
		return ErrCorrupt
	}
	extra := uint(lengthBits[code])
	length := int(lengthBase[code]) + low(r.bits>>used, extra)
	used += extra
	if used > r.nbits {
		return errMore
	}
	code, n, err := r.dists.decode(r.bits>>used, r.nbits-used)
	switch {
	case err != nil:
		return err
	case code >= len(distBase):
		return ErrCorrupt
	}
	used += n
	extra = uint(distBits[code])
	dist := int64(distBase[code]) + int64(low(r.bits>>used, extra))
	used += extra
	switch {
	case used > r.nbits:
		return errMore
	case dist > r.written:
		return ErrCorrupt
	}
	r.drop(used)
	r.copy(length, dist)
	return nil
}

// copy repeats octets of the window; the two may overlap.
func (r *Reader) copy(length int, dist int64) {
	if len(r.window) < maxWindow {
		r.grow(int64(length))
	}
	mask := len(r.window) - 1
	for range length {
		r.window[int(r.written)&mask] = r.window[int(r.written-dist)&mask]
		r.written++
	}
}
