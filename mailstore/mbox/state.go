package mbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// The state file of a mailbox, `restante.uids`, makes two things durable that the
// mbox itself cannot hold at every moment: the UIDs of messages that carry no
// X-UID yet, and the UIDVALIDITY and last UID of a mailbox without messages. It
// also describes the messages of the file as it was at the last Close, so that
// an unchanged mbox need not be read. docs/design/mbox.md, "Where UIDs live".
//
// It is a row of frames: a type, three zeros, the length of the payload, a
// CRC-32C over type, length and payload, the payload. All numbers are
// little-endian. A frame that was written in part ends the file.
const (
	frameBase     = 'B' // UIDVALIDITY, UIDNEXT, last claimed UID, UIDVALIDITY before, highest mod-sequence
	frameWords    = 'K' // a set of keywords, numbered from 1 in the order of the file
	frameMessages = 'M' // records of messages
	frameFile     = 'F' // the records above describe this file and nothing has changed since
	frameDirty    = 'D' // mod-sequences were given that the records do not show
)

const (
	frameHead   = 12
	recordSize  = 96
	maxFrame    = 16 << 20
	recordBatch = 4096
)

// stamp is what tells whether a file has changed.
type fileStamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64
}

func stampOf(fi fs.FileInfo) fileStamp {
	s := fileStamp{size: fi.Size(), mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.dev, s.ino = uint64(st.Dev), st.Ino
		s.ctime = time.Unix(st.Ctim.Unix()).UnixNano()
	}
	return s
}

func (s fileStamp) sameFile(t fileStamp) bool { return s.dev == t.dev && s.ino == t.ino }

// sameText compares without the change time, which a rename changes too.
func (s fileStamp) sameText(t fileStamp) bool {
	return s.sameFile(t) && s.size == t.size && s.mtime == t.mtime
}

// known is a message that was in the mailbox when it was looked at last.
type known struct {
	loc
	uid    mailstore.UID
	flags  mailstore.Flags
	date   int64
	size   int64
	modSeq uint64
}

// state is the content of a state file.
type state struct {
	validity uint32
	next     mailstore.UID
	claimed  mailstore.UID
	retired  uint32 // a UIDVALIDITY that ran out of UIDs; it may still stand in the mbox
	modSeq   uint64
	messages []known
	dirty    bool

	// file, style and base are what was known of the file, if whole.
	whole bool
	file  fileStamp
	style style
	base  base
}

// stateFile reads and writes the state of one mailbox.
type stateFile struct {
	fs   fsys.FS
	path string
	end  int64 // of the last good frame
	sets map[mailstore.Keywords]uint32
}

func newStateFile(fsx fsys.FS, path string) *stateFile {
	return &stateFile{fs: fsx, path: path, sets: make(map[mailstore.Keywords]uint32)}
}

// load reads the state; a missing file is an empty one.
func (s *stateFile) load() (*state, error) {
	st := &state{}
	s.end = 0
	clear(s.sets)
	f, err := s.fs.OpenFile(s.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var sets []mailstore.Keywords
	for r := bufio.NewReaderSize(f, 256<<10); ; {
		kind, b, err := readFrame(r)
		if errors.Is(err, io.EOF) {
			return st, nil
		}
		if err != nil {
			return nil, err
		}
		if !st.add(kind, b, &sets) {
			return st, nil
		}
		if kind == frameWords {
			s.sets[sets[len(sets)-1]] = uint32(len(sets))
		}
		s.end += frameHead + int64(len(b))
	}
}

// readFrame returns io.EOF where the good frames end.
func readFrame(r io.Reader) (kind byte, b []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, ended(err)
	}
	size := binary.LittleEndian.Uint32(head[4:])
	if size > maxFrame {
		return 0, nil, io.EOF
	}
	b = make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, nil, ended(err)
	}
	if crc32.Update(crc32.Checksum(head[:8], castagnoli), castagnoli, b) != binary.LittleEndian.Uint32(head[8:]) {
		return 0, nil, io.EOF
	}
	return head[0], b, nil
}

func ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

func appendFrame(dst []byte, kind byte, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, kind, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	crc := crc32.Update(crc32.Checksum(dst[start:], castagnoli), castagnoli, payload)
	dst = binary.LittleEndian.AppendUint32(dst, crc)
	return append(dst, payload...)
}

// add takes in one frame. A frame that makes no sense ends the file.
func (st *state) add(kind byte, b []byte, sets *[]mailstore.Keywords) bool {
	le := binary.LittleEndian
	switch {
	case kind == frameBase && len(b) == 24:
		st.validity, st.claimed, st.retired = le.Uint32(b), mailstore.UID(le.Uint32(b[8:])), le.Uint32(b[12:])
		st.next = max(st.next, mailstore.UID(le.Uint32(b[4:])))
		st.modSeq = le.Uint64(b[16:])
	case kind == frameWords:
		*sets = append(*sets, mailstore.NewFlags(0, keywordWords(b)...).Keywords)
	case kind == frameMessages && len(b)%recordSize == 0:
		st.whole = false
		for ; len(b) > 0; b = b[recordSize:] {
			k := decodeRecord(b, *sets)
			if n := len(st.messages); k.uid == 0 || k.uid >= mailstore.MaxUID || n > 0 && k.uid <= st.messages[n-1].uid {
				return false
			}
			st.messages = append(st.messages, k)
			st.next = max(st.next, k.uid+1)
		}
	case kind == frameFile:
		return st.decodeFile(b)
	case kind == frameDirty:
		st.dirty, st.whole = true, false
	default:
		return false
	}
	return true
}

func encodeRecord(dst []byte, k known, words uint32) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, uint32(k.uid))
	dst = le.AppendUint32(dst, k.hsum)
	dst = le.AppendUint32(dst, k.bsum)
	dst = le.AppendUint32(dst, k.hdr)
	dst = le.AppendUint32(dst, k.hidden)
	dst = le.AppendUint32(dst, words)
	dst = le.AppendUint16(dst, k.from)
	dst = append(dst, k.sep, k.bits, byte(k.flags.System), 0, 0, 0)
	for _, n := range []uint64{uint64(k.off), uint64(k.body), uint64(k.date), uint64(k.size), k.modSeq} {
		dst = le.AppendUint64(dst, n)
	}
	return append(dst, make([]byte, recordSize-72)...)
}

func decodeRecord(b []byte, sets []mailstore.Keywords) known {
	le := binary.LittleEndian
	n := func(i int) int64 { return int64(le.Uint64(b[32+8*i:])) }
	k := known{
		uid: mailstore.UID(le.Uint32(b)),
		loc: loc{
			hsum: le.Uint32(b[4:]), bsum: le.Uint32(b[8:]), hdr: le.Uint32(b[12:]), hidden: le.Uint32(b[16:]),
			from: le.Uint16(b[24:]), sep: b[26], bits: b[27], off: n(0), body: n(1),
		},
		date: n(2), size: n(3), modSeq: uint64(n(4)),
	}
	k.flags.System = mailstore.System(b[28])
	if w := le.Uint32(b[20:]); w > 0 && int(w) <= len(sets) {
		k.flags.Keywords = sets[w-1]
	}
	return k
}

func (st *state) encodeFile() []byte {
	le := binary.LittleEndian
	var b []byte
	for _, n := range []uint64{st.file.dev, st.file.ino, uint64(st.file.size), uint64(st.file.mtime), uint64(st.file.ctime), uint64(st.style.start)} {
		b = le.AppendUint64(b, n)
	}
	b = append(b, byte(st.style.kind), flagByte(st.style.mmdf), flagByte(st.style.damaged), flagByte(st.base.found), flagByte(st.base.pseudo), 0, 0, 0)
	b = le.AppendUint32(b, st.base.validity)
	b = le.AppendUint32(b, uint32(st.base.last))
	for _, w := range st.base.keywords {
		b = append(append(b, w...), ' ')
	}
	return b
}

func flagByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (st *state) decodeFile(b []byte) bool {
	const fixed = 64
	if len(b) < fixed {
		return false
	}
	le := binary.LittleEndian
	n := func(i int) uint64 { return le.Uint64(b[8*i:]) }
	st.file = fileStamp{n(0), n(1), int64(n(2)), int64(n(3)), int64(n(4))}
	st.style = style{kind: fromKind(b[48]), mmdf: b[49] == 1, damaged: b[50] == 1, start: int64(n(5))}
	st.base = base{found: b[51] == 1, pseudo: b[52] == 1, validity: le.Uint32(b[56:]), last: mailstore.UID(le.Uint32(b[60:]))}
	st.base.keywords = keywordWords(b[fixed:])
	st.whole = true
	return true
}

func (s *stateFile) base(dst []byte, st *state) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, st.validity)
	b = le.AppendUint32(b, uint32(st.next))
	b = le.AppendUint32(b, uint32(st.claimed))
	b = le.AppendUint32(b, st.retired)
	return appendFrame(dst, frameBase, le.AppendUint64(b, st.modSeq))
}

func (s *stateFile) records(dst []byte, list []known) []byte {
	var b []byte
	for _, k := range list {
		words := uint32(0)
		if k.flags.Keywords != (mailstore.Keywords{}) {
			if words = s.sets[k.flags.Keywords]; words == 0 {
				words = uint32(len(s.sets) + 1)
				s.sets[k.flags.Keywords] = words
				dst = appendFrame(dst, frameWords, []byte(k.flags.Keywords.String()))
			}
		}
		b = encodeRecord(b, k, words)
	}
	return appendFrame(dst, frameMessages, b)
}

// add makes UIDNEXT and the like, and these messages, durable.
func (s *stateFile) add(st *state, list []known) error {
	var b []byte
	if len(list) > 0 {
		b = s.records(b, list)
	}
	// UIDNEXT comes behind the records that raise it: written in part, both are
	// what they were.
	b = s.base(b, st)
	if st.dirty {
		b = appendFrame(b, frameDirty, nil)
	}
	return s.append(b)
}

func (s *stateFile) append(b []byte) error {
	f, err := s.fs.OpenFile(s.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		s.end = 0
		f, err = createFile(s.fs, s.path, 0o600)
	}
	if err != nil {
		return err
	}
	if err = s.cut(f); err == nil {
		_, err = f.WriteAt(b, s.end)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		s.end += int64(len(b))
	}
	return err
}

// cut takes away what stands behind the last good frame: damage of which the
// next frame would overwrite a part, so that the rest might count again.
func (s *stateFile) cut(f fsys.File) error {
	fi, err := f.Stat()
	if err != nil || fi.Size() <= s.end {
		return err
	}
	return f.Truncate(s.end)
}

// save replaces the file with a description of everything. messages gives the
// records in batches.
func (s *stateFile) save(st *state, messages func(yield func([]known) error) error) error {
	temp := fsys.TempName(s.path)
	f, err := createFile(s.fs, temp, 0o600)
	if err != nil {
		return err
	}
	clear(s.sets)
	w := bufio.NewWriterSize(f, 256<<10)
	n := 0
	put := func(b []byte) error {
		n += len(b)
		_, err := w.Write(b)
		return err
	}
	err = put(s.base(nil, st))
	if err == nil {
		err = messages(func(list []known) error { return put(s.records(nil, list)) })
	}
	if err == nil && st.whole {
		err = put(appendFrame(nil, frameFile, st.encodeFile()))
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.fs.Rename(temp, s.path)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(s.fs.Remove(temp)))
	}
	s.end = int64(n)
	return syncParent(s.fs, s.path)
}
