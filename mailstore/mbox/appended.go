package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"restante/mailstore"
)

// errAppendLost: what is written does not read as what was meant.
var errAppendLost = errors.New("the message cannot be stored in an mbox file")

// appended is what a batch adds to the file.
type appended struct {
	*batch
	start, end int64
	first      mailstore.UID
	found      *foundList // nil before it was read
	base       base       // of the file, if it was found
	told       bool       // the journal tells which texts have these UIDs
}

// foretell is what the journal is to tell of the messages before they are written. Those that go
// through it are read for that, as they will stand in the file.
func (a *appended) foretell(note *appendNote) (toldUIDs, error) {
	m := a.m
	texts := m.unlisted
	if note.data != nil {
		if err := a.read(appendedFile{m.h, a.end - note.n, bytes.NewReader(note.data)}); err != nil {
			return toldUIDs{}, err
		}
		a.told = m.savedValidity == m.validity && len(texts)+a.len() <= maxTold
	}
	if a.told {
		texts = slices.AppendSeq(slices.Clip(texts), a.found.fresh())
	}
	return newTold(m.validity, a.first+mailstore.UID(a.len()), texts), nil
}

// read reads the messages from the file with all of them.
func (a *appended) read(file io.ReaderAt) error {
	m := a.m
	p := newParser(file, a.start, a.end, m.acct.opt.Zone)
	p.style, p.first = m.style, m.carriesNoMail()
	list, err := p.rest(a.start)
	if err != nil {
		return err
	}
	if list.len() != a.len() {
		return fmt.Errorf("%w: it reads as %d messages and not as %d", errAppendLost, list.len(), a.len())
	}
	i := 0
	for _, one := range a.list {
		for k := range one.messages {
			if err := list.at(i).accepted(&one.messages[k], a.first+mailstore.UID(i)); err != nil {
				return err
			}
			i++
		}
	}
	a.found, a.base = list, p.base
	return nil
}

// accept adds the messages, which are in the file, to the index.
func (a *appended) accept() error {
	m := a.m
	if a.found == nil {
		if err := a.read(m.h); err != nil {
			return err
		}
	}
	snap, unsure := m.snap, m.unsure
	if err := m.stampAppend(); err != nil {
		return err
	}
	before, next := m.base, a.first+mailstore.UID(a.len())
	if a.base.found {
		m.base = a.base
	}
	if a.told {
		m.unlisted = slices.AppendSeq(m.unlisted, a.found.fresh())
	} else if err := m.list(next, a.found.fresh()); err != nil {
		m.base, m.unsure = before, unsure
		m.setSnap(snap) // what was appended will be taken back
		return err
	}
	a.tell()
	m.noteKeywords(a.found)
	m.publish(a.found, next)
	return nil
}

// tell gives the appends their UIDs.
func (a *appended) tell() {
	next := a.first
	for _, p := range a.list {
		p.uids = p.uids[:0]
		for range p.messages {
			p.uids = append(p.uids, next)
			next++
		}
	}
}

// appendedFile is a file as it will be with data behind it.
type appendedFile struct {
	io.ReaderAt
	end  int64
	data *bytes.Reader
}

// ReadAt reads from the file, and behind its end from the data.
func (a appendedFile) ReadAt(b []byte, off int64) (n int, err error) {
	if off < a.end {
		front := b[:min(int64(len(b)), a.end-off)]
		if n, err = a.ReaderAt.ReadAt(front, off); n < len(front) || n == len(b) {
			return n, err
		}
	}
	k, err := a.data.ReadAt(b[n:], off+int64(n)-a.end)
	return n + k, err
}

// accepted completes a message that was found with what it was written from.
func (f *found) accepted(msg *spooled, uid mailstore.UID) error {
	if f.uid != uid {
		return fmt.Errorf("%w: its UID reads as %d and not as %d", errAppendLost, f.uid, uid)
	}
	f.resolved = resolved{stamped: true, fresh: true}
	f.bits |= bitStamped | bitRecent
	f.date = msg.date
	f.system, f.keywords = msg.flags.System|mailstore.Recent, msg.flags.Keywords
	return nil
}
