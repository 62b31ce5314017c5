package mbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"time"

	"restante/fsys"
	"restante/mailstore"
	"restante/mailstore/index"
)

// Verify parses a mailbox's file and compares it with what is written down of it.
func (a *account) Verify(ctx context.Context, name string) ([]mailstore.Difference, error) {
	p, err := a.find(mailstore.CanonicalName(name, delimiter))
	if err != nil {
		return nil, a.fail("verify", name, err)
	}
	v := verifier{a: a, place: p, messages: &foundList{}}
	err = v.run(ctx)
	return v.found, a.fail("verify", name, err)
}

type verifier struct {
	a        *account
	place    place
	base     base
	messages *foundList // without UW's pseudo message
	found    []mailstore.Difference
}

func (v *verifier) tell(path string, uid mailstore.UID, format string, args ...any) {
	v.found = append(v.found, mailstore.Difference{Path: path, UID: uid, What: fmt.Sprintf(format, args...)})
}

func (v *verifier) run(ctx context.Context) error {
	f, err := v.a.opt.FS.OpenFile(v.place.mbox, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an inbox that nobody has written to
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := waitToRead(ctx, f, v.a.opt.LockTimeout); err != nil {
		return err
	}
	if err := v.parse(f); err != nil {
		v.tell(v.place.mbox, 0, "cannot be read: %v", err)
		return nil
	}
	v.checkUIDs()
	if err := v.checkJournal(); err != nil {
		return err
	}
	v.compareIndex()
	return nil
}

// waitToRead takes a lock for reading, which lasts until the file is closed.
func waitToRead(ctx context.Context, f fsys.File, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if mine, err := f.TryLock(false); mine || err != nil {
			return nil // where there are no locks it is read without
		}
		select {
		case <-ctx.Done():
			return mailstore.ErrInUse
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (v *verifier) parse(f fsys.File) error {
	fi, err := f.Stat()
	if err != nil || fi.Size() == 0 {
		return err
	}
	p, list, err := parseAll(f, fi.Size(), v.a.opt.Zone, nil)
	if err != nil {
		return err
	}
	v.base = p.base
	list.withoutPseudo()
	v.messages = list
	if p.style.damaged {
		v.tell(v.place.mbox, 0, "has text before its first From line, which is shown as a message")
	}
	return nil
}

// checkUIDs looks at X-UID and X-IMAPbase.
func (v *verifier) checkUIDs() {
	last := mailstore.UID(0)
	for m := range v.messages.all() {
		switch {
		case m.uid == 0:
			continue
		case m.uid <= last:
			v.tell(v.place.mbox, m.uid, "the message at octet %d has this X-UID after %d: it gets another UID when the mailbox is opened", m.off, last)
			continue
		case v.base.found && m.uid > v.base.last:
			v.tell(v.place.mbox, m.uid, "the message at octet %d has this X-UID, and X-IMAPbase knows none above %d", m.off, v.base.last)
		case !v.base.found:
			v.tell(v.place.mbox, m.uid, "the message at octet %d has this X-UID, and there is no X-IMAPbase to say under which UIDVALIDITY", m.off)
		}
		last = m.uid
	}
}

// checkJournal tells of a change that was broken off.
func (v *verifier) checkJournal() error {
	path := v.place.journal()
	j := &journal{fs: v.a.opt.FS, path: path}
	f, err := v.a.opt.FS.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	j.f = f
	if err := j.load(); err != nil {
		v.tell(path, 0, "cannot be read: %v", err)
		return nil
	}
	if j.dirty() {
		v.tell(path, 0, "holds a change of %s that was broken off, or is being made now; it is finished when the mailbox is opened", v.place.mbox)
	}
	return nil
}

// compareIndex tells what cannot be right in our index whatever has happened
// since it was saved: a UID names one text for ever.
func (v *verifier) compareIndex() {
	if v.a.opt.IndexDir == "" {
		return
	}
	dir := v.a.indexDir(v.place.name)
	x, _, err := index.Read(v.a.opt.IndexFS, dir, locCodec{})
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		v.tell(dir, 0, "the index cannot be used and will be built anew: %v", err)
		return
	}
	byUID := make(map[mailstore.UID]*found, v.messages.len())
	for m := range v.messages.all() {
		if m.uid != 0 {
			byUID[m.uid] = m
		}
	}
	x.View(func(records iter.Seq2[mailstore.Record, loc]) {
		for r, l := range records {
			m := byUID[r.UID]
			if m == nil || !l.has(bitStamped) {
				continue
			}
			if !m.sameText(l) {
				v.tell(dir, r.UID, "the index has this UID for another message than the one at octet %d of %s; rebuild corrects it", m.off, v.place.mbox)
			} else if r.Size != mailstore.Unknown && m.size != mailstore.Unknown && r.Size != m.size {
				v.tell(dir, r.UID, "the index says %d octets with CRLF, and the message has %d; rebuild corrects it", r.Size, m.size)
			}
		}
	})
}

// Rebuild removes the index and parses the file anew. Then all messages get
// their notes, however large the file is: another server that takes it over finds
// the UIDs in it. Where it cannot be written, they stay in the state file.
func (a *account) Rebuild(ctx context.Context, name string) error {
	name = mailstore.CanonicalName(name, delimiter)
	if a.opt.IndexDir != "" {
		if err := index.RemoveDir(a.opt.IndexFS, a.indexDir(name)); err != nil {
			return a.fail("rebuild", name, err)
		}
	}
	m, err := a.open(ctx, name)
	if err != nil {
		return a.fail("rebuild", name, err)
	}
	if !m.ReadOnly() {
		err = m.change(ctx, "rebuild", m.writeAllNotes)
	}
	return errors.Join(err, m.Close())
}
