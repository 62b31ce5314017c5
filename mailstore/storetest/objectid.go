package storetest

import (
	"strings"

	"restante/mailstore"
)

var objectIDTests = []test{
	{"stays, whoever asks", objectIDStays},
	{"is never another's", objectIDUnique},
	{"stays over rename", objectIDRename},
	{"of INBOX stays when INBOX is renamed", objectIDRenameInbox},
}

// objectID returns the mailbox's name for ever, which must be the same to all who
// ask and something that protocols can tell.
func (e *env) objectID(name string) string {
	e.Helper()
	asked, err := e.acct.Status(e.ctx, name, mailstore.WantObjectID)
	e.ok(err, "status")
	id, err := e.box(name).ObjectID(e.ctx)
	e.ok(err, "object id")
	again, err := e.acct.Status(e.ctx, name, mailstore.WantObjectID|mailstore.WantSize)
	e.ok(err, "status")
	if id != asked.ObjectID || id != again.ObjectID {
		e.Errorf("%s is %q, and by Status %q and %q", name, id, asked.ObjectID, again.ObjectID)
	}
	const chars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if id == "" || len(id) > 200 || strings.Trim(id, chars) != "" {
		e.Errorf("the object id of %s is %q", name, id)
	}
	return id
}

func (e *env) wantObjectID(name, want string) {
	e.Helper()
	if got := e.objectID(name); got != want {
		e.Errorf("the object id of %s is %q, want %q", name, got, want)
	}
}

func objectIDStays(e *env) {
	e.create("Sent")
	inbox, sent := e.objectID(mailstore.Inbox), e.objectID("Sent")
	if s, err := e.acct.Status(e.ctx, "Sent", 0); err != nil || s.ObjectID != "" {
		e.Errorf("status that nobody asked for: %+v, %v", s, err)
	}
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), uids...)
	_, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[0]), e.box("Sent"))
	e.ok(err, "move")
	e.expunge(m, uids[1])
	for range 3 {
		e.wantObjectID(mailstore.Inbox, inbox)
		e.wantObjectID("Sent", sent)
		e.reopen()
	}
	_, err = e.acct.Status(e.ctx, "never", mailstore.WantObjectID)
	e.is(err, mailstore.ErrNotFound, "status of what is not there")
}

func objectIDUnique(e *env) {
	seen := make(map[string]string)
	note := func(name string) {
		e.Helper()
		id := e.objectID(name)
		if other, twice := seen[id]; twice {
			e.Errorf("%s has the object id of %s", name, other)
		}
		seen[id] = name
	}
	note(mailstore.Inbox)
	for _, name := range []string{"a", "b", e.name("c", "d")} {
		e.create(name)
		note(name)
	}
	for range 3 {
		e.add(e.box("a"), text("a"))
		e.ok(e.acct.Delete(e.ctx, "a"), "delete")
		e.create("a")
		note("a")
		e.closeAll()
		e.acct = e.h.Reopen(e.T)
	}
}

func objectIDRename(e *env) {
	e.create("old")
	e.create(e.name("tree", "x"))
	e.add(e.box("old"), text("a"))
	old, below := e.objectID("old"), e.objectID(e.name("tree", "x"))
	open := e.box("old")
	to := e.name("new", "place")
	e.ok(e.acct.Rename(e.ctx, "old", to), "rename")
	if id, err := open.ObjectID(e.ctx); err != nil || id != old {
		e.Errorf("the open mailbox is %q, %v, want %q", id, err, old)
	}
	e.ok(e.acct.Rename(e.ctx, "tree", "forest"), "rename")
	e.create("old")
	if id := e.objectID("old"); id == old {
		e.Error("a new mailbox of the old name has the old object id")
	}
	for range 2 {
		e.wantObjectID(to, old)
		e.wantObjectID(e.name("forest", "x"), below)
		e.reopen()
	}
	e.ok(e.acct.Delete(e.ctx, "old"), "delete")
	e.ok(e.acct.Rename(e.ctx, to, "old"), "rename back")
	e.wantObjectID("old", old)
}

// RFC 8474 section 4: renaming INBOX makes a mailbox and moves the messages.
func objectIDRenameInbox(e *env) {
	inbox := e.objectID(mailstore.Inbox)
	e.add(e.box(mailstore.Inbox), text("a"))
	e.ok(e.acct.Rename(e.ctx, mailstore.Inbox, "kept"), "rename INBOX")
	for range 2 {
		e.wantObjectID(mailstore.Inbox, inbox)
		if e.objectID("kept") == inbox {
			e.Error("the new mailbox has the object id of INBOX")
		}
		e.reopen()
	}
}
