package index

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"restante/mailstore"
)

// Load fills x, which is new and has no messages, with what was saved, and
// attaches it: from now on the Store notes what changes in it. x was made with a
// mod-sequence above all that were ever handed out, as far as its maker knows.
//
// judge is shown the stamp of the last Save, when all else is in order, and told
// whether its state is open, so that more may have changed since than it knows. Load
// returns its verdict; with Useless, or when nothing could be loaded, x is as empty
// as before. With Behind the format has to fold in what changed.
func (s *Store[T]) Load(x *Index[T], judge func(stamp []byte, open bool) Verdict) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	verdict, err := s.load(x, judge)
	loaded := mailstore.UID(0)
	if verdict == Useless {
		x.clear()
		s.discard()
	} else {
		loaded = x.UIDNext()
	}
	if err := s.blobs.begin(loaded); err != nil {
		s.fail("remove", err)
	}
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errFormat), errors.Is(err, errDamaged):
		s.log.Info("index is built anew", "dir", s.opt.Dir, "err", err)
	default:
		s.fail("read", err)
	}
	s.attach(x, verdict)
	return verdict
}

func (s *Store[T]) attach(x *Index[T], verdict Verdict) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.x = x
	trusted := verdict != Useless && !s.open
	if verdict != Useless && !trusted {
		x.renumber()
	}
	// With nothing usable on disk there is nothing that must be marked, unless
	// what was removed may come back.
	s.marked.Store(verdict == Useless && !s.stale)
	x.journal = &journal{wake: s.wake, gone: x.gone.end()}
	x.before = s.Mark
	if !trusted {
		x.journal.all = true
	}
}

// renumber gives every message the mod-sequence of the index: what was told of
// them before is not known.
func (x *Index[T]) renumber() {
	for i := range x.entries.list {
		p := &x.entries.list[i]
		slots := p.open()
		p.top.raiseFrom(0, x.modSeq)
		for j := range slots {
			slots[j].modSeq = x.modSeq
		}
	}
	x.gone.forget(x.modSeq)
}

func (x *Index[T]) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	fresh := New[T](1, x.modSeq)
	x.entries, x.words, x.uidNext, x.counts, x.gone = fresh.entries, fresh.words, fresh.uidNext, fresh.counts, fresh.gone
}

// clockMargin is added to the highest mod-sequence that is known where higher
// ones may have been handed out and the clock does not tell.
const clockMargin = 1 << 20

// epoch is the mod-sequence to begin with: the maker's, which is the clock, unless that
// was set back behind what was saved. To run ahead of the clock without need would
// take its meaning from the next epoch, should the index be lost by then.
func epoch(made, saved uint64, open bool) uint64 {
	switch {
	case made > saved:
		return made
	case open:
		return saved + clockMargin
	}
	return saved
}

func (s *Store[T]) load(x *Index[T], judge func([]byte, bool) Verdict) (Verdict, error) {
	// A file that cannot be written could not be marked either.
	f, err := s.opt.FS.OpenFile(filepath.Join(s.opt.Dir, indexName), os.O_RDWR, 0)
	if err != nil {
		return Useless, err
	}
	file := &dataFile[T]{codec: s.opt.Codec, restore: s.opt.Restore, log: s.log, fs: s.opt.FS, dir: s.opt.Dir, f: f}
	verdict, err := s.loadFrom(file, x, judge)
	if verdict != Useless && x.entries.isUnread() {
		s.file = file
		return verdict, err
	}
	return verdict, errors.Join(err, file.close())
}

func (s *Store[T]) loadFrom(file *dataFile[T], x *Index[T], judge func([]byte, bool) Verdict) (Verdict, error) {
	fi, err := file.f.Stat()
	if err != nil {
		return Useless, err
	}
	r, err := newFrameReader(file.f, fi.Size())
	if err != nil {
		return Useless, err
	}
	file.seed = r.seed
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone = goneLog{}
	d := decoder[T]{x: x, file: file}
	if err = d.read(r); err == nil && s.opt.Restore == nil {
		err = x.readAll()
	}
	if err != nil {
		return Useless, err
	}
	open := d.opened || !d.state.closed
	verdict := judge(d.stamp, open)
	if verdict == Useless {
		return Useless, nil
	}
	s.open = open
	x.modSeq = epoch(x.modSeq, d.state.modSeq, open)
	x.gone.since = max(x.gone.since, d.state.goneSince)
	s.stamp, s.modSeq, s.size, s.base = d.stamp, d.state.modSeq, d.end, d.base
	if d.end == fi.Size() {
		s.info = fi
	}
	s.enc = newEncoder(s.opt.Codec, d.chain)
	for i, k := range d.sets {
		if s.enc.words[k] == 0 {
			s.enc.words[k] = uint32(i + 1)
		}
	}
	s.enc.list, s.enc.told = d.sets, len(d.sets)
	s.sums.expect(d.state.summaries)
	return verdict, nil
}

// isUnread reports whether data of any message are on disk only.
func (c *chunks[T]) isUnread() bool {
	return slices.ContainsFunc(c.list, func(p piece[T]) bool { return p.unread != nil })
}
