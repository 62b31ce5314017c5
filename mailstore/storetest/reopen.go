package storetest

import (
	"slices"
	"time"

	"restante/mailstore"
)

var reopenTests = []test{
	{"keeps what a client may rely on", reopenAll},
	{"keeps internal dates", reopenDates},
	{"many times changes nothing", reopenStable},
	{"status of what is not open", reopenStatus},
}

// snapshot is what clients remember of an account.
type snapshot struct {
	name     string
	info     mailstore.Info
	validity uint32
	id       string
	messages []seenMessage
}

type seenMessage struct {
	uid   mailstore.UID
	flags string
	date  int64
	size  int64
	body  string
}

func (e *env) snapshot() []snapshot {
	e.Helper()
	var all []snapshot
	for _, in := range e.list() {
		s := snapshot{name: in.Name, info: in}
		if !in.NoSelect {
			m := e.box(in.Name)
			e.checkStatus(m)
			s.validity = m.UIDValidity()
			s.id = e.objectID(in.Name)
			for _, uid := range e.uids(m) {
				r := e.filled(m, uid)
				s.messages = append(s.messages, seenMessage{uid, flagText(r.Flags), r.Date, r.Size, e.read(m, uid)})
			}
		}
		all = append(all, s)
	}
	return all
}

func (e *env) wantSnapshot(want []snapshot) {
	e.Helper()
	got := e.snapshot()
	same := func(a, b snapshot) bool {
		return a.name == b.name && a.info == b.info && a.validity == b.validity && a.id == b.id && slices.Equal(a.messages, b.messages)
	}
	if !slices.EqualFunc(got, want, same) {
		e.Errorf("the account was\n%+v\nand is\n%+v", want, got)
	}
}

// fillAccount makes an account with a bit of everything.
func (e *env) fillAccount() {
	e.Helper()
	m := e.box(mailstore.Inbox)
	uids, _, _ := e.three(m)
	for _, name := range []string{"Sent", e.name("Lists", "golang"), "Entwürfe"} {
		dest := e.newBox(name)
		_, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids...), dest)
		e.ok(err, "copy")
	}
	e.expunge(m, uids[0])
	sent := e.box("Sent")
	_, err := sent.Move(e.ctx, mailstore.NewUIDSet(e.uids(sent)[1]), m)
	e.ok(err, "move")
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Flagged, "later", "$Junk"), e.uids(m)...)
	e.ok(e.acct.Subscribe(e.ctx, "Sent", true), "subscribe")
	e.ok(e.acct.Subscribe(e.ctx, "Nowhere", true), "subscribe")
	e.ok(e.acct.Rename(e.ctx, "Entwürfe", e.name("Privat", "Entwürfe 2003")), "rename")
}

func reopenAll(e *env) {
	e.fillAccount()
	want := e.snapshot()
	e.reopen()
	e.wantSnapshot(want)
}

// reopenStatus: the status of a mailbox that nobody has opened is that of the open
// one, and its mod-sequence between what was told before and what is told later.
func reopenStatus(e *env) {
	e.fillAccount()
	e.setFlags(e.box("Sent"), mailstore.AddFlags, mailstore.NewFlags(mailstore.Deleted), e.uids(e.box("Sent"))[0])
	told := make(map[string]uint64)
	for _, in := range e.list() {
		if !in.NoSelect {
			told[in.Name] = e.box(in.Name).Status().HighestModSeq
		}
	}
	for range 3 {
		e.reopen()
		for name, before := range told {
			s, err := e.acct.Status(e.ctx, name, mailstore.WantSize)
			e.ok(err, "status")
			m := e.box(name)
			e.ok(m.Fill(e.ctx, mailstore.AllUIDs(), mailstore.AttrSize), "fill")
			want := m.Status()
			if s.HighestModSeq < before || s.HighestModSeq > want.HighestModSeq {
				e.Errorf("mod-sequence of %q: first %d, then %d by Status, then %d", name, before, s.HighestModSeq, want.HighestModSeq)
			}
			told[name] = want.HighestModSeq
			s.HighestModSeq, s.Recent, want.Recent, want.HighestModSeq = 0, 0, 0, 0
			if s != want {
				e.Errorf("status of %q is %+v, opened %+v", name, s, want)
			}
		}
	}
}

func reopenDates(e *env) {
	m := e.box(mailstore.Inbox)
	zone := time.FixedZone("", -7*3600)
	dates := []time.Time{
		time.Date(1985, time.April, 2, 3, 4, 5, 0, time.UTC),
		time.Date(1999, time.December, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2024, time.February, 29, 12, 0, 0, 0, zone),
		time.Date(2024, time.March, 31, 2, 30, 0, 0, time.FixedZone("", 3600)),
		time.Date(2024, time.October, 27, 2, 30, 0, 0, time.FixedZone("", 3600)),
		time.Date(2024, time.October, 27, 2, 30, 0, 0, time.FixedZone("", 7200)),
		time.Date(2037, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
	var uids []mailstore.UID
	for _, d := range dates {
		uids = append(uids, e.addWith(m, mailstore.AppendOptions{Date: d}, text("x"))...)
	}
	for range 2 {
		for i, d := range dates {
			if r := e.filled(m, uids[i]); r.Date != d.Unix() {
				e.Errorf("date %v came back as %v", d, r.InternalDate().In(d.Location()))
			}
		}
		e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), uids...)
		e.reopen()
		m = e.box(mailstore.Inbox)
	}
}

func reopenStable(e *env) {
	e.fillAccount()
	want := e.snapshot()
	for range 3 {
		e.reopen()
		e.wantSnapshot(want)
	}
}
