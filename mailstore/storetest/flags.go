package storetest

import (
	"fmt"
	"slices"

	"restante/mailstore"
)

var flagTests = []test{
	{"add, remove, replace", flagOps},
	{"keywords fold case", flagCase},
	{"many keywords", flagMany},
	{"long and odd keywords", flagOdd},
	{"unchanged since", flagUnchangedSince},
	{"only what differs is a change", flagNoChange},
	{"one batch", flagBatch},
}

func flagOps(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	all := mailstore.Seen | mailstore.Answered | mailstore.Flagged | mailstore.Deleted | mailstore.Draft
	for _, step := range []struct {
		op   mailstore.FlagOp
		arg  mailstore.Flags
		want mailstore.Flags
	}{
		{mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k1"), mailstore.NewFlags(mailstore.Seen, "k1")},
		{mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted, "k2"), mailstore.NewFlags(mailstore.Seen|mailstore.Deleted, "k1", "k2")},
		{mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Seen|mailstore.Draft, "k1", "k9"), mailstore.NewFlags(mailstore.Deleted, "k2")},
		{mailstore.ReplaceFlags, mailstore.NewFlags(all, "$Junk"), mailstore.NewFlags(all, "$Junk")},
		{mailstore.RemoveFlags, mailstore.NewFlags(all), mailstore.NewFlags(0, "$Junk")},
		{mailstore.AddFlags, mailstore.NewFlags(mailstore.Answered | mailstore.Flagged | mailstore.Draft), mailstore.NewFlags(mailstore.Answered|mailstore.Flagged|mailstore.Draft, "$Junk")},
		{mailstore.ReplaceFlags, mailstore.Flags{}, mailstore.Flags{}},
		{mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "$MDNSent"), mailstore.NewFlags(mailstore.Seen, "$MDNSent")},
	} {
		before := e.record(m, uids[0])
		res := e.setFlags(m, step.op, step.arg, uids[0])
		e.wantFlags(m, uids[0], step.want)
		e.wantFlags(m, uids[1], mailstore.Flags{})
		after := e.record(m, uids[0])
		if !slices.Equal(res.Changed, mailstore.NewUIDSet(uids[0])) || after.ModSeq != res.ModSeq || after.ModSeq <= before.ModSeq {
			e.Errorf("result %+v, record %+v before and %+v after", res, before, after)
		}
		e.checkStatus(m)
	}
	e.reopen()
	m = e.box(mailstore.Inbox)
	e.wantFlags(m, uids[0], mailstore.NewFlags(mailstore.Seen, "$MDNSent"))
	e.wantFlags(m, uids[1], mailstore.Flags{})
}

func flagCase(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(0, "$Forwarded"), uids[0])
	if res := e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(0, "$FORWARDED"), uids[0]); !res.Changed.Empty() {
		e.Errorf("the same keyword in other case changed %v", res.Changed)
	}
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(0, "$forwarded"), uids[1])
	e.wantFlags(m, uids[1], mailstore.NewFlags(0, "$Forwarded"))
	e.setFlags(m, mailstore.RemoveFlags, mailstore.NewFlags(0, "$fORWARDED"), uids...)
	for _, uid := range uids {
		e.wantFlags(m, uid, mailstore.Flags{})
	}
}

// flagMany has more keywords than Maildir has letters, in one mailbox and on
// one message.
func flagMany(e *env) {
	m := e.box(mailstore.Inbox)
	var keywords []string
	for i := range 70 {
		keywords = append(keywords, fmt.Sprintf("keyword%02d", i))
	}
	uids := e.add(m, text("all"), text("one"), text("none"))
	for _, k := range keywords {
		e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(0, k), uids[0])
	}
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(0, "keyword69"), uids[1])
	appended := e.addWith(m, mailstore.AppendOptions{Flags: mailstore.NewFlags(mailstore.Seen, keywords[20:50]...)}, text("new"))[0]
	check := func() {
		e.Helper()
		e.wantFlags(m, uids[0], mailstore.NewFlags(0, keywords...))
		e.wantFlags(m, uids[1], mailstore.NewFlags(0, "keyword69"))
		e.wantFlags(m, uids[2], mailstore.Flags{})
		e.wantFlags(m, appended, mailstore.NewFlags(mailstore.Seen, keywords[20:50]...))
	}
	check()
	e.reopen()
	m = e.box(mailstore.Inbox)
	check()
	e.setFlags(m, mailstore.RemoveFlags, mailstore.NewFlags(0, keywords[1:]...), uids[0])
	e.wantFlags(m, uids[0], mailstore.NewFlags(0, "keyword00"))
	e.wantFlags(m, uids[1], mailstore.NewFlags(0, "keyword69"))

	copied := e.newBox("Copies")
	res, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids[1], appended), copied)
	e.ok(err, "copy")
	e.reopen()
	copied = e.box("Copies")
	e.wantFlags(copied, res.Dest[0], mailstore.NewFlags(0, "keyword69"))
	e.wantFlags(copied, res.Dest[1], mailstore.NewFlags(mailstore.Seen, keywords[20:50]...))
}

// flagOdd takes keywords of every character that an IMAP atom may have.
func flagOdd(e *env) {
	m := e.box(mailstore.Inbox)
	uid := e.add(m, text("a"))[0]
	flags := mailstore.NewFlags(0, "$Junk", "NonJunk", "$label1", "a-b_c.d", "!#&'+,/:;<=>?@^`|}~", "0", "x:2,S", "Seen", "status",
		"a-keyword-that-is-much-longer-than-anybody-would-think-of-but-is-an-atom-all-the-same-0123456789")
	e.setFlags(m, mailstore.AddFlags, flags, uid)
	e.wantFlags(m, uid, flags)
	e.reopen()
	m = e.box(mailstore.Inbox)
	e.wantFlags(m, uid, flags)
}

func flagUnchangedSince(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"), text("c"))
	seen, flagged := mailstore.NewFlags(mailstore.Seen), mailstore.NewFlags(mailstore.Flagged)
	since := m.Status().HighestModSeq
	e.setFlags(m, mailstore.AddFlags, seen, uids[1])
	all := mailstore.NewUIDSet(uids[0], uids[1], uids[2], uids[2]+1000)
	res, err := m.SetFlags(e.ctx, all, mailstore.AddFlags, flagged, mailstore.SetFlagsOptions{UnchangedSince: since})
	e.ok(err, "set flags")
	if !slices.Equal(res.Failed, mailstore.NewUIDSet(uids[1])) || !slices.Equal(res.Changed, mailstore.NewUIDSet(uids[0], uids[2])) {
		e.Errorf("failed %v, changed %v", res.Failed, res.Changed)
	}
	e.wantFlags(m, uids[1], seen)
	e.wantFlags(m, uids[2], flagged)
	res, err = m.SetFlags(e.ctx, all, mailstore.ReplaceFlags, mailstore.Flags{}, mailstore.SetFlagsOptions{Conditional: true})
	e.ok(err, "set flags")
	if !slices.Equal(res.Failed, mailstore.NewUIDSet(uids...)) || !res.Changed.Empty() || res.ModSeq != 0 {
		e.Errorf("UNCHANGEDSINCE 0: %+v, want all to fail", res)
	}
	res, err = m.SetFlags(e.ctx, all, mailstore.ReplaceFlags, mailstore.Flags{}, mailstore.SetFlagsOptions{UnchangedSince: m.Status().HighestModSeq})
	e.ok(err, "set flags")
	if !slices.Equal(res.Changed, mailstore.NewUIDSet(uids...)) || !res.Failed.Empty() {
		e.Errorf("UNCHANGEDSINCE the highest: %+v, want all to change", res)
	}
}

func flagNoChange(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), uids[0])
	_, err := m.ClaimRecent(e.ctx)
	e.ok(err, "claim recent")
	before := m.Status()
	_, c := m.Follow()
	defer c.Close()
	for _, step := range []struct {
		op  mailstore.FlagOp
		arg mailstore.Flags
	}{
		{mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen)},
		{mailstore.AddFlags, mailstore.NewFlags(0, "k")},
		{mailstore.AddFlags, mailstore.NewFlags(0, "K")}, // keywords have no case
		{mailstore.ReplaceFlags, mailstore.NewFlags(mailstore.Seen, "K")},
		{mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Draft, "other")},
		{mailstore.ReplaceFlags, mailstore.NewFlags(mailstore.Seen, "k")},
		{mailstore.AddFlags, mailstore.Flags{}},
		{mailstore.AddFlags, mailstore.NewFlags(mailstore.Recent)},
	} {
		if res := e.setFlags(m, step.op, step.arg, uids[0]); !res.Changed.Empty() || res.ModSeq != 0 || !res.Failed.Empty() {
			e.Errorf("operation %d with %v changed something: %+v", step.op, step.arg, res)
		}
	}
	if changes, _ := c.Next(); len(changes) != 0 || m.Status() != before {
		e.Errorf("changes %v; status %+v, was %+v", changes, m.Status(), before)
	}
	// Of several, only those that differ.
	res := e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids...)
	if !slices.Equal(res.Changed, mailstore.NewUIDSet(uids[1])) {
		e.Errorf("changed %v, want %d", res.Changed, uids[1])
	}
	if changes, _ := c.Next(); len(changes) != 1 || changes[0].UID != uids[1] {
		e.Errorf("changes %v, want one of %d", changes, uids[1])
	}
}

func flagBatch(e *env) {
	m := e.box(mailstore.Inbox)
	var messages []string
	for i := range 50 {
		messages = append(messages, text(fmt.Sprint(i)))
	}
	uids := e.add(m, messages...)
	_, c := m.Follow()
	defer c.Close()
	res, err := m.SetFlags(e.ctx, mailstore.AllUIDs(), mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), mailstore.SetFlagsOptions{})
	e.ok(err, "set flags")
	changes, _ := c.Next()
	if len(changes) != len(uids) || !slices.Equal(res.Changed, mailstore.NewUIDSet(uids...)) {
		e.Fatalf("%d changes, changed %v; want %d", len(changes), res.Changed, len(uids))
	}
	for i, ch := range changes {
		if want := (mailstore.Change{Kind: mailstore.FlagsChanged, UID: uids[i], ModSeq: res.ModSeq}); ch != want {
			e.Errorf("change %d is %+v, want %+v", i, ch, want)
		}
		if r := e.record(m, ch.UID); r.ModSeq != res.ModSeq {
			e.Errorf("record %+v, want mod-sequence %d", r, res.ModSeq)
		}
	}
	e.checkStatus(m)
}
