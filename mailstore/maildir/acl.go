package maildir

import (
	"context"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// aclName is the file in a mailbox's directory that says what others may do with
// the mailbox (mailstore.ACL). It is Dovecot's, which has it among the messages
// also where control files stand elsewhere.
const (
	aclName = "dovecot-acl"
	maxACL  = 1 << 20
)

// ACL returns what others may do with a mailbox.
func (a *account) ACL(ctx context.Context, name string) (mailstore.ACL, error) {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	path, err := a.aclPath(ctx, name)
	if err != nil {
		return nil, fail("acl of", name, err)
	}
	data, err := fsys.ReadAny(a.fs, path, maxACL)
	return mailstore.ParseACL(data), fail("acl of", name, err)
}

// ChangeACL changes what others may do with a mailbox.
func (a *account) ChangeACL(ctx context.Context, name string, change func(*mailstore.ACL) error) error {
	a.treeMu.RLock()
	defer a.treeMu.RUnlock()
	a.notesMu.Lock()
	defer a.notesMu.Unlock()
	path, err := a.aclPath(ctx, name)
	if err == nil {
		err = a.changeFile(path, maxACL, func(data []byte) ([]byte, bool, error) { return mailstore.ChangeACL(data, change) })
	}
	return fail("change acl of", name, err)
}

// aclPath finds a mailbox's file; the caller holds treeMu.
func (a *account) aclPath(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	name = strings.TrimSuffix(a.canonical(name), a.tree.delimiter())
	n, err := a.tree.find(ctx, name)
	if err == nil && n.kind != box {
		err = mailstore.ErrNotFound
	}
	return filepath.Join(n.dir, aclName), err
}

// dropNotes removes what an earlier mailbox has left in a directory that is none
// now: nobody may have rights in the next one that he was not given, and nothing that
// was noted is of it.
func (a *account) dropNotes(dir string) error {
	for _, name := range []string{aclName, annotationsName} {
		if err := a.fs.Remove(filepath.Join(dir, name)); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}
