package maildir

import (
	"context"
	"errors"
	"iter"
	"time"

	"restante/mailstore"
	"restante/mailstore/index"
)

// saveAfter is how long changes wait until they are in the index on disk. It
// does not matter for anything but the cost of opening after a crash.
const saveAfter = 10 * time.Second

// fileCodec writes where a message is: c or n for the directory, and the name.
type fileCodec struct{}

func (fileCodec) Encode(dst []byte, f file) []byte {
	sub := byte('c')
	if f.inNew {
		sub = 'n'
	}
	return append(append(dst, sub), f.name...)
}

var errBadDatum = errors.New("no file name")

func (fileCodec) Decode(text string) (file, error) {
	if len(text) < 2 || text[0] != 'c' && text[0] != 'n' {
		return file{}, errBadDatum
	}
	return file{name: text[1:], inNew: text[0] == 'n'}, nil
}

// Recent says that what is in new/ is recent, as a first look at the directory does.
func (fileCodec) Recent(f file) bool { return f.inNew }

// indexDir is where the index of a mailbox stands.
func (a *account) indexDir(name string) string { return index.Dir(a.indexRoot, name) }

// newStore returns what keeps the mailbox's index, nil where none is wanted.
func (m *mailbox) newStore(name string) *index.Store[file] {
	if m.a.indexRoot == "" {
		return nil
	}
	return index.NewStore(index.Options[file]{
		FS: m.a.indexFS, Dir: m.a.indexDir(name), Codec: fileCodec{}, Restore: m.restoreFiles, SummaryVersion: summaryVersion,
		Logger: m.a.log, SaveAfter: saveAfter, SaveNow: m.saveIndex,
	})
}

// summaryVersion changes when all summaries have to be made anew. What stands in
// them is the affair of the services, which have versions of their own.
const summaryVersion = 1

// loadIndex takes from the index on disk what is still true. With Current there
// is nothing more to read; with Behind the files have to be looked at, as if
// they had changed while the mailbox was in memory.
func (m *mailbox) loadIndex() (index.Verdict, *known, error) {
	if m.disk == nil {
		return index.Useless, nil, nil
	}
	var k *known
	verdict := m.disk.Load(m.Index, func(stamp []byte, open bool) (v index.Verdict) {
		k, v = m.judge(stamp, open)
		return v
	})
	if verdict == index.Useless {
		return verdict, nil, nil
	}
	h := &k.head
	m.list.uidHeader, m.list.info = k.header, h.List.info()
	m.list.read, m.list.records, m.list.last = h.Read, int(h.Records), h.Last
	m.list.rewrite, m.list.uidls = h.Flags&stampRewrite != 0, h.Flags&stampUIDLs != 0
	if m.list.rewrite {
		m.list.info, m.list.read = nil, 0 // read all of it again
	}
	m.newDir, m.curDir = h.New.state(), h.Cur.state()
	m.newDir.known, m.curDir.known = k.newDir, k.curDir
	m.exact = h.Flags&stampExact != 0
	m.recent = m.Recent() // which is what is in new/
	for _, r := range m.recent {
		for uid := r.First; uid <= r.Last; uid++ {
			m.fresh[uid] = struct{}{}
		}
	}
	if _, err := m.kw.refresh(m.control()); err != nil {
		return verdict, k, err
	}
	m.validity.Store(k.header.validity)
	m.loaded.Store(true)
	return verdict, k, nil
}

// catchUpFrom folds in what changed since the index was saved.
func (m *mailbox) catchUpFrom(ctx context.Context, k *known) ([]entry, error) {
	newTime, err := m.modTime("new")
	if err != nil {
		return nil, err
	}
	m.reread = !k.words || k.head.New.Known == 0 || k.head.Cur.Known == 0
	return m.catchUp(ctx, newTime, !k.curDir || !k.words || !m.exact || m.list.info == nil, false)
}

// saveIndex writes to disk what has changed. It is called some time after the
// first change.
func (m *mailbox) saveIndex() {
	ctx, cancel := context.WithTimeout(context.Background(), saveAfter)
	defer cancel()
	if m.ops.Lock(ctx) != nil {
		return
	}
	defer m.ops.Unlock()
	if m.disk != nil && m.loaded.Load() && !m.gone.Load() {
		m.disk.Save(m.stamp())
	}
}

// closeIndex is the last save, when the mailbox leaves the memory. The caller
// holds ops.
func (m *mailbox) closeIndex() {
	switch {
	case m.disk == nil:
	case m.loaded.Load() && !m.gone.Load():
		m.disk.Close(m.stamp())
	default:
		m.disk.Abandon()
	}
}

// restIndex closes the files of the index until they are needed.
func (m *mailbox) restIndex() {
	if m.disk != nil {
		m.disk.Rest()
	}
}

// abandonIndex ends the use of the index: what is on disk stays as it is.
func (m *mailbox) abandonIndex() {
	if m.disk != nil {
		m.disk.Abandon()
	}
}

// moveIndex lets the index of a mailbox that was renamed follow. m is nil where
// it is not in memory. The index is a cache: what cannot be moved is built anew.
func (a *account) moveIndex(m *mailbox, from, to string) {
	switch {
	case a.indexRoot == "":
	case m != nil && m.disk != nil:
		m.disk.Move(a.indexDir(to))
	default:
		if err := index.MoveDir(a.indexFS, a.indexDir(from), a.indexDir(to)); err != nil {
			a.log.Info("the index of a renamed mailbox will be built anew", "mailbox", to, "err", err)
		}
	}
}

// removeIndex removes the index of a mailbox that was deleted.
func (a *account) removeIndex(name string) {
	if a.indexRoot == "" {
		return
	}
	if err := index.RemoveDir(a.indexFS, a.indexDir(name)); err != nil {
		a.log.Info("cannot remove the index of a deleted mailbox", "mailbox", name, "err", err)
	}
}

// PutSummary keeps a summary of a message.
func (m *mailbox) PutSummary(uid mailstore.UID, summary []byte) {
	if m.disk != nil {
		m.disk.PutSummary(uid, summary)
	}
}

// Summaries reads what PutSummary kept.
func (m *mailbox) Summaries() mailstore.SummaryReader {
	if m.disk == nil {
		return nil
	}
	return m.disk.Summaries()
}

// Blobs keeps what services have worked out of all messages.
func (m *mailbox) Blobs() mailstore.Blobs {
	if m.disk == nil {
		return nil
	}
	return m.disk.Blobs()
}

// uidsOf finds the messages of which a listing has files. The table of all names
// is made only when such a question comes again: many mailboxes are opened, and
// closed, without one.
func (m *mailbox) uidsOf(has func(base string) bool) map[string]uint32 {
	if m.names != nil {
		return m.names
	}
	if m.asked {
		return m.allNames()
	}
	m.asked = true
	found := make(map[string]uint32)
	m.View(func(records iter.Seq2[mailstore.Record, file]) {
		for r, f := range records {
			if base := f.base(); has(base) {
				found[base] = uint32(r.UID)
			}
		}
	})
	return found
}

// allNames returns the table from base names to UIDs, which is kept from now on.
func (m *mailbox) allNames() map[string]uint32 {
	if m.names == nil {
		m.names = make(map[string]uint32, m.Len())
		m.View(func(records iter.Seq2[mailstore.Record, file]) {
			for r, f := range records {
				m.names[f.base()] = uint32(r.UID)
			}
		})
	}
	return m.names
}
