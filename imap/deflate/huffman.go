package deflate

// A huffman decodes the symbols of one code (RFC 1951 section 3.2.2): those of up
// to fastBits bits by a table, longer ones bit by bit.
type huffman struct {
	count  [maxBits + 1]uint16 // of codes of each length
	symbol [maxSymbols]uint16  // ordered by code
	fast   [1 << fastBits]uint16
}

const (
	maxBits    = 15
	maxSymbols = 288
	fastBits   = 9
)

// init makes the code from the lengths of its symbols' codes, 0 for those that do
// not occur. It reports false for lengths that make none. A code may be incomplete
// only when it has one symbol or none, as zlib has it.
func (h *huffman) init(lengths []uint8) bool {
	*h = huffman{}
	for _, n := range lengths {
		h.count[n]++
	}
	left := 1
	used := len(lengths) - int(h.count[0])
	h.count[0] = 0
	var first, next [maxBits + 1]int // code and place of the first symbol of a length
	code, place := 0, 0
	for n := 1; n <= maxBits; n++ {
		code = (code + int(h.count[n-1])) << 1
		first[n], next[n] = code, place
		place += int(h.count[n])
		if left = left<<1 - int(h.count[n]); left < 0 {
			return false
		}
	}
	if left > 0 && (used > 1 || used == 1 && h.count[1] != 1) {
		return false
	}
	for sym, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbol[next[n]] = uint16(sym)
		next[n]++
		h.fill(first[n], sym, uint(n))
		first[n]++
	}
	return true
}

// fill puts a short code into the table, where its bits stand in the order in
// which they come.
func (h *huffman) fill(code, sym int, n uint) {
	if n > fastBits {
		return
	}
	reversed := 0
	for i := range n {
		reversed |= code >> i & 1 << (n - 1 - i)
	}
	for i := reversed; i < len(h.fast); i += 1 << n {
		h.fast[i] = uint16(sym)<<4 | uint16(n)
	}
}

// decode gives the symbol whose code stands at the beginning of bits, of which
// avail are there, and its length: errMore when the code is not all there.
func (h *huffman) decode(bits uint64, avail uint) (sym int, n uint, err error) {
	if e := h.fast[low(bits, fastBits)]; e != 0 {
		if n = uint(e & 15); n > avail {
			return 0, 0, errMore
		}
		return int(e >> 4), n, nil
	}
	code, first, place := 0, 0, 0
	for n = 1; n <= maxBits; n++ {
		if n > avail {
			return 0, 0, errMore
		}
		code |= low(bits, 1)
		bits >>= 1
		count := int(h.count[n])
		if code-count < first {
			return int(h.symbol[place+code-first]), n, nil
		}
		place += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0, ErrCorrupt
}

// fixedCodes are those of section 3.2.6.
func (r *Reader) fixedCodes() {
	var lengths [maxSymbols]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	r.literals.init(lengths[:])
	for i := range 32 {
		lengths[i] = 5
	}
	r.dists.init(lengths[:32])
}

// codeOrder is the order in which the lengths of the code for lengths come.
var codeOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// A codeReader is where a Reader stands in the codes of a block.
type codeReader struct {
	literals, dists int // how many lengths there are
	lengths         [maxSymbols + 32]uint8
	n               int // how many are read
	code            huffman
}

// codes reads how many lengths a block with its own codes gives (section 3.2.7).
func (r *Reader) codes() error {
	if !r.have(14) {
		return errMore
	}
	c := &codeReader{literals: 257 + low(r.bits, 5), dists: 1 + low(r.bits>>5, 5)}
	count := 4 + low(r.bits>>10, 4)
	if c.literals > 286 || c.dists > 30 {
		return ErrCorrupt
	}
	r.drop(14)
	r.step = func(r *Reader) error { return r.codeLengths(c, count) }
	return nil
}

// codeLengths reads the code in which the lengths are written.
func (r *Reader) codeLengths(c *codeReader, count int) error {
	for ; c.n < count; c.n++ {
		if !r.have(3) {
			return errMore
		}
		c.lengths[codeOrder[c.n]] = uint8(low(r.bits, 3))
		r.drop(3)
	}
	if !c.code.init(c.lengths[:len(codeOrder)]) {
		return ErrCorrupt
	}
	clear(c.lengths[:])
	c.n = 0
	r.step = func(r *Reader) error { return r.lengths(c) }
	return nil
}

// lengths reads the lengths of both codes, which are one list.
func (r *Reader) lengths(c *codeReader) error {
	for c.n < c.literals+c.dists {
		r.have(maxBits + 7)
		sym, n, err := c.code.decode(r.bits, r.nbits)
		if err != nil {
			return err
		}
		if sym < 16 {
			r.drop(n)
			c.lengths[c.n] = uint8(sym)
			c.n++
			continue
		}
		if err := r.repeat(c, sym, n); err != nil {
			return err
		}
	}
	if c.lengths[endOfBlock] == 0 || !r.literals.init(c.lengths[:c.literals]) || !r.dists.init(c.lengths[c.literals:c.n]) {
		return ErrCorrupt
	}
	r.step = (*Reader).symbol
	return nil
}

// repeat reads a run of lengths, whose symbol has taken used bits.
func (r *Reader) repeat(c *codeReader, sym int, used uint) error {
	extra, count, value := uint(2), 3, uint8(0)
	switch sym {
	case 16:
		if c.n == 0 {
			return ErrCorrupt
		}
		value = c.lengths[c.n-1]
	case 17:
		extra = 3
	default:
		extra, count = 7, 11
	}
	count += low(r.bits>>used, extra)
	if used += extra; used > r.nbits {
		return errMore
	}
	if c.n+count > c.literals+c.dists {
		return ErrCorrupt
	}
	r.drop(used)
	for range count {
		c.lengths[c.n] = value
		c.n++
	}
	return nil
}
