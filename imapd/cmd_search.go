package imapd

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"time"

	"restante/imap"
	"restante/mailstore"
	"restante/order"
	"restante/search"
)

// cmdSearch is SEARCH and UID SEARCH (RFC 9051 section 6.4.4).
func (s *session) cmdSearch(cmd *imap.Command) (reply, error) {
	args := cmd.Args.(*imap.Search)
	a := answer{view: s.view, tag: cmd.Tag, byUID: cmd.UID(), ret: returns(args.Return), extended: args.Return != nil || s.rev2}
	return reply{}, s.answerSearch(&a, args.Charset, args.Key, nil)
}

// answerSearch finds messages, puts them in order if there is an order, and
// answers.
func (s *session) answerSearch(a *answer, charset string, key imap.SearchKey, sorter *order.Sorter) error {
	walk := a.ret
	if sorter != nil {
		walk = searchReturn{} // what is first is known only when all are
	}
	found, byModSeq, err := s.search(a, charset, key, walk)
	if err == nil && sorter != nil {
		err = s.order(found, sorter)
	}
	if err != nil {
		var r *refusal
		if a.ret.Save && !(errors.As(err, &r) && r.cond == imap.BAD) {
			a.view.saved = nil // RFC 9051 section 6.4.4.1
		}
		return err
	}
	a.found = found
	if sorter != nil {
		a.found = sorter.Sorted()
	}
	if a.ret.Save {
		a.view.saved = setOf(a.kept())
	}
	if byModSeq {
		s.enableCondStore()
		a.modSeq = a.view.highest(a.kept())
	}
	s.sendAnswer(a)
	if a.ret.Update {
		s.beginContext(a, key)
	}
	return nil
}

// setOf gives the set of UIDs in any order.
func setOf(uids []mailstore.UID) mailstore.UIDSet {
	if !slices.IsSorted(uids) {
		uids = slices.Sorted(slices.Values(uids))
	}
	return mailstore.NewUIDSet(uids...)
}

// search finds the messages for an answer, or only those at an end of the mailbox
// if nothing else is asked for. byModSeq tells that mod-sequences were among the
// criteria.
func (s *session) search(a *answer, charset string, key imap.SearchKey, ret searchReturn) (found []mailstore.UID, byModSeq bool, err error) {
	f, byModSeq, err := s.newFinder(a.view, charset, key)
	if err != nil {
		return nil, false, err
	}
	a.query = f.q
	f.seen = a.before
	if !a.named {
		f.total = count(f.spans)
	}
	s.step(f.seen, f.total)
	err = f.find(ret)
	return f.found, byModSeq, err
}

// newFinder makes criteria into a query over a view.
func (s *session) newFinder(v *view, charset string, key imap.SearchKey) (f *finder, byModSeq bool, err error) {
	decode, err := charsetDecoder(charset)
	if err != nil {
		return nil, false, err
	}
	c := criteria{v: v, rev2: s.rev2, byUID: s.uidOnly, decode: decode, now: time.Now()}
	expr, err := c.expr(key)
	if err != nil {
		return nil, false, err
	}
	f = &finder{s: s, v: v, q: search.New(expr)}
	f.q.Unreadable = func(uid mailstore.UID, err error) {
		s.log().Error("message cannot be searched", slog.String("mailbox", v.box.Name()), slog.Any("uid", uid), slog.Any("err", err))
	}
	if f.q.Memorable() {
		f.memory = s.memoryOf(v)
		f.q.Remember(&f.memory.search)
	}
	s.srv.opt.FullText.Narrow(f.q, v.box)
	f.spans = v.spansWithout(f.q.Without())
	return f, c.modSeq, nil
}

// find finds what is asked for.
func (f *finder) find(ret searchReturn) error {
	first, last := ret.ends()
	if all, none, ok := f.q.SystemFlags(); ok && first == 0 && last == 0 {
		f.found = f.v.announced(f.v.box.Having(all, none))
		return nil
	}
	return f.walk(first, last)
}

// walk finds so many of the first and of the last messages, all if both are 0, by looking
// at one after the other.
func (f *finder) walk(first, last int) (err error) {
	switch {
	case first == 0 && last == 0:
		err = f.forward(math.MaxInt)
	case first == 0:
		err = f.backward(last)
	case last == 0:
		err = f.forward(first)
	default:
		err = errors.Join(f.forward(first), f.backward(last))
	}
	f.q.Rest()
	if f.memory != nil {
		f.s.srv.memories.weigh(f.memory)
	}
	f.s.srv.opt.FullText.HasSearched(f.s.user, f.v.box, f.q)
	return err
}

// highest is the highest mod-sequence of messages, 0 of none.
func (v *view) highest(uids []mailstore.UID) (modSeq uint64) {
	for _, uid := range uids {
		if rec, found := v.box.Record(uid); found {
			modSeq = max(modSeq, rec.ModSeq)
		}
	}
	return modSeq
}

// A finder walks over a view with a query.
type finder struct {
	seen  int // messages that were looked at
	total int // of so many, or 0 if that is not known
	s     *session
	v     *view
	q     *search.Query
	spans []span // of the view: all messages that may match
	// memory is where q keeps what it finds out, nil if it has nothing to keep.
	memory *boxMemory
	found  []mailstore.UID
}

// forward finds the messages in order, so many at most.
func (f *finder) forward(most int) error {
	err := f.v.records(f.spans, func(recs []mailstore.Record) error {
		if err := f.filter(recs); err != nil {
			return err
		}
		if len(f.found) >= most {
			f.found = f.found[:most]
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return err
}

// errEnough ends a walk over the mailbox.
var errEnough = errors.New("enough")

// backward finds so many of the last messages. Clients look for what is newest,
// and seldom is it far from the end.
func (f *finder) backward(most int) error {
	before := f.found
	var pages [][]mailstore.UID
	n := 0
	for rest := f.spans; len(rest) > 0 && n < most; {
		f.found = nil
		var page []span
		rest, page = splitLast(rest, pageLen)
		if err := f.v.records(page, f.filter); err != nil {
			return err
		}
		pages = append(pages, f.found)
		n += len(f.found)
	}
	slices.Reverse(pages)
	last := slices.Concat(pages...)
	f.found = append(before, last[max(n-most, 0):]...)
	return nil
}

// filter finds messages in a page.
func (f *finder) filter(recs []mailstore.Record) (err error) {
	err = f.s.long(func(context.Context) (err error) {
		f.found, err = f.q.Filter(f.s.ctx, f.v.box, recs, f.found)
		return err
	})
	f.seen += len(recs)
	f.s.step(f.seen, f.total)
	return err
}
