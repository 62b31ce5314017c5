package storetest

import (
	"slices"
	"strings"

	"restante/mailstore"
)

var treeTests = []test{
	{"INBOX is always there", treeInbox},
	{"create and delete", treeCreate},
	{"names above", treeParents},
	{"delete with mailboxes below", treeDeleteParent},
	{"a new mailbox has a new UIDVALIDITY", treeValidity},
	{"deleted while open", treeGone},
	{"deleted while followed", treeGoneFollowed},
	{"rename", treeRename},
	{"rename of a tree", treeRenameTree},
	{"rename that is refused", treeRenameRefused},
	{"rename of INBOX", treeRenameInbox},
	{"subscriptions", treeSubscribe},
	{"status by name", treeStatus},
	{"special uses", treeSpecialUse},
	{"special uses that were given", treeGiveUse},
	{"annotations", treeAnnotations},
	{"annotations follow their mailbox", treeAnnotationsFollow},
	{"access control lists", treeACL},
	{"access control lists follow their mailboxes", treeACLFollows},
	{"an open mailbox is one value", treeShared},
}

// names lists the names, without those that only lead to others when selectable.
func (e *env) names(selectable bool) []string {
	e.Helper()
	var names []string
	for _, in := range e.list() {
		if !selectable || !in.NoSelect {
			names = append(names, in.Name)
		}
	}
	return names
}

func (e *env) wantNames(want ...string) {
	e.Helper()
	if got := e.names(true); !slices.Equal(got, want) {
		e.Errorf("mailboxes are %q, want %q", got, want)
	}
}

func treeInbox(e *env) {
	e.wantNames(mailstore.Inbox)
	for _, name := range []string{"INBOX", "inbox", "InBox"} {
		if m := e.box(name); m.Name() != mailstore.Inbox {
			e.Errorf("opened %q under the name %q", name, m.Name())
		}
		e.is(e.acct.Create(e.ctx, name), mailstore.ErrExists, "create "+name)
		e.is(e.acct.Delete(e.ctx, name), mailstore.ErrNotPermitted, "delete "+name)
		_, err := e.acct.Status(e.ctx, name, 0)
		e.ok(err, "status of "+name)
	}
	m := e.box(mailstore.Inbox)
	if m.ReadOnly() || m.UIDValidity() == 0 || m.Status().UIDNext == 0 {
		e.Errorf("INBOX is read-only %v, has UIDVALIDITY %d and status %+v", m.ReadOnly(), m.UIDValidity(), m.Status())
	}
	e.wantNames(mailstore.Inbox)
}

func treeCreate(e *env) {
	for _, name := range []string{"zebra", "Archive", "archive", "alpha"} {
		e.create(name)
		e.is(e.acct.Create(e.ctx, name), mailstore.ErrExists, "create again")
	}
	e.wantNames(mailstore.Inbox, "Archive", "alpha", "archive", "zebra")
	e.add(e.box("archive"), text("lower"))
	e.wantUIDs(e.box("Archive"))
	e.reopen()
	e.wantNames(mailstore.Inbox, "Archive", "alpha", "archive", "zebra")
	e.ok(e.acct.Delete(e.ctx, "alpha"), "delete")
	e.ok(e.acct.Delete(e.ctx, "archive"), "delete of a mailbox with mail")
	e.is(e.acct.Delete(e.ctx, "alpha"), mailstore.ErrNotFound, "delete again")
	_, err := e.acct.Open(e.ctx, "alpha")
	e.is(err, mailstore.ErrNotFound, "open of what was deleted")
	_, err = e.acct.Open(e.ctx, "never")
	e.is(err, mailstore.ErrNotFound, "open of what never was")
	e.wantNames(mailstore.Inbox, "Archive", "zebra")
	e.reopen()
	e.wantNames(mailstore.Inbox, "Archive", "zebra")
}

func treeParents(e *env) {
	deep := e.name("a", "b", "c")
	e.create(deep)
	for _, name := range []string{"a", e.name("a", "b")} {
		if in, found := e.info(name); !found || !in.HasChildren || in.SpecialUse != "" {
			e.Errorf("%q above %q is listed as %+v, %v", name, deep, in, found)
		} else if in.NoSelect {
			_, err := e.acct.Open(e.ctx, name)
			e.is(err, mailstore.ErrNoSelect, "open "+name)
			_, err = e.acct.Status(e.ctx, name, 0)
			e.is(err, mailstore.ErrNoSelect, "status of "+name)
		}
	}
	if in, _ := e.info(deep); in.NoSelect || in.HasChildren || in.NonExistent {
		e.Errorf("listed as %+v", in)
	}
	uid := e.add(e.box(deep), text("deep"))
	e.is(e.acct.Create(e.ctx, deep), mailstore.ErrExists, "create again")

	// A trailing delimiter announces names below.
	place := "place" + e.name("", "")
	e.create(place)
	e.create(place + "below")
	if in, found := e.info("place"); !found || !in.HasChildren {
		e.Errorf("%q is listed as %+v, %v", "place", in, found)
	}
	if e.can(DualUse) {
		in, _ := e.info("a")
		if in.NoSelect {
			e.create("a")
		}
		e.add(e.box("a"), text("above"))
		e.create(e.name("a", "new"))
	}
	e.reopen()
	e.wantUIDs(e.box(deep), uid...)
	e.box(place + "below")
}

func treeDeleteParent(e *env) {
	e.need(DualUse)
	child := e.name("top", "child")
	e.create("top")
	e.create(child)
	e.add(e.box("top"), text("x"))
	uid := e.add(e.box(child), text("y"))
	e.ok(e.acct.Delete(e.ctx, "top"), "delete")
	for range 2 {
		if in, found := e.info("top"); !found || !in.NoSelect || !in.HasChildren {
			e.Errorf("top is listed as %+v, %v", in, found)
		}
		_, err := e.acct.Open(e.ctx, "top")
		e.is(err, mailstore.ErrNoSelect, "open")
		e.is(e.acct.Delete(e.ctx, "top"), mailstore.ErrHasChildren, "delete again")
		e.wantUIDs(e.box(child), uid...)
		e.reopen()
	}
	e.create("top")
	e.wantUIDs(e.box("top"))
	e.ok(e.acct.Delete(e.ctx, child), "delete child")
	e.ok(e.acct.Delete(e.ctx, "top"), "delete")
	e.wantNames(mailstore.Inbox)
}

// treeValidity deletes and creates faster than a clock of seconds.
func treeValidity(e *env) {
	seen := make(map[uint32]bool)
	note := func(name string) {
		e.Helper()
		m := e.box(name)
		if seen[m.UIDValidity()] {
			e.Errorf("UIDVALIDITY %d of %q was used before", m.UIDValidity(), name)
		}
		seen[m.UIDValidity()] = true
		if n := m.Status().Messages; n != 0 {
			e.Errorf("new mailbox %q has %d messages", name, n)
		}
		e.add(m, text("x"))
	}
	for range 4 {
		e.create("again")
		note("again")
		e.ok(e.acct.Delete(e.ctx, "again"), "delete")
	}
	e.reopen()
	e.create("again")
	note("again")
	e.ok(e.acct.Rename(e.ctx, "again", "away"), "rename")
	e.create("again")
	note("again")
}

func treeGone(e *env) {
	m := e.newBox("doomed")
	uid := e.add(m, text("x"))[0]
	a, err := m.NewAppend(e.ctx)
	e.ok(err, "new append")
	defer a.Abort()
	e.ok(a.Add(mailstore.AppendOptions{}, strings.NewReader(text("y"))), "add")
	msg, err := m.OpenMessage(e.ctx, uid)
	e.ok(err, "open message")
	e.ok(e.acct.Delete(e.ctx, "doomed"), "delete")
	for range 2 { // once more when there is a new mailbox of the name
		e.checkGone(m, uid, a)
		if got, err := slurp(msg); got != text("x") || err != nil {
			e.Errorf("message that was open: %q, %v", got, err)
		}
		if _, found := e.info("doomed"); !found {
			e.create("doomed")
		}
		e.wantUIDs(e.box("doomed"))
	}
	e.ok(msg.Close(), "close message")
}

// treeGoneFollowed: who waits for changes is woken when the mailbox is deleted, and not mistaken when it is renamed.
func treeGoneFollowed(e *env) {
	m := e.newBox("doomed")
	e.add(m, text("x"))
	_, c := m.Follow()
	defer c.Close()
	e.ok(e.acct.Rename(e.ctx, "doomed", "away"), "rename")
	e.ok(m.Refresh(e.ctx), "refresh")
	e.create("doomed")
	e.ok(c.Err(), "a renamed mailbox's cursor")
	c.Next()
	signs := Signs(c)
	woken := make(chan error)
	go func() {
		<-signs
		woken <- c.Err()
	}()
	e.ok(e.acct.Delete(e.ctx, "away"), "delete")
	e.is(<-woken, mailstore.ErrGone, "who waited")
	if changes, lost := c.Next(); lost {
		e.Errorf("changes of a deleted mailbox: %v, lost", changes)
	}
	_, late := m.Follow()
	defer late.Close()
	<-Signs(late)
	e.is(late.Err(), mailstore.ErrGone, "who came later")
}

func (e *env) checkGone(m mailstore.Mailbox, uid mailstore.UID, a mailstore.Append) {
	e.Helper()
	set := mailstore.NewUIDSet(uid)
	_, err := m.OpenMessage(e.ctx, uid)
	e.is(err, mailstore.ErrGone, "OpenMessage")
	_, err = m.SetFlags(e.ctx, set, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
	e.is(err, mailstore.ErrGone, "SetFlags")
	_, err = m.Expunge(e.ctx, set, false)
	e.is(err, mailstore.ErrGone, "Expunge")
	_, err = m.Copy(e.ctx, set, m)
	e.is(err, mailstore.ErrGone, "Copy")
	_, err = m.Move(e.ctx, set, m)
	e.is(err, mailstore.ErrGone, "Move")
	_, err = m.ClaimRecent(e.ctx)
	e.is(err, mailstore.ErrGone, "ClaimRecent")
	_, err = m.NewAppend(e.ctx)
	e.is(err, mailstore.ErrGone, "NewAppend")
	e.is(m.Refresh(e.ctx), mailstore.ErrGone, "Refresh")
	e.is(m.Fill(e.ctx, set, mailstore.AttrSize), mailstore.ErrGone, "Fill")
	if _, _, err = a.Commit(e.ctx); err == nil {
		e.Error("Commit of an append that was begun before: no error")
	}
}

func treeSubscribe(e *env) {
	subscribed := func() []string {
		e.Helper()
		var names []string
		for _, in := range e.list() {
			if in.Subscribed {
				names = append(names, in.Name)
			}
		}
		return names
	}
	want := func(names ...string) {
		e.Helper()
		if got := subscribed(); !slices.Equal(got, names) {
			e.Errorf("subscribed to %q, want %q", got, names)
		}
	}
	want()
	e.create("there")
	later := e.name("later", "Entwürfe")
	for _, name := range []string{"there", later, "inbox", "there"} {
		e.ok(e.acct.Subscribe(e.ctx, name, true), "subscribe to "+name)
	}
	want(mailstore.Inbox, later, "there")
	if in, _ := e.info(later); !in.NonExistent || !in.NoSelect {
		e.Errorf("a subscribed name without mailbox is listed as %+v", in)
	}
	e.reopen()
	want(mailstore.Inbox, later, "there")
	e.ok(e.acct.Delete(e.ctx, "there"), "delete")
	want(mailstore.Inbox, later, "there")
	if in, _ := e.info("there"); !in.NonExistent {
		e.Errorf("after Delete the subscribed name is listed as %+v", in)
	}
	e.create(later)
	if in, _ := e.info(later); in.NonExistent || in.NoSelect || !in.Subscribed {
		e.Errorf("after Create the subscribed name is listed as %+v", in)
	}
	for _, name := range []string{"there", "INBOX", "never"} {
		e.ok(e.acct.Subscribe(e.ctx, name, false), "unsubscribe from "+name)
	}
	want(later)
	e.reopen()
	want(later)
}

func treeStatus(e *env) {
	m := e.newBox("box")
	e.addWith(m, mailstore.AppendOptions{Flags: mailstore.NewFlags(mailstore.Seen)}, text("a"))
	e.addWith(m, mailstore.AppendOptions{Flags: mailstore.NewFlags(mailstore.Deleted)}, text("bb"), text("ccc"))
	want := m.Status()
	want.Size = int64(len(text("a")) + len(text("bb")) + len(text("ccc")))
	want.DeletedSize = want.Size - int64(len(text("a")))
	for range 2 {
		got, err := e.acct.Status(e.ctx, "box", mailstore.WantSize)
		e.ok(err, "status")
		if got.HighestModSeq < want.HighestModSeq {
			e.Errorf("HIGHESTMODSEQ was %d, is %d", want.HighestModSeq, got.HighestModSeq)
		}
		got.HighestModSeq, got.Recent = want.HighestModSeq, want.Recent // may differ in another process
		if got != want {
			e.Errorf("status %+v, want %+v", got, want)
		}
		e.reopen()
	}
	_, err := e.acct.Status(e.ctx, "never", 0)
	e.is(err, mailstore.ErrNotFound, "status of what is not there")
}

func treeSpecialUse(e *env) {
	for _, name := range []string{"Sent", "Sent Items", "Trash", "Drafts", "spam", "plain"} {
		e.create(name)
	}
	for name, want := range map[string]string{
		"Sent": `\Sent`, "Sent Items": "", "Trash": `\Trash`, "Drafts": `\Drafts`, "spam": `\Junk`, "plain": "", "INBOX": "",
	} {
		if in, found := e.info(name); !found || in.SpecialUse != want {
			e.Errorf("%s is listed as %+v, %v; want special use %q", name, in, found, want)
		}
	}
}

// wantUses checks which mailboxes have a special use, as "name use".
func (e *env) wantUses(want ...string) {
	e.Helper()
	var got []string
	for _, in := range e.list() {
		if in.SpecialUse != "" {
			got = append(got, in.Name+" "+in.SpecialUse)
		}
	}
	if !slices.Equal(got, want) {
		e.Errorf("special uses are %q, want %q", got, want)
	}
}

func treeGiveUse(e *env) {
	for _, name := range []string{"Sent", "Gesendet", "Ablage"} {
		e.create(name)
	}
	e.ok(e.acct.SetSpecialUse(e.ctx, "Gesendet", `\Sent`), "give a use")
	e.ok(e.acct.SetSpecialUse(e.ctx, "Ablage", `\Archive`), "give another")
	e.wantUses(`Ablage \Archive`, `Gesendet \Sent`)
	e.is(e.acct.SetSpecialUse(e.ctx, "Ablage", `\Sent`), mailstore.ErrExists, "give what another mailbox was given")
	e.is(e.acct.SetSpecialUse(e.ctx, "nowhere", `\Junk`), mailstore.ErrNotFound, "give to what does not exist")
	e.is(e.acct.SetSpecialUse(e.ctx, "INBOX", `\Junk`), mailstore.ErrNotPermitted, "give to INBOX")
	e.reopen()
	e.wantUses(`Ablage \Archive`, `Gesendet \Sent`)
	e.ok(e.acct.Rename(e.ctx, "Gesendet", "Post"), "rename")
	e.wantUses(`Ablage \Archive`, `Post \Sent`)
	e.ok(e.acct.SetSpecialUse(e.ctx, "Post", ""), "take it")
	e.wantUses(`Ablage \Archive`, `Sent \Sent`)
	e.ok(e.acct.Delete(e.ctx, "Ablage"), "delete")
	e.create("Ablage")
	e.wantUses(`Sent \Sent`)
}

func treeShared(e *env) {
	a, b := e.newBox("box"), e.box("box")
	if a != b {
		e.Error("Open gives two values for one mailbox")
	}
	uid := e.add(a, text("x"))
	e.wantUIDs(b, uid...)
	other, err := e.acct.Open(e.ctx, "box")
	e.ok(err, "open")
	e.ok(other.Close(), "close")
	e.wantUIDs(a, uid...)
	e.setFlags(a, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uid...)
	stopOne, stopTwo := a.Watch(), a.Watch()
	stopOne()
	stopOne()
	stopTwo()
}
