package storetest

import (
	"fmt"
	"slices"

	"restante/mailstore"
)

var changeTests = []test{
	{"are told in order", changesOrder},
	{"wake every cursor", changesReady},
	{"begin where Follow began", changesFollow},
	{"raise the mod-sequence with every batch", changesModSeq},
	{"none without cause", changesNone},
	{"records in pages", recordsPages},
	{"fill", recordsFill},
}

func changesOrder(e *env) {
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	_, c := m.Follow()
	defer c.Close()
	uids := e.add(m, text("a"), text("b"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids[0])
	third := e.add(m, text("c"))[0]
	e.expunge(m, uids[1])
	_, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[0]), dest)
	e.ok(err, "move")
	changes, lost := c.Next()
	type event struct {
		kind mailstore.ChangeKind
		uid  mailstore.UID
	}
	var got []event
	last := uint64(0)
	for _, ch := range changes {
		got = append(got, event{ch.Kind, ch.UID})
		if ch.ModSeq < last {
			e.Errorf("mod-sequences fall in %v", changes)
		}
		last = ch.ModSeq
	}
	want := []event{
		{mailstore.Added, uids[0]}, {mailstore.Added, uids[1]}, {mailstore.FlagsChanged, uids[0]},
		{mailstore.Added, third}, {mailstore.Expunged, uids[1]}, {mailstore.Expunged, uids[0]},
	}
	if lost || !slices.Equal(got, want) {
		e.Errorf("changes %v (lost %v), want %v", got, lost, want)
	}
	if changes, lost := c.Next(); len(changes) != 0 || lost {
		e.Errorf("told again: %v, %v", changes, lost)
	}
}

func changesReady(e *env) {
	m := e.box(mailstore.Inbox)
	_, a := m.Follow()
	defer a.Close()
	_, b := m.Follow()
	toA, toB := Signs(a), Signs(b)
	select {
	case <-toA:
		e.Error("a sign before anything has happened")
	default:
	}
	woken := make(chan int)
	go func() {
		<-toA
		changes, _ := a.Next()
		woken <- len(changes)
	}()
	e.add(m, text("x"))
	if n := <-woken; n != 1 {
		e.Errorf("woken for %d changes", n)
	}
	<-toB
	b.Close()
	b.Close()
	a.Wake(nil)
	e.add(m, text("y"))
	<-Signs(a) // at once, as it is there
	if changes, _ := a.Next(); len(changes) != 1 {
		e.Errorf("changes %v", changes)
	}
}

func changesFollow(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	got, c := m.Follow()
	defer c.Close()
	if !slices.Equal(got, uids) {
		e.Errorf("Follow begins with %v, want %v", got, uids)
	}
	if changes, _ := c.Next(); len(changes) != 0 {
		e.Errorf("tells of what was before: %v", changes)
	}
	more := e.add(m, text("c"))
	got2, c2 := m.Follow()
	defer c2.Close()
	if !slices.Equal(got2, append(uids, more...)) {
		e.Errorf("the second Follow begins with %v", got2)
	}
	e.wantKinds(c, mailstore.Added, more...)
	e.wantKinds(c2, mailstore.Added)
}

func changesModSeq(e *env) {
	m := e.box(mailstore.Inbox)
	last := m.Status().HighestModSeq
	step := func(what string) {
		e.Helper()
		now := m.Status().HighestModSeq
		if now <= last {
			e.Errorf("%s left HIGHESTMODSEQ at %d (was %d)", what, now, last)
		}
		last = now
	}
	uids := e.add(m, text("a"), text("b"), text("c"))
	step("append")
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids...)
	step("flags")
	e.expunge(m, uids[2])
	step("expunge")
	_, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids[0]), m)
	e.ok(err, "copy")
	step("copy")
	for _, r := range m.Records(make([]mailstore.Record, 0, 10), 1) {
		if r.ModSeq == 0 || r.ModSeq > last {
			e.Errorf("record %+v, HIGHESTMODSEQ %d", r, last)
		}
	}
	before := make(map[mailstore.UID]uint64)
	for _, r := range m.Records(make([]mailstore.Record, 0, 10), 1) {
		before[r.UID] = r.ModSeq
	}
	// Another process may begin a new epoch, above all that was ever told.
	e.reopen()
	m = e.box(mailstore.Inbox)
	if now := m.Status().HighestModSeq; now < last {
		e.Errorf("HIGHESTMODSEQ was %d, is %d after reopening", last, now)
	}
	for _, r := range m.Records(make([]mailstore.Record, 0, 10), 1) {
		if r.ModSeq < before[r.UID] {
			e.Errorf("message %d had mod-sequence %d, has %d after reopening", r.UID, before[r.UID], r.ModSeq)
		}
	}
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), uids[0])
	step("flags after reopening")
}

func changesNone(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	_, err := m.ClaimRecent(e.ctx)
	e.ok(err, "claim recent")
	_, c := m.Follow()
	defer c.Close()
	before := m.Status()
	e.ok(m.Refresh(e.ctx), "refresh")
	e.read(m, uids[0])
	e.ok(m.Fill(e.ctx, mailstore.AllUIDs(), mailstore.AttrSize|mailstore.AttrDate), "fill")
	_, err = m.Copy(e.ctx, mailstore.AllUIDs(), e.newBox("Dest"))
	e.ok(err, "copy")
	_, err = e.acct.Status(e.ctx, mailstore.Inbox, mailstore.WantSize)
	e.ok(err, "status")
	e.ok(m.Refresh(e.ctx), "refresh")
	if changes, lost := c.Next(); len(changes) != 0 || lost {
		e.Errorf("changes %v, lost %v", changes, lost)
	}
	if after := m.Status(); after.HighestModSeq != before.HighestModSeq || after.UIDNext != before.UIDNext {
		e.Errorf("status was %+v, is %+v", before, after)
	}
}

func recordsPages(e *env) {
	m := e.box(mailstore.Inbox)
	if got := m.Records(make([]mailstore.Record, 0, 5), 1); len(got) != 0 {
		e.Errorf("records of an empty mailbox: %v", got)
	}
	var messages []string
	for i := range 20 {
		messages = append(messages, text(fmt.Sprint(i)))
	}
	uids := e.add(m, messages...)
	e.expunge(m, uids[3], uids[4], uids[11])
	left := e.uids(m)
	for _, size := range []int{1, 2, 7, 17, 18, 100} {
		var got []mailstore.UID
		page := make([]mailstore.Record, 0, size)
		for first := mailstore.UID(1); ; {
			page = m.Records(page[:0], first)
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				got = append(got, r.UID)
			}
			first = page[len(page)-1].UID + 1
		}
		if !slices.Equal(got, left) {
			e.Errorf("in pages of %d: %v, want %v", size, got, left)
		}
	}
	if got := m.Records(make([]mailstore.Record, 2, 3), uids[4]); len(got) != 3 || got[2].UID != uids[5] {
		e.Errorf("appended to two, from %d: %v", uids[4], got)
	}
	if got := m.Records(nil, 1); len(got) != 0 {
		e.Errorf("without room: %v", got)
	}
	if got := m.Records(make([]mailstore.Record, 0, 5), left[len(left)-1]+1); len(got) != 0 {
		e.Errorf("behind the last: %v", got)
	}
}

func recordsFill(e *env) {
	m := e.box(mailstore.Inbox)
	var uids []mailstore.UID
	var sizes []int64
	for i := range 5 {
		msg := text(fmt.Sprint("message ", i*1000))
		uids = append(uids, e.addWith(m, mailstore.AppendOptions{Date: day(1 + i)}, msg)...)
		sizes = append(sizes, int64(len(msg)))
	}
	e.reopen()
	m = e.box(mailstore.Inbox)
	half := mailstore.NewUIDSet(uids[1], uids[3], uids[4]+77)
	e.ok(m.Fill(e.ctx, half, mailstore.AttrSize), "fill")
	for _, i := range []int{1, 3} {
		if r := e.record(m, uids[i]); r.Size != sizes[i] {
			e.Errorf("after Fill of the size: %+v, want %d", r, sizes[i])
		}
	}
	e.ok(m.Fill(e.ctx, mailstore.AllUIDs(), mailstore.AttrSize|mailstore.AttrDate), "fill")
	for i, uid := range uids {
		if r := e.record(m, uid); r.Size != sizes[i] || r.Date != day(1+i).Unix() {
			e.Errorf("record %+v, want size %d and date %d", r, sizes[i], day(1+i).Unix())
		}
	}
	if s := m.Status(); s.Size < 0 || s.DeletedSize != 0 {
		e.Errorf("with all sizes known the status is %+v", s)
	}
	e.checkStatus(m)
}
