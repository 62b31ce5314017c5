package storetest

import (
	"bytes"
	"fmt"
	"slices"

	"restante/mailstore"
)

var indexTests = []test{
	{"changed since", changedSince},
	{"vanished", vanished},
	{"mod-sequences over a reopening", modSeqReopened},
	{"summaries", summaries},
	{"summaries over a reopening", summariesReopened},
	{"blobs", blobs},
	{"blobs of other mailboxes", blobsElsewhere},
	{"blobs over a reopening", blobsReopened},
}

// changed lists the UIDs that changed after a mod-sequence.
func changed(m mailstore.Mailbox, since uint64) (uids []mailstore.UID) {
	page := make([]mailstore.Record, 0, 2) // small, so that it takes several
	for first := mailstore.UID(1); ; {
		page = m.ChangedSince(page[:0], since, first)
		if len(page) == 0 {
			return uids
		}
		for _, r := range page {
			uids = append(uids, r.UID)
		}
		first = uids[len(uids)-1] + 1
	}
}

func changedSince(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"), text("c"), text("d"), text("e"))
	before := m.Status().HighestModSeq
	if got := changed(m, before); len(got) != 0 {
		e.Errorf("changed since now: %v", got)
	}
	if got := changed(m, 0); !slices.Equal(got, uids) {
		e.Errorf("changed since 0: %v, want %v", got, uids)
	}
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), uids[3], uids[1])
	between := m.Status().HighestModSeq
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), uids[3]) // changes nothing
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), uids[0])
	e.expunge(m, uids[1])
	fresh := e.add(m, text("f"))[0]
	if got, want := changed(m, before), []mailstore.UID{uids[0], uids[3], fresh}; !slices.Equal(got, want) {
		e.Errorf("changed since %d: %v, want %v", before, got, want)
	}
	if got, want := changed(m, between), []mailstore.UID{uids[0], fresh}; !slices.Equal(got, want) {
		e.Errorf("changed since %d: %v, want %v", between, got, want)
	}
}

func vanished(e *env) {
	m, dest := e.box(mailstore.Inbox), e.newBox("Dest")
	uids := e.add(m, text("a"), text("b"), text("c"), text("d"))
	start := m.Status().HighestModSeq
	wantVanished(e, m, start, nil)
	e.expunge(m, uids[2])
	between := m.Status().HighestModSeq
	_, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[0]), dest)
	e.ok(err, "move")
	wantVanished(e, m, start, mailstore.NewUIDSet(uids[0], uids[2]))
	wantVanished(e, m, between, mailstore.NewUIDSet(uids[0]))
}

func wantVanished(e *env, m mailstore.Mailbox, since uint64, want mailstore.UIDSet) {
	e.Helper()
	if got, complete := m.Vanished(since); !complete || !slices.Equal(got, want) {
		e.Errorf("vanished since %d: %v (complete %v), want %v", since, got, complete, want)
	}
}

// modSeqReopened: whoever left at some mod-sequence learns, when everything has
// been closed and opened again, what changed, whether the format keeps
// mod-sequences or begins new ones.
func modSeqReopened(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"), text("c"))
	left := m.Status().HighestModSeq
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged), uids[1])
	e.expunge(m, uids[2])
	told := m.Status().HighestModSeq
	e.reopen()
	m = e.box(mailstore.Inbox)
	if now := m.Status().HighestModSeq; now < told {
		e.Errorf("HIGHESTMODSEQ %d after %d", now, told)
	}
	if got := changed(m, left); !slices.Contains(got, uids[1]) || slices.Contains(got, uids[2]) {
		e.Errorf("changed since %d: %v, which must have %d and not %d", left, got, uids[1], uids[2])
	}
	gone, complete := m.Vanished(left)
	if complete && !gone.Contains(uids[2]) || gone.Contains(uids[0]) || gone.Contains(uids[1]) {
		e.Errorf("vanished since %d: %v (complete %v), want %d", left, gone, complete, uids[2])
	}
}

func summaries(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"), text("c"))
	kept := 0
	for i, uid := range uids {
		m.PutSummary(uid, summary(i))
	}
	r := m.Summaries()
	if r == nil {
		e.Skip("this store keeps no summaries")
	}
	for i, uid := range uids {
		if got, ok := r.Get(uid); ok && !bytes.Equal(got, summary(i)) {
			e.Errorf("UID %d has the summary %q", uid, got)
		} else if ok {
			kept++
		}
	}
	if kept == 0 {
		e.Errorf("none of %d summaries was kept", len(uids))
	}
	m.PutSummary(uids[0], summary(7))
	if got, ok := r.Get(uids[0]); ok && !bytes.Equal(got, summary(7)) {
		e.Errorf("a second summary is %q", got)
	}
	e.expunge(m, uids[1])
	m.PutSummary(uids[1], summary(8))
	m.PutSummary(uids[2]+100, summary(9))
	for _, uid := range []mailstore.UID{uids[1], uids[2] + 100} {
		if got, ok := m.Summaries().Get(uid); ok {
			e.Errorf("UID %d, which is not there, has the summary %q", uid, got)
		}
	}
	fresh := e.add(m, text("d"))[0]
	if got, ok := m.Summaries().Get(fresh); ok {
		e.Errorf("a new message has the summary %q", got)
	}
}

func summary(i int) []byte { return fmt.Appendf(nil, "summary %d", i) }

func summariesReopened(e *env) {
	m := e.box(mailstore.Inbox)
	uids := e.add(m, text("a"), text("b"))
	for i, uid := range uids {
		m.PutSummary(uid, summary(i))
	}
	e.reopen()
	r := e.box(mailstore.Inbox).Summaries()
	if r == nil {
		e.Skip("this store keeps no summaries")
	}
	for i, uid := range uids {
		if got, ok := r.Get(uid); ok && !bytes.Equal(got, summary(i)) {
			e.Errorf("UID %d has the summary %q", uid, got)
		}
	}
}
