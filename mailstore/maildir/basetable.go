package maildir

import "hash/maphash"

// A baseTable finds the entries of a listing by their base names. It holds no names,
// only where entries stand: a listing of a hundred thousand messages has one for a
// moment, and a map of strings is five times as large and as slow.
type baseTable struct {
	seed  maphash.Seed
	slots []uint64 // hash (32 bits) and place + 1 (32 bits), 0 is free; at most half are taken
	n     int
}

func newBaseTable(expect int) baseTable {
	t := baseTable{seed: maphash.MakeSeed()}
	t.grow(expect)
	return t
}

// grow makes room for that many.
func (t *baseTable) grow(expect int) {
	size := max(len(t.slots), 16)
	for size < 2*expect {
		size *= 2
	}
	if size == len(t.slots) {
		return
	}
	old := t.slots
	t.slots = make([]uint64, size)
	for _, s := range old {
		if s != 0 {
			t.slots[t.free(uint32(s>>32))] = s
		}
	}
}

// free is the first free slot for a hash.
func (t *baseTable) free(hash uint32) int {
	mask := len(t.slots) - 1
	i := int(hash) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// hash is that of a base name.
func (t *baseTable) hash(base string) uint32 { return uint32(maphash.String(t.seed, base)) }

// hashBytes is the same for what is not a string.
func (t *baseTable) hashBytes(base []byte) uint32 { return uint32(maphash.Bytes(t.seed, base)) }

// find returns the first place with this hash that is the one looked for.
func (t *baseTable) find(hash uint32, is func(place uint32) bool) (place uint32, found bool) {
	mask := len(t.slots) - 1
	for i := int(hash) & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if s := t.slots[i]; uint32(s>>32) == hash && is(uint32(s)-1) {
			return uint32(s) - 1, true
		}
	}
	return 0, false
}

// add notes a place under a hash; that it is not there yet, the caller has found.
func (t *baseTable) add(hash, place uint32) {
	if t.n++; 2*t.n > len(t.slots) {
		t.grow(t.n)
	}
	t.slots[t.free(hash)] = uint64(hash)<<32 | uint64(place+1)
}
