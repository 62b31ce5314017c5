package index

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"restante/fsys"
	"restante/mailstore"
)

// unread are the data of a piece that were not read yet. What has been given to
// its messages since stands in over, guarded by the index's lock.
type unread[T any] struct {
	file *dataFile[T]
	pack pack // the records as they were written: their UIDs, and where the data stand
	over map[mailstore.UID]T
}

func (u *unread[T]) put(uid mailstore.UID, data T) {
	if u.over == nil {
		u.over = make(map[mailstore.UID]T)
	}
	u.over[uid] = data
}

// datum returns the datum of a record, if it is in memory.
func (p *piece[T]) datum(j int) (data T, known bool) {
	if p.unread == nil {
		return p.data[j], true
	}
	data, known = p.unread.over[p.uid(j)]
	return data, known
}

// setDatum replaces the datum of a record.
func (p *piece[T]) setDatum(j int, data T) {
	if p.unread != nil {
		p.unread.put(p.uid(j), data)
	} else {
		p.data[j] = data
	}
}

// settle gives a piece its data: those that stand in the order of what was written.
func (p *piece[T]) settle(written []T) {
	u, n := p.unread, p.n()
	p.data, p.unread = make([]T, 0, max(n, cap(p.slots))), nil
	for i, j := 0, 0; j < n; j++ {
		uid := p.uid(j)
		for i < len(written) && u.pack.uid(i) < uid {
			i++
		}
		data, newer := u.over[uid]
		if !newer && i < len(written) { // every UID is there, or newer
			data = written[i]
		}
		p.data = append(p.data, data)
	}
}

// unchanged reports whether what was written is what the piece has.
func (p *piece[T]) unchanged() bool { return len(p.unread.over) == 0 && p.n() == p.unread.pack.n() }

// A dataFile is an index file whose data are read when they are asked for. It
// stays readable when its name has gone. What was overwritten or cut off in it the
// format finds out anew.
type dataFile[T any] struct {
	codec   Codec[T]
	restore func([]mailstore.UID) []T
	log     *slog.Logger
	seed    uint32 // of checksums
	buffers sync.Pool

	fs fsys.FS

	mu    sync.RWMutex
	dir   string    // where it stands
	f     fsys.File // nil when it is closed
	ended bool      // and is not opened again
}

var errClosed = errors.New("the index file is closed")

// read returns octets that a checksum vouches for, in a buffer that goes back to
// the pool.
func (d *dataFile[T]) read(ref dataRef) (*[]byte, error) {
	buf, _ := d.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	if cap(*buf) < int(ref.size) {
		*buf = make([]byte, ref.size)
	}
	*buf = (*buf)[:ref.size]
	err := d.readAt(*buf, ref.place)
	if err == io.EOF {
		err = nil // the checksum tells whether something is missing
	}
	if err == nil && dataSum(d.seed, *buf) != ref.sum {
		err = errDamaged
	}
	if err != nil {
		d.buffers.Put(buf)
		return nil, fmt.Errorf("data at %d: %w", ref.place, err)
	}
	return buf, nil
}

func (d *dataFile[T]) readAt(b []byte, place int64) error {
	d.mu.RLock()
	if d.f != nil {
		defer d.mu.RUnlock()
		_, err := d.f.ReadAt(b, place)
		return err
	}
	d.mu.RUnlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return errClosed
	}
	if d.f == nil { // since rest; checksums tell another file
		f, err := d.fs.OpenFile(filepath.Join(d.dir, indexName), os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		d.f = f
	}
	_, err := d.f.ReadAt(b, place)
	return err
}

// rest closes the file until it is asked for again.
func (d *dataFile[T]) rest() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.f != nil {
		_ = d.f.Close() // it was read
		d.f = nil
	}
}

// move says where the file stands now.
func (d *dataFile[T]) move(dir string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dir = dir
}

// data reads the data of the records of a pack.
func (d *dataFile[T]) data(p pack) ([]T, error) {
	buf, err := d.read(p.ref())
	if err != nil {
		return nil, err
	}
	defer d.buffers.Put(buf)
	n := p.n()
	lengths, text := (*buf)[:2*n], string((*buf)[2*n:]) // one string for all
	list := make([]T, n)
	for j := range list {
		size := int(le.Uint16(lengths[2*j:]))
		if size > len(text) {
			return nil, errDamaged
		}
		if list[j], err = d.codec.Decode(text[:size]); err != nil {
			return nil, err
		}
		text = text[size:]
	}
	return list, nil
}

func (d *dataFile[T]) close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.f == nil {
		return nil
	}
	f := d.f
	d.f = nil
	return f.Close()
}

// lockRead takes the read lock when the data of all messages in the set are in
// memory.
func (x *Index[T]) lockRead(set mailstore.UIDSet) {
	for {
		x.mu.RLock()
		list := x.entries.unread(set)
		if len(list) == 0 {
			return
		}
		x.mu.RUnlock()
		for _, u := range list {
			x.fetch(u)
		}
	}
}

// unread lists what has to be read for the messages in the set.
func (c *chunks[T]) unread(set mailstore.UIDSet) (list []*unread[T]) {
	done := -1
	for _, r := range set {
		i, _ := c.find(r.First)
		for i = max(i, done+1); i < len(c.list) && c.list[i].uid(0) <= r.Last; i++ {
			if done = i; c.list[i].unread != nil {
				list = append(list, c.list[i].unread)
			}
		}
	}
	return list
}

// readAll reads all data that were not read yet. Nobody else has the index.
func (x *Index[T]) readAll() error {
	for i := range x.entries.list {
		p := &x.entries.list[i]
		if p.unread == nil {
			continue
		}
		data, err := p.unread.file.data(p.unread.pack)
		if err != nil {
			return err
		}
		p.settle(data)
	}
	return nil
}

// fetch reads data, without the lock while it waits for the disk.
func (x *Index[T]) fetch(u *unread[T]) {
	data, err := u.file.data(u.pack)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.deliver(u, data, err)
}

// fetchLocked is fetch for who holds the lock and has seen that data are missing.
func (x *Index[T]) fetchLocked(p *piece[T]) {
	if p.unread != nil {
		data, err := p.unread.file.data(p.unread.pack)
		x.deliver(p.unread, data, err)
	}
}

// deliver gives the data that were read to their piece, unless it has them by now.
// If they could not be read, all that was not read yet is asked from the format.
func (x *Index[T]) deliver(u *unread[T], data []T, err error) {
	i, _ := x.entries.find(u.pack.uid(0))
	switch {
	case i == len(x.entries.list) || x.entries.list[i].unread != u:
	case err == nil:
		x.entries.list[i].settle(data)
	default:
		if !errors.Is(err, errClosed) {
			u.file.log.Warn("the index of a mailbox was damaged while it was in use; the mailbox is looked at instead", "err", err)
		}
		x.restore(u.file)
	}
}

// restore lets the format find out what stands in a file that cannot be read.
func (x *Index[T]) restore(d *dataFile[T]) {
	var uids []mailstore.UID
	for i := range x.entries.list {
		if p := &x.entries.list[i]; p.unread != nil {
			uids = p.unread.pack.uids(uids)
		}
	}
	data := d.restore(uids)
	for i := range x.entries.list {
		if p := &x.entries.list[i]; p.unread != nil {
			n := p.unread.pack.n()
			p.settle(data[:n])
			data = data[n:]
		}
	}
	if x.journal != nil {
		x.journal.all = true
		x.journal.mark()
	}
}

func dataSum(seed uint32, b []byte) uint32 { return crc32.Update(seed, castagnoli, b) }
