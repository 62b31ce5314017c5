package mbox

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

const (
	// saveAfter is how long changes wait until they are in the index on disk. It
	// matters for nothing but the cost of opening after a crash.
	saveAfter = 10 * time.Second
	// summaryVersion changes when all summaries have to be made anew. What stands
	// in them is the affair of the services, which have versions of their own.
	summaryVersion = 1
)

// locCodec writes where a message stands: as loc has it, in 36 octets.
type locCodec struct{}

const locSize = 36

func (locCodec) Encode(dst []byte, l loc) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint64(dst, uint64(l.off))
	dst = le.AppendUint64(dst, uint64(l.body))
	for _, n := range []uint32{l.hdr, l.hidden, l.hsum, l.bsum} {
		dst = le.AppendUint32(dst, n)
	}
	dst = le.AppendUint16(dst, l.from)
	return append(dst, l.sep, l.bits)
}

var errBadPlace = errors.New("no place in an mbox")

func (locCodec) Decode(text string) (l loc, err error) {
	if len(text) != locSize {
		return loc{}, errBadPlace
	}
	le := binary.LittleEndian
	var b [locSize]byte
	copy(b[:], text)
	l = loc{
		off: int64(le.Uint64(b[0:])), body: int64(le.Uint64(b[8:])), hdr: le.Uint32(b[16:]), hidden: le.Uint32(b[20:]),
		hsum: le.Uint32(b[24:]), bsum: le.Uint32(b[28:]), from: le.Uint16(b[32:]), sep: b[34], bits: b[35],
	}
	if l.off < 0 || l.body < 0 || l.hidden > l.hdr || l.end() < l.off {
		return loc{}, errBadPlace
	}
	return l, nil
}

func (locCodec) Recent(l loc) bool { return l.has(bitRecent) }

// indexDir is where the index of a mailbox stands.
func (a *account) indexDir(name string) string { return index.Dir(a.opt.IndexDir, name) }

// loadIndex takes from the index on disk what is still true of the file.
func (m *Mailbox) loadIndex(fi fs.FileInfo) index.Verdict {
	if m.acct.opt.IndexDir == "" {
		return index.Useless
	}
	m.disk = index.NewStore(index.Options[loc]{
		FS: m.acct.opt.IndexFS, Dir: m.acct.indexDir(m.Name()), Codec: locCodec{}, SummaryVersion: summaryVersion,
		Logger: m.log(), SaveAfter: saveAfter, SaveNow: m.saveIndex,
	})
	return m.disk.Load(m.Index, func(stamp []byte, open bool) index.Verdict { return m.judge(stamp, open, fi) })
}

// saveIndex writes to disk what has changed. It is called some time after the
// first change.
func (m *Mailbox) saveIndex() {
	ctx, cancel := context.WithTimeout(context.Background(), saveAfter)
	defer cancel()
	if m.begin(ctx) != nil {
		return
	}
	defer m.end()
	m.disk.Save(m.stamp())
}

// closeIndex is the last save, when the mailbox leaves the memory.
func (m *Mailbox) closeIndex() {
	switch {
	case m.disk == nil:
		return
	case m.gone() != nil || m.volatile.Load():
		// The index must not know UIDs that nothing else knows.
		m.disk.Abandon()
		return
	}
	m.disk.Close(m.stamp())
}

// moveIndexes lets the indexes of a mailbox that was renamed, and of those below
// it, follow. held are those that are open. An index is a cache: what cannot be
// moved is built anew.
func (a *account) moveIndexes(held []*slot, from, to string) {
	if a.opt.IndexDir == "" {
		return
	}
	open := make(map[string]bool)
	for _, s := range held {
		if s.m == nil || s.m.disk == nil {
			continue
		}
		open[a.indexDir(from+s.name[len(to):])] = true
		s.m.disk.Move(a.indexDir(s.name))
	}
	entries, err := a.opt.IndexFS.ReadDir(a.opt.IndexDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name, err := url.PathUnescape(e.Name)
		rest, below := strings.CutPrefix(name, from)
		if err != nil || !below || rest != "" && rest[0] != delimiter || open[a.indexDir(name)] || filepath.Base(a.indexDir(name)) != e.Name {
			continue
		}
		if err := index.MoveDir(a.opt.IndexFS, a.indexDir(name), a.indexDir(to+rest)); err != nil {
			a.opt.Logger.Info("mbox: the index of a renamed mailbox will be built anew", "mailbox", to+rest, "err", err)
		}
	}
}

// removeIndex removes the index of a mailbox that was deleted.
func (m *Mailbox) removeIndex() {
	if m.disk == nil {
		return
	}
	m.disk.Abandon()
	if err := index.RemoveDir(m.acct.opt.IndexFS, m.acct.indexDir(m.Name())); err != nil {
		m.log().Info("mbox: cannot remove the index of a deleted mailbox", "mailbox", m.Name(), "err", err)
	}
}

// PutSummary keeps a summary of a message.
func (m *Mailbox) PutSummary(uid mailstore.UID, summary []byte) {
	if m.disk != nil {
		m.disk.PutSummary(uid, summary)
	}
}

// Summaries reads what PutSummary kept.
func (m *Mailbox) Summaries() mailstore.SummaryReader {
	if m.disk == nil {
		return nil
	}
	return m.disk.Summaries()
}

// Blobs keeps what services have worked out of all messages.
func (m *Mailbox) Blobs() mailstore.Blobs {
	if m.disk == nil {
		return nil
	}
	return m.disk.Blobs()
}

// The stamp of an index (docs/design/index.md) says what the mbox looked like
// when the index was true of it: stampHead, and behind it the keywords of
// X-IMAPbase.
type stampHead struct {
	Version            uint32
	Validity           uint32
	Dev, Ino           uint64
	Size, Mtime, Ctime int64
	Edges              uint32 // checksum of both ends of the file
	Flags              uint32
	Start              int64 // of the first message
	Kind               uint32
	BaseValidity       uint32
	BaseLast           uint32
	Reserved           uint32
	ParsedAt           int64 // nanoseconds since 1970
	ParseTook          int64
	// The state file beside the mbox, all zero when there is none.
	StateIno                          uint64
	StateSize, StateMtime, StateCtime int64
}

const stampVersion = 2

// The flags of a stamp.
const (
	stampMMDF = 1 << iota
	stampDamaged
	stampFound
	stampPseudo
	stampOpen    // a Content-Length points behind the end
	stampPartial // parts of the file were not read when it grew
	// stampRacy: the file was changed just before; what others did in the same
	// moment may not show in its times.
	stampRacy
	stampNotes    // the mbox lacks notes that it should have
	stampDisputed // and has UIDs that it should not
)

// stamp describes the file as the index knows it. The caller has op.
func (m *Mailbox) stamp() []byte {
	s := m.snap
	h := stampHead{
		Version: stampVersion, Validity: m.validity,
		Dev: s.dev, Ino: s.ino, Size: s.size, Mtime: s.mtime, Ctime: s.ctime,
		Start: m.style.start, Kind: uint32(m.style.kind),
		BaseValidity: m.base.validity, BaseLast: uint32(m.base.last),
		ParsedAt: m.parsedAt.UnixNano(), ParseTook: int64(m.parseTook),
	}
	st := m.acct.stampOf(m.paths().state())
	h.StateIno, h.StateSize, h.StateMtime, h.StateCtime = st.ino, st.size, st.mtime, st.ctime
	sum, ok := m.edges(s.size)
	for bit, set := range map[uint32]bool{
		stampMMDF: m.style.mmdf, stampDamaged: m.style.damaged, stampFound: m.base.found, stampPseudo: m.base.pseudo,
		stampOpen: m.hasOpen, stampPartial: m.partial, stampRacy: !ok || m.unsure, stampNotes: m.wantNotes, stampDisputed: m.disputed,
	} {
		if set {
			h.Flags |= bit
		}
	}
	h.Edges = sum
	b, err := binary.Append(nil, binary.LittleEndian, &h)
	if err != nil {
		return nil // cannot be: all fields have a fixed size
	}
	return append(b, strings.Join(m.base.keywords, " ")...)
}

// readStamp reads a stamp of our version, behind which the keywords stand.
func readStamp(b []byte) (h stampHead, words []byte, ok bool) {
	n, err := binary.Decode(b, binary.LittleEndian, &h)
	if err != nil || h.Version != stampVersion {
		return stampHead{}, nil, false
	}
	return h, b[n:], true
}

// file is what the mbox was, to be compared with what it is now. The number of a
// device may be another after the next start of the machine.
func (h *stampHead) file(now fileStamp) fileStamp {
	was := fileStamp{now.dev, h.Ino, h.Size, h.Mtime, h.Ctime}
	if now == (fileStamp{}) {
		was.dev = h.Dev
	}
	return was
}

// stampOf describes the file at path, all zero where nothing is.
func (a *account) stampOf(path string) fileStamp {
	fi, err := a.opt.FS.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return stampOf(fi)
}

// peek is Status for a mailbox that nobody has open, and that has not changed
// since somebody had: it looks at mbox and state file and at the end of the index,
// and opens neither. So it believes change times alone, and those only where they
// are exact.
func (a *account) peek(name string, items mailstore.StatusItems) (_ mailstore.Status, ok bool) {
	a.mu.Lock()
	inUse := a.slots[name] != nil
	a.mu.Unlock()
	if inUse || a.opt.IndexDir == "" {
		return mailstore.Status{}, false
	}
	saved, ok := index.Peek(a.opt.IndexFS, a.indexDir(name))
	if !ok {
		return mailstore.Status{}, false
	}
	h, _, ok := readStamp(saved.Stamp)
	if !ok || h.Flags&(stampRacy|stampPartial) != 0 {
		return mailstore.Status{}, false
	}
	p, err := a.locate(name)
	if err != nil {
		return mailstore.Status{}, false
	}
	fi, err := a.look(&p)
	if err != nil {
		return mailstore.Status{}, false
	}
	now, notes := stampOf(fi), a.stampOf(p.state())
	notes.dev = 0
	if !now.fine() || now != h.file(now) || notes != (fileStamp{0, h.StateIno, h.StateSize, h.StateMtime, h.StateCtime}) {
		return mailstore.Status{}, false
	}
	saved.Status.UIDValidity = h.Validity
	if items&mailstore.WantObjectID != 0 {
		saved.Status.ObjectID, ok = a.peekID(&p, h.Validity, now.ino)
	}
	return saved.Status, ok
}

// edgeSize is how much of each end of the file is compared.
const edgeSize = 4096

// edges is a checksum of both ends of the file.
func (m *Mailbox) edges(size int64) (sum uint32, ok bool) {
	if m.h == nil {
		return 0, true
	}
	b := make([]byte, min(edgeSize, size))
	for _, off := range []int64{0, size - int64(len(b))} {
		if n, err := m.h.ReadAt(b, off); n < len(b) && (err != nil && !errors.Is(err, io.EOF) || n == 0) {
			return 0, false
		}
		sum = crc32.Update(sum, castagnoli, b)
	}
	return sum, true
}

// judge compares a stamp with the file, and takes over what it says when the
// index is of use.
func (m *Mailbox) judge(stamp []byte, open bool, fi fs.FileInfo) index.Verdict {
	h, words, ok := readStamp(stamp)
	if !ok || h.Validity != m.validity || m.validity == 0 {
		return index.Useless
	}
	var now fileStamp
	if fi != nil {
		now = stampOf(fi)
	}
	was := h.file(now)
	sum, read := m.edges(now.size)
	same := now == was && read && sum == h.Edges
	if !same && m.otherValidity(fi) {
		return index.Useless
	}
	m.snap = was
	m.style = style{kind: fromKind(h.Kind), mmdf: h.Flags&stampMMDF != 0, damaged: h.Flags&stampDamaged != 0, start: h.Start}
	m.base = base{found: h.Flags&stampFound != 0, pseudo: h.Flags&stampPseudo != 0, validity: h.BaseValidity, last: mailstore.UID(h.BaseLast)}
	m.base.keywords = keywordWords(words)
	m.hasOpen, m.partial, m.wantNotes = h.Flags&stampOpen != 0, h.Flags&stampPartial != 0, h.Flags&stampNotes != 0
	m.disputed = h.Flags&stampDisputed != 0
	m.parsedAt, m.parseTook = time.Unix(0, h.ParsedAt), time.Duration(h.ParseTook)
	if open {
		// Flags are not waited for: after a loss of power some may be in the file of
		// which its times and the index know nothing, or the other way round.
		m.partial, m.parsedAt = true, time.Time{}
	}
	if same && h.Flags&stampRacy == 0 && !m.fullDue() {
		return index.Current
	}
	return index.Behind
}

// otherValidity reports whether the file that has changed says that its UIDs
// are none of ours.
func (m *Mailbox) otherValidity(fi fs.FileInfo) bool {
	if fi == nil {
		return false
	}
	p := newParser(m.h, 0, fi.Size(), time.UTC)
	if p.sniff() != nil {
		return false // which the parser will report
	}
	b := p.firstBase()
	return b.found && b.validity != m.validity
}
