package mbox

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"restante/fsys"
	"restante/mailstore"
)

// aclName is the file among the notes on a mailbox that says what others may do
// with it (mailstore.ACL). It is Dovecot's, and stands where Dovecot has it.
const (
	aclName = "dovecot-acl"
	maxACL  = 1 << 20
)

func (p *place) acl() string { return filepath.Join(p.notes, aclName) }

// ACL returns what others may do with a mailbox.
func (a *account) ACL(ctx context.Context, name string) (mailstore.ACL, error) {
	if err := ctx.Err(); err != nil {
		return nil, a.fail("acl of", name, err)
	}
	p, err := a.findACL(name)
	if err != nil {
		return nil, a.fail("acl of", name, err)
	}
	data, err := a.readACL(p)
	return mailstore.ParseACL(data), a.fail("acl of", name, err)
}

func (a *account) findACL(name string) (place, error) {
	return a.find(strings.TrimSuffix(mailstore.CanonicalName(name, delimiter), string(delimiter)))
}

// readACL gives the file's content, nothing when there is none.
func (a *account) readACL(p place) ([]byte, error) {
	data, err := fsys.ReadFile(a.opt.FS, p.acl(), maxACL)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return data, err
}

// ChangeACL changes what others may do with a mailbox.
func (a *account) ChangeACL(ctx context.Context, name string, change func(*mailstore.ACL) error) error {
	return a.changeTree(ctx, "change acl of", name, func(name string) error {
		p, err := a.findACL(name)
		if err != nil {
			return err
		}
		data, err := a.readACL(p)
		if err != nil {
			return err
		}
		data, changed, err := mailstore.ChangeACL(data, change)
		if err != nil || !changed {
			return err
		}
		if err := fsys.MkdirAll(a.opt.FS, p.notes, 0o700); err != nil {
			return err
		}
		return fsys.WriteFile(a.opt.FS, p.acl(), data, 0o600)
	})
}
