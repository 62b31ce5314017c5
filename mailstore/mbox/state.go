package mbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"syscall"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// The state file of a mailbox, `restante.uids`, makes durable what the mbox itself
// cannot hold at every moment: which text each UID stands for, the UIDs of
// messages that carry no X-UID yet, and the UIDVALIDITY and last UID of a mailbox
// without messages. docs/design/mbox.md, "Where UIDs live".
//
// It is a row of frames: a type, three zeros, the length of the payload, a
// CRC-32C over type, length and payload, the payload. All numbers are
// little-endian. A frame that was written in part ends the file.
const (
	frameBase  = 'S' // UIDVALIDITY, UIDNEXT, last claimed UID, UIDVALIDITY before, highest mod-sequence
	frameTexts = 'T' // records of messages
)

const (
	frameHead   = 12
	recordSize  = 32
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

// known is a message that was in the mailbox when it was looked at last: its UID,
// what its text is recognized by, and what clients were told of it for good.
type known struct {
	text
	date int64
	size int64
}

// text is what the text of a message is recognized by.
type text struct {
	uid        mailstore.UID
	hsum, bsum uint32
}

func (k *text) sameText(l loc) bool { return k.hsum == l.hsum && k.bsum == l.bsum }

// state is the content of a state file.
type state struct {
	validity uint32
	next     mailstore.UID
	claimed  mailstore.UID
	retired  uint32 // a UIDVALIDITY that ran out of UIDs; it may still stand in the mbox
	modSeq   uint64
	messages []known
	last     mailstore.UID // of the records
}

// stateFile reads and writes the state of one mailbox.
type stateFile struct {
	fs   fsys.FS
	path string
	end  int64       // of the last good frame
	info fs.FileInfo // what it was when it was read or written last; nil if it was not there
	ours bool        // what it holds is durable
}

func newStateFile(fsx fsys.FS, path string) *stateFile {
	return &stateFile{fs: fsx, path: path}
}

// load reads the state; a missing file is an empty one. Without texts it leaves
// the records of messages out.
func (s *stateFile) load(texts bool) (*state, error) {
	st := &state{}
	s.end, s.info = 0, nil
	f, err := s.fs.OpenFile(s.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !s.ours {
		if err := inheritFile(s.fs, s.path, f); err != nil {
			return nil, err
		}
		s.ours = true
	}
	if texts {
		st.messages = make([]known, 0, min(fi.Size()/recordSize, maxTextRoom))
	}
	// What is behind the end by now is not durable yet, and is seen the next time.
	end, err := st.read(bufio.NewReaderSize(io.LimitReader(f, fi.Size()), int(min(max(fi.Size(), 16), 256<<10))), texts)
	if err != nil {
		return nil, err
	}
	s.end, s.info = end, fi
	return st, nil
}

// read takes in all good frames, and returns where they end.
func (st *state) read(r io.Reader, texts bool) (end int64, err error) {
	var buf []byte
	for {
		kind, b, err := readFrame(r, buf)
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
		if !st.add(kind, b, texts) {
			return end, nil
		}
		buf = b
		end += frameHead + int64(len(b))
	}
}

// maxTextRoom bounds the records for which room is made because of the length of
// a file alone.
const maxTextRoom = 1 << 20

// readFrame returns io.EOF where the good frames end. The payload may stand in buf.
func readFrame(r io.Reader, buf []byte) (kind byte, b []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, ended(err)
	}
	size := binary.LittleEndian.Uint32(head[4:])
	if size > maxFrame {
		return 0, nil, io.EOF
	}
	b = slices.Grow(buf[:0], int(size))[:size]
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
func (st *state) add(kind byte, b []byte, texts bool) bool {
	le := binary.LittleEndian
	switch {
	case kind == frameBase && len(b) == 24:
		st.validity, st.claimed, st.retired = le.Uint32(b), mailstore.UID(le.Uint32(b[8:])), le.Uint32(b[12:])
		st.next = max(st.next, mailstore.UID(le.Uint32(b[4:])))
		st.modSeq = le.Uint64(b[16:])
	case kind == frameTexts && len(b)%recordSize == 0:
		for ; len(b) > 0; b = b[recordSize:] {
			k := decodeRecord(b)
			if k.uid <= st.last || k.uid >= mailstore.MaxUID {
				return false
			}
			if texts {
				st.messages = append(st.messages, k)
			}
			st.last, st.next = k.uid, max(st.next, k.uid+1)
		}
	default:
		return false
	}
	return true
}

func encodeRecord(dst []byte, k known) []byte {
	le := binary.LittleEndian
	for _, n := range []uint32{uint32(k.uid), k.hsum, k.bsum, 0} {
		dst = le.AppendUint32(dst, n)
	}
	dst = le.AppendUint64(dst, uint64(k.date))
	return le.AppendUint64(dst, uint64(k.size))
}

func decodeRecord(b []byte) known {
	le := binary.LittleEndian
	return known{
		text: text{mailstore.UID(le.Uint32(b)), le.Uint32(b[4:]), le.Uint32(b[8:])},
		date: int64(le.Uint64(b[16:])), size: int64(le.Uint64(b[24:])),
	}
}

func appendBase(dst []byte, st *state) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, st.validity)
	b = le.AppendUint32(b, uint32(st.next))
	b = le.AppendUint32(b, uint32(st.claimed))
	b = le.AppendUint32(b, st.retired)
	return appendFrame(dst, frameBase, le.AppendUint64(b, st.modSeq))
}

func appendTexts(dst []byte, list []known) []byte {
	b := make([]byte, 0, recordSize*len(list))
	for _, k := range list {
		b = encodeRecord(b, k)
	}
	return appendFrame(dst, frameTexts, b)
}

// add makes UIDNEXT and the like, and these messages, durable. errForeign when another process has
// written other messages to the file.
func (s *stateFile) add(st *state, messages iter.Seq[known]) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	err = s.hold(f, st)
	if err == nil {
		err = s.write(f, st, messages)
	}
	return errors.Join(err, f.Close())
}

// open opens the file, or makes an empty one.
func (s *stateFile) open() (fsys.File, error) {
	f, err := s.fs.OpenFile(s.path, os.O_RDWR, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	s.end, s.info = 0, nil
	if f, err = createFile(s.fs, s.path, 0o600); err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && fi.Size() > 0 { // another process was quicker
		err = fmt.Errorf("%s: %w", s.path, errForeign)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.info = fi
	return f, nil
}

// write is add to the open file.
func (s *stateFile) write(f fsys.File, st *state, messages iter.Seq[known]) error {
	if err := s.cut(f); err != nil {
		return err
	}
	// UIDNEXT comes behind the records that raise it: written in part, both are
	// what they were.
	w := &offsetWriter{f, s.end}
	err := writeTexts(w, messages, appendBase(nil, st))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		s.end = w.off
	}
	var serr error
	s.info, serr = f.Stat() // after a failure what is behind the end is to be cut off
	return errors.Join(err, serr)
}

// writeTexts writes records in frames, and last behind the last one, in pieces
// of some size.
func writeTexts(w io.Writer, messages iter.Seq[known], last []byte) error {
	var b []byte
	list := make([]known, 0, 64)
	for k := range messages {
		if list = append(list, k); len(list) < recordBatch {
			continue
		}
		b, list = appendTexts(b[:0], list), list[:0]
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	b = b[:0]
	if len(list) > 0 {
		b = appendTexts(b, list)
	}
	if b = append(b, last...); len(b) == 0 {
		return nil
	}
	_, err := w.Write(b)
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

// save replaces the file. errForeign when another process has written other messages to it.
func (s *stateFile) save(st *state, messages iter.Seq[known]) error {
	old, err := s.open()
	if err != nil {
		return err
	}
	if err = s.hold(old, st); err == nil {
		err = s.replace(st, messages)
	}
	return errors.Join(err, old.Close())
}

// replace is save for who holds the file.
func (s *stateFile) replace(st *state, messages iter.Seq[known]) error {
	temp := fsys.TempName(s.path)
	f, err := createFile(s.fs, temp, 0o600)
	if err != nil {
		return err
	}
	size, err := writeState(f, st, messages)
	fi, serr := f.Stat()
	if err = errors.Join(err, serr, f.Close()); err == nil {
		err = s.fs.Rename(temp, s.path)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(s.fs.Remove(temp)))
	}
	s.end, s.info = size, fi
	return syncParent(s.fs, s.path)
}

func writeState(f fsys.File, st *state, messages iter.Seq[known]) (size int64, err error) {
	w := &offsetWriter{f: f}
	if _, err = w.Write(appendBase(nil, st)); err == nil {
		err = writeTexts(w, messages, nil)
	}
	if err == nil {
		err = f.Sync()
	}
	return w.off, err
}

func none(func(known) bool) {}
