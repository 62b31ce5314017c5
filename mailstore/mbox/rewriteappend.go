package mbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"restante/fsys"
)

func syncParent(fsx fsys.FS, path string) error { return fsx.SyncDir(filepath.Dir(path)) }

// cutLine cuts b behind its first line.
func cutLine(b []byte) (line, rest []byte, whole bool) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1], b[i+1:], true
	}
	return b, nil, false
}

// appendNote is a writer that collects what the journal must hold to recognize
// an interrupted append: the data or, when there is much of it, checksums.
type appendNote struct {
	n    int64
	data []byte
	crc  uint32
	sums []byte
}

func (s *appendNote) Write(b []byte) (int, error) {
	if s.n += int64(len(b)); s.n <= maxAppendData {
		s.data = append(s.data, b...)
		return len(b), nil
	}
	total := len(b)
	if s.data != nil {
		s.sum(s.data, 0)
		s.data = nil
	}
	s.sum(b, s.n-int64(len(b)))
	return total, nil
}

// sum adds the octets that stand at off.
func (s *appendNote) sum(b []byte, off int64) {
	for len(b) > 0 {
		k := min(int64(len(b)), appendBlock-off%appendBlock)
		s.crc = crc32.Update(s.crc, castagnoli, b[:k])
		if off += k; off%appendBlock == 0 {
			s.end()
		}
		b = b[k:]
	}
}

// noteOf collects that of what compose gives.
func noteOf(compose func(io.Writer) error) (*appendNote, error) {
	var note appendNote
	if err := compose(&note); err != nil {
		return nil, err
	}
	note.finish()
	return &note, nil
}

func (s *appendNote) end() {
	s.sums = binary.LittleEndian.AppendUint32(s.sums, s.crc)
	s.crc = 0
}

// finish completes the checksums.
func (s *appendNote) finish() {
	if s.sums != nil && s.n%appendBlock != 0 {
		s.end()
	}
}

// copyBuffer is how much is written at once.
const copyBuffer = 256 << 10

// offsetWriter writes to a file from a place on.
type offsetWriter struct {
	f   io.WriterAt
	off int64
}

func (w *offsetWriter) Write(b []byte) (int, error) {
	n, err := w.f.WriteAt(b, w.off)
	w.off += int64(n)
	return n, err
}

// append writes behind size what compose gives, or nothing. note is of the same, and told are the
// UIDs. The journal stays as it is: until it says something else, the locks must be held. After a
// failure it tells what it told before: others go by that, and these UIDs are given again.
func (r *rewriter) append(size int64, note *appendNote, told toldUIDs, compose func(io.Writer) error) error {
	fi, err := r.f.Stat()
	if err != nil {
		return err
	}
	w := newMetaWriter(r.j.f)
	w.write(note.data)
	w.write(note.sums)
	w.flush()
	if w.err != nil {
		return w.err
	}
	h := journalHeader{
		kind: journalAppend, entries: uint32(len(note.sums) / 4), litLen: int64(len(note.data)),
		oldSize: size, newSize: size + note.n, metaCRC: w.crc,
	}
	h.dev, h.ino = fileID(fi)
	before := r.j.told
	r.j.told = told
	if err := r.j.put(h); err != nil {
		r.j.told = before
		return err
	}
	if err := r.j.sync(); err != nil {
		r.j.told = before
		return errors.Join(err, r.j.clean())
	}
	if note.data != nil {
		_, err = r.f.WriteAt(note.data, size)
	} else {
		w := bufio.NewWriterSize(&offsetWriter{r.f, size}, copyBuffer)
		if err = compose(w); err == nil {
			err = w.Flush()
		}
	}
	if err == nil {
		err = r.f.Sync()
	}
	if err != nil {
		r.j.told = before
		return errors.Join(err, r.takeBackAppend())
	}
	return nil
}

// takeBackAppend removes what append wrote, before its journal was made clean.
func (r *rewriter) takeBackAppend() error {
	if err := r.cut(r.j.h.oldSize); err != nil {
		return errors.Join(errHalfDone, err)
	}
	return r.j.clean()
}

// recoverAppend ends an append that was interrupted: if all of it is in the file
// it stays, else it goes. Mail may have been delivered behind it since.
func (r *rewriter) recoverAppend(size int64) (done bool, err error) {
	oldSize, newSize := r.j.h.oldSize, r.j.h.newSize
	ok, err := r.j.whole()
	if err != nil {
		return false, err
	}
	if !ok || size <= oldSize {
		return false, r.j.clean() // not begun
	}
	if !r.j.fitsAppend() {
		return false, r.abandon(errContradiction.Error())
	}
	c := comparer{f: r.f, start: oldSize, off: oldSize, end: min(size, newSize), sums: bufio.NewReader(r.j.table())}
	if r.j.h.litLen > 0 {
		c.data = io.NewSectionReader(r.j.f, journalStart, r.j.h.litLen)
	}
	if err := c.run(); err != nil {
		return false, err
	}
	switch whole := c.whole && c.off == newSize; {
	case whole && r.j.refused && size == newSize:
		return false, r.takeBackAppend()
	case whole && r.j.refused:
		return false, r.deleteAppended(oldSize, newSize)
	case whole:
		return true, r.keepAppend()
	}
	// What is there up to c.off is ours or was never written.
	mail, err := r.findMail(oldSize, c, size)
	if err != nil {
		return false, err
	}
	if mail == oldSize {
		return false, r.j.clean() // nothing of it is there, or its first messages are not
	}
	switch broken, err := r.brokenOff(oldSize, mail, size, c); {
	case err != nil:
		return false, err
	case !broken:
		r.log.Warn("mbox: another program has changed the file since; it stays as it is", "mailbox", r.name)
		return true, r.keepAppend()
	case mail == size:
		return false, r.takeBackAppend()
	}
	return false, r.deleteAppended(oldSize, mail)
}

// deleteAppended removes what is there of an append, but for the line end that mail behind it
// needs when what is in front has none.
func (r *rewriter) deleteAppended(from, mail int64) error {
	if from > 0 {
		var b [2]byte
		if _, err := r.f.ReadAt(b[:], from-1); err != nil {
			return err
		}
		if b[0] != '\n' {
			if b[1] != '\n' { // it was never written
				if _, err := r.f.WriteAt(newline, from); err != nil {
					return err
				}
			}
			from++
		}
	}
	return r.deleteUnderMail(from, mail)
}

// keepAppend ends an append that is in the file.
func (r *rewriter) keepAppend() error {
	if err := r.f.Sync(); err != nil {
		return err
	}
	return r.j.clean()
}

// brokenOff reports whether an append of which not all is in the file was interrupted: what is
// there of it is its beginning, up to where the file ends or mail that was delivered begins, and
// ends within a message or was reported as failed. Else it had been whole, and perhaps told, and
// another program has changed the file before it was written durably that the append was complete.
func (r *rewriter) brokenOff(start, mail, size int64, c comparer) (bool, error) {
	if near, err := c.near(mail); !near || err != nil {
		return false, err
	}
	if c.holes {
		return true, nil
	}
	end := mail
	if c.data == nil {
		end = size
	}
	p := newParser(r.f, 0, end, r.zone)
	if p.sniff() != nil {
		// Nothing in front of it, and a part of a From line, is no mbox.
		front := newParser(r.f, 0, start, r.zone)
		return front.sniff() == nil && (c.off >= mail || c.data != nil && c.off > start), errors.Join(p.w.err, front.w.err)
	}
	p.first = false
	if bytes.HasPrefix(p.w.at(start, 1), newline) {
		start++
	}
	if within, err := c.withinFromLine(start); within || err != nil {
		return within, err
	}
	if !bytes.HasPrefix(p.w.at(start, len(fromPrefix)), fromPrefix) {
		return c.off >= mail, p.w.err // something that was moved here
	}
	if r.j.refused && c.off > start {
		return true, p.w.err
	}
	for off := start; off < mail && p.w.err == nil; {
		m := p.message(off)
		end, whole := p.endOf(&m)
		if !whole {
			return true, p.w.err
		}
		off = end
	}
	return false, p.w.err
}

// near reports whether all in front of mail is as it was to be appended, as far as the journal
// tells: there may be line ends in front of mail, or some octets of a block.
func (c *comparer) near(mail int64) (bool, error) {
	gap := mail - c.off
	if gap <= 0 || c.data == nil {
		return gap <= appendBlock, nil
	}
	b := make([]byte, min(gap, appendBlock))
	if n, err := c.f.ReadAt(b, c.off); n < len(b) {
		return false, err
	}
	return int64(len(b)) == gap && len(bytes.Trim(b, "\n")) == 0, nil
}

// withinFromLine reports whether what is there of ours is a part of its first From line, which
// begins at start.
func (c *comparer) withinFromLine(start int64) (bool, error) {
	if c.data == nil || c.off <= start {
		return false, nil
	}
	var b [maxFromLine]byte
	n, err := c.data.ReadAt(b[:], start-c.start)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	line, _, _ := cutLine(b[:n])
	return c.off < start+int64(len(line)), nil
}

// endOf is where a message ends that was read just now. It is not whole if it ends before it
// should: its header has no end, or Content-Length does not end where a message does, whatever
// line ends others have put there.
func (p *parser) endOf(m *found) (end int64, whole bool) {
	if m.body == 0 && m.sep == 0 || m.open {
		return 0, false
	}
	v := bytes.TrimSpace(p.vals[fieldContentLength])
	if len(v) == 0 || m.has(bitLength) {
		return m.end(), true
	}
	n, err := strconv.ParseInt(string(v), 10, 63)
	if end = m.header() + int64(m.hdr); err != nil || n < 0 || n > p.w.size-end {
		return 0, false
	}
	end += n
	b := p.ahead(end, maxFromLine+appendBlock)
	rest := bytes.TrimLeft(b, "\r\n")
	end += int64(len(b) - len(rest))
	return end, len(rest) == 0 || p.separatorProbe(end, rest)
}

// fitsAppend reports whether the journal has what the append has: its data, or a
// checksum for each block.
func (j *journal) fitsAppend() bool {
	n := j.h.newSize - j.h.oldSize
	if j.h.litLen > 0 {
		return n == j.h.litLen
	}
	return n >= 0 && int64(j.h.entries) == (n+appendBlock-1)/appendBlock
}

// comparer walks along what an append has left in the file.
type comparer struct {
	f        io.ReaderAt
	start    int64             // of the append in the file
	off, end int64             // in the file
	sums     io.Reader         // of the blocks, one after the other
	data     *io.SectionReader // what was to be appended, if it is known
	whole    bool              // all of it is there, up to the end
	holes    bool              // some of it was never written
}

// run goes on as long as what stands in the file is what was to be appended, or
// was never written and reads as zeros.
func (c *comparer) run() error {
	have, want := make([]byte, appendBlock), make([]byte, appendBlock)
	for c.off < c.end {
		b := have[:min(appendBlock, c.end-c.off)]
		if n, err := c.f.ReadAt(b, c.off); n < len(b) {
			return err
		}
		good := 0
		if c.data != nil {
			w := want[:len(b)]
			if n, err := c.data.ReadAt(w, c.off-c.start); n < len(w) {
				return err
			}
			for good < len(b) && (b[good] == w[good] || b[good] == 0) {
				c.holes = c.holes || b[good] != w[good]
				good++
			}
		} else {
			var err error
			if good, err = c.block(b); err != nil {
				return err
			}
		}
		if c.off += int64(good); good < len(b) {
			return nil
		}
	}
	c.whole = !c.holes
	return nil
}

// block compares the next block by its checksum and returns its length, or 0.
func (c *comparer) block(b []byte) (good int, err error) {
	var sum [4]byte
	if _, err := io.ReadFull(c.sums, sum[:]); err != nil {
		return 0, err
	}
	if crc32.Checksum(b, castagnoli) == binary.LittleEndian.Uint32(sum[:]) {
		return len(b), nil
	}
	hole, err := c.hasHole()
	if !hole || err != nil {
		return 0, err
	}
	c.holes = true
	return len(b), nil
}

// holeSize is how much is written as a whole or not at all.
const holeSize = 512

// hasHole reports whether some of the block at off was never written: it has zeros that are so
// many in a row, or with which the append begins or ends, as no message does.
func (c *comparer) hasHole() (bool, error) {
	first := max(c.start, c.off-holeSize)
	b := make([]byte, min(c.off+appendBlock+holeSize, c.end)-first)
	if n, err := c.f.ReadAt(b, first); n < len(b) {
		return false, err
	}
	run := 0
	for i, octet := range b {
		if run++; octet != 0 {
			run = 0
		}
		at := first + int64(i) + 1 // where the run ends
		touches := at > c.off && at-int64(run) < c.off+appendBlock
		if touches && run > 0 && (run >= holeSize || at-int64(run) == c.start || at == c.end) {
			return true, nil
		}
	}
	return false, nil
}

// findMail looks for a message that somebody delivered behind an unfinished
// append: for a dated From line, at a line start or not, that is not one of
// ours. Without one it returns end.
func (r *rewriter) findMail(start int64, c comparer, end int64) (int64, error) {
	off := c.off
	if c.data != nil {
		off = start // the line may begin with octets that ours has at that place too
	}
	w := newWindow(r.f, off, end)
	for off < end {
		b := w.at(off, maxFromLine)
		if w.err != nil {
			return 0, w.err
		}
		i := bytes.Index(b, fromPrefix)
		switch {
		case i < 0 && off+int64(len(b)) >= end:
			return end, nil
		case i < 0:
			off += int64(len(b) - len(fromPrefix))
			continue
		}
		off += int64(i)
		line, rest, _ := cutLine(w.at(off, maxFromLine))
		kind, _ := parseFrom(line, time.UTC)
		ours := off+int64(len(line)) <= c.off
		if kind == fromDated && !ours && (looksLikeField(rest) || len(rest) == 0) {
			return off + torn(line, c.off-off), nil
		}
		off++
	}
	return end, nil
}

// torn is where in a From line a dated one begins that was written behind the first octets of
// ours, of which there are so many at the most; 0 if the line is one.
func torn(line []byte, ours int64) (start int64) {
	for i := int64(1); i <= ours && i < int64(len(line)); i++ {
		if bytes.HasPrefix(line[i:], fromPrefix) {
			if kind, _ := parseFrom(line[i:], time.UTC); kind == fromDated {
				start = i
			}
		}
	}
	return start
}
