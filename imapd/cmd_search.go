package imapd

import (
	"errors"
	"log/slog"

	"restante/imap"
	"restante/mailstore"
	"restante/search"
)

// cmdSearch is SEARCH and UID SEARCH (RFC 9051 section 6.4.4).
func (s *session) cmdSearch(cmd *imap.Command) (reply, error) {
	args, v := cmd.Args.(*imap.Search), s.view
	ret := returns(args.Return)
	found, err := s.search(args, ret)
	if err != nil {
		var r *refusal
		if ret.Save && !(errors.As(err, &r) && r.cond == imap.BAD) {
			v.saved = nil // RFC 9051 section 6.4.4.1
		}
		return reply{}, err
	}
	if ret.Save {
		v.saved = mailstore.NewUIDSet(ret.kept(found)...)
	}
	switch {
	case args.Return == nil && !s.rev2:
		s.sendSearch(found, cmd.UID())
	case ret.Min || ret.Max || ret.All || ret.Count:
		s.sendESearch(cmd, ret, found)
	}
	return reply{}, nil
}

// A searchReturn is what is asked for, with the defaults put in.
type searchReturn struct{ imap.SearchReturn }

func returns(r *imap.SearchReturn) searchReturn {
	if r == nil || *r == (imap.SearchReturn{}) {
		return searchReturn{imap.SearchReturn{All: true}}
	}
	return searchReturn{*r}
}

// everything reports whether all matches have to be found.
func (r searchReturn) everything() bool { return r.All || r.Count || !r.Min && !r.Max }

// kept gives what "$" stands for afterwards: with MIN and MAX only these (RFC
// 9051 section 6.4.4.2).
func (r searchReturn) kept(found []mailstore.UID) []mailstore.UID {
	n := len(found)
	switch {
	case r.everything() || n == 0:
		return found
	case r.Min && r.Max:
		return []mailstore.UID{found[0], found[n-1]}
	case r.Min:
		return found[:1]
	default:
		return found[n-1:]
	}
}

// search finds the messages, or at least the first and last as far as these are
// asked for.
func (s *session) search(args *imap.Search, ret searchReturn) ([]mailstore.UID, error) {
	decode, err := charsetDecoder(args.Charset)
	if err != nil {
		return nil, err
	}
	c := criteria{v: s.view, rev2: s.rev2, decode: decode}
	expr, err := c.expr(args.Key)
	if err != nil {
		return nil, err
	}
	q := search.New(expr)
	q.Unreadable = func(uid mailstore.UID, err error) {
		s.log.Error("message cannot be searched", slog.String("mailbox", s.view.box.Name()), slog.Any("uid", uid), slog.Any("err", err))
	}
	if ret.everything() {
		return s.searchForward(q, false)
	}
	var ends []mailstore.UID
	if ret.Min {
		if ends, err = s.searchForward(q, true); err != nil || len(ends) == 0 {
			return nil, err
		}
		ends = ends[:1]
	}
	if ret.Max {
		last, err := s.searchBackward(q)
		if err != nil {
			return nil, err
		}
		ends = append(ends, last...)
	}
	return ends, nil
}

// searchForward finds the messages in order, all or with first until one is
// found.
func (s *session) searchForward(q *search.Query, first bool) (found []mailstore.UID, err error) {
	for i := 0; i < s.view.told && !(first && len(found) > 0); i += pageLen {
		if found, err = s.searchPage(q, span{i, min(i+pageLen, s.view.told)}, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// searchBackward finds the last message. Clients look for what is newest, and
// seldom is it far from the end.
func (s *session) searchBackward(q *search.Query) (found []mailstore.UID, err error) {
	for j := s.view.told; j > 0 && len(found) == 0; j -= pageLen {
		if found, err = s.searchPage(q, span{max(j-pageLen, 0), j}, nil); err != nil {
			return nil, err
		}
	}
	return found[max(len(found)-1, 0):], nil
}

// searchPage finds messages in a piece of the view.
func (s *session) searchPage(q *search.Query, sp span, found []mailstore.UID) ([]mailstore.UID, error) {
	recs := make([]mailstore.Record, 0, pageLen)
	_, err := s.view.pages([]span{sp}, func(items []item) error {
		for i := range items {
			recs = append(recs, items[i].Record)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return q.Filter(s.ctx, s.view.box, recs, found)
}

// numbers turns UIDs of the view into message numbers, in place of a set.
func (v *view) numbers(uids []mailstore.UID, byUID bool, yield func(n uint32)) {
	i := 0
	for _, uid := range uids {
		if byUID {
			yield(uint32(uid))
			continue
		}
		for v.uids[i] != uid {
			i++
		}
		yield(uint32(i + 1))
	}
}

// sendSearch sends the answer of IMAP4rev1.
func (s *session) sendSearch(found []mailstore.UID, byUID bool) {
	w := s.w.Untagged().Raw("SEARCH")
	s.view.numbers(found, byUID, func(n uint32) { w.SP().Number(uint64(n)) })
	w.CRLF()
}

// sendESearch sends the answer of RFC 9051 section 7.3.4: exactly what was asked
// for.
//
// QUIRK: Outlook wants the tag in quotes.
func (s *session) sendESearch(cmd *imap.Command, ret searchReturn, found []mailstore.UID) {
	var set imap.NumSet
	var first, last uint32
	s.view.numbers(found, cmd.UID(), func(n uint32) {
		if first == 0 {
			first = n
		}
		last = n
		set.AddNum(n)
	})
	w := s.w.Untagged().Raw(`ESEARCH (TAG "`).Raw(cmd.Tag).Raw(`")`)
	if cmd.UID() {
		w.Raw(" UID")
	}
	if len(found) > 0 {
		if ret.Min {
			w.Raw(" MIN ").Number(uint64(first))
		}
		if ret.Max {
			w.Raw(" MAX ").Number(uint64(last))
		}
		if ret.All {
			w.Raw(" ALL ").NumSet(set)
		}
	}
	if ret.Count {
		w.Raw(" COUNT ").Number(uint64(len(found)))
	}
	w.CRLF()
}
