package imapd

import (
	"slices"

	"restante/search"
)

// maxMemories is of how many mailboxes a session remembers what searches found out.
const maxMemories = 4

// A boxMemory is what searches found out in a mailbox, which must be the same one when
// it is opened again.
type boxMemory struct {
	id       string
	validity uint32
	name     string
	memory   search.Memory
}

// memoryOf gives the memory of a mailbox: that of the last time if this session had it
// open not long ago, as clients that go to and fro between mailboxes search the same
// in each.
func (s *session) memoryOf(v *view) *search.Memory {
	if v.memory != nil {
		return v.memory
	}
	m := &boxMemory{validity: v.box.UIDValidity(), name: v.box.Name()}
	v.memory = &m.memory
	var err error
	if m.id, err = v.box.ObjectID(s.ctx); err != nil {
		return v.memory // it cannot be known again
	}
	if i := slices.IndexFunc(s.memories, m.same); i >= 0 {
		m = s.memories[i]
		v.memory = &m.memory
		s.memories = slices.Delete(s.memories, i, i+1)
	}
	if len(s.memories) == maxMemories {
		s.memories = slices.Delete(s.memories, 0, 1)
	}
	s.memories = append(s.memories, m) // the last one last
	return v.memory
}

// same reports whether two are of one mailbox, and so of the same messages. The name
// tells mailboxes of different users apart.
func (m *boxMemory) same(other *boxMemory) bool {
	return m.id == other.id && m.validity == other.validity && m.name == other.name
}
