package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"restante/mailstore"
)

// runner does operations on format and model at once.
type runner struct {
	t     *testing.T
	ctx   context.Context
	h     Harness
	acct  mailstore.Account
	delim string
	model modelAccount
	open  map[*modelBox]*openBox
	ops   int
	trace []string
}

// openBox is a mailbox that stays open, with a session's view of it.
type openBox struct {
	mailstore.Mailbox
	view   []mailstore.UID
	cursor mailstore.Cursor
}

func newRunner(t *testing.T, h Harness) *runner {
	return &runner{
		t: t, ctx: t.Context(), h: h, acct: h.Account, delim: string(h.Account.Delimiter()),
		model: modelAccount{boxes: map[string]*modelBox{mailstore.Inbox: {}}, subscribed: make(map[string]bool)},
		open:  make(map[*modelBox]*openBox),
	}
}

func (r *runner) can(a Ability) bool {
	_, lacks := r.h.Cannot[a]
	return !lacks
}

func (r *runner) note(format string, args ...any) {
	r.trace = append(r.trace, "  "+fmt.Sprintf(format, args...))
}

func (r *runner) close() {
	if err := r.closeAll(); err != nil {
		r.t.Errorf("close: %v", err)
	}
	if r.h.Check != nil {
		r.h.Check(r.t)
	}
}

func (r *runner) closeAll() error {
	var errs []error
	for box, m := range r.open {
		m.cursor.Close()
		errs = append(errs, m.Close())
		delete(r.open, box)
	}
	if r.acct != nil {
		errs = append(errs, r.acct.Close())
		r.acct = nil
	}
	return errors.Join(errs...)
}

func (r *runner) runAll(ops []op) error {
	for _, o := range ops {
		r.ops++
		if err := kinds[o.kind](r, o.n); err != nil {
			return err
		}
	}
	if err := r.checkAll(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	return doReopen(r, [6]uint32{})
}

// box picks a mailbox and sees to it that it is open.
func (r *runner) box(n uint32) (string, *modelBox, *openBox, error) {
	names := r.model.names()
	name := names[int(n)%len(names)]
	b := r.model.boxes[name]
	m, err := r.opened(name, b)
	return name, b, m, err
}

func (r *runner) opened(name string, b *modelBox) (*openBox, error) {
	if m := r.open[b]; m != nil {
		return m, nil
	}
	m, err := r.acct.Open(r.ctx, name)
	if err != nil {
		return nil, err
	}
	if b.validity != 0 && m.UIDValidity() != b.validity {
		return nil, fmt.Errorf("%q had UIDVALIDITY %d, has %d", name, b.validity, m.UIDValidity())
	}
	b.validity = m.UIDValidity()
	o := &openBox{Mailbox: m}
	uids, cursor := m.Follow()
	o.view, o.cursor = slices.Clone(uids), cursor
	r.open[b] = o
	return o, nil
}

// some picks messages of a mailbox: none, one, a few, or a range, and now and
// then a UID that is not there.
func (b *modelBox) some(n uint32) mailstore.UIDSet {
	var set mailstore.UIDSet
	if count := uint32(len(b.messages)); count > 0 {
		first, last := b.messages[n%count].uid, b.messages[n/7%count].uid
		switch n / 64 % 4 {
		case 0:
			set.AddRange(first, last)
		case 1:
			set.Add(first)
			set.Add(last)
		default:
			set.Add(first)
		}
	}
	if n%11 == 0 {
		set.Add(mailstore.UID(n%40 + 1))
	}
	return set
}

// check compares a mailbox with its model, in full.
func (r *runner) check(name string, b *modelBox) error {
	m, err := r.opened(name, b)
	if err != nil {
		return err
	}
	if m.Name() != name {
		return fmt.Errorf("%q says its name is %q", name, m.Name())
	}
	if err := m.follow(); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	uids := make([]mailstore.UID, len(b.messages))
	for i, msg := range b.messages {
		uids[i] = msg.uid
	}
	if !slices.Equal(m.view, uids) {
		return fmt.Errorf("%q: a session sees %v, want %v", name, m.view, uids)
	}
	if err := recount(r.ctx, m); err != nil {
		return err
	}
	for _, msg := range b.messages {
		if err := msg.check(r.ctx, m); err != nil {
			return fmt.Errorf("%q, message %d: %w", name, msg.uid, err)
		}
	}
	s := m.Status()
	if s.HighestModSeq < b.modSeq || s.UIDNext <= b.lastUID || int(s.Messages) != len(uids) {
		return fmt.Errorf("%q: status %+v; last UID %d, earlier HIGHESTMODSEQ %d, %d messages", name, s, b.lastUID, b.modSeq, len(uids))
	}
	b.modSeq = s.HighestModSeq
	return nil
}

func (msg *modelMessage) check(ctx context.Context, m mailstore.Mailbox) error {
	rec, found := m.Record(msg.uid)
	if !found {
		return errors.New("has no record")
	}
	if got, want := flagText(rec.Flags), flagText(msg.flags); got != want {
		return fmt.Errorf("flags %q, want %q", got, want)
	}
	recent := rec.Flags.Has(mailstore.Recent)
	if msg.recent == maybe && recent {
		msg.recent = yes
	}
	if recent != (msg.recent == yes) {
		return fmt.Errorf("recent is %v, want %v", recent, msg.recent == yes)
	}
	if rec.Date != msg.date || rec.Size != int64(len(msg.body)) {
		return fmt.Errorf("date %d and size %d, want %d and %d", rec.Date, rec.Size, msg.date, len(msg.body))
	}
	if rec.ModSeq < msg.modSeq {
		return fmt.Errorf("mod-sequence fell from %d to %d", msg.modSeq, rec.ModSeq)
	}
	msg.modSeq = rec.ModSeq
	body, err := readAll(ctx, m, msg.uid)
	if err == nil && body != msg.body {
		err = fmt.Errorf("content %q, want %q", body, msg.body)
	}
	return err
}

// follow brings the view up to date.
func (m *openBox) follow() error {
	s := session{view: m.view, cursor: m.cursor}
	err := s.advance()
	m.view = s.view
	return err
}

// checkAll compares the whole account.
func (r *runner) checkAll() error {
	list, err := r.acct.Mailboxes(r.ctx)
	if err != nil {
		return err
	}
	var names []string
	subscribed := make(map[string]bool)
	for _, in := range list {
		if !in.NoSelect {
			names = append(names, in.Name)
		}
		if in.Subscribed {
			subscribed[in.Name] = true
		}
		if in.HasChildren != r.model.hasChildren(in.Name, r.delim) {
			return fmt.Errorf("listed as %+v, mailboxes are %q", in, r.model.names())
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, r.model.names()) {
		return fmt.Errorf("mailboxes are %q, want %q", names, r.model.names())
	}
	for _, set := range []map[string]bool{subscribed, r.model.subscribed} {
		for name := range set {
			if !subscribed[name] || !r.model.subscribed[name] {
				return fmt.Errorf("subscribed to %v, want %v", subscribed, r.model.subscribed)
			}
		}
	}
	for name, b := range r.model.boxes {
		if err := r.check(name, b); err != nil {
			return err
		}
	}
	return nil
}
