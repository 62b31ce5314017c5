package maildir

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"restante/fsys"
	"restante/mailstore"
)

// docs/design/maildir.md, "Looking at a directory that changes", is the
// reasoning behind this file.

const (
	// fineMargin is longer than the tick of any clock that stamps files with
	// fractions of seconds; coarseMargin is for file systems that do not.
	fineMargin   = 100 * time.Millisecond
	coarseMargin = 2 * time.Second
	cheapRead    = 2 * time.Millisecond
	maxLooks     = 8
)

// rest is how long an uncertain listing that cost so much is good enough: reading
// takes 2 % of the time, or more where others' changes would stay unseen for a
// second, but never more than 20 %.
func rest(cost time.Duration) time.Duration {
	return min(50*cost, max(5*cost, 900*time.Millisecond))
}

// dirState is what we know of a directory whose listing has been read.
type dirState struct {
	known bool      // else it must be read
	still bool      // nothing has left it since it was synced
	own   time.Time // of our own changes the first since it was read, or the last before; zero: none
	mtime time.Time // its modification time
	seen  time.Time // when it was first seen to have that
	read  time.Time // when the last reading began
	cost  time.Duration
}

func margin(mtime time.Time) time.Duration {
	if mtime.Nanosecond() == 0 {
		return coarseMargin
	}
	return fineMargin
}

// certain reports that nothing can have changed since the listing was read
// while the modification time stays as it is.
func (d *dirState) certain() bool {
	m := margin(d.mtime)
	return d.read.Sub(d.seen) >= m || d.read.Sub(d.mtime) >= m+coarseMargin
}

// mustRead decides whether the directory has to be read again.
func (d *dirState) mustRead(mtime, now time.Time) bool {
	switch {
	case !d.known || !mtime.Equal(d.mtime):
		return true
	case d.certain():
		return false
	case !d.own.IsZero() && now.Sub(d.own) < fineMargin:
		return false // it would have to be read once more, and NOOP follows STORE closely
	case d.own.IsZero() && d.cost <= cheapRead:
		return true
	}
	return now.Sub(d.read) >= rest(d.cost)
}

// mayStay is that it need not.
func (d *dirState) mayStay(mtime, now time.Time) bool { return !d.mustRead(mtime, now) }

// begin notes the state before a directory is read. What we have changed ourselves is
// still so as long as its time is the same: it goes on being read less often.
func (d *dirState) begin(mtime, now time.Time) dirState {
	next := dirState{known: true, mtime: mtime, seen: now, read: now}
	if d.known && d.mtime.Equal(mtime) {
		next.seen, next.own = d.seen, d.own
	}
	return next
}

// changed notes that we have changed the directory, which has another time now.
func (d *dirState) changed(mtime, now time.Time) {
	d.mtime, d.seen = mtime, now
	if !d.own.After(d.read) {
		d.own = now
	}
}

// modTime returns the modification time of a directory.
func (m *mailbox) modTime(sub string) (time.Time, error) {
	fi, err := m.a.fs.Stat(filepath.Join(m.dir(), sub))
	if err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}

// changing runs fn, which changes entries in new/, cur/ or both. If nobody else
// changed them between the last listing and now, the listing plus what fn does is
// the new state, and need not be read at once.
func (m *mailbox) changing(inNew, inCur bool, fn func() error) error {
	type dir struct {
		state *dirState
		sub   string
	}
	dirs := make([]dir, 0, 2)
	if inCur {
		dirs = append(dirs, dir{&m.curDir, "cur"})
	}
	if inNew {
		dirs = append(dirs, dir{&m.newDir, "new"})
	}
	for _, d := range dirs {
		if t, err := m.modTime(d.sub); err != nil || !t.Equal(d.state.mtime) {
			d.state.known = false
		}
	}
	err := fn()
	for _, d := range dirs {
		t, statErr := m.modTime(d.sub)
		if statErr != nil {
			d.state.known = false
		}
		if d.state.known && !t.Equal(d.state.mtime) {
			d.state.changed(t, time.Now())
		}
	}
	return err
}

// entry is a message file that was found.
type entry struct {
	file
	uid   mailstore.UID // what the UID list says, 0 when it says nothing
	size  int64         // what the UID list says, Unknown when it says nothing
	known bool          // the index has it
}

// listing is what one look at the directories found.
type listing struct {
	entries []entry
	bases   baseTable // base name to place in entries
	quiet   bool      // nothing changed while we looked: this is all
	twins   []file    // further files with the base name of another
	newDir  dirState
	curDir  dirState
}

// look reads new/ and then cur/: in this order, a message that moves from one
// to the other meanwhile is seen twice rather than not at all.
func (m *mailbox) look(ctx context.Context) (*listing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	newTime, err := m.modTime("new")
	if err != nil {
		return nil, err
	}
	curTime, err := m.modTime("cur")
	if err != nil {
		return nil, err
	}
	l := &listing{bases: newBaseTable(m.Len())}
	l.newDir = m.newDir.begin(newTime, time.Now())
	if err := l.readDir(ctx, m, true); err != nil {
		return nil, err
	}
	l.curDir = m.curDir.begin(curTime, time.Now())
	if err := l.readDir(ctx, m, false); err != nil {
		return nil, err
	}
	newAfter, err := m.modTime("new")
	if err != nil {
		return nil, err
	}
	curAfter, err := m.modTime("cur")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	l.quiet = newAfter.Equal(newTime) && curAfter.Equal(curTime) &&
		now.Sub(newTime) >= margin(newTime) && now.Sub(curTime) >= margin(curTime)
	l.resolveTwins(m)
	return l, nil
}

// readDir adds the entries of one directory.
func (l *listing) readDir(ctx context.Context, m *mailbox, inNew bool) error {
	state, sub := &l.curDir, "cur"
	if inNew {
		state, sub = &l.newDir, "new"
	}
	dir := filepath.Join(m.dir(), sub)
	list, err := m.a.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(list) > cap(l.entries)-len(l.entries) {
		l.entries = append(make([]entry, 0, len(l.entries)+len(list)), l.entries...)
		l.bases.grow(cap(l.entries))
	}
	progress := mailstore.ProgressOf(ctx).Track(int64(len(list)))
	for _, e := range list {
		progress.Add(1)
		if e.Type&fs.ModeIrregular != 0 {
			e = m.statEntry(dir, e)
		}
		if !e.Type.IsRegular() || !usable(e.Name) {
			continue
		}
		l.add(file{e.Name, inNew})
	}
	state.cost = time.Since(state.read)
	return nil
}

// statEntry finds out the type where the directory does not tell.
func (m *mailbox) statEntry(dir string, e fsys.Entry) fsys.Entry {
	if fi, err := m.a.fs.Lstat(filepath.Join(dir, e.Name)); err == nil {
		e.Type = fi.Mode().Type()
	}
	return e
}

// find returns the place of a base name in entries.
func (l *listing) find(base string) (place uint32, found bool) {
	return l.findHashed(l.bases.hash(base), base)
}

func (l *listing) findHashed(hash uint32, base string) (place uint32, found bool) {
	return l.bases.find(hash, func(i uint32) bool { return l.entries[i].base() == base })
}

// has reports whether a base name was found.
func (l *listing) has(base string) bool {
	_, found := l.find(base)
	return found
}

func (l *listing) add(f file) {
	base := f.base()
	hash := l.bases.hash(base)
	if i, found := l.findHashed(hash, base); found {
		e := &l.entries[i].file
		if *e == f {
			return // readdir returned it twice
		}
		if e.inNew && !f.inNew { // it moved meanwhile, or cur has the flags
			*e, f = f, *e
		}
		l.twins = append(l.twins, f)
		return
	}
	l.bases.add(hash, uint32(len(l.entries)))
	l.entries = append(l.entries, entry{file: f, size: mailstore.Unknown})
}

// give notes what the UID list says of a message, and reports whether the
// message was found.
func (l *listing) give(rec uidRecord) bool {
	i, found := l.bases.find(l.bases.hashBytes(rec.base), func(i uint32) bool { return l.entries[i].base() == string(rec.base) })
	if found {
		l.entries[i].uid = rec.uid
		if size := rec.size(); size != mailstore.Unknown {
			l.entries[i].size = size
		}
	}
	return found
}
