package imapd

import (
	"slices"
	"sync"
	"time"

	"restante/order"
	"restante/search"
)

// memories is what searches and threads have found out in mailboxes, for all sessions
// of a user: programs open several, and again and again, and ask the same in each.
type memories struct {
	mu    sync.Mutex
	kept  map[memoryKey]*boxMemory
	clock uint64      // counts uses
	timer *time.Timer // until the next look at what nobody uses; nil: there is none
}

const (
	// maxMemories is of how many mailboxes a session holds the memory.
	maxMemories = 4
	// memoryIdle is how long a memory stays that no session holds.
	memoryIdle = time.Minute
	// maxMemory is how many octets all memories may have.
	maxMemory = 64 << 20
)

// A memoryKey says which mailbox it is, which must be the same one when it is opened
// again. The name tells mailboxes of different owners apart.
type memoryKey struct {
	user, id, name string
	validity       uint32
}

// A boxMemory is what was found out in a mailbox.
type boxMemory struct {
	key     memoryKey
	search  search.Memory
	threads order.Memory

	// These are guarded by memories.mu.
	holders int
	left    time.Time // when the last one left
	used    uint64    // by memories.clock
	size    int       // when it was weighed last
}

// hold gives the memory of a mailbox, until leave.
func (ms *memories) hold(key memoryKey) *boxMemory {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.kept[key]
	if m == nil {
		m = &boxMemory{key: key}
		if ms.kept == nil {
			ms.kept = make(map[memoryKey]*boxMemory)
		}
		ms.kept[key] = m
	}
	m.holders++
	return m
}

// leave ends a hold.
func (ms *memories) leave(m *boxMemory) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m.holders--; m.holders > 0 {
		return
	}
	if m.left = time.Now(); m.size == 0 {
		delete(ms.kept, m.key)
	} else if ms.timer == nil {
		ms.timer = time.AfterFunc(memoryIdle, ms.tidy)
	}
}

// tidy drops what nobody has held for long.
func (ms *memories) tidy() {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.timer = nil
	next := time.Duration(-1)
	for key, m := range ms.kept {
		if m.holders > 0 {
			continue
		}
		left := memoryIdle - time.Since(m.left)
		switch {
		case left <= 0:
			delete(ms.kept, key)
		case next < 0 || left < next:
			next = left
		}
	}
	if next >= 0 {
		ms.timer = time.AfterFunc(next, ms.tidy)
	}
}

// weigh notes that a memory was used, and lets those that were used longest ago forget
// if there is too much in all.
func (ms *memories) weigh(m *boxMemory) {
	size := m.search.Size() + m.threads.Size()
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.clock++
	m.used, m.size = ms.clock, size
	total := 0
	for _, other := range ms.kept {
		total += other.size
	}
	for total > maxMemory {
		eldest := m
		for _, other := range ms.kept {
			if other.size > 0 && other.used < eldest.used {
				eldest = other
			}
		}
		total -= eldest.size
		eldest.size = 0
		eldest.search.Forget()
		eldest.threads.Forget()
		if eldest == m {
			return
		}
	}
}

// memoryOf gives the memory of a mailbox; it is weighed when it was used.
func (s *session) memoryOf(v *view) *boxMemory {
	if m := v.memory; m != nil && (m.key == memoryKey{} || slices.Contains(s.memories, m)) {
		return m
	}
	id, err := v.box.ObjectID(s.ctx)
	if err != nil {
		v.memory = new(boxMemory) // it cannot be known again
		return v.memory
	}
	key := memoryKey{user: s.user.Name, id: id, name: v.box.Name(), validity: v.box.UIDValidity()}
	i := slices.IndexFunc(s.memories, func(m *boxMemory) bool { return m.key == key })
	if i >= 0 {
		v.memory = s.memories[i]
		s.memories = slices.Delete(s.memories, i, i+1)
	} else {
		v.memory = s.srv.memories.hold(key)
	}
	if len(s.memories) == maxMemories {
		s.srv.memories.leave(s.memories[0])
		s.memories = slices.Delete(s.memories, 0, 1)
	}
	s.memories = append(s.memories, v.memory) // the last one last
	return v.memory
}

// leaveMemories ends the use of all.
func (s *session) leaveMemories() {
	for _, m := range s.memories {
		s.srv.memories.leave(m)
	}
	s.memories = nil
}
