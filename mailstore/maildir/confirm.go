package maildir

import (
	"hash/maphash"
	"io/fs"
	"iter"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// confirm reads a directory whose time is the known one, because its listing is
// uncertain, and reports whether it has just the names that the index has. So it is
// mostly: our own changes were alone. No name is kept for that, and nothing is looked
// for; in a mailbox of 2000 messages it takes half of what readAll does. When something
// else has changed too, it is false, and as if nothing had been read.
func (m *mailbox) confirm(d *dirState, mtime time.Time, inNew bool) bool {
	if !d.known || !mtime.Equal(d.mtime) || !m.exact || m.reread || m.list.rewrite {
		return false
	}
	if same, err := m.list.unchanged(m.control()); err != nil || !same {
		return false
	}
	if changed, err := m.kw.refresh(m.control()); err != nil || changed {
		m.reread = m.reread || changed // for who reads all
		return false
	}
	m.a.near.drop(m) // it may be another directory by now
	next := d.begin(mtime, time.Now())
	names, ok := m.sumDir(inNew)
	next.cost = time.Since(next.read)
	if !ok || names != m.sumIndex(inNew, names.seed) {
		return false
	}
	next.still = d.still
	*d = next
	return true
}

// nameSum is equal for equal sets of names, whatever their order, and for others with a
// chance of one to 2^64: nobody can know the seed when he makes names.
type nameSum struct {
	seed maphash.Seed
	n    int
	sum  uint64
}

func (s *nameSum) add(hash uint64) {
	s.n++
	s.sum += hash
}

// sumDir is the sum of the names of messages in a directory; ok is false where that
// cannot be told.
func (m *mailbox) sumDir(inNew bool) (s nameSum, ok bool) {
	dir := m.dir() + "/cur"
	if inNew {
		dir = m.dir() + "/new"
	}
	buf := m.a.buffer()
	defer m.a.buffers.Put(buf)
	s.seed, ok = maphash.MakeSeed(), true
	err := fsys.EachName(m.a.fs, dir, *buf, func(name []byte, kind fs.FileMode) bool {
		if kind == fs.ModeIrregular { // not told
			ok = false
			return false
		}
		if kind.IsRegular() && name[0] != '.' { // other names that are not usable are rare, and not confirmed
			s.add(maphash.Bytes(s.seed, name))
		}
		return true
	})
	return s, ok && err == nil
}

// sumIndex is the sum of the names that the index has.
func (m *mailbox) sumIndex(inNew bool, seed maphash.Seed) nameSum {
	s := nameSum{seed: seed}
	m.View(func(records iter.Seq2[mailstore.Record, file]) {
		for _, f := range records {
			if f.inNew == inNew {
				s.add(maphash.String(seed, f.name))
			}
		}
	})
	return s
}
