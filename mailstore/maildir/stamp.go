package maildir

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// The stamp of an index (docs/design/index.md) says what a Maildir's files
// looked like when the index was true of them: stampHead, and behind it the
// header of the UID list as a line.
type stampHead struct {
	Version  uint32
	Flags    uint32
	List     fileStamp
	Words    [2]fileStamp // dovecot-keywords and restante-keywords
	New, Cur dirStamp
	Read     int64 // how far the list was read
	Records  int64
	Last     mailstore.UID
	Reserved uint32
}

const (
	stampVersion = 1
	// stampExact: the last look at the directories saw everything.
	stampExact = 1 << 0
	// stampUIDLs: some records of the UID list have unique ids of POP3.
	stampUIDLs = 1 << 2
	// stampRewrite: the UID list is to be written anew.
	stampRewrite = 1 << 1
)

// fileStamp is what tells one state of a file from another; Ino is 0 where
// there is no file. The change time is what nobody can set.
type fileStamp struct {
	Dev, Ino           uint64
	Size, Mtime, Ctime int64
}

// dirStamp is that of a directory and of its last reading.
type dirStamp struct {
	fileStamp
	Seen, Read int64
	Known      uint32
	Reserved   uint32
}

func fileStampOf(fi fs.FileInfo) fileStamp {
	if fi == nil {
		return fileStamp{}
	}
	s := fileStamp{Size: fi.Size(), Mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.Dev, s.Ino, s.Ctime = uint64(st.Dev), st.Ino, time.Unix(st.Ctim.Unix()).UnixNano()
	}
	return s
}

// past is a file as it was: enough of a FileInfo to compare it with what is now.
type past struct {
	fs.FileInfo // nil
	stat        syscall.Stat_t
	size        int64
	mtime       time.Time
}

func (p *past) Size() int64        { return p.size }
func (p *past) ModTime() time.Time { return p.mtime }
func (p *past) Sys() any           { return &p.stat }

func (s *fileStamp) info() fs.FileInfo {
	if s.Ino == 0 {
		return nil
	}
	return &past{stat: syscall.Stat_t{Dev: s.Dev, Ino: s.Ino, Ctim: syscall.NsecToTimespec(s.Ctime)}, size: s.Size, mtime: time.Unix(0, s.Mtime)}
}

// stat is fileStampOf a path, zero where nothing is.
func (a *account) stat(path string) (fileStamp, error) {
	fi, err := a.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fileStamp{}, nil
	}
	if err != nil {
		return fileStamp{}, err
	}
	return fileStampOf(fi), nil
}

// stamp describes the files as the index knows them. The caller holds ops.
func (m *mailbox) stamp() []byte {
	h := stampHead{
		Version: stampVersion, List: fileStampOf(m.list.info), Read: m.list.read, Records: int64(m.list.records), Last: m.list.last,
		Words: [2]fileStamp{fileStampOf(m.kw.infos[0]), fileStampOf(m.kw.infos[1])},
		New:   m.dirStamp("new", &m.newDir), Cur: m.dirStamp("cur", &m.curDir),
	}
	if m.exact {
		h.Flags |= stampExact
	}
	if m.list.rewrite || m.list.damaged || m.list.lostHeader || m.list.version != 3 {
		h.Flags |= stampRewrite
	}
	if m.list.uidls {
		h.Flags |= stampUIDLs
	}
	b, err := binary.Append(nil, binary.LittleEndian, &h)
	if err != nil {
		return nil // cannot be: all fields have a fixed size
	}
	return m.list.uidHeader.append(b)
}

// dirStamp describes a directory whose state we know. If it is another by now,
// what we know of it is worth nothing later.
func (m *mailbox) dirStamp(sub string, d *dirState) dirStamp {
	s, err := m.a.stat(filepath.Join(m.dir(), sub))
	if err != nil || !d.known || m.unsure.Load() || s.Mtime != d.mtime.UnixNano() {
		return dirStamp{}
	}
	return dirStamp{fileStamp: s, Seen: d.seen.UnixNano(), Read: d.read.UnixNano(), Known: 1}
}

func (s *dirStamp) state() dirState {
	return dirState{known: s.Known == 1, mtime: time.Unix(0, s.Mtime), seen: time.Unix(0, s.Seen), read: time.Unix(0, s.Read)}
}

// known is what a stamp says, compared with what is.
type known struct {
	head   stampHead
	header uidHeader
	list   bool // the UID list is as it was
	words  bool // and both files of keywords
	newDir bool // and new/, whose listing was certain
	curDir bool
}

// parseStamp reads a stamp of our version.
func parseStamp(b []byte) (*known, bool) {
	var k known
	n, err := binary.Decode(b, binary.LittleEndian, &k.head)
	if err != nil || k.head.Version != stampVersion {
		return nil, false
	}
	k.header, err = parseUIDHeader(strings.TrimSuffix(string(b[n:]), "\n"))
	return &k, err == nil
}

// judge compares a stamp with the files. What an open state says of the directories
// is not believed: flags are not waited for, and after a loss of power one may have
// the new name of a message and be as old as it was.
func (m *mailbox) judge(b []byte, open bool) (*known, index.Verdict) {
	k, ok := parseStamp(b)
	if !ok || !m.a.compareFiles(k, m.dir()) || !k.list && !m.sameValidity(k.header.validity) {
		return nil, index.Useless
	}
	if open {
		k.newDir, k.curDir = false, false
	}
	if k.current() {
		return k, index.Current
	}
	return k, index.Behind
}

// current reports whether nothing has changed since the stamp was taken.
func (k *known) current() bool {
	return k.list && k.words && k.newDir && k.curDir && k.head.Flags&(stampExact|stampRewrite) == stampExact
}

// compareFiles looks at everything in a mailbox's directory that the stamp
// describes. It is false when something could not be looked at.
func (a *account) compareFiles(k *known, dir string) bool {
	ok := true
	control := a.tree.controlOf(dir)
	same := func(dir, name string, was *fileStamp) bool {
		now, err := a.stat(filepath.Join(dir, name))
		ok = ok && err == nil
		return err == nil && now == *was
	}
	k.list = same(control, uidListName, &k.head.List)
	first, second := same(control, keywordsName, &k.head.Words[0]), same(control, moreKeywords, &k.head.Words[1])
	k.words = first && second
	for _, d := range []struct {
		sub  string
		was  *dirStamp
		same *bool
	}{{"new", &k.head.New, &k.newDir}, {"cur", &k.head.Cur, &k.curDir}} {
		state := d.was.state()
		*d.same = same(dir, d.sub, &d.was.fileStamp) && state.known && state.certain()
	}
	return ok
}

// sameValidity reports whether the UID list, which is not as it was, still has
// the UIDVALIDITY. A list that is gone is put back from the index.
func (m *mailbox) sameValidity(validity uint32) bool {
	data, err := m.a.readHead(filepath.Join(m.control(), uidListName))
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	line, _, whole := strings.Cut(data, "\n")
	h, parseErr := parseUIDHeader(line)
	return err == nil && whole && parseErr == nil && h.validity == validity
}
