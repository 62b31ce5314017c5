package order

import (
	"hash/maphash"
	"math"
	"slices"
	"sync"

	"restante/mailstore"
)

// A Memory keeps what the headers of a mailbox say about threads, so that no header is
// looked at twice. As the header of a message never changes under one UID and
// UIDVALIDITY, it is never out of date: of threads that are made again only new
// messages are read. It may be used by many goroutines; the zero value is ready.
//
// A message takes about fifty octets.
type Memory struct {
	mu    sync.Mutex
	begun bool
	seed  maphash.Seed // of the hashes in keys
	keys  keys
}

// maxMemory is how many octets a Memory may hold: what would be beyond is not kept.
const maxMemory = 32 << 20

// noDate stands for a header without a date that can be read.
const noDate = math.MinInt64

// A key is what one header says. Texts are known by their hashes.
type key struct {
	date    int64 // when it was sent, or noDate
	subject subject
	// ids are its own id, 0 if it has none, and those that it refers to, the eldest
	// first.
	ids []uint64
}

// keys are those of messages, whose UIDs rise.
type keys struct {
	uids     []mailstore.UID
	dates    []int64
	subjects []subject
	ends     []int // of ids
	ids      []uint64
}

func (k *keys) add(uid mailstore.UID, one key) {
	k.uids = append(k.uids, uid)
	k.dates = append(k.dates, one.date)
	k.subjects = append(k.subjects, one.subject)
	k.ids = append(k.ids, one.ids...)
	k.ends = append(k.ends, len(k.ids))
}

func (k *keys) at(i int) key {
	start := 0
	if i > 0 {
		start = k.ends[i-1]
	}
	return key{k.dates[i], k.subjects[i], k.ids[start:k.ends[i]]}
}

// size is how many octets they take.
func (k *keys) size() int { return len(k.uids)*(4+8+8+8) + len(k.ids)*8 }

// snapshot gives what is kept now, and its seed. What comes later is appended behind, or
// makes keys anew.
func (m *Memory) snapshot() (keys, maphash.Seed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.begun {
		m.begun, m.seed = true, maphash.MakeSeed()
	}
	return m.keys, m.seed
}

// Size is about how many octets are held.
func (m *Memory) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys.size()
}

// Forget drops all that is kept.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = keys{}
}

// keep adds keys, of which some may be known by now.
func (m *Memory) keep(fresh *keys) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := &m.keys
	if len(fresh.uids) == 0 || old.size()+fresh.size() > maxMemory {
		return
	}
	if n := len(old.uids); n > 0 && old.uids[n-1] >= fresh.uids[0] {
		m.keys = merge(old, fresh)
		return
	}
	for i, uid := range fresh.uids {
		old.add(uid, fresh.at(i))
	}
}

// merge makes keys of two, each of which may have some of the other's messages.
func merge(a, b *keys) keys {
	var all keys
	i, j := 0, 0
	for i < len(a.uids) || j < len(b.uids) {
		switch {
		case j == len(b.uids) || i < len(a.uids) && a.uids[i] < b.uids[j]:
			all.add(a.uids[i], a.at(i))
			i++
		case i < len(a.uids) && a.uids[i] == b.uids[j]:
			i++ // they say the same
		default:
			all.add(b.uids[j], b.at(j))
			j++
		}
	}
	return all
}

// A recollection is a walk over what a Memory keeps, and what it is to keep.
type recollection struct {
	memory *Memory
	known  keys
	next   int // in known, behind what was asked for last
	fresh  keys
	last   mailstore.UID
	unsure bool // UIDs did not rise
}

// find gives the key of a message, quickest in the order of UIDs.
func (r *recollection) find(uid mailstore.UID) (key, bool) {
	uids := r.known.uids
	if r.next >= len(uids) || uids[r.next] != uid {
		var found bool
		if r.next, found = slices.BinarySearch(uids, uid); !found {
			return key{}, false
		}
	}
	r.next++
	return r.known.at(r.next - 1), true
}

// learn takes a key that is to be kept.
func (r *recollection) learn(uid mailstore.UID, k key) {
	r.unsure = r.unsure || uid <= r.last
	if r.last = uid; !r.unsure {
		r.fresh.add(uid, k)
	}
}

// end keeps what was learnt.
func (r *recollection) end() {
	if r.memory != nil && !r.unsure {
		r.memory.keep(&r.fresh)
	}
	*r = recollection{}
}
