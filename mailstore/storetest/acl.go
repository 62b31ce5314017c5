package storetest

import (
	"errors"

	"restante/mailstore"
)

// grant gives rights in a mailbox.
func (e *env) grant(name, who string, r mailstore.Rights) {
	e.Helper()
	e.ok(e.acct.ChangeACL(e.ctx, name, func(l *mailstore.ACL) error {
		l.Put(who, false, r)
		return nil
	}), "change the list of "+name)
}

// wantACL compares a list as its file would have it.
func (e *env) wantACL(name, want string) {
	e.Helper()
	l, err := e.acct.ACL(e.ctx, name)
	e.ok(err, "list of rights of "+name)
	if got := string(l.Bytes()); got != want {
		e.Errorf("the list of rights of %s is %q, want %q", name, got, want)
	}
}

func treeACL(e *env) {
	e.create("box")
	e.wantACL("inbox", "")
	e.wantACL("box", "")
	e.grant("INBOX", "user=jane", mailstore.RightLookup|mailstore.RightRead)
	e.grant("box", "anyone", mailstore.AllRights)
	e.grant("box", "user=j d", mailstore.RightInsert)
	e.grant("box", "anyone", mailstore.RightPost)
	for range 2 {
		e.wantACL("inbox", "user=jane lr\n")
		e.wantACL("box", "anyone p\n\"user=j d\" i\n")
		e.reopen()
	}
	e.is(e.acct.ChangeACL(e.ctx, "box", func(l *mailstore.ACL) error {
		l.Remove("anyone", false)
		return mailstore.ErrNotPermitted
	}), mailstore.ErrNotPermitted, "a change that is given up")
	e.wantACL("box", "anyone p\n\"user=j d\" i\n")
	e.create(e.name("up", "down"))
	for _, name := range []string{"never", "up"} {
		_, err := e.acct.ACL(e.ctx, name)
		changing := e.acct.ChangeACL(e.ctx, name, func(*mailstore.ACL) error { return nil })
		for _, err := range []error{err, changing} {
			if !errors.Is(err, mailstore.ErrNotFound) && !errors.Is(err, mailstore.ErrNoSelect) {
				e.Errorf("list of rights of %s, which is no mailbox: %v", name, err)
			}
		}
	}
}

func treeACLFollows(e *env) {
	deep := e.name("from", "deep")
	e.create(deep)
	e.create("plain")
	e.grant(deep, "anyone", mailstore.RightLookup)
	e.grant("plain", "anyone", mailstore.RightRead)
	e.grant("INBOX", "anyone", mailstore.RightSeen)
	e.box("plain") // one that is open
	e.ok(e.acct.Rename(e.ctx, "from", "to"), "rename a tree")
	e.ok(e.acct.Rename(e.ctx, "plain", "new"), "rename")
	e.ok(e.acct.Rename(e.ctx, "INBOX", "kept"), "rename INBOX")
	e.create("plain")
	for range 2 {
		e.wantACL(e.name("to", "deep"), "anyone l\n")
		e.wantACL("new", "anyone r\n")
		e.wantACL("INBOX", "anyone s\n")
		e.wantACL("kept", "")
		e.wantACL("plain", "")
		e.reopen()
	}
	e.ok(e.acct.Delete(e.ctx, "new"), "delete")
	e.create("new")
	e.wantACL("new", "")
}
