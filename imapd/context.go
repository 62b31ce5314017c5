package imapd

import (
	"context"
	"log/slog"
	"slices"

	"restante/imap"
	"restante/mailstore"
	"restante/order"
	"restante/search"
)

// A searchContext keeps the results of a SEARCH or SORT up to date, as RETURN
// (UPDATE) asks for (RFC 5267 section 4.3). It lasts as long as its mailbox is
// selected. With each news, what has changed and what is new is searched again, and
// nothing else.
type searchContext struct {
	answer
	results []mailstore.UID // as told, in their order
}

const (
	// maxContexts is how many searches of a session are kept up to date.
	maxContexts = 10
	// maxUpdated is how many results a search may have to be kept up to date, and
	// maxSorted if they are sorted: then a new one costs a look at all of them.
	maxUpdated = 100_000
	maxSorted  = 2_000
)

// beginContext begins to keep what was found up to date, or tells that it will not
// (RFC 5267 section 4.3.2).
func (s *session) beginContext(a *answer, key imap.SearchKey) {
	v := a.view
	v.dropContext(a.tag)
	c := &searchContext{answer: *a, results: slices.Clone(a.found)}
	c.found = nil
	switch {
	case len(v.contexts) >= maxContexts:
		s.noUpdate(a.tag, "There are too many searches that are kept up to date")
	case c.tooMany():
		s.noUpdate(a.tag, "There are too many results to keep them up to date")
	case changesByItself(key):
		s.noUpdate(a.tag, "What is looked for changes without the messages")
	default:
		v.contexts = append(v.contexts, c)
	}
}

func (c *searchContext) tooMany() bool {
	return len(c.results) > maxUpdated || c.sorted && len(c.results) > maxSorted
}

// noUpdate tells that results are not kept up to date, or not any more.
func (s *session) noUpdate(tag, text string) {
	s.w.Status("", imap.NO, `NOUPDATE "`+tag+`"`, text)
}

// changesByItself reports whether a key may match a message later that it does not
// match now, with nothing said of the message.
func changesByItself(key imap.SearchKey) bool {
	switch k := key.(type) {
	case imap.SearchAnd:
		return slices.ContainsFunc(k.Keys, changesByItself)
	case imap.SearchOr:
		return changesByItself(k.Left) || changesByItself(k.Right)
	case imap.SearchNot:
		return changesByItself(k.Key)
	case imap.SearchFuzzy:
		return changesByItself(k.Key)
	case imap.SearchWithin, imap.SearchNew:
		return true
	case imap.SearchFlag:
		return systemFlag(k.Flag) == mailstore.Recent
	}
	return false
}

// cmdCancelUpdate is CANCELUPDATE (RFC 5267 section 4.3.5). Tags of what is not
// kept up to date are passed over: the server may have given up just now.
func (s *session) cmdCancelUpdate(cmd *imap.Command) (reply, error) {
	for _, tag := range cmd.Args.(*imap.CancelUpdate).Tags {
		s.view.dropContext(tag)
	}
	return reply{}, nil
}

func (v *view) dropContext(tag string) {
	v.contexts = slices.DeleteFunc(v.contexts, func(c *searchContext) bool { return c.tag == tag })
	if len(v.contexts) == 0 {
		v.touched = nil
	}
}

// touch notes that a message has changed, for the contexts.
func (v *view) touch(uid mailstore.UID) {
	if len(v.contexts) > 0 {
		v.touched = append(v.touched, uid)
	}
}

// updateContexts searches the messages that have changed.
func (s *session) updateContexts() {
	v := s.view
	if len(v.touched) == 0 {
		return
	}
	touched := setOf(v.touched)
	v.touched = nil
	s.searchAgain(v.pickUIDs(touched))
}

// searchAgain searches messages and tells each context of those that match it now
// and did not before, or the other way about. Those that are gone are told as that.
func (s *session) searchAgain(spans []span) {
	v := s.view
	for _, c := range slices.Clone(v.contexts) {
		had := setOf(c.results)
		var added, lost []mailstore.UID
		_, err := v.pages(spans, func(items []item) error {
			matches, err := s.matching(c.query, items)
			for i := range items {
				uid := items[i].UID
				_, match := slices.BinarySearch(matches, uid)
				switch {
				case err != nil:
				case match && !had.Contains(uid):
					added = append(added, uid)
				case !match && had.Contains(uid):
					lost = append(lost, uid)
				}
			}
			return err
		})
		if err == nil {
			s.remove(c, lost)
			err = s.add(c, added)
		}
		if err != nil || c.tooMany() {
			v.dropContext(c.tag)
			s.noUpdate(c.tag, "The results are not kept up to date any more")
		}
		if err != nil {
			s.log().Warn("search results cannot be kept up to date", slog.String("mailbox", v.box.Name()), slog.Any("err", err))
		}
	}
}

// matching gives those of the messages that a query matches.
func (s *session) matching(q *search.Query, items []item) (matches []mailstore.UID, err error) {
	recs := make([]mailstore.Record, len(items))
	for i := range items {
		recs[i] = items[i].Record
	}
	err = s.long(func(context.Context) (err error) {
		matches, err = q.Filter(s.ctx, s.view.box, recs, nil)
		q.Rest()
		return err
	})
	return matches, err
}

// forgetGone takes messages out of the contexts of which the client is about to
// hear that they are gone: as long as their numbers are what they were.
func (s *session) forgetGone(gone mailstore.UIDSet) {
	for _, c := range s.view.contexts {
		var lost []mailstore.UID
		for _, uid := range c.results {
			if gone.Contains(uid) {
				lost = append(lost, uid)
			}
		}
		s.remove(c, lost)
	}
}

// remove tells that messages are results no more. The places of sorted ones are
// told from the last to the first, so that each is right when it is read.
func (s *session) remove(c *searchContext, lost []mailstore.UID) {
	if len(lost) == 0 {
		return
	}
	gone := setOf(lost)
	s.beginUpdate(c, "REMOVEFROM")
	if c.sorted {
		sep := ""
		for i, uid := range slices.Backward(c.results) {
			if gone.Contains(uid) {
				s.w.Raw(sep).Number(uint64(i + 1)).SP()
				s.sendRuns(&c.answer, []mailstore.UID{uid})
				sep = " "
			}
		}
	} else {
		s.w.Raw("0 ")
		s.sendRuns(&c.answer, lost)
	}
	s.w.Raw(")").CRLF()
	c.results = slices.DeleteFunc(c.results, gone.Contains)
}

// add tells that messages are results now. The places of sorted ones are told from
// the first to the last, each as it is when those before it are there.
func (s *session) add(c *searchContext, added []mailstore.UID) error {
	if len(added) == 0 {
		return nil
	}
	all := slices.Sorted(slices.Values(slices.Concat(c.results, added)))
	if c.sorted {
		sorter := order.NewSorter(c.criteria)
		if err := s.order(all, sorter); err != nil {
			return err
		}
		all = sorter.Sorted()
		s.remove(c, missingFrom(setOf(all), c.results))
	}
	fresh := setOf(added)
	s.beginUpdate(c, "ADDTO")
	if c.sorted {
		sep := ""
		for i, uid := range all {
			if fresh.Contains(uid) {
				s.w.Raw(sep).Number(uint64(i + 1)).SP()
				s.sendRuns(&c.answer, []mailstore.UID{uid})
				sep = " "
			}
		}
	} else {
		s.w.Raw("0 ")
		s.sendRuns(&c.answer, added)
	}
	s.w.Raw(")").CRLF()
	c.results = all
	return nil
}

// missingFrom gives the messages that are not in a set.
func missingFrom(set mailstore.UIDSet, uids []mailstore.UID) (missing []mailstore.UID) {
	for _, uid := range uids {
		if !set.Contains(uid) {
			missing = append(missing, uid)
		}
	}
	return missing
}

// beginUpdate sends
//
//	ret-data-addto      = "ADDTO" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"
//	ret-data-removefrom = "REMOVEFROM" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"
//
// up to the first position, which is 0 where the order is that of the mailbox.
func (s *session) beginUpdate(c *searchContext, what string) {
	s.beginESearch(&c.answer)
	s.w.SP().Raw(what).Raw(" (")
}
