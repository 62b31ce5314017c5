package mbox

import (
	"context"
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
	data, err := fsys.ReadAny(a.opt.FS, p.acl(), maxACL)
	return mailstore.ParseACL(data), a.fail("acl of", name, err)
}

func (a *account) findACL(name string) (place, error) {
	return a.find(strings.TrimSuffix(mailstore.CanonicalName(name, delimiter), string(delimiter)))
}

// ChangeACL changes what others may do with a mailbox.
func (a *account) ChangeACL(ctx context.Context, name string, change func(*mailstore.ACL) error) error {
	return a.changeTree(ctx, "change acl of", name, func(name string) error {
		p, err := a.findACL(name)
		if err != nil {
			return err
		}
		return a.changeFile(p.acl(), maxACL, func(data []byte) ([]byte, bool, error) { return mailstore.ChangeACL(data, change) })
	})
}
