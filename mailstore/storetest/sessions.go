package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"restante/mailstore"
)

// concurrentRandom lets several sessions do random operations on the same
// mailboxes. Nobody can tell beforehand in which order they happen, but their
// results must fit together in one story: every message was added once and
// removed once at most, and what is left is exactly what was added and not
// removed, with the content that it had.
func concurrentRandom(e *env) {
	boxes := []mailstore.Mailbox{e.box(mailstore.Inbox), e.newBox("A"), e.newBox("B")}
	g := group{e: e}
	seed := rand.Uint64()
	e.Logf("seed %d", seed)
	sessions := make([]*session, 6)
	for i := range sessions {
		s := &session{id: i, boxes: boxes, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
		sessions[i] = s
		s.follow()
		g.run(s.run)
	}
	g.wait()
	story := newStory()
	for _, s := range sessions {
		if err := s.checkView(); err != nil {
			e.Error(err)
		}
		s.cursor.Close()
		story.tell(e, s.events)
	}
	story.check(e, boxes)
	for _, m := range boxes {
		e.checkStatus(m)
	}
	e.reopen()
	again := []mailstore.Mailbox{e.box(mailstore.Inbox), e.box("A"), e.box("B")}
	story.rename(boxes, again)
	story.check(e, again)
}

// where names a message among all.
type where struct {
	box mailstore.Mailbox
	uid mailstore.UID
}

// event is something that a session was told has happened.
type event struct {
	id       string // of an appended message
	from, to where  // from is zero for an append, to for an expunge
	copied   bool   // from stays
	claimed  bool   // to has lost Recent
}

// session does random operations and notes what it was told.
type session struct {
	id     int
	boxes  []mailstore.Mailbox
	rnd    *rand.Rand
	events []event

	watched mailstore.Mailbox
	view    []mailstore.UID
	cursor  mailstore.Cursor
}

func (s *session) follow() {
	s.watched = s.boxes[s.id%len(s.boxes)]
	uids, cursor := s.watched.Follow()
	s.view, s.cursor = slices.Clone(uids), cursor // that list belongs to all sessions
}

func (s *session) run(ctx context.Context) error {
	ops := []func(context.Context) error{
		s.append, s.append, s.append, s.setFlags, s.setFlags, s.copy, s.move, s.move,
		s.expunge, s.expunge, s.claim, s.read, s.read, s.walk, s.refresh,
	}
	for i := range rounds(60) {
		if err := ops[s.rnd.IntN(len(ops))](ctx); err != nil {
			return fmt.Errorf("session %d, operation %d: %w", s.id, i, err)
		}
		if err := s.advance(); err != nil {
			return fmt.Errorf("session %d, operation %d: %w", s.id, i, err)
		}
	}
	return nil
}

func (s *session) box() mailstore.Mailbox { return s.boxes[s.rnd.IntN(len(s.boxes))] }

// some picks a few messages, now and then all of a range.
func (s *session) some(m mailstore.Mailbox) mailstore.UIDSet {
	uids, c := m.Follow()
	c.Close()
	if len(uids) == 0 {
		return nil
	}
	pick := func() mailstore.UID { return uids[s.rnd.IntN(len(uids))] }
	var set mailstore.UIDSet
	if s.rnd.IntN(8) == 0 {
		set.AddRange(pick(), pick())
		return set
	}
	for range 1 + s.rnd.IntN(3) {
		set.Add(pick())
	}
	return set
}

func (s *session) append(ctx context.Context) error {
	m := s.box()
	var ids, messages []string
	for i := range 1 + s.rnd.IntN(3) {
		id := fmt.Sprintf("session %d event %d part %d", s.id, len(s.events), i)
		ids = append(ids, id)
		messages = append(messages, text(id))
	}
	uids, err := appendAll(ctx, m, mailstore.AppendOptions{Date: day(1)}, messages...)
	for i, uid := range uids {
		s.events = append(s.events, event{id: ids[i], to: where{m, uid}})
	}
	return err
}

func (s *session) setFlags(ctx context.Context) error {
	flags := mailstore.NewFlags(mailstore.System(s.rnd.UintN(uint(mailstore.Recent))), fmt.Sprint("k", s.rnd.IntN(4)))
	m := s.box()
	res, err := m.SetFlags(ctx, s.some(m), mailstore.FlagOp(s.rnd.IntN(3)), flags, mailstore.SetFlagsOptions{})
	if err == nil && (res.ModSeq == 0) != res.Changed.Empty() {
		return fmt.Errorf("result %+v", res)
	}
	return err
}

func (s *session) copy(ctx context.Context) error {
	m, dest := s.box(), s.box()
	res, err := m.Copy(ctx, s.some(m), dest)
	s.noteTransfer(res, m, dest, true)
	return err
}

func (s *session) move(ctx context.Context) error {
	m, dest := s.box(), s.box()
	res, err := m.Move(ctx, s.some(m), dest)
	s.noteTransfer(res, m, dest, false)
	return err
}

func (s *session) noteTransfer(res mailstore.CopyResult, m, dest mailstore.Mailbox, copied bool) {
	for i := range res.Source {
		s.events = append(s.events, event{from: where{m, res.Source[i]}, to: where{dest, res.Dest[i]}, copied: copied})
	}
}

func (s *session) expunge(ctx context.Context) error {
	m := s.box()
	removed, err := m.Expunge(ctx, s.some(m), s.rnd.IntN(2) == 0)
	for uid := range each(removed) {
		s.events = append(s.events, event{from: where{m, uid}})
	}
	return err
}

func (s *session) claim(ctx context.Context) error {
	m := s.box()
	claimed, err := m.ClaimRecent(ctx)
	for uid := range each(claimed) {
		s.events = append(s.events, event{to: where{m, uid}, claimed: true})
	}
	return err
}

func (s *session) read(ctx context.Context) error {
	m := s.box()
	for uid := range each(s.some(m)) {
		got, err := readAll(ctx, m, uid)
		if errors.Is(err, mailstore.ErrExpunged) {
			continue
		}
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(got, "Subject: ")
		if id, _, _ := strings.Cut(rest, "\r\n"); got != text(id) {
			return fmt.Errorf("message %d of %s is %q", uid, m.Name(), got)
		}
	}
	return nil
}

func (s *session) walk(context.Context) error {
	m, last := s.box(), mailstore.UID(0)
	page := make([]mailstore.Record, 0, 5)
	for {
		page = m.Records(page[:0], last+1)
		if len(page) == 0 {
			return nil
		}
		for _, r := range page {
			if r.UID <= last {
				return fmt.Errorf("record %d follows %d", r.UID, last)
			}
			last = r.UID
		}
	}
}

func (s *session) refresh(ctx context.Context) error {
	m := s.box()
	return errors.Join(m.Refresh(ctx), m.Fill(ctx, s.some(m), mailstore.AttrSize|mailstore.AttrDate))
}

// advance applies what the cursor tells to the session's view.
func (s *session) advance() error {
	changes, lost := s.cursor.Next()
	if lost {
		return errors.New("the cursor has lost track of a few hundred changes")
	}
	for _, ch := range changes {
		i, found := slices.BinarySearch(s.view, ch.UID)
		switch {
		case ch.Kind == mailstore.Added && !found && i == len(s.view):
			s.view = append(s.view, ch.UID)
		case ch.Kind == mailstore.Expunged && found:
			s.view = slices.Delete(s.view, i, i+1)
		case ch.Kind == mailstore.FlagsChanged && found:
		default:
			return fmt.Errorf("change %+v does not fit a view of %v", ch, s.view)
		}
	}
	return nil
}

// checkView compares the view with the mailbox, when all sessions have ended.
func (s *session) checkView() error {
	if err := s.advance(); err != nil {
		return err
	}
	uids, c := s.watched.Follow()
	c.Close()
	if !slices.Equal(uids, s.view) {
		return fmt.Errorf("session %d believes that %s holds %v, it holds %v", s.id, s.watched.Name(), s.view, uids)
	}
	return nil
}
