package mbox

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"restante/fsys"
)

// The journal is a file of its own for each mailbox, kept between operations.
// Its layout, all numbers little-endian:
//
//	0     header block A (512 octets), and behind it the texts of its told
//	4096  header block B, the same
//	8192  literals: the new octets of the edits, one after the other
//	...   table: the edits (offset, deleted, inserted, place of the literal; 8
//	      octets each)
//
// For an append the literal is what is appended. When that is large, it is left
// out and the table holds checksums of it, 4 octets for each block of 512.
//
//	...   on the next multiple of 512: slot A and slot B, each a header (512
//	      octets) and room for the data of a step
//
// Of the two header blocks the valid one with the larger sequence number counts;
// a block or slot that was written in part has a wrong checksum and does not
// exist. No valid block means that nothing is going on.
const (
	journalMagic   = 0x314c4e524a545352 // "RSTJRNL1"
	blockSize      = 512
	blockB         = 4096
	journalStart   = 8192
	toldAt         = 96 // in a header block
	journalCRCAt   = blockSize - 4
	editSize       = 32
	appendBlock    = 512     // what one checksum of an append covers
	maxAppendData  = 1 << 20 // the largest append whose data goes into the journal
	maxJournalMeta = 1 << 32 // bounds the table of a damaged header
)

// journalKind is what the journal says is going on.
type journalKind uint32

const (
	journalClean journalKind = iota
	// journalAppend: messages are being written behind oldSize.
	journalAppend
	// journalRewrite: the edits are being applied, see the slots for how far.
	journalRewrite
	// journalCut: the edits are applied; the file is to end at newSize.
	journalCut
)

// journalHeader is the content of a header block.
type journalHeader struct {
	seq              uint64
	kind             journalKind
	entries          uint32 // of the table
	dev, ino         uint64 // of the mbox
	oldSize, newSize int64
	litLen           int64
	metaCRC          uint32 // over literals and table
	slotRoom         int64  // octets of data in a slot
	stepLimit        int64  // bounds the steps, which are not written down
	written          int64  // when, in nanoseconds since 1970
	told             toldUIDs
}

// encode gives the block and what stands behind it.
func (h *journalHeader) encode() []byte {
	whole := make([]byte, blockSize, blockSize+recordSize*len(h.told.texts))
	whole = h.told.appendTexts(whole)
	b := whole[:0]
	le := binary.LittleEndian
	b = le.AppendUint64(b, journalMagic)
	b = le.AppendUint64(b, h.seq)
	b = le.AppendUint32(b, uint32(h.kind))
	b = le.AppendUint32(b, h.entries)
	for _, n := range []uint64{h.dev, h.ino, uint64(h.oldSize), uint64(h.newSize), uint64(h.litLen), uint64(h.metaCRC), uint64(h.slotRoom), uint64(h.written), uint64(h.stepLimit)} {
		b = le.AppendUint64(b, n)
	}
	sealBlock(h.told.appendHead(b, whole[blockSize:]))
	return whole
}

func sealBlock(b []byte) []byte {
	b = append(b, make([]byte, journalCRCAt-len(b))...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// openBlock checks a block that sealBlock made.
func openBlock(b []byte) bool {
	return len(b) == blockSize && binary.LittleEndian.Uint32(b[journalCRCAt:]) == crc32.Checksum(b[:journalCRCAt], castagnoli)
}

// decodeHeader reads what encode gave; more may stand behind it.
func decodeHeader(b []byte) (journalHeader, bool) {
	le := binary.LittleEndian
	b, texts := b[:min(blockSize, len(b))], b[min(blockSize, len(b)):]
	if !openBlock(b) || le.Uint64(b) != journalMagic {
		return journalHeader{}, false
	}
	n := func(i int) uint64 { return le.Uint64(b[24+8*i:]) }
	h := journalHeader{
		seq: le.Uint64(b[8:]), kind: journalKind(le.Uint32(b[16:])), entries: le.Uint32(b[20:]),
		dev: n(0), ino: n(1), oldSize: int64(n(2)), newSize: int64(n(3)), litLen: int64(n(4)),
		metaCRC: uint32(n(5)), slotRoom: int64(n(6)), written: int64(n(7)), stepLimit: int64(n(8)),
	}
	var whole bool
	h.told, whole = decodeTold(b[toldAt:], texts)
	ok := whole && h.kind <= journalCut && h.oldSize >= 0 && h.newSize >= 0 && h.litLen >= 0 && h.litLen < maxJournalMeta &&
		h.slotRoom >= 0 && h.slotRoom <= stepData && h.stepLimit <= stepData && (h.stepLimit >= minStepData || h.kind != journalRewrite)
	return h, ok
}

// fileID is what tells one file from another, as a header has it.
func fileID(fi fs.FileInfo) (dev, ino uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), st.Ino
	}
	return 0, 0
}

// tableAt, tableLen and slotAt are places in the file.
func (h *journalHeader) tableAt() int64 { return journalStart + h.litLen }

func (h *journalHeader) tableLen() int64 {
	if h.kind == journalAppend {
		return 4 * int64(h.entries)
	}
	return editSize * int64(h.entries)
}

func (h *journalHeader) slotAt(k int) int64 {
	first := (h.tableAt() + h.tableLen() + blockSize - 1) / blockSize * blockSize
	return first + int64(k%2)*(blockSize+h.slotRoom)
}

// journal is the open journal of a mailbox.
type journal struct {
	fs   fsys.FS
	path string
	f    journalFile
	h    journalHeader
	at   int64 // the place of its block
	// heads are the beginnings of both blocks as they were read or written last.
	heads [2][toldAt]byte
	safe  int64    // and of the last one that is durable, which must not be written over
	told  toldUIDs // what the next header will say
	read  bool     // the header was read, and need not be durable: whoever wrote it may have been killed
	// unsure: an operation is finished, but it may not be written durably that it is.
	unsure bool
	// refused: the append in the journal was reported as failed, so it must go
	// even if all of it is in the file.
	refused bool
}

// journalFile is what a journal does with its file.
type journalFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// openJournal opens the journal at path; with create it makes one when there is
// none. Without, a missing journal gives nil.
func openJournal(fsx fsys.FS, path string, create bool) (*journal, error) {
	f, err := fsx.OpenFile(path, os.O_RDWR, 0)
	switch {
	case err == nil:
		if err = inheritFile(fsx, path, f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case !create:
		return nil, nil
	default:
		if f, err = createJournal(fsx, path); err != nil {
			return nil, err
		}
	}
	j := &journal{fs: fsx, path: path, f: f}
	if err := j.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j.told = j.h.told
	return j, nil
}

// inheritFile is fsys.Inherit where nothing keeps a mailbox from being opened that can only be
// read, or for which there is no room.
func inheritFile(fsx fsys.FS, path string, f fsys.File) error {
	fi, err := f.Stat()
	if err == nil {
		err = fsys.Inherit(fsx, path, f, fi)
	}
	if isFull(err) {
		return nil
	}
	return unlessReadOnly(err)
}

// journalRoom is how large a journal is from the beginning, so that there is a
// way to expunge when the disk is full.
const (
	journalRoom    = 256 << 10
	maxIdleJournal = 4 << 20
)

// createJournal makes a journal with room for the headers at least.
func createJournal(fsx fsys.FS, path string) (fsys.File, error) {
	f, err := createFile(fsx, path, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(make([]byte, journalStart), 0); err != nil {
		return nil, errors.Join(err, f.Close(), ignoreMissing(fsx.Remove(path)))
	}
	// It does not matter whether this succeeds as a whole.
	_, _ = f.WriteAt(make([]byte, journalRoom-journalStart), journalStart)
	return f, nil
}

// createFile makes a new file whose name is durable, and its directory.
func createFile(fsx fsys.FS, path string, perm fs.FileMode) (fsys.File, error) {
	dir := filepath.Dir(path)
	if err := fsys.MkdirAll(fsx, dir, 0o700); err != nil {
		return nil, err
	}
	f, err := fsx.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	if err := fsx.SyncDir(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// successor makes a journal that tells the same and is to take this one's place, under
// another name.
func (j *journal) successor() (*journal, error) {
	next, err := openJournal(j.fs, fsys.TempName(j.path), true)
	if err != nil {
		return nil, err
	}
	next.told = j.told
	return next, nil
}

// rename gives it a name, durably, whatever had it before.
func (j *journal) rename(path string) error {
	err := j.fs.Rename(j.path, path)
	if err == nil {
		err = syncParent(j.fs, path)
	}
	if err == nil {
		j.path = path
	}
	return err
}

// discard removes one that has not got it.
func (j *journal) discard() error {
	return errors.Join(j.close(), ignoreMissing(j.fs.Remove(j.path)))
}

func (j *journal) close() error { return j.f.Close() }

// load reads the header that counts.
func (j *journal) load() error {
	j.h = journalHeader{}
	for _, at := range []int64{0, blockB} {
		var b [blockB]byte
		n, err := j.f.ReadAt(b[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		copy(j.heads[at/blockB][:], b[:])
		if h, ok := decodeHeader(b[:n]); ok && h.seq > j.h.seq {
			j.h, j.at, j.safe, j.read = h, at, at, true
		}
	}
	return nil
}

// dirty reports whether something was not finished.
func (j *journal) dirty() bool { return j.h.kind != journalClean || j.unsure }

// put writes the header, to the block that does not hold the last one that is durable.
func (j *journal) put(h journalHeader) error {
	if j.read {
		if err := j.sync(); err != nil {
			return err
		}
	}
	h.seq, h.told = j.h.seq+1, j.told
	h.written = time.Now().UnixNano()
	at, block := blockB-j.safe, h.encode()
	if _, err := j.f.WriteAt(block, at); err != nil {
		return err
	}
	copy(j.heads[at/blockB][:], block)
	j.h, j.at = h, at
	return nil
}

// sync makes what was written to the journal durable.
func (j *journal) sync() error {
	err := j.f.Sync()
	if err == nil {
		j.safe, j.read = j.at, false
	}
	return err
}

// clean says durably that nothing is going on.
func (j *journal) clean() error {
	if err := j.put(journalHeader{}); err != nil {
		return err
	}
	j.refused = false
	return j.sync()
}

// done is clean after the operation has succeeded: then a failure to say so is
// none of the operation, but must be made good before the next one.
func (j *journal) done() {
	err := j.clean()
	if err != nil {
		err = j.clean()
	}
	if j.unsure = err != nil; err != nil {
		return
	}
	if j.room() > maxIdleJournal {
		j.trim()
	}
}

// trim gives back what a large rewrite needed. It does not matter whether this
// succeeds.
func (j *journal) trim() {
	if !j.dirty() && j.room() > journalRoom {
		_ = j.f.Truncate(journalRoom)
	}
}

// room is how long the file is, all of which has its place on the disk.
func (j *journal) room() int64 {
	fi, err := j.f.Stat()
	if err != nil {
		return 0
	}
	return fi.Size()
}

// settle makes sure that a journal that reads as clean is so durably.
func (j *journal) settle() error {
	if !j.unsure {
		return nil
	}
	err := j.sync()
	j.unsure = err != nil
	return err
}

// whole reports whether literals and table are as they were written.
func (j *journal) whole() (bool, error) {
	size := j.h.litLen + j.h.tableLen()
	crc := crc32.New(castagnoli)
	n, err := io.Copy(crc, io.NewSectionReader(j.f, journalStart, size))
	return n == size && crc.Sum32() == j.h.metaCRC, err
}

// table returns the table.
func (j *journal) table() *io.SectionReader {
	return io.NewSectionReader(j.f, j.h.tableAt(), j.h.tableLen())
}

// readEdits reads the edits back. errContradiction when layout cannot rely on
// them: the journal stands where the user may write, so it can hold anything. It
// is read piece by piece, for a file with holes may have any length.
func (j *journal) readEdits() (list []edit, err error) {
	table, at := bufio.NewReader(j.table()), int64(0)
	for range j.h.entries {
		var b [editSize]byte
		if _, err := io.ReadFull(table, b[:]); err != nil {
			return nil, err
		}
		n := func(i int) int64 { return int64(binary.LittleEndian.Uint64(b[8*i:])) }
		e := edit{n(0), n(1), n(2), n(3)}
		if e.off < at || e.del < 0 || e.ins < 0 || e.del > j.h.oldSize-e.off || e.del == 0 && e.ins == 0 ||
			e.ins > 0 && (e.lit < journalStart || e.lit-journalStart > j.h.litLen-e.ins) {
			return nil, errContradiction
		}
		at = e.off + e.del
		list = append(list, e)
	}
	return list, nil
}

var errContradiction = errors.New("the journal contradicts itself")

// slotHeader says which step was about to be written.
type slotHeader struct {
	seq     uint64 // of the journal header that it belongs to
	step    int
	data    int64 // octets of data behind the header, 0 if the step needs none
	crc     uint32
	written int64
}

// putSlot writes a step. In front of its data b has room for the header.
func (j *journal) putSlot(step int, b []byte) error {
	data := b[blockSize:]
	le := binary.LittleEndian
	head := b[:0]
	for _, n := range []uint64{j.h.seq, uint64(step), uint64(len(data)), uint64(crc32.Checksum(data, castagnoli)), uint64(time.Now().UnixNano())} {
		head = le.AppendUint64(head, n)
	}
	sealBlock(head)
	_, err := j.f.WriteAt(b, j.h.slotAt(step))
	return err
}

// begun is a step that the journal says was begun, with its data.
type begun struct {
	slotHeader
	octets []byte
}

// begunSteps returns the steps whose slots are whole, in their order.
func (j *journal) begunSteps() ([]begun, error) {
	var list []begun
	for k := range 2 {
		b, ok, err := j.slot(k)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b begun) int { return cmp.Compare(a.step, b.step) })
	return list, nil
}

// slot reads a slot. Not ok means that it was not written as a whole.
func (j *journal) slot(k int) (s begun, ok bool, err error) {
	var b [blockSize]byte
	at := j.h.slotAt(k)
	if ok, err := j.readWhole(b[:], at); !ok || err != nil || !openBlock(b[:]) {
		return s, false, err
	}
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	s.slotHeader = slotHeader{n(0), int(n(1)), int64(n(2)), uint32(n(3)), int64(n(4))}
	if s.seq != j.h.seq || s.data < 0 || s.data > j.h.slotRoom {
		return s, false, nil
	}
	s.octets = make([]byte, s.data)
	ok, err = j.readWhole(s.octets, at+blockSize)
	return s, ok && crc32.Checksum(s.octets, castagnoli) == s.crc, err
}

// readWhole fills b. Not ok means that the file ends before.
func (j *journal) readWhole(b []byte, at int64) (ok bool, err error) {
	n, err := j.f.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n == len(b), nil
}

// reserve makes sure that the slots have room on the disk, so that a rewrite
// that has begun does not meet a full one.
func (j *journal) reserve() error {
	zero := make([]byte, 64<<10)
	for at, end := j.h.slotAt(0), j.h.slotAt(1)+blockSize+j.h.slotRoom; at < end; {
		n := min(int64(len(zero)), end-at)
		if _, err := j.f.WriteAt(zero[:n], at); err != nil {
			return err
		}
		at += n
	}
	return nil
}
