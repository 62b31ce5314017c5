package maildir

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// The files of a mailbox that hold what the names of its messages do not.
const (
	uidListName      = "dovecot-uidlist"
	uidListLockName  = "dovecot-uidlist.lock"
	maxUIDListLine   = 16 << 10
	minUIDRecordSize = len("1 :x\n")
)

// uidList is what we know of the file dovecot-uidlist. docs/design/uid-map.md
// says how it is used. The caller excludes concurrent use; who writes also holds
// dovecot-uidlist.lock.
type uidList struct {
	fs fsys.FS
	uidHeader
	// info describes the file as it was read or written last, nil when it was
	// not there; read is how far it has been read.
	info fs.FileInfo
	read int64
	// records counts the lines behind the header, last is the UID of the last.
	records int
	last    mailstore.UID
	// rewrite: the file must be written anew before something is appended.
	// damaged: what it is now must be kept under another name then. lostHeader:
	// the header could not be read and nobody remembers it.
	rewrite, damaged, lostHeader bool
	// uidls: some records have unique ids of POP3.
	uidls bool
	// ours is the guid that is known to be this mailbox's, foreign the one that is
	// another's; "" is none.
	ours, foreign string
	// guidLost: the guid is what we remember, and not in the file.
	guidLost bool
}

// A listReading tells what reading the file brought to light.
type listReading struct {
	full    bool // from the beginning, not only what was appended
	missing bool // there is no file
	damage  []string
	lost    int64 // octets that could not be read as records
	header  error // the header could not be read
	changed bool  // the UIDVALIDITY is another than before
}

func (r *listReading) damaged() bool { return r.header != nil || r.lost > 0 }

// spoil notes what could not be read; the first few lines are kept for the log.
func (r *listReading) spoil(line []byte, why error) {
	r.lost += int64(len(line)) + 1
	if len(r.damage) < 5 {
		r.damage = append(r.damage, fmt.Sprintf("%v: %q", why, clip(string(line))))
	}
}

// unchanged reports whether the file in the directory is as it was when it was
// read last.
func (l *uidList) unchanged(dir string) (bool, error) {
	fi, err := l.fs.Stat(filepath.Join(dir, uidListName))
	if errors.Is(err, fs.ErrNotExist) {
		return l.info == nil, nil
	}
	return err == nil && l.isSame(fi) && fi.Size() == l.info.Size() && fi.ModTime().Equal(l.info.ModTime()), err
}

// torn reports whether the file, as it was when it was read last, ends in the
// middle of a line: somebody is writing it, or died while writing it.
func (l *uidList) torn() bool { return l.info != nil && l.info.Size() > l.read }

func (l *uidList) isSame(fi fs.FileInfo) bool {
	return l.info != nil && fsys.SameFile(fi, l.info)
}

// update reads what is new in the file and calls each for every record. locked
// says that nobody can be writing, so that a last line without its end is
// damage and not half of an append. When the file was replaced, all its records
// are read. The UIDVALIDITY known before stays if the file has another: the
// caller decides.
func (l *uidList) update(dir string, locked bool, each func(uidRecord)) (listReading, error) {
	f, err := l.fs.OpenFile(filepath.Join(dir, uidListName), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		l.info, l.read, l.records, l.last, l.guidLost = nil, 0, 0, 0, true
		return listReading{missing: true, full: true}, nil
	}
	if err != nil {
		return listReading{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil {
		err = l.inherit(f, fi)
	}
	if err != nil {
		return listReading{}, err
	}
	if l.isSame(fi) && fi.Size() >= l.read && l.read > 0 && !l.rewrite {
		tail := *l
		tail.info = fi
		r, err := tail.readRecords(f, locked, each)
		if err != nil || !r.damaged() {
			*l = tail
			return r, err
		}
	}
	return l.readAll(f, fi, locked, each)
}

// inherit makes durable what others have written, as rule 1 asks of their UIDs too: they may not
// have come to it, or were killed before. What can be written to no disk is read all the same.
func (l *uidList) inherit(f fsys.File, fi fs.FileInfo) error {
	err := fsys.Inherit(l.fs, f.Name(), f, fi)
	if isReadOnly(err) || isFull(err) {
		return nil
	}
	return err
}

// readAll reads the file from its beginning.
func (l *uidList) readAll(f fsys.File, fi fs.FileInfo, locked bool, each func(uidRecord)) (listReading, error) {
	known, remember := l.uidHeader, l.validity != 0 && !l.lostHeader
	if fi.Size() == 0 {
		l.info, l.read, l.records, l.last, l.guidLost = fi, 0, 0, 0, true
		return listReading{missing: true, full: true}, nil
	}
	whole := uidList{fs: l.fs, info: fi, rewrite: l.rewrite, ours: l.ours, foreign: l.foreign}
	r, err := whole.readFrom(f, locked, each)
	if err != nil {
		return r, err
	}
	r.full = true
	if remember && whole.validity != known.validity && r.header == nil {
		r.changed = true
		return r, nil
	}
	if r.header != nil && remember {
		next := whole.next
		whole.uidHeader, whole.next = known, next // we remember what the header said
	}
	whole.lostHeader = r.header != nil && !remember
	whole.damaged = r.damaged()
	if whole.guid == "" {
		whole.guid, whole.home, whole.guidLost = known.guid, known.home, true
	}
	// What could not be read may have been records of UIDs above all others.
	whole.next = max(whole.next, known.next) + mailstore.UID((r.lost+int64(minUIDRecordSize)-1)/int64(minUIDRecordSize))
	whole.rewrite = whole.rewrite || whole.damaged || whole.version != 3 || whole.guidLost
	*l = whole
	return r, nil
}

// readFrom reads header and records.
func (l *uidList) readFrom(f fsys.File, locked bool, each func(uidRecord)) (listReading, error) {
	in := bufio.NewReaderSize(f, maxUIDListLine)
	line, err := in.ReadSlice('\n')
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return listReading{}, err
	}
	header, headerErr := parseUIDHeader(string(bytes.TrimSuffix(line, []byte{'\n'})))
	l.uidHeader = header
	if err != nil && headerErr == nil {
		headerErr = fmt.Errorf("%w: no line end", errBadHeader)
	}
	if headerErr == nil { // else it may be a record, if the header was lost
		l.read = int64(len(line))
	}
	r, err := l.readRecords(f, locked, each)
	r.header = headerErr
	return r, err
}

// readRecords reads from l.read to the end.
func (l *uidList) readRecords(f fsys.File, locked bool, each func(uidRecord)) (listReading, error) {
	var r listReading
	in := bufio.NewReaderSize(io.NewSectionReader(f, l.read, 1<<62), 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err == nil:
			l.read += int64(len(line))
			l.take(line[:len(line)-1], &r, each)
		case err == bufio.ErrBufferFull:
			l.read += int64(len(line))
			r.spoil(line, errors.New("line too long"))
		case err != io.EOF:
			return r, err
		default:
			if len(line) > 0 && locked {
				r.spoil(line, errors.New("line without end"))
			}
			l.next = max(l.next, l.last+1)
			return r, nil
		}
	}
}

// take handles one line.
func (l *uidList) take(line []byte, r *listReading, each func(uidRecord)) {
	l.records++
	rec, err := parseUIDRecord(line, l.version)
	if err == nil && rec.uid <= l.last {
		err = fmt.Errorf("UID %d after %d", rec.uid, l.last)
	}
	l.last = max(l.last, rec.uid)
	if err != nil {
		r.spoil(line, err)
		if rec.base == nil {
			return
		}
	}
	l.uidls = l.uidls || rec.uidl() != ""
	each(rec)
}

// A newRecord is a UID to be written down.
type newRecord struct {
	uid  mailstore.UID
	base string
}

// append adds records to the file and makes them durable, and beside it what belongs to
// them: beside, unless nil, is called when they are on their way to the disk. The
// caller holds the lock and has called update under it. After an error, which may be that of
// beside, the records may or may not be there; their UIDs must not be used again.
//
// One sync comes behind the other: where the file system has a journal the first writes it
// for both, and a goroutine for one of them takes more time than it saves.
func (l *uidList) append(dir string, records []newRecord, beside func() error) error {
	if len(records) == 0 {
		return nil
	}
	f, err := l.fs.OpenFile(filepath.Join(dir, uidListName), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var text []byte
	for _, r := range records {
		text = appendUIDRecord(text, r.uid, "", r.base)
	}
	last := records[len(records)-1].uid
	l.next = max(l.next, last+1)
	at := l.read
	if _, err := f.WriteAt(text, at); err != nil {
		// Half a record would be damage to the next reader.
		return errors.Join(err, f.Truncate(at), l.giveUp(f))
	}
	if err := syncWith(f, beside); err != nil {
		// Whole ones stay: others may have seen the messages meanwhile, and nobody else would
		// know that their UIDs were used.
		return errors.Join(err, l.giveUp(f))
	}
	l.last, l.read = last, at+int64(len(text))
	l.records += len(records)
	l.info, err = f.Stat()
	return errors.Join(err, f.Close())
}

// syncWith makes what was written durable, and meanwhile what beside does, unless it is nil.
func syncWith(f fsys.File, beside func() error) error {
	if beside == nil {
		return fsys.SyncData(f)
	}
	err := fsys.StartSync(f)
	return errors.Join(err, beside(), fsys.SyncData(f))
}

// giveUp closes the file, of which all is read again the next time.
func (l *uidList) giveUp(f fsys.File) error {
	l.info, l.read = nil, 0
	return f.Close()
}

// replace writes the file anew with the given records, which are in the order
// of their UIDs. The caller holds the lock.
func (l *uidList) replace(dir string, perm fs.FileMode, records iter.Seq2[newRecord, string]) error {
	path := filepath.Join(dir, uidListName)
	temp := fsys.TempName(path)
	f, err := l.fs.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	fresh := uidList{fs: l.fs, uidHeader: l.uidHeader, uidls: l.uidls, ours: l.ours}
	fresh.version = 3
	err = fresh.writeAll(f, records)
	if err == nil {
		// Dovecot asks that the modification time rises, as inodes come again.
		err = l.newerThan(temp, &fresh, f)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = l.fs.Rename(temp, path)
	}
	if err != nil {
		_ = l.fs.Remove(temp) // it may not exist
		return err
	}
	// The rename has changed the change time, by which an index knows the file.
	if fi, err := l.fs.Stat(path); err == nil && sameState(fi, fresh.info) {
		fresh.info = fi
	}
	*l = fresh
	return l.fs.SyncDir(dir)
}

func (l *uidList) writeAll(f fsys.File, records iter.Seq2[newRecord, string]) error {
	out := bufio.NewWriterSize(f, 64<<10)
	line := l.uidHeader.append(nil)
	n, err := out.Write(line)
	l.read = int64(n)
	if err != nil {
		return err
	}
	for r, ext := range records {
		line = appendUIDRecord(line[:0], r.uid, ext, r.base)
		n, err := out.Write(line)
		l.read += int64(n)
		if err != nil {
			return err
		}
		l.records++
		l.last = r.uid
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// newerThan sees to it that the new file's time is after the old one's, and
// notes how the new file looks.
func (l *uidList) newerThan(temp string, fresh *uidList, f fsys.File) (err error) {
	fresh.info, err = f.Stat()
	if err != nil || l.info == nil || fresh.info.ModTime().After(l.info.ModTime()) {
		return err
	}
	later := l.info.ModTime().Add(time.Millisecond)
	if err := l.fs.Chtimes(temp, later, later); err != nil {
		return err
	}
	fresh.info, err = f.Stat()
	return err
}

// keepBroken gives the file a second name before it is replaced, so that not a
// byte of it is lost.
func (l *uidList) keepBroken(dir string) (string, error) {
	path := filepath.Join(dir, uidListName)
	for i := 0; ; i++ {
		kept := fmt.Sprintf("%s.broken-%s", path, time.Now().UTC().Format("20060102T150405"))
		if i > 0 {
			kept += fmt.Sprintf("-%d", i)
		}
		err := l.fs.Link(path, kept)
		if !errors.Is(err, fs.ErrExist) {
			return kept, err
		}
	}
}
