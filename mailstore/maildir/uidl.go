package maildir

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"restante/mailstore"
)

const maxSavedUIDL = 250

// SavedUIDLs returns the unique ids of POP3 that stand in the UID list, where
// Dovecot and programs that move mail to it write those of the server before.
func (m *mailbox) SavedUIDLs(ctx context.Context) (saved map[mailstore.UID]string, err error) {
	err = m.locked(ctx, "read unique ids of", func() error {
		switch {
		case m.uidls != nil: // taken over from Courier, and not written down
			saved = m.courierUIDLs()
		case m.list.uidls:
			saved, err = m.readSaved(uidRecord.uidl)
		}
		return err
	})
	return saved, err
}

// SavedGUIDs returns the identities that stand in the UID list, where Dovecot
// writes those of messages that it got from elsewhere with one.
func (m *mailbox) SavedGUIDs(ctx context.Context) (saved map[mailstore.UID]string, err error) {
	err = m.locked(ctx, "read identities of messages in", func() error {
		saved, err = m.readSaved(uidRecord.guid)
		return err
	})
	return saved, err
}

// readSaved reads one field of all records in the list.
func (m *mailbox) readSaved(field func(uidRecord) string) (map[mailstore.UID]string, error) {
	f, err := m.a.fs.OpenFile(filepath.Join(m.control(), uidListName), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	saved, given := make(map[mailstore.UID]string), make(map[string]struct{})
	in := bufio.NewReaderSize(f, maxUIDListLine)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			return saved, nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		rec, err := parseUIDRecord(line[:len(line)-1], 3)
		if err != nil {
			continue // the header, and damage, which is somebody else's affair
		}
		id := field(rec)
		if _, again := given[id]; id == "" || again || m.FileName(rec.uid) != string(rec.base) {
			continue // two messages with one id would be one to a client
		}
		saved[rec.uid], given[id] = id, struct{}{}
	}
}

// FileName is the base name of a message's file.
func (m *mailbox) FileName(uid mailstore.UID) string {
	_, f, _ := m.Get(uid)
	return f.base()
}
