package maildir

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// withList runs fn while it holds dovecot-uidlist.lock, when the index has
// everything that the list has: whatever UIDs fn gives are above all others. The
// files in found get UIDs first. fn may be nil.
func (m *mailbox) withList(ctx context.Context, wait time.Duration, found []entry, fn func() error) (err error) {
	dir := m.control()
	lock, err := m.a.lockDot(ctx, filepath.Join(dir, uidListLockName), wait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	same, err := m.list.unchanged(dir)
	if err != nil {
		return err
	}
	again := m.list.damaged || m.list.torn()
	if again { // judge it while nobody writes
		m.list.info, m.list.read = nil, 0
	}
	if !same || again {
		if found, err = m.catchUpLocked(ctx); err != nil {
			return m.vanished(err)
		}
	}
	anew := m.list.rewrite
	if anew {
		if m.list.info == nil && !m.loaded.Load() {
			// There is no list yet, and nobody else who could see the UIDs: one
			// writing does for all, and is all or nothing.
			if err := m.giveUIDs(found, false); err != nil {
				return err
			}
			found = nil
		}
		if err := m.rewriteList(ctx); err != nil {
			return err
		}
	}
	if err := m.giveUIDs(found, true); err != nil {
		return err
	}
	if anew {
		if err := m.lookForTwins(ctx); err != nil {
			return err
		}
	}
	if fn == nil {
		return nil
	}
	return fn()
}

// listIsStale reports whether most records of the list are of messages that are
// gone. It is written anew only then, so that each record is rewritten a bounded
// number of times.
func (m *mailbox) listIsStale() bool {
	return m.exact && m.list.records > 2*m.Len()+1000
}

// giveUIDs gives UIDs to files in the order of delivery. durable says that the
// list is written, under its lock; otherwise the UIDs are known to us alone.
func (m *mailbox) giveUIDs(found []entry, durable bool) error {
	if len(found) == 0 {
		return nil
	}
	if found = m.strangers(found); len(found) == 0 {
		return nil
	}
	m.warnNames(found)
	found = byDelivery(found)
	records := make([]newRecord, len(found))
	for i := range found {
		uid, err := m.takeUID()
		if err != nil {
			return err
		}
		found[i].uid = uid
		records[i] = newRecord{uid, found[i].base()}
	}
	if durable {
		if err := m.list.append(m.control(), records, nil); err != nil {
			m.newDir.known, m.curDir.known = false, false
			return err
		}
	}
	open := m.loaded.Load()
	m.Learn(func(tx *index.Tx[file]) {
		for _, e := range found {
			// What stood in cur/ before we came somebody has seen.
			m.insert(tx, e, open || e.inNew)
		}
	})
	return nil
}

// strangers are those of the files that the index does not have.
func (m *mailbox) strangers(found []entry) []entry {
	if m.Len() == 0 {
		return found
	}
	bases := make(map[string]struct{}, len(found))
	for i := range found {
		bases[found[i].base()] = struct{}{}
	}
	names := m.uidsOf(func(base string) bool { _, there := bases[base]; return there })
	return slices.DeleteFunc(slices.Clone(found), func(e entry) bool {
		_, known := names[e.base()]
		return known
	})
}

// takeUID returns a UID that was never given. It may be used only when the list
// has it.
func (m *mailbox) takeUID() (mailstore.UID, error) {
	uid := max(m.list.next, m.UIDNext(), 1)
	if uid >= mailstore.MaxUID-1 {
		return 0, errNoUIDs
	}
	m.list.next = uid + 1
	return uid, nil
}

// rewriteList writes the UID list anew from the index: in version 3, without
// records of messages that are gone, with the sizes that were found out, and
// whole where it was damaged.
func (m *mailbox) rewriteList(ctx context.Context) error {
	dir, l := m.control(), &m.list
	if l.damaged {
		kept, err := l.keepBroken(dir)
		if err != nil && !isAbsent(err) {
			return err
		}
		m.a.log.Error("repaired the UID list; what it was is kept", "mailbox", m.Name(), "kept", kept, "new UIDVALIDITY", l.lostHeader)
	}
	if l.validity == 0 || l.lostHeader {
		validity, err := m.a.valid.next(l.validity)
		if err != nil {
			return err
		}
		l.validity = validity
	}
	l.next = max(l.next, m.UIDNext())
	fields, err := m.readFields()
	if err != nil {
		return err
	}
	learned, told := m.learned.Load(), l.uidHeader
	if err := m.giveGUID(); err != nil {
		return err
	}
	if err := l.replace(dir, m.a.filePerm, m.records(m.withCourierUIDLs(fields), mailstore.ProgressOf(ctx))); err != nil {
		l.guid, l.home = told.guid, told.home // a new one may not last
		return err
	}
	m.uidls = nil
	m.learned.Add(-learned)
	return m.kw.tidy(dir, m.a.filePerm, func(base string) bool { _, live := m.allNames()[base]; return live })
}

// lookForTwins separates files with the same base name, now that we have the
// lock, and gives UIDs to the messages that come to light.
func (m *mailbox) lookForTwins(ctx context.Context) error {
	if m.curDir.known {
		return nil
	}
	l, err := m.look(ctx)
	if err != nil || len(l.twins) == 0 {
		return err
	}
	made, err := m.separateTwins(l)
	if err != nil {
		return err
	}
	return m.giveUIDs(made, true)
}

// readFields returns the fields that records of living messages have in the
// list as it is.
func (m *mailbox) readFields() (map[mailstore.UID]string, error) {
	f, err := m.a.fs.OpenFile(filepath.Join(m.control(), uidListName), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fields := make(map[mailstore.UID]string)
	names := m.allNames()
	in := bufio.NewReaderSize(f, maxUIDListLine)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			return fields, nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		rec, err := parseUIDRecord(line[:len(line)-1], 3)
		if err == nil && len(rec.ext) > 0 && names[string(rec.base)] == uint32(rec.uid) {
			fields[rec.uid] = string(rec.ext)
		}
	}
}

// records yields all messages with their fields, for uidList.replace.
func (m *mailbox) records(fields map[mailstore.UID]string, tell mailstore.Progress) iter.Seq2[newRecord, string] {
	return func(yield func(newRecord, string) bool) {
		progress := tell.Track(int64(m.Len()))
		batch := make([]mailstore.Record, 0, 1024)
		for first := mailstore.UID(1); ; {
			batch = m.Records(batch[:0], first)
			if len(batch) == 0 {
				return
			}
			last := batch[len(batch)-1].UID
			progress.Add(int64(len(batch)))
			for _, e := range m.Collect(mailstore.UIDSet{{First: first, Last: last}}) {
				base := e.Data.base()
				if !yield(newRecord{e.UID, base}, withSizeField(fields[e.UID], base, e.Size)) {
					return
				}
			}
			first = last + 1
		}
	}
}

// withSizeField gives the fields of a record the size, if it does not stand in
// the name.
func withSizeField(fields, base string, size int64) string {
	rec := uidRecord{ext: []byte(fields)}
	switch {
	case size == mailstore.Unknown, sizeField(base, 'W') != mailstore.Unknown, rec.size() == size:
		return fields
	case rec.size() != mailstore.Unknown: // a wrong one
		kept := slices.DeleteFunc(strings.Fields(fields), func(f string) bool { return f[0] == 'W' })
		fields = strings.Join(kept, " ")
	}
	if fields != "" {
		fields += " "
	}
	return fields + "W" + strconv.FormatInt(size, 10)
}
