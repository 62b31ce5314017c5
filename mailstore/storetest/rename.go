package storetest

import (
	"slices"

	"restante/mailstore"
)

func treeRename(e *env) {
	m := e.newBox("old")
	validity := m.UIDValidity()
	uids := e.add(m, text("a"), text("b"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), uids[0])
	e.ok(e.acct.Subscribe(e.ctx, "old", true), "subscribe")
	_, c := m.Follow()
	defer c.Close()
	to := e.name("new", "place")
	e.ok(e.acct.Rename(e.ctx, "old", to), "rename")
	if m.Name() != to {
		e.Errorf("the open mailbox's name is %q, want %q", m.Name(), to)
	}
	_, err := e.acct.Open(e.ctx, "old")
	e.is(err, mailstore.ErrNotFound, "open by the old name")
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), uids[1])
	uids = append(uids, e.add(m, text("c"))...)
	if got := e.read(m, uids[0]); got != text("a") {
		e.Errorf("read %q", got)
	}
	if changes, _ := c.Next(); len(changes) != 2 {
		e.Errorf("changes %v, want a change of flags and a message", changes)
	}
	for range 2 {
		m = e.box(to)
		if m.UIDValidity() != validity {
			e.Errorf("UIDVALIDITY was %d, is %d", validity, m.UIDValidity())
		}
		e.wantUIDs(m, uids...)
		e.wantFlags(m, uids[0], mailstore.NewFlags(mailstore.Seen, "k"))
		e.wantFlags(m, uids[1], mailstore.NewFlags(mailstore.Flagged))
		e.reopen()
	}
	e.wantNames(mailstore.Inbox, to)
}

func treeRenameTree(e *env) {
	below, deep := e.name("from", "x"), e.name("from", "y", "z")
	e.create(below)
	e.create(deep)
	if e.can(DualUse) {
		e.create("from")
	}
	e.create("from2")
	open := e.box(deep)
	uids := e.add(open, text("deep"))
	e.ok(e.acct.Rename(e.ctx, "from", "to"), "rename")
	if want := e.name("to", "y", "z"); open.Name() != want {
		e.Errorf("the open mailbox's name is %q, want %q", open.Name(), want)
	}
	want := []string{mailstore.Inbox, "from2", "to", e.name("to", "x"), e.name("to", "y", "z")}
	if !e.can(DualUse) {
		want = slices.Delete(want, 2, 3)
	}
	e.wantNames(want...)
	e.reopen()
	e.wantNames(want...)
	e.wantUIDs(e.box(e.name("to", "y", "z")), uids...)
}

func treeRenameRefused(e *env) {
	e.create("a")
	e.create("b")
	uid := e.add(e.box("a"), text("a"))
	e.is(e.acct.Rename(e.ctx, "never", "c"), mailstore.ErrNotFound, "rename of what is not there")
	e.is(e.acct.Rename(e.ctx, "a", "b"), mailstore.ErrExists, "rename onto another")
	e.is(e.acct.Rename(e.ctx, "a", "a"), mailstore.ErrExists, "rename onto itself")
	e.is(e.acct.Rename(e.ctx, "a", "inbox"), mailstore.ErrExists, "rename onto INBOX")
	e.is(e.acct.Rename(e.ctx, "a", ""), mailstore.ErrInvalidName, "rename to nothing")
	if err := e.acct.Rename(e.ctx, "a", e.name("a", "below")); err == nil {
		e.Error("renamed to a name below itself")
	}
	e.is(e.acct.Rename(e.ctx, mailstore.Inbox, "b"), mailstore.ErrExists, "rename of INBOX onto another")
	e.wantNames(mailstore.Inbox, "a", "b")
	e.wantUIDs(e.box("a"), uid...)
}

func treeRenameInbox(e *env) {
	m := e.box(mailstore.Inbox)
	flags := mailstore.NewFlags(mailstore.Flagged, "k")
	uids := e.addWith(m, mailstore.AppendOptions{Flags: flags, Date: day(2)}, text("a"), text("b"))
	before := m.Status()
	child := e.name(mailstore.Inbox, "child")
	if e.can(BelowInbox) {
		e.create(child)
	}
	e.ok(e.acct.Rename(e.ctx, "inbox", "kept"), "rename INBOX")
	kept := e.box("kept")
	got := e.uids(kept)
	if len(got) != 2 || kept.UIDValidity() == m.UIDValidity() {
		e.Fatalf("the new mailbox holds %v under UIDVALIDITY %d", got, kept.UIDValidity())
	}
	for i, id := range []string{"a", "b"} {
		if s := e.read(kept, got[i]); s != text(id) {
			e.Errorf("message %d is %q, want %q", got[i], s, text(id))
		}
		e.wantFlags(kept, got[i], flags)
		if r := e.filled(kept, got[i]); r.Date != day(2).Unix() {
			e.Errorf("date %v", r.InternalDate())
		}
	}
	if after := m.Status(); m.Name() != mailstore.Inbox || after.Messages != 0 || after.UIDValidity != before.UIDValidity || after.UIDNext < before.UIDNext {
		e.Errorf("INBOX was %+v, is %q %+v", before, m.Name(), after)
	}
	if uid := e.add(m, text("c"))[0]; uid <= uids[1] {
		e.Errorf("INBOX gives UID %d again", uid)
	}
	if e.can(BelowInbox) {
		e.wantNames(mailstore.Inbox, child, "kept")
	} else {
		e.wantNames(mailstore.Inbox, "kept")
	}
}
