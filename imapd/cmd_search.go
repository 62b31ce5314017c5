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
	found, byModSeq, err := s.search(args, ret)
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
	var modSeq uint64
	if byModSeq {
		s.enableCondStore()
		modSeq = v.highest(ret.kept(found))
	}
	switch {
	case args.Return == nil && !s.rev2:
		s.sendSearch(found, cmd.UID(), modSeq)
	case ret.Min || ret.Max || ret.All || ret.Count:
		s.sendESearch(cmd, ret, found, modSeq)
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

// search finds the messages, or only the first and last if nothing else is
// asked for. byModSeq tells that mod-sequences were among the criteria.
func (s *session) search(args *imap.Search, ret searchReturn) (found []mailstore.UID, byModSeq bool, err error) {
	decode, err := charsetDecoder(args.Charset)
	if err != nil {
		return nil, false, err
	}
	c := criteria{v: s.view, rev2: s.rev2, decode: decode}
	expr, err := c.expr(args.Key)
	if err != nil {
		return nil, false, err
	}
	f := finder{s: s, q: search.New(expr)}
	f.q.Unreadable = func(uid mailstore.UID, err error) {
		s.log.Error("message cannot be searched", slog.String("mailbox", s.view.box.Name()), slog.Any("uid", uid), slog.Any("err", err))
	}
	switch {
	case ret.everything():
		err = f.forward(false)
	case ret.Min && ret.Max:
		err = errors.Join(f.forward(true), f.backward())
	case ret.Min:
		err = f.forward(true)
	default:
		err = f.backward()
	}
	return f.found, c.modSeq, err
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

// A finder walks over the mailbox with a query.
type finder struct {
	s     *session
	q     *search.Query
	recs  []mailstore.Record
	found []mailstore.UID
}

// forward finds the messages in order, all of them or the first.
func (f *finder) forward(first bool) error {
	_, err := f.s.view.pages([]span{{0, f.s.view.told}}, func(items []item) error {
		if err := f.filter(items); err != nil {
			return err
		}
		if first && len(f.found) > 0 {
			f.found = f.found[:1]
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

// backward finds the last message. Clients look for what is newest, and seldom
// is it far from the end.
func (f *finder) backward() error {
	before := len(f.found)
	for j := f.s.view.told; j > 0 && len(f.found) == before; j -= pageLen {
		if _, err := f.s.view.pages([]span{{max(j-pageLen, 0), j}}, f.filter); err != nil {
			return err
		}
	}
	if n := len(f.found); n > before {
		f.found = append(f.found[:before], f.found[n-1])
	}
	return nil
}

// filter finds messages in a page.
func (f *finder) filter(items []item) (err error) {
	f.recs = f.recs[:0]
	for i := range items {
		f.recs = append(f.recs, items[i].Record)
	}
	f.found, err = f.q.Filter(f.s.ctx, f.s.view.box, f.recs, f.found)
	return err
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

// sendSearch sends the answer of IMAP4rev1, with the highest mod-sequence if it is
// not 0 (RFC 7162 section 3.1.6).
func (s *session) sendSearch(found []mailstore.UID, byUID bool, modSeq uint64) {
	w := s.w.Untagged().Raw("SEARCH")
	s.view.numbers(found, byUID, func(n uint32) { w.SP().Number(uint64(n)) })
	if modSeq != 0 {
		w.Raw(" (MODSEQ ").Number(modSeq).Raw(")")
	}
	w.CRLF()
}

// sendESearch sends the answer of RFC 9051 section 7.3.4: exactly what was asked
// for, and the mod-sequence of RFC 7162 section 3.1.10 if it is not 0.
//
// QUIRK: Outlook wants the tag in quotes.
func (s *session) sendESearch(cmd *imap.Command, ret searchReturn, found []mailstore.UID, modSeq uint64) {
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
	if modSeq != 0 {
		w.Raw(" MODSEQ ").Number(modSeq)
	}
	w.CRLF()
}
