package index

import (
	"slices"

	"restante/mailstore"
)

// PutSummary keeps a summary of a message. One that is empty or longer than
// MaxSummary is not kept, nor one of a message that is not there.
func (s *Store[T]) PutSummary(uid mailstore.UID, content []byte) {
	if len(content) == 0 || len(content) > MaxSummary || s.x == nil {
		return
	}
	if _, found := s.x.Record(uid); !found {
		return
	}
	d := s.writable()
	place := d.add(uid, content)
	if place == 0 {
		return
	}
	x := s.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if m := x.entries.edit(uid, 0); m != nil && s.sums.cur.Load() == d {
		x.setSummary(m, place)
		x.journal.touch(uid, x.entries.n)
	}
}

func (x *Index[T]) setSummary(m *slot, place uint32) {
	x.count(m, -1)
	m.summary = place
	x.count(m, 1)
}

// writable returns the file that counts, a new one if there is none that can be
// used.
func (s *Store[T]) writable() *summaries {
	if d := s.sums.cur.Load(); d != nil && d.ready() {
		return d
	}
	x := s.x
	x.mu.Lock()
	defer x.mu.Unlock()
	old := s.sums.cur.Load()
	if old != nil && (!old.wasLost() || old.ready()) {
		return old // a file that broke in our hands stays broken
	}
	fresh := s.sums.create()
	s.sums.cur.Store(fresh)
	x.dropSummaries()
	x.journal.all = true
	x.journal.mark()
	return fresh
}

// wasLost reports whether a file that was expected could not be opened, so that
// another may take its place.
func (d *summaries) wasLost() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.dead && d.f == nil && !d.fresh && !d.closed
}

// Summary returns a copy of the summary of a message.
func (s *Store[T]) Summary(uid mailstore.UID) ([]byte, bool) {
	r := s.Summaries()
	content, ok := r.Get(uid)
	return slices.Clone(content), ok
}

// HasSummary reports whether a summary is known, without looking whether it can
// be read.
func (s *Store[T]) HasSummary(uid mailstore.UID) bool {
	place, _ := s.place(uid)
	return place != 0
}

// Summaries returns a reader for many summaries. It is for one goroutine.
func (s *Store[T]) Summaries() *SummaryReader[T] { return &SummaryReader[T]{s: s} }

// place returns where the summary of a message is, and in which file.
func (s *Store[T]) place(uid mailstore.UID) (uint32, *summaries) {
	if s.x == nil {
		return 0, nil
	}
	s.x.mu.RLock()
	defer s.x.mu.RUnlock()
	m, _ := s.x.entries.get(uid)
	if m.summary == 0 {
		return 0, nil
	}
	return m.summary, s.sums.cur.Load()
}

// A SummaryReader reads summaries, quickest in the order of their UIDs.
type SummaryReader[T any] struct {
	s     *Store[T]
	d     *summaries // that window is of
	buf   []byte
	start int64 // of what buf holds
	ahead int   // how much to read at once
}

const (
	minAhead = 4 << 10
	maxAhead = 128 << 10
)

// Get returns the summary of a message. It is good until the next Get.
func (r *SummaryReader[T]) Get(uid mailstore.UID) ([]byte, bool) {
	place, d := r.s.place(uid)
	if place == 0 || d == nil || !d.ready() {
		return nil, false
	}
	if d != r.d {
		r.d, r.buf, r.ahead = d, r.buf[:0], 0
	}
	at := int64(place) * summaryUnit
	head := r.window(at, summaryHead)
	if head == nil || mailstore.UID(le.Uint32(head[4:])) != uid || le.Uint32(head[8:]) > MaxSummary {
		return nil, false
	}
	all := r.window(at, summaryHead+int(le.Uint32(head[8:])))
	if all == nil || checksum(all[4:]) != le.Uint32(all) {
		return nil, false
	}
	return all[summaryHead:], true
}

// window returns n octets at a place, nil if there are fewer. Whoever reads on
// where the last reading ended gets more and more of it at once.
func (r *SummaryReader[T]) window(at int64, n int) []byte {
	end := r.start + int64(len(r.buf))
	if at < r.start || at+int64(n) > end {
		if at >= r.start && at <= end+minAhead {
			r.ahead = min(2*r.ahead, maxAhead)
		} else {
			r.ahead = minAhead
		}
		want := max(n, r.ahead, minAhead)
		if cap(r.buf) < want {
			r.buf = make([]byte, 0, want)
		}
		m, _ := r.d.readAt(r.buf[:want], at) // what is missing is missing
		r.start, r.buf = at, r.buf[:m]
	}
	if i := at - r.start; i+int64(n) <= int64(len(r.buf)) {
		return r.buf[i : i+int64(n)]
	}
	return nil
}

// minDead is how many summaries must be of no use before a file is written anew.
const minDead = 1000

// keepSummaries writes what waits, and copies the summaries of living messages
// to another file when most are of dead ones, or when the file has lost its
// name. It reports whether places have changed.
func (s *Store[T]) keepSummaries() bool {
	d := s.sums.cur.Load()
	if d == nil {
		return false
	}
	if err := d.flush(); err != nil {
		s.fail("write", err)
	}
	s.x.mu.RLock()
	live := uint64(s.x.counts.summaries)
	s.x.mu.RUnlock()
	d.mu.RLock()
	wasted, usable := d.total > 2*live+minDead, d.f != nil && !d.dead
	d.mu.RUnlock()
	if !usable || !wasted && d.isNamed() {
		return false
	}
	return s.copySummaries(d)
}

// moved is a summary that has been copied.
type moved struct {
	uid      mailstore.UID
	from, to uint32
}

func (s *Store[T]) copySummaries(old *summaries) bool {
	fresh := s.sums.create()
	list := s.copyTo(fresh)
	if err := fresh.flush(); err != nil || fresh.dead {
		s.fail("write", err)
		_ = fresh.close() // nothing of it counts
		return false
	}
	x := s.x
	x.mu.Lock()
	for i := range x.entries.list {
		slots := x.entries.list[i].open()
		for j := range slots {
			m := &slots[j]
			for len(list) > 0 && list[0].uid < m.uid {
				list = list[1:]
			}
			place := uint32(0) // put meanwhile: it will be asked for again
			if len(list) > 0 && list[0].uid == m.uid && list[0].from == m.summary {
				place = list[0].to
			}
			if m.summary != place {
				x.setSummary(m, place)
			}
		}
	}
	s.sums.cur.Store(fresh)
	s.sums.other = true
	x.mu.Unlock()
	_ = old.close() // it was read to its end
	return true
}

// copyTo copies the summaries of living messages in the order of their UIDs.
func (s *Store[T]) copyTo(fresh *summaries) []moved {
	var list []moved
	r := s.Summaries()
	uids := make([]moved, 0, blockRecords)
	for first := mailstore.UID(1); ; {
		uids = uids[:0]
		s.x.mu.RLock()
		for p, j := range s.x.entries.from(first, mailstore.MaxUID) {
			if len(uids) == cap(uids) {
				break
			}
			m := p.at(j)
			uids = append(uids, moved{uid: m.uid, from: m.summary})
		}
		s.x.mu.RUnlock()
		if len(uids) == 0 {
			return list
		}
		for _, m := range uids {
			if m.from == 0 {
				continue
			}
			if content, ok := r.Get(m.uid); ok {
				m.to = fresh.add(m.uid, content)
				list = append(list, m)
			}
		}
		first = uids[len(uids)-1].uid + 1
	}
}
