package storetest

import (
	"time"

	"restante/mailstore"
)

var saveDateTests = []test{
	{"a mailbox says whether it has them", saveDateAbility},
	{"it is when a message came in, and stays", saveDateStays},
	{"of a copy it is its own", saveDateOfCopies},
}

func saveDateAbility(e *env) {
	m := e.box("INBOX")
	if got := m.SaveDates() != nil; got != e.can(SaveDates) {
		e.Errorf("save dates are there: %v, want %v", got, e.can(SaveDates))
	}
}

// saved is the save date of a message, which must be known.
func (e *env) saved(m mailstore.Mailbox, uid mailstore.UID) int64 {
	e.Helper()
	unix, known := m.SaveDates()(uid)
	if !known {
		e.Fatalf("the save date of message %d in %s is not known", uid, m.Name())
	}
	return unix
}

// wantSaved checks that a message came in since a moment.
func (e *env) wantSaved(m mailstore.Mailbox, uid mailstore.UID, since time.Time) {
	e.Helper()
	if got := e.saved(m, uid); got < since.Unix() || got > time.Now().Unix() {
		e.Errorf("message %d of %s was saved at %v, want between %v and now", uid, m.Name(), time.Unix(got, 0), since)
	}
}

func saveDateStays(e *env) {
	e.need(SaveDates)
	m, before := e.box("INBOX"), time.Now()
	uid := e.addWith(m, mailstore.AppendOptions{Date: day(1)}, text("a"))[0]
	e.wantSaved(m, uid, before)
	was := e.saved(m, uid)
	e.setFlags(m, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen, "k"), uid)
	e.add(m, text("b"))
	if got := e.saved(m, uid); got != was {
		e.Errorf("flags changed the save date from %d to %d", was, got)
	}
	if _, known := m.SaveDates()(99); known {
		e.Error("a message that is not there has a save date")
	}
	e.reopen()
	if got := e.saved(e.box("INBOX"), uid); got != was {
		e.Errorf("the save date was %d and is %d for the next process", was, got)
	}
}

func saveDateOfCopies(e *env) {
	e.need(SaveDates)
	m, other := e.box("INBOX"), e.newBox("Other")
	uids := e.addWith(m, mailstore.AppendOptions{Date: day(1)}, text("a"), text("b"))
	first := e.saved(m, uids[0])
	for time.Now().Unix() <= first { // save dates are in seconds
		time.Sleep(10 * time.Millisecond)
	}
	before := time.Now()
	copied, err := m.Copy(e.ctx, mailstore.NewUIDSet(uids[0]), other)
	e.ok(err, "copy")
	moved, err := m.Move(e.ctx, mailstore.NewUIDSet(uids[1]), other)
	e.ok(err, "move")
	e.wantSaved(other, copied.Dest[0], before)
	e.wantSaved(other, moved.Dest[0], before)
	if got := e.saved(m, uids[0]); got != first {
		e.Errorf("copying it changed the save date from %d to %d", first, got)
	}
	if got := e.filled(other, moved.Dest[0]).Date; got != day(1).Unix() {
		e.Errorf("the internal date is %v, want %v", got, day(1))
	}
}
