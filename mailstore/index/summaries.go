package index

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"restante/fsys"
	"restante/mailstore"
)

// MaxSummary is how many octets a summary may have; longer ones are not kept.
const MaxSummary = 64 << 10

const (
	summaryMagic  = "restsum\n"
	summaryFormat = 1
	summaryHeader = 32
	summaryHead   = 12 // checksum, UID, length
	summaryUnit   = 16
	maxPlace      = 1<<32 - 1
	summaryBuffer = 256 << 10 // what waits to be written
)

func summaryName(id uint64) string { return fmt.Sprintf("summaries.%d", id&1) }

// summaryFiles are the two files of which one counts.
type summaryFiles struct {
	fs      fsys.FS
	dir     string
	version uint32
	// cur is the one that counts, nil as long as there is none. It changes
	// under the index's lock, together with the places of summaries.
	cur   atomic.Pointer[summaries]
	other bool // the other one may be removed when the index no longer names it
}

// summaries is one file. Its end, which is not written yet, is in memory.
type summaries struct {
	fs      fsys.FS
	dir     string
	version uint32
	id      uint64

	mu      sync.RWMutex
	f       fsys.File // nil: not opened or made yet
	dead    bool      // cannot be used; nothing in it is found
	closed  bool      // because the Store has ended
	fresh   bool      // the file is still to be made
	flushed int64     // how long the file is
	pending []byte    // what comes behind that
	total   uint64
}

// expect says which file counts, without looking at it.
func (sf *summaryFiles) expect(st summaryState) {
	if st.id != 0 {
		sf.cur.Store(&summaries{fs: sf.fs, dir: sf.dir, version: sf.version, id: st.id, flushed: st.end, total: st.total})
	}
}

// move says that the files stand in another directory from now on.
func (sf *summaryFiles) move(dir string) {
	sf.dir = dir
	if d := sf.cur.Load(); d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.dir = dir
	}
}

// create returns a new file whose name is not that of the one that counts.
func (sf *summaryFiles) create() *summaries {
	id := newID()
	if old := sf.cur.Load(); old != nil && (old.id^id)&1 == 0 {
		id ^= 1
	}
	d := &summaries{fs: sf.fs, dir: sf.dir, version: sf.version, id: id, fresh: true}
	d.pending = d.header()
	return d
}

func (d *summaries) header() []byte {
	b := append(make([]byte, 0, summaryHeader), summaryMagic...)
	b = le.AppendUint32(b, summaryFormat)
	b = le.AppendUint32(b, d.version)
	b = le.AppendUint64(b, d.id)
	return le.AppendUint64(b, 0)
}

func (d *summaries) path() string { return filepath.Join(d.dir, summaryName(d.id)) }

// ready opens the file if that has not been done, and reports whether it can be
// used.
func (d *summaries) ready() bool {
	d.mu.RLock()
	ok, known := !d.dead, d.f != nil || d.fresh || d.dead
	d.mu.RUnlock()
	if known {
		return ok
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.f == nil && !d.dead {
		d.dead = d.open() != nil
	}
	return !d.dead
}

func (d *summaries) open() error {
	f, err := d.fs.OpenFile(d.path(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var head [summaryHeader]byte
	_, err = f.ReadAt(head[:], 0)
	if err == nil && string(head[:]) != string(d.header()) {
		err = errFormat
	}
	fi, statErr := f.Stat()
	if err = errors.Join(err, statErr); err != nil {
		return errors.Join(err, f.Close())
	}
	// What was written after the last save may be somebody's summary: nothing
	// is ever written to a place twice.
	d.flushed = align(max(d.flushed, fi.Size()))
	d.f = f
	return nil
}

func align(n int64) int64 { return (n + summaryUnit - 1) / summaryUnit * summaryUnit }

// add puts a summary behind all others and returns its place, 0 when it cannot
// be kept.
func (d *summaries) add(uid mailstore.UID, content []byte) uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.flushed + int64(len(d.pending))
	if d.dead || at/summaryUnit > maxPlace {
		return 0
	}
	b, start := d.pending, len(d.pending)
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint32(b, uint32(uid))
	b = le.AppendUint32(b, uint32(len(content)))
	b = append(b, content...)
	le.PutUint32(b[start:], checksum(b[start+4:]))
	d.pending = append(b, make([]byte, align(int64(len(b)))-int64(len(b)))...)
	d.total++
	if len(d.pending) >= summaryBuffer && d.write() != nil {
		return 0
	}
	return uint32(at / summaryUnit)
}

// write writes what waits. The caller has the lock. After an error what waited
// is lost, and nothing more can be added.
func (d *summaries) write() error {
	if len(d.pending) == 0 || d.dead {
		return nil
	}
	var err error
	switch {
	case d.fresh:
		err = d.make()
	case d.f == nil: // since rest
		err = d.open()
	}
	if err == nil {
		_, err = d.f.WriteAt(d.pending, d.flushed)
	}
	if err != nil {
		d.dead, d.pending = true, nil
		return err
	}
	d.flushed += int64(len(d.pending))
	d.pending = d.pending[:0]
	if cap(d.pending) > 2*summaryBuffer {
		d.pending = nil
	}
	return nil
}

func (d *summaries) make() error {
	const flags = os.O_RDWR | os.O_CREATE | os.O_TRUNC
	f, err := d.fs.OpenFile(d.path(), flags, filePerm)
	if isAbsent(err) {
		if err = fsys.MkdirAll(d.fs, d.dir, dirPerm); err == nil {
			f, err = d.fs.OpenFile(d.path(), flags, filePerm)
		}
	}
	if err == nil {
		d.f, d.fresh = f, false
	}
	return err
}

func (d *summaries) flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.write()
	if d.f != nil {
		d.pending = nil // a mailbox that rests needs no buffer
	}
	return err
}

// isNamed reports whether the file that is open still has its name.
func (d *summaries) isNamed() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.f == nil {
		return true
	}
	mine, err := d.f.Stat()
	if err != nil {
		return false
	}
	named, err := d.fs.Stat(d.path())
	return err == nil && fsys.SameFile(mine, named) && named.Size() >= min(d.flushed, mine.Size())
}

// readAt reads from the file, or from what is not written yet.
func (d *summaries) readAt(b []byte, off int64) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	switch {
	case off >= d.flushed && off < d.flushed+int64(len(d.pending)):
		return copy(b, d.pending[off-d.flushed:]), nil
	case d.f == nil || off >= d.flushed:
		return 0, io.EOF
	}
	return d.f.ReadAt(b[:min(int64(len(b)), d.flushed-off)], off)
}

// rest writes what waits, and closes the file until it is asked for again.
func (d *summaries) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.write() == nil && d.f != nil {
		_ = d.f.Close() // a cache
		d.f, d.pending = nil, nil
	}
}

func (d *summaries) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.closed = true, true
	if d.f == nil {
		return nil
	}
	f := d.f
	d.f = nil
	return f.Close()
}

func (sf *summaryFiles) state() summaryState {
	d := sf.cur.Load()
	if d == nil {
		return summaryState{}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fresh {
		return summaryState{}
	}
	return summaryState{id: d.id, end: d.flushed, total: d.total}
}

// close ends the use of the files; what was not flushed is lost.
func (sf *summaryFiles) close() {
	if d := sf.cur.Load(); d != nil {
		_ = d.close() // a cache
	}
}

// remove removes the files, as the index that names them cannot be used.
func (sf *summaryFiles) remove() {
	for id := range uint64(2) {
		_ = sf.fs.Remove(filepath.Join(sf.dir, summaryName(id))) // one that stays is overwritten
	}
}

// removeOther removes the file that the index no longer names.
func (sf *summaryFiles) removeOther() {
	if !sf.other {
		return
	}
	sf.other = false
	if d := sf.cur.Load(); d != nil {
		_ = sf.fs.Remove(filepath.Join(sf.dir, summaryName(d.id^1))) // one that stays is overwritten
	}
}
