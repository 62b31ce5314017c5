package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"restante/mailstore"
)

// kinds are the operations, the more frequent ones more than once.
var kinds = []func(r *runner, n [6]uint32) error{
	doAppend, doAppend, doAppend, doSetFlags, doSetFlags, doSetFlags, doExpunge, doExpunge,
	doCopy, doCopy, doMove, doMove, doClaim, doRefresh, doReopen,
	doCreate, doCreate, doCreate, doDelete, doRename, doRename, doSubscribe,
}

func doAppend(r *runner, n [6]uint32) error {
	name, b, m, err := r.box(n[0])
	if err != nil {
		return err
	}
	flags := someFlags(n[1])
	var ids, bodies []string
	for i := range 1 + n[2]%3 {
		ids = append(ids, fmt.Sprintf("%d.%d", r.ops, i))
		bodies = append(bodies, text(ids[i])+strings.Repeat("x\r\n", int(n[3]%5)))
	}
	date := day(1 + int(n[4]%28))
	r.note("append %v with %v to %q", ids, flags, name)
	uids, err := appendAll(r.ctx, m, mailstore.AppendOptions{Flags: flags, Date: date}, bodies...)
	if err != nil {
		return err
	}
	for i, uid := range uids {
		if err := b.add(modelMessage{uid: uid, body: bodies[i], flags: flags, date: date.Unix()}); err != nil {
			return err
		}
	}
	return r.check(name, b)
}

func someFlags(n uint32) mailstore.Flags {
	words := []string{"$Forwarded", "$Junk", "k1", "K1", "k2", "long-keyword"}
	sys := mailstore.System(n) & (mailstore.Recent - 1)
	return mailstore.NewFlags(sys, words[:n/32%3]...).With(mailstore.NewFlags(0, words[n/128%6]))
}

func doSetFlags(r *runner, n [6]uint32) error {
	name, b, m, err := r.box(n[0])
	if err != nil {
		return err
	}
	set, op, flags := b.some(n[1]), mailstore.FlagOp(n[2]%3), someFlags(n[3])
	var opt mailstore.SetFlagsOptions
	var want mailstore.SetFlagsResult
	if n[4]%4 == 1 {
		opt.Fixed = mailstore.Rights(n[5]).Fixed()
	}
	if len(b.messages) > 0 && n[4]%3 == 0 {
		rec, _ := m.Record(b.messages[n[5]%uint32(len(b.messages))].uid)
		opt.UnchangedSince = rec.ModSeq
	}
	for _, msg := range b.in(set) {
		rec, _ := m.Record(msg.uid)
		f := opt.Apply(op, msg.flags, flags)
		switch {
		case opt.UnchangedSince > 0 && rec.ModSeq > opt.UnchangedSince:
			want.Failed.Add(msg.uid)
		case flagText(f) != flagText(msg.flags):
			want.Changed.Add(msg.uid)
			msg.flags = f
		}
	}
	r.note("set flags of %v in %q: operation %d, %v, %+v", set, name, op, flags, opt)
	got, err := m.SetFlags(r.ctx, set, op, flags, opt)
	if err != nil {
		return err
	}
	if !slices.Equal(got.Changed, want.Changed) || !slices.Equal(got.Failed, want.Failed) || (got.ModSeq == 0) != want.Changed.Empty() {
		return fmt.Errorf("result %+v, want %+v", got, want)
	}
	return r.check(name, b)
}

func doExpunge(r *runner, n [6]uint32) error {
	name, b, m, err := r.box(n[0])
	if err != nil {
		return err
	}
	set, onlyDeleted := b.some(n[1]), n[2]%2 == 0
	list := b.in(set)
	if onlyDeleted {
		list = slices.DeleteFunc(list, func(msg *modelMessage) bool { return !msg.flags.Has(mailstore.Deleted) })
	}
	var want mailstore.UIDSet
	for _, msg := range list {
		want.Add(msg.uid)
	}
	b.remove(list)
	r.note("expunge %v of %q, only deleted %v", set, name, onlyDeleted)
	got, err := m.Expunge(r.ctx, set, onlyDeleted)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("expunged %v, want %v", got, want)
	}
	return r.check(name, b)
}

func doCopy(r *runner, n [6]uint32) error { return transfer(r, n, false) }
func doMove(r *runner, n [6]uint32) error { return transfer(r, n, true) }

func transfer(r *runner, n [6]uint32, move bool) error {
	name, b, m, err := r.box(n[0])
	if err != nil {
		return err
	}
	destName, destBox, dest, err := r.box(n[1])
	if err != nil {
		return err
	}
	set := b.some(n[2])
	list := b.in(set)
	r.note("transfer %v of %q to %q, move %v", set, name, destName, move)
	do := m.Copy
	if move {
		do = m.Move
	}
	res, err := do(r.ctx, set, dest.Mailbox)
	if err != nil {
		return err
	}
	if len(res.Source) != len(list) || len(res.Dest) != len(list) || res.UIDValidity != destBox.validity {
		return fmt.Errorf("result %+v, want %d messages and UIDVALIDITY %d", res, len(list), destBox.validity)
	}
	for i, msg := range list {
		if res.Source[i] != msg.uid {
			return fmt.Errorf("result %+v, want source %d at %d", res, msg.uid, i)
		}
		add := *msg
		add.uid = res.Dest[i]
		if err := destBox.add(add); err != nil {
			return err
		}
	}
	if move {
		b.remove(list)
	}
	return errors.Join(r.check(name, b), r.check(destName, destBox))
}

func doClaim(r *runner, n [6]uint32) error {
	name, b, m, err := r.box(n[0])
	if err != nil {
		return err
	}
	// What another process may find recent or not is known since it was opened.
	if err := r.check(name, b); err != nil {
		return err
	}
	var want mailstore.UIDSet
	for _, msg := range b.messages {
		if msg.recent == yes {
			want.Add(msg.uid)
		}
		msg.recent = no
	}
	r.note("claim recent in %q", name)
	got, err := m.ClaimRecent(r.ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("claimed %v, want %v", got, want)
	}
	return r.check(name, b)
}

func doRefresh(r *runner, n [6]uint32) error {
	name, b, m, err := r.box(n[0])
	if err != nil {
		return err
	}
	r.note("refresh %q", name)
	if err := m.Refresh(r.ctx); err != nil {
		return err
	}
	return r.check(name, b)
}

// doReopen leaves everything to another process.
func doReopen(r *runner, _ [6]uint32) error {
	r.note("reopen")
	if err := r.closeAll(); err != nil {
		return err
	}
	for _, b := range r.model.boxes {
		for _, msg := range b.messages {
			if msg.recent == yes {
				msg.recent = maybe
			}
		}
	}
	r.acct = r.h.Reopen(r.t)
	if err := r.checkAll(); err != nil {
		return err
	}
	for _, b := range r.model.boxes {
		for _, msg := range b.messages {
			if msg.recent == maybe {
				msg.recent = no
			}
		}
	}
	return nil
}

// name picks a name from a small set, so that operations meet.
func (r *runner) name(n uint32) string {
	names := []string{"a", "b", "c", "a/b", "a/b/c", "c/d", "Entwürfe", "c/Entwürfe", "INBOX", "INBOX/x"}
	name := names[n%uint32(len(names))]
	if !r.can(BelowInbox) {
		name = strings.TrimPrefix(name, "INBOX/")
	}
	return strings.ReplaceAll(name, "/", r.delim)
}

// fits reports whether a format without DualUse has room for a mailbox.
func (r *runner) fits(name string) bool {
	if r.can(DualUse) {
		return true
	}
	for other := range r.model.boxes {
		if other != mailstore.Inbox && strings.HasPrefix(name, other+r.delim) {
			return false
		}
	}
	return !r.model.hasChildren(name, r.delim)
}

func doCreate(r *runner, n [6]uint32) error {
	name := r.name(n[0])
	if r.model.boxes[name] == nil && !r.fits(name) {
		return nil
	}
	r.note("create %q", name)
	err := r.acct.Create(r.ctx, name)
	if r.model.boxes[name] != nil {
		return wantError(err, mailstore.ErrExists)
	}
	if err == nil {
		r.model.boxes[name] = &modelBox{}
		err = r.checkAll()
	}
	return err
}

func wantError(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("got error %v, want %v", err, want)
}

func doDelete(r *runner, n [6]uint32) error {
	name := r.name(n[0])
	b := r.model.boxes[name]
	r.note("delete %q", name)
	err := r.acct.Delete(r.ctx, name)
	switch {
	case name == mailstore.Inbox:
		return wantError(err, mailstore.ErrNotPermitted)
	case b == nil && r.model.hasChildren(name, r.delim):
		return wantError(err, mailstore.ErrHasChildren)
	case b == nil:
		return r.checkAll() // an empty place may have been left over or not
	case err != nil:
		return err
	}
	delete(r.model.boxes, name)
	if m := r.open[b]; m != nil {
		delete(r.open, b)
		m.cursor.Close()
		err = errors.Join(wantError(m.Refresh(r.ctx), mailstore.ErrGone), m.Close())
	}
	return errors.Join(err, r.checkAll())
}

func doRename(r *runner, n [6]uint32) error {
	from, to := r.name(n[0]), r.name(n[1])
	moved := make(map[string]string)
	taken := r.model.boxes[to] != nil
	for name := range r.model.boxes {
		if name == from || from != mailstore.Inbox && strings.HasPrefix(name, from+r.delim) {
			moved[name] = to + name[len(from):]
			taken = taken || r.model.boxes[moved[name]] != nil
			if !r.fits(moved[name]) {
				return nil
			}
		}
	}
	r.note("rename %q to %q", from, to)
	err := r.acct.Rename(r.ctx, from, to)
	switch {
	case len(moved) == 0:
		if err == nil && r.model.boxes[from] != nil {
			return errors.New("renamed what is not there")
		}
		return r.checkAll()
	case taken, from != mailstore.Inbox && strings.HasPrefix(to, from+r.delim):
		if err == nil {
			return errors.New("the rename should have been refused")
		}
		return r.checkAll()
	case err != nil && r.model.hasChildren(to, r.delim):
		return r.checkAll() // a format may refuse to join two trees
	case err != nil:
		return err
	case from == mailstore.Inbox:
		return r.renamedInbox(to)
	}
	boxes := make(map[string]*modelBox)
	for name, newName := range moved {
		boxes[newName] = r.model.boxes[name]
		delete(r.model.boxes, name)
	}
	for name, b := range boxes {
		r.model.boxes[name] = b
	}
	return r.checkAll()
}

// renamedInbox learns the UIDs of the new mailbox.
func (r *runner) renamedInbox(to string) error {
	inbox, b := r.model.boxes[mailstore.Inbox], &modelBox{}
	r.model.boxes[to] = b
	m, err := r.opened(to, b)
	if err != nil {
		return err
	}
	if len(m.view) != len(inbox.messages) {
		return fmt.Errorf("%q has messages %v, INBOX had %d", to, m.view, len(inbox.messages))
	}
	for i, uid := range m.view {
		add := *inbox.messages[i]
		add.uid = uid
		if err := b.add(add); err != nil {
			return err
		}
		b.messages[i].recent = maybe
		if rec, _ := m.Record(uid); !rec.Flags.Has(mailstore.Recent) {
			b.messages[i].recent = no
		}
	}
	inbox.messages = nil
	return r.checkAll()
}

func doSubscribe(r *runner, n [6]uint32) error {
	name, on := r.name(n[0]), n[1]%3 > 0
	r.note("subscribe %q %v", name, on)
	if err := r.acct.Subscribe(r.ctx, name, on); err != nil {
		return err
	}
	delete(r.model.subscribed, name)
	if on {
		r.model.subscribed[name] = true
	}
	return r.checkAll()
}
