package index

import (
	"errors"
	"os"

	"restante/fsys"
	"restante/mailstore"
)

// snapshot writes a whole index file: first the data of all messages, some pieces at
// a time, then the packs of their records, which wait in memory meanwhile.
type snapshot[T any] struct {
	s     *Store[T]
	f     fsys.File
	head  []byte
	enc   *encoder[T]
	seed  uint32
	used  []uint32 // by how many records in packs each set of keywords is used
	packs []byte
	data  []byte // not written yet
	kept  []kept[T]
	size  int64
	base  int64
	open  bool
	info  os.FileInfo
}

// kept are data that nobody has read, and where they stand in the new file.
type kept[T any] struct {
	old *unread[T]
	ref dataRef
}

// write copies the index in pieces while others change it, and then writes
// what they changed.
func (w *snapshot[T]) write(stamp []byte, last bool) error {
	x := w.s.x
	w.head = header(newID(), 0)
	w.data = append(w.data, w.head...)
	w.seed = dataSeed(w.head)
	w.enc = newEncoder(w.s.opt.Codec, 0)
	gone := x.takeGone()
	if err := w.pieces(); err != nil {
		return err
	}
	le.PutUint64(w.head[indexHeader-8:], uint64(w.size))
	if _, err := w.f.WriteAt(w.head, 0); err != nil {
		return err
	}
	w.enc.chain = checksum(w.head)
	w.enc.tell(w.used)
	w.enc.gone(gone)
	w.enc.packs(w.packs)
	w.packs = nil
	d := x.take()
	if d.all {
		return errOutrun
	}
	d.state.closed = last || !w.s.marked.Load()
	w.open = !d.state.closed
	if err := w.enc.delta(d, w.s.sums.state(), stamp); err != nil {
		return err
	}
	err := w.flush(&w.enc.buf)
	w.base = w.size
	w.enc.buf = nil
	return err
}

func (w *snapshot[T]) flush(buf *[]byte) error {
	n, err := w.f.WriteAt(*buf, w.size)
	w.size += int64(n)
	*buf = (*buf)[:0]
	return err
}

// A part is a copy of the records of a piece, and their data.
type part[T any] struct {
	slots []slot
	words []mailstore.Keywords
	top   uint64
	data  []T
	whole *unread[T] // instead of data
}

// pieces writes the data of all pieces, and makes packs of the records.
func (w *snapshot[T]) pieces() error {
	p := part[T]{slots: make([]slot, 0, chunkLen), words: make([]mailstore.Keywords, 0, chunkLen), data: make([]T, 0, chunkLen)}
	for first := mailstore.UID(1); w.next(&p, first); {
		ref, err := w.place(&p)
		if errors.Is(err, errUnread) {
			w.s.x.fetch(p.whole) // or finds out anew; then it is in memory
			continue
		}
		if err != nil {
			return err
		}
		w.pack(&p, ref)
		first = p.slots[len(p.slots)-1].uid + 1
		if len(w.data) >= writeLen {
			if err := w.flush(&w.data); err != nil {
				return err
			}
		}
	}
	return w.flush(&w.data)
}

// pack makes a pack of a part whose data have been placed.
func (w *snapshot[T]) pack(p *part[T], ref dataRef) {
	for j := range p.slots {
		no := w.enc.number(p.words[j])
		for len(w.used) < len(w.enc.list) {
			w.used = append(w.used, 0)
		}
		if no > 0 {
			w.used[no-1]++
		}
		p.slots[j].words = no
	}
	w.packs = appendPack(w.packs, p.slots, p.top, ref)
}

// next copies the piece that has the first message from a UID on. Data that nobody
// has read are left where they are if they are still those of this piece.
func (w *snapshot[T]) next(p *part[T], first mailstore.UID) bool {
	x := w.s.x
	for {
		missing, found := w.copy(p, first)
		if missing == nil {
			return found
		}
		x.fetch(missing)
	}
}

func (w *snapshot[T]) copy(p *part[T], first mailstore.UID) (missing *unread[T], found bool) {
	x := w.s.x
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, j := x.entries.find(first)
	if i == len(x.entries.list) {
		return nil, false
	}
	from := &x.entries.list[i]
	p.slots, p.words, p.data, p.whole, p.top = p.slots[:0], p.words[:0], p.data[:0], nil, from.top.all
	switch {
	case from.unread == nil:
		p.data = append(p.data, from.data[j:]...)
	case j == 0 && from.unchanged():
		p.whole = from.unread
	default:
		return from.unread, true
	}
	for ; j < from.n(); j++ {
		s := from.at(j)
		p.slots = append(p.slots, s)
		p.words = append(p.words, x.words.get(s.words))
	}
	return nil, true
}

var errUnread = errors.New("data cannot be copied")

// place puts the data of a part behind those that were written before, and gives
// its messages the Recent flag if they will have it.
func (w *snapshot[T]) place(p *part[T]) (dataRef, error) {
	begin := len(w.data)
	write := w.encode
	if p.whole != nil {
		write = w.keep
	}
	if err := write(p); err != nil {
		w.data = w.data[:begin]
		return dataRef{}, err
	}
	ref := dataRef{w.size + int64(begin), uint32(len(w.data) - begin), dataSum(w.seed, w.data[begin:])}
	if p.whole != nil {
		w.kept = append(w.kept, kept[T]{p.whole, ref})
	}
	return ref, nil
}

// encode appends the data of a part.
func (w *snapshot[T]) encode(p *part[T]) error {
	begin, codec := len(w.data), w.s.opt.Codec
	w.data = append(w.data, make([]byte, 2*len(p.slots))...)
	for j := range p.data {
		before := len(w.data)
		w.data = codec.Encode(w.data, p.data[j])
		size := len(w.data) - before
		if size > maxDatum {
			return errDatum
		}
		le.PutUint16(w.data[begin+2*j:], uint16(size))
		p.recent(j, codec.Recent(p.data[j]))
	}
	return nil
}

// keep copies data that nobody has read.
func (w *snapshot[T]) keep(p *part[T]) error {
	u := p.whole
	buf, err := u.file.read(u.pack.ref())
	if err != nil {
		return errUnread
	}
	w.data = append(w.data, *buf...)
	u.file.buffers.Put(buf)
	for j := range p.slots {
		p.recent(j, u.pack.system(j)&mailstore.Recent != 0)
	}
	return nil
}

// recent notes whether a message will have the Recent flag when it is loaded.
func (p *part[T]) recent(j int, is bool) {
	p.slots[j].system &^= mailstore.Recent
	if is {
		p.slots[j].system |= mailstore.Recent
	}
}

// packs appends the frames of packs.
func (e *encoder[T]) packs(b []byte) {
	for len(b) > 0 {
		n := 0
		for n < len(b) && n < packsLen {
			_, rest, _ := cutPack(b[n:])
			n = len(b) - len(rest)
		}
		e.frame(framePacks, b[:n])
		b = b[n:]
	}
}

// readFrom reads from now on from the file that was written what nobody has read
// yet, and closes the one before.
func (s *Store[T]) readFrom(w *snapshot[T]) error {
	if len(w.kept) == 0 {
		return errors.Join(w.f.Close(), s.file.close())
	}
	fresh := &dataFile[T]{codec: s.opt.Codec, restore: s.opt.Restore, log: s.log, fs: s.opt.FS, dir: s.opt.Dir, seed: w.seed, f: w.f}
	x := s.x
	x.mu.Lock()
	for _, k := range w.kept {
		i, _ := x.entries.find(k.old.pack.uid(0))
		if i == len(x.entries.list) || x.entries.list[i].unread != k.old {
			continue
		}
		// The same data under another checksum, in another place.
		u := &unread[T]{file: fresh, pack: k.old.pack.moved(k.ref), over: k.old.over}
		x.entries.list[i].unread = u
	}
	x.mu.Unlock()
	old := s.file
	s.file = fresh
	return old.close()
}
