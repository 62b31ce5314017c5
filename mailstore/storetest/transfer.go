package storetest

import (
	"slices"

	"restante/mailstore"
)

var transferTests = []test{
	{"copy", transferCopy},
	{"copy onto itself", transferCopySelf},
	{"move", transferMove},
	{"move onto itself", transferMoveSelf},
	{"messages that are not there", transferMissing},
	{"into a deleted mailbox", transferGone},
	{"expunge", expungeSet},
	{"expunge only deleted", expungeDeleted},
}

// checkTransfer checks what is true of every copy: flags, dates, content, order
// and Recent.
func (e *env) checkTransfer(res mailstore.CopyResult, dest mailstore.Mailbox, source []mailstore.UID, ids []string, flags []mailstore.Flags) {
	e.Helper()
	if res.UIDValidity != dest.UIDValidity() || !slices.Equal(res.Source, source) || len(res.Dest) != len(source) || !slices.IsSorted(res.Dest) {
		e.Fatalf("result %+v; want source %v and UIDVALIDITY %d", res, source, dest.UIDValidity())
	}
	for i, uid := range res.Dest {
		if got := e.read(dest, uid); got != text(ids[i]) {
			e.Errorf("copy of %d is %q, want %q", source[i], got, text(ids[i]))
		}
		e.wantFlags(dest, uid, flags[i])
		r := e.filled(dest, uid)
		if r.Date != day(3).Unix() || r.Size != int64(len(text(ids[i]))) {
			e.Errorf("copy of %d has record %+v", source[i], r)
		}
		if !r.Flags.Has(mailstore.Recent) {
			e.Errorf("copy of %d is not recent", source[i])
		}
	}
	e.checkStatus(dest)
}

// three messages with flags, all of one date.
func (e *env) three(m mailstore.Mailbox) ([]mailstore.UID, []string, []mailstore.Flags) {
	e.Helper()
	flags := []mailstore.Flags{
		{},
		mailstore.NewFlags(mailstore.Seen|mailstore.Deleted, "k1", "$Forwarded"),
		mailstore.NewFlags(mailstore.Flagged|mailstore.Draft|mailstore.Answered, "k2"),
	}
	ids := []string{"a", "b", "c"}
	var uids []mailstore.UID
	for i, f := range flags {
		uids = append(uids, e.addWith(m, mailstore.AppendOptions{Flags: f, Date: day(3)}, text(ids[i]))...)
	}
	_, err := m.ClaimRecent(e.ctx)
	e.ok(err, "claim recent")
	return uids, ids, flags
}

func transferCopy(e *env) {
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	uids, ids, flags := e.three(m)
	e.addWith(dest, mailstore.AppendOptions{Flags: mailstore.NewFlags(0, "other", "k2")}, text("there before"))
	before := e.uids(dest)
	_, c := dest.Follow()
	defer c.Close()
	res, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids...), dest)
	e.ok(err, "copy")
	e.checkTransfer(res, dest, uids, ids, flags)
	e.wantUIDs(m, uids...)
	e.wantUIDs(dest, append(before, res.Dest...)...)
	if changes, _ := c.Next(); len(changes) != 3 || changes[0].ModSeq != changes[2].ModSeq {
		e.Errorf("changes %v, want one batch of three", changes)
	}
	// The copies are messages of their own.
	e.setFlags(dest, mailstore.ReplaceFlags, mailstore.NewFlags(0, "only-here"), res.Dest...)
	for i, uid := range uids {
		e.wantFlags(m, uid, flags[i])
	}
	e.expunge(m, uids...)
	if got := e.read(dest, res.Dest[1]); got != text("b") {
		e.Errorf("after the original was expunged the copy is %q", got)
	}
}

func transferCopySelf(e *env) {
	m := e.box(mailstore.Inbox)
	uids, ids, flags := e.three(m)
	res, err := m.Copy(e.ctx, mailstore.AllUIDs(), m)
	e.ok(err, "copy onto itself")
	e.checkTransfer(res, m, uids, ids, flags)
	e.wantUIDs(m, append(uids, res.Dest...)...)
	for i, uid := range uids {
		e.wantFlags(m, uid, flags[i])
	}
}

func transferMove(e *env) {
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	uids, ids, flags := e.three(m)
	_, from := m.Follow()
	defer from.Close()
	_, to := dest.Follow()
	defer to.Close()
	res, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[0], uids[2]), dest)
	e.ok(err, "move")
	e.checkTransfer(res, dest, []mailstore.UID{uids[0], uids[2]}, []string{ids[0], ids[2]}, []mailstore.Flags{flags[0], flags[2]})
	e.wantUIDs(m, uids[1])
	e.wantUIDs(dest, res.Dest...)
	e.wantKinds(from, mailstore.Expunged, uids[0], uids[2])
	e.wantKinds(to, mailstore.Added, res.Dest...)
	e.checkStatus(m)
	e.reopen()
	e.wantUIDs(e.box(mailstore.Inbox), uids[1])
	e.wantUIDs(e.box("Dest"), res.Dest...)
}

// wantKinds checks that the cursor tells of these messages and nothing else.
func (e *env) wantKinds(c mailstore.Cursor, kind mailstore.ChangeKind, uids ...mailstore.UID) {
	e.Helper()
	changes, lost := c.Next()
	var got []mailstore.UID
	for _, ch := range changes {
		if ch.Kind != kind {
			e.Errorf("unexpected change %+v", ch)
		}
		got = append(got, ch.UID)
	}
	if lost || !slices.Equal(got, uids) {
		e.Errorf("changes of kind %d: %v (lost %v), want %v", kind, got, lost, uids)
	}
}

func transferMoveSelf(e *env) {
	m := e.box(mailstore.Inbox)
	uids, ids, flags := e.three(m)
	res, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[0], uids[1]), m)
	e.ok(err, "move onto itself")
	e.checkTransfer(res, m, uids[:2], ids[:2], flags[:2])
	e.wantUIDs(m, append([]mailstore.UID{uids[2]}, res.Dest...)...)
	e.reopen()
	e.wantUIDs(e.box(mailstore.Inbox), append([]mailstore.UID{uids[2]}, res.Dest...)...)
}

func transferMissing(e *env) {
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	uids, ids, flags := e.three(m)
	e.expunge(m, uids[1])
	for _, set := range []mailstore.UIDSet{nil, mailstore.NewUIDSet(uids[1], uids[2]+1000)} {
		for _, move := range []bool{false, true} {
			transfer := m.Copy
			if move {
				transfer = m.Move
			}
			res, err := transfer(e.ctx, set, dest)
			if err != nil || len(res.Source) != 0 || len(res.Dest) != 0 {
				e.Errorf("transfer of %v: %+v, %v; want nothing", set, res, err)
			}
		}
	}
	e.wantUIDs(dest)
	res, err := m.Move(e.ctx, mailstore.AllUIDs(), dest)
	e.ok(err, "move of all")
	e.checkTransfer(res, dest, []mailstore.UID{uids[0], uids[2]}, []string{ids[0], ids[2]}, []mailstore.Flags{flags[0], flags[2]})
	e.wantUIDs(m)
}

func transferGone(e *env) {
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	uids, _, _ := e.three(m)
	e.ok(e.acct.Delete(e.ctx, "Dest"), "delete")
	_, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids...), dest)
	e.is(err, mailstore.ErrGone, "copy into a deleted mailbox")
	_, err = m.Move(e.ctx, mailstore.NewUIDSet(uids...), dest)
	e.is(err, mailstore.ErrGone, "move into a deleted mailbox")
	e.wantUIDs(m, uids...)
	_, err = dest.Copy(e.ctx, mailstore.AllUIDs(), m)
	e.is(err, mailstore.ErrGone, "copy out of a deleted mailbox")
	e.checkStatus(m)
}

func expungeSet(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"), text("c"), text("d"))
	_, c := m.Follow()
	defer c.Close()
	before := m.Status()
	removed, err := m.Expunge(e.ctx, mailstore.NewUIDSet(uids[1], uids[3], uids[3]+1000), false)
	e.ok(err, "expunge")
	if !slices.Equal(removed, mailstore.NewUIDSet(uids[1], uids[3])) {
		e.Errorf("expunged %v", removed)
	}
	e.wantUIDs(m, uids[0], uids[2])
	e.wantKinds(c, mailstore.Expunged, uids[1], uids[3])
	after := m.Status()
	if after.HighestModSeq <= before.HighestModSeq || after.UIDNext < before.UIDNext {
		e.Errorf("status was %+v, is %+v", before, after)
	}
	for _, set := range []mailstore.UIDSet{nil, mailstore.NewUIDSet(uids[1])} {
		if removed, err := m.Expunge(e.ctx, set, false); !removed.Empty() || err != nil {
			e.Errorf("expunge of %v: %v, %v", set, removed, err)
		}
	}
	if m.Status() != after {
		e.Errorf("expunging nothing changed %+v to %+v", after, m.Status())
	}
	e.checkStatus(m)
	e.reopen()
	m = e.box(mailstore.Inbox)
	e.wantUIDs(m, uids[0], uids[2])
	if got := e.read(m, uids[2]); got != text("c") {
		e.Errorf("message %d is %q", uids[2], got)
	}
}

func expungeDeleted(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"), text("c"), text("d"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), uids[0], uids[1], uids[3])
	removed, err := m.Expunge(e.ctx, mailstore.NewUIDSet(uids[1], uids[2], uids[3]), true)
	e.ok(err, "expunge")
	if !slices.Equal(removed, mailstore.NewUIDSet(uids[1], uids[3])) {
		e.Errorf("expunged %v", removed)
	}
	e.wantUIDs(m, uids[0], uids[2])
	removed, err = m.Expunge(e.ctx, mailstore.AllUIDs(), true)
	e.ok(err, "expunge")
	if !slices.Equal(removed, mailstore.NewUIDSet(uids[0])) {
		e.Errorf("expunged %v", removed)
	}
	e.checkStatus(m)
}
