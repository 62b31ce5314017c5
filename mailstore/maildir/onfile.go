package maildir

import (
	"context"
	"errors"
	"io/fs"

	"restante/mailstore"
)

// find looks at the directories because a message's file was not where the
// index has it, and returns where it is now.
func (m *mailbox) find(ctx context.Context, uid mailstore.UID) (mailstore.Record, file, error) {
	found, err := m.readAll(ctx, false)
	if err != nil {
		return mailstore.Record{}, file{}, m.vanished(err)
	}
	if len(found) > 0 { // they get UIDs at the next refresh
		m.newDir.known, m.curDir.known = false, false
	}
	r, f, there := m.Get(uid)
	if !there {
		return r, f, mailstore.ErrExpunged
	}
	return r, f, nil
}

// onFile runs fn with the place of a message's file, and again with its new
// place when another program has renamed it. ErrExpunged when it is gone.
func (m *mailbox) onFile(ctx context.Context, uid mailstore.UID, fn func(r mailstore.Record, f file) error) error {
	r, f, there := m.Get(uid)
	if m.doubt() { // r may be older than f
		var err error
		if r, f, err = m.find(ctx, uid); err != nil {
			return err
		}
	}
	for try := 0; ; try++ {
		if !there {
			return mailstore.ErrExpunged
		}
		err := fn(r, f)
		if !errors.Is(err, fs.ErrNotExist) || try == maxLooks {
			return err
		}
		if r, f, err = m.find(ctx, uid); err != nil {
			return err
		}
	}
}
