package faulttest

import (
	"errors"
	"fmt"
	"strings"

	"restante/fsys/faultfs"
	"restante/mailstore"
)

// operation is something that must survive every failure.
type operation struct {
	kind string // by which cases are counted
	name string
	run  func(p *process) error
	// partial: after an error a part of it may have been done.
	partial bool
	// whole: after a loss of power all of it has been done or nothing.
	whole bool
	// transient: the name of a message that is there in the middle of it.
	transient string
	// noRoom: it must succeed on a full disk.
	noRoom bool
	// done: the errors by which a second attempt may say that the first was
	// enough, when its outcome was not told.
	done []error
	// keeps: the mailboxes, by their new names, that keep UIDVALIDITY and UIDs.
	keeps map[string]string
	// delivered: a delivery agent has left messages in INBOX that nobody has seen.
	// alsoDelivered: it is tried with and without.
	delivered, alsoDelivered bool
	// late: nobody waits for the disk: a loss of power may take back what was
	// acknowledged, in whole or in part.
	late bool
	// foreign: the fault may be met by a delivery agent.
	foreign bool
	// before changes the files when all others are made.
	before func(fs *faultfs.FS) error
	// tree: it needs the mailboxes of the tree.
	tree bool
}

// The mailboxes of every campaign: INBOX with one, two and three, Old with four,
// and Empty. Operations on the tree have Tree too, with a and b below it; it holds
// five, where a mailbox can have others below it.

var (
	none     = mailstore.Flags{}
	seen     = mailstore.NewFlags(mailstore.Seen)
	keywords = mailstore.NewFlags(mailstore.Answered, "fresh", "k")
)

// lastUID is the UID of three.
const lastUID = 4

func operations(f Format) []operation {
	list := contentOperations()
	for i := range list {
		list[i].whole = list[i].whole && !f.HalfAppended
		list[i].late = list[i].kind == "flags" && f.LateFlags || list[i].kind == "move" && f.LateMoves
		op := list[i]
		if op.alsoDelivered {
			op.delivered = true
			op.name += ", with mail delivered"
			list = append(list, op)
		}
	}
	if f.DeliverBefore != nil {
		list = append(list, operation{kind: "append", name: "append, and a delivery with an older name", run: appendBefore, foreign: true})
	}
	list = append(list, identifyOperations(f)...)
	for _, t := range f.Takeovers {
		list = append(list, takeover(t))
	}
	for _, op := range append(treeOperations(f), renames(f)...) {
		op.tree = true
		list = append(list, op)
	}
	return list
}

func contentOperations() []operation {
	inbox := func(fn func(p *process, m mailstore.Mailbox) error) func(p *process) error {
		return func(p *process) error {
			return p.with("INBOX", func(m mailstore.Mailbox) error { return fn(p, m) })
		}
	}
	transfer := func(to string, move bool, uids mailstore.UIDSet) func(p *process) error {
		return func(p *process) error {
			return p.withTwo("INBOX", to, func(from, dest mailstore.Mailbox) error { return p.transfer(from, dest, move, uids) })
		}
	}
	store := func(op mailstore.FlagOp, flags mailstore.Flags) func(p *process) error {
		return inbox(func(p *process, m mailstore.Mailbox) error { return p.store(m, op, flags, mailstore.AllUIDs()) })
	}
	expunge := func(uids mailstore.UIDSet, onlyDeleted bool) func(p *process) error {
		return inbox(func(p *process, m mailstore.Mailbox) error {
			_, err := m.Expunge(p.ctx, uids, onlyDeleted)
			return err
		})
	}
	all := mailstore.AllUIDs()
	return []operation{
		{kind: "append", whole: true, name: "append", run: inbox(func(p *process, m mailstore.Mailbox) error { return p.add(m, none, "new") }), alsoDelivered: true},
		{kind: "append", whole: true, name: "append with a new keyword", run: inbox(func(p *process, m mailstore.Mailbox) error { return p.add(m, keywords, "new") })},
		{kind: "append", whole: true, name: "append several", run: inbox(func(p *process, m mailstore.Mailbox) error { return p.add(m, seen, "new1", "new2", "new3") })},
		{kind: "append", whole: true, name: "append to an empty mailbox", run: func(p *process) error {
			return p.with("Empty", func(m mailstore.Mailbox) error { return p.add(m, none, "new") })
		}},
		{kind: "append", name: "append and expunge it", run: appendAndExpunge, partial: true, transient: "new"},
		{kind: "copy", whole: true, name: "copy", run: transfer("Old", false, all), alsoDelivered: true},
		{kind: "copy", whole: true, name: "copy within a mailbox", run: transfer("INBOX", false, mailstore.NewUIDSet(2, 3))},
		{kind: "move", name: "move", run: transfer("Old", true, all), partial: true, alsoDelivered: true},
		{kind: "move", name: "move one", run: transfer("Empty", true, mailstore.NewUIDSet(3)), partial: true},
		{kind: "flags", name: "add flags", run: store(mailstore.AddFlags, keywords), partial: true, alsoDelivered: true},
		{kind: "flags", name: "remove flags", run: store(mailstore.RemoveFlags, mailstore.NewFlags(mailstore.Seen, "k")), partial: true},
		{kind: "flags", name: "replace flags", run: store(mailstore.ReplaceFlags, seen), partial: true},
		{kind: "expunge", name: "expunge", run: expunge(mailstore.NewUIDSet(2, 4), false), partial: true, noRoom: true, alsoDelivered: true},
		{kind: "expunge", name: "expunge what is deleted", run: expunge(all, true), partial: true, noRoom: true},
		{kind: "expunge", name: "expunge all", run: expunge(all, false), partial: true, noRoom: true},
		{kind: "open", name: "claim recent", run: inbox(func(p *process, m mailstore.Mailbox) error {
			_, err := m.ClaimRecent(p.ctx)
			return err
		}), partial: true, alsoDelivered: true},
	}
}

// appendAndExpunge leaves nothing but a UID that must not come again.
func appendAndExpunge(p *process) error {
	return p.with("INBOX", func(m mailstore.Mailbox) error {
		if err := p.add(m, none, "new"); err != nil {
			return err
		}
		p.told.acked = nil // what was acknowledged is taken back
		_, err := m.Expunge(p.ctx, mailstore.UIDSet{{First: lastUID + 1, Last: m.Status().UIDNext - 1}}, false)
		return err
	})
}

// appendBefore has a message delivered that comes before the one that was just
// appended, as the format puts messages in order.
func appendBefore(p *process) error {
	return p.with("INBOX", func(m mailstore.Mailbox) error {
		if err := p.add(m, none, "new"); err != nil {
			return err
		}
		_ = p.deliverBefore([]byte(text(deliveredID))) // its faults are the delivery agent's
		return nil
	})
}

// takeover opens Empty, which is not empty now.
func takeover(t Takeover) operation {
	return operation{kind: "open", name: t.Name, before: t.Prepare, keeps: map[string]string{"Empty": "Empty"}, run: func(p *process) error {
		return p.with("Empty", func(m mailstore.Mailbox) error {
			if why := t.Want(m); why != "" {
				return errors.New(why)
			}
			return nil
		})
	}}
}

func treeOperations(f Format) []operation {
	exists, gone := []error{mailstore.ErrExists}, []error{mailstore.ErrNotFound, mailstore.ErrNoSelect, mailstore.ErrHasChildren}
	list := []operation{
		{kind: "create", whole: true, name: "create", run: func(p *process) error { return p.acct.Create(p.ctx, "Made") }, done: exists},
		{kind: "create", whole: true, name: "create below a new name", run: func(p *process) error { return p.acct.Create(p.ctx, p.name("Up", "Made")) }, done: exists},
		{kind: "delete", whole: true, name: "delete", run: func(p *process) error { return p.acct.Delete(p.ctx, "Old") }, partial: true, done: gone},
		{kind: "delete", whole: true, name: "delete an empty mailbox", run: func(p *process) error { return p.acct.Delete(p.ctx, "Empty") }, partial: true, done: gone},
		{kind: "delete", whole: true, name: "delete one of several below a name", run: func(p *process) error { return p.acct.Delete(p.ctx, p.name("Tree", "a")) }, partial: true, done: gone},
		{kind: "delete", name: "delete and create again", run: remake("Old"), partial: true},
		{kind: "subscribe", whole: true, name: "subscribe", run: func(p *process) error { return p.acct.Subscribe(p.ctx, "Empty", true) }, partial: true},
		{kind: "subscribe", whole: true, name: "unsubscribe", run: func(p *process) error { return p.acct.Subscribe(p.ctx, "Old", false) }, partial: true},
		{kind: "acl", whole: true, name: "give the first right", run: func(p *process) error { return p.grant("Empty", "anyone", mailstore.AllRights) }, partial: true},
		{kind: "acl", whole: true, name: "give a further right", run: func(p *process) error { return p.grant("Old", "user=jane", mailstore.AllRights) }, partial: true},
	}
	list = append(list,
		operation{kind: "annotate", whole: true, name: "annotate a mailbox", run: func(p *process) error { return p.annotate("Old", "/private/comment", "new") }, partial: true},
		operation{kind: "annotate", whole: true, name: "annotate the account", run: func(p *process) error { return p.annotate("", "/private/comment", "new") }, partial: true})
	if f.Places {
		list = append(list, operation{kind: "create", whole: true, name: "create a place", run: func(p *process) error { return p.acct.Create(p.ctx, p.name("Up", "")) }, done: exists})
	}
	if f.DualUse {
		list = append(list,
			operation{kind: "delete", whole: true, name: "delete above others", run: func(p *process) error { return p.acct.Delete(p.ctx, "Tree") }, partial: true, done: gone},
			operation{kind: "delete", name: "delete and create again above others", run: remake("Tree"), partial: true})
	}
	return list
}

// remake puts another mailbox in the place of one, with a message that gets the
// UID that the one in it had. Again it goes on where it was stopped.
func remake(name string) func(p *process) error {
	return func(p *process) error {
		err := p.acct.Delete(p.ctx, name)
		if err != nil && !errors.Is(err, mailstore.ErrNotFound) && !errors.Is(err, mailstore.ErrNoSelect) && !errors.Is(err, mailstore.ErrHasChildren) {
			return fmt.Errorf("delete: %w", err)
		}
		if err := p.acct.Create(p.ctx, name); err != nil && !errors.Is(err, mailstore.ErrExists) {
			return fmt.Errorf("create: %w", err)
		}
		return p.with(name, func(m mailstore.Mailbox) error { return p.add(m, none, "new") })
	}
}

func renames(f Format) []operation {
	rename := func(from, to string, below ...string) operation {
		op := operation{kind: "rename", partial: true, done: []error{mailstore.ErrNotFound, mailstore.ErrExists}}
		op.name = "rename " + from + " to " + to
		op.run = func(p *process) error { return p.acct.Rename(p.ctx, from, to) }
		op.keeps = make(map[string]string)
		for _, b := range below {
			op.keeps[to+b] = from + b
		}
		return op
	}
	d := f.Delimiter
	tree := []string{d + "a", d + "b"}
	if f.DualUse {
		tree = append(tree, "")
	}
	list := []operation{
		rename("Old", "New", ""),
		rename("Old", "Up"+d+"New", ""),
		rename("Tree"+d+"a", "Tree"+d+"c", ""),
		rename("Tree", "Wood", tree...),
		rename("Tree", "Up"+d+"Wood", tree...),
		rename("INBOX", "Kept"),
	}
	for i := range list {
		up := strings.Contains(list[i].name, "to Up")
		list[i].whole = len(list[i].keeps) == 1 && !(up && f.TwoNames) || len(list[i].keeps) > 1 && !f.ScatteredRename
	}
	return list
}

// deliveredID begins the names of messages that a delivery agent has brought.
const deliveredID = "delivered"

// prepare makes the mailboxes of a campaign.
func (c *campaign) prepare() {
	p, err := c.boot(c.start, c.told, true)
	if err == nil {
		_, err = p.look() // for the process that is here before the campaign begins
		err = errors.Join(err, c.furnish(p))
		if err == nil {
			err = identify(c.op.identified()...)(p)
		}
		err = p.quit(err)
	}
	if err == nil && c.op.delivered {
		err = errors.Join(c.f.Deliver(c.start, []byte(text(deliveredID+"1"))), c.f.Deliver(c.start, []byte(text(deliveredID+"2"))))
	}
	for _, change := range []func(fs *faultfs.FS) error{c.f.Prepare, c.op.before} {
		if err == nil && change != nil {
			err = change(c.start)
		}
	}
	if err != nil {
		c.Fatalf("prepare: %v", err)
	}
	c.start.Settle()
	c.told.acked = nil
	if c.op.kind == "identify" {
		c.told.unidentified("Empty")
	}
	c.pause()
}

func (c *campaign) furnish(p *process) error {
	type letter struct {
		box, id string
		flags   mailstore.Flags
	}
	boxes := []string{"Old", "Empty"}
	letters := []letter{
		{"INBOX", "zero", none},
		{"INBOX", "one", none},
		{"INBOX", "two", mailstore.NewFlags(mailstore.Seen, "k")},
		{"INBOX", "three", mailstore.NewFlags(mailstore.Flagged | mailstore.Deleted)},
		{"Old", "four", seen},
	}
	if c.op.tree {
		a, b := p.name("Tree", "a"), p.name("Tree", "b")
		boxes = append(boxes, a, b)
		letters = append(letters, letter{a, "six", seen}, letter{b, "seven", mailstore.NewFlags(0, "k")})
		if c.f.DualUse {
			boxes, letters = append(boxes, "Tree"), append(letters, letter{"Tree", "five", none})
		}
	}
	for _, name := range boxes {
		if err := p.acct.Create(p.ctx, name); err != nil {
			return err
		}
	}
	for _, l := range letters {
		if err := p.with(l.box, func(m mailstore.Mailbox) error { return p.add(m, l.flags, l.id) }); err != nil {
			return err
		}
	}
	// An expunge, so that UIDs and numbers differ and what it needs is there.
	err := p.with("INBOX", func(m mailstore.Mailbox) error {
		_, err := m.Expunge(p.ctx, mailstore.NewUIDSet(1), false)
		return err
	})
	if c.op.tree { // most operations do not come near it
		err = errors.Join(err, p.grant("Old", "user=jane", mailstore.RightRead), p.grant(p.name("Tree", "a"), "anyone", mailstore.RightLookup))
	}
	return errors.Join(err, p.acct.Subscribe(p.ctx, "Old", true))
}
