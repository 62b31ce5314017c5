package imapd

import (
	"restante/imap"
	"restante/mailstore"
	"restante/order"
	"restante/search"
)

// A searchReturn is what is asked for, with the defaults put in.
type searchReturn struct{ imap.SearchReturn }

func returns(r *imap.SearchReturn) searchReturn {
	if r == nil {
		return searchReturn{imap.SearchReturn{All: true}}
	}
	return searchReturn{*r}
}

// ends says how many matches are wanted from the beginning of the mailbox and from
// its end; all of them, if both are 0.
func (r searchReturn) ends() (first, last int) {
	if r.All || r.Count || r.Update {
		return 0, 0
	}
	if r.Min {
		first = 1
	}
	if r.Max {
		last = 1
	}
	switch p := r.Partial; {
	case p.IsZero():
	case first+last > 0:
		return 0, 0 // seldom asked for, and the places would overlap
	case p.FromEnd:
		last = int(p.To)
	default:
		first = int(p.To)
	}
	return first, last
}

// An answer is what SEARCH, SORT or ESEARCH has to say.
type answer struct {
	view     *view // of the mailbox that was searched
	tag      string
	byUID    bool
	ret      searchReturn
	extended bool // as ESEARCH
	named    bool // with the mailbox's name, and nothing of one without results
	before   int  // messages that were searched in others before
	sorted   bool // SORT, not SEARCH
	criteria []order.Criterion
	query    *search.Query
	found    []mailstore.UID // as far as ret wants them
	modSeq   uint64          // of those that are told, if it is not 0
}

// kept gives what "$" stands for afterwards: all that was found if all or their
// number was told, else only what was told (RFC 9051 section 6.4.4.2, RFC 9394
// section 3.3).
func (a *answer) kept() []mailstore.UID {
	r, n := a.ret, len(a.found)
	if n == 0 || r.All || r.Count || !r.Min && !r.Max && r.Partial.IsZero() {
		return a.found
	}
	kept := a.partial()
	if r.Min {
		kept = append([]mailstore.UID{a.found[0]}, kept...)
	}
	if r.Max {
		kept = append(kept[:len(kept):len(kept)], a.found[n-1])
	}
	return kept
}

// partial gives the results that PARTIAL asks for. Where it counts from the end,
// found may lack those in front.
func (a *answer) partial() []mailstore.UID {
	if a.ret.Partial.IsZero() {
		return nil
	}
	from, to := a.ret.Partial.Of(len(a.found))
	return a.found[from:to]
}

func (s *session) sendAnswer(a *answer) {
	switch r := a.ret; {
	case a.named && len(a.found) == 0:
	case !a.extended:
		s.sendFound(a)
	case r.Min || r.Max || r.All || r.Count || !r.Partial.IsZero():
		s.sendESearch(a)
	}
}

// sendFound sends the answer of IMAP4rev1 and RFC 5256, with the highest
// mod-sequence (RFC 7162 section 3.1.6).
func (s *session) sendFound(a *answer) {
	name := "SEARCH"
	if a.sorted {
		name = "SORT"
	}
	w := s.w.Untagged().Raw(name)
	a.view.numbers(a.found, a.byUID, func(n uint32) { w.SP().Number(uint64(n)) })
	if a.modSeq != 0 {
		w.Raw(" (MODSEQ ").Number(a.modSeq).Raw(")")
	}
	w.CRLF()
}

// beginESearch sends what the results belong to.
//
// QUIRK: Outlook wants the tag in quotes.
func (s *session) beginESearch(a *answer) {
	w := s.w.Untagged().Raw(`ESEARCH (TAG "`).Raw(a.tag).Byte('"')
	if a.named {
		w.Raw(" MAILBOX ").Mailbox(a.view.box.Name()).Raw(" UIDVALIDITY ").Number(uint64(a.view.box.UIDValidity()))
	}
	w.Byte(')')
	if a.byUID {
		w.Raw(" UID")
	}
}

// sendESearch sends the answer of RFC 9051 section 7.3.4: exactly what was asked
// for, and the mod-sequence of RFC 7162 section 3.1.10. The results of SORT stand
// in their order, of which MIN and MAX are the ends (RFC 5267 section 3).
func (s *session) sendESearch(a *answer) {
	s.beginESearch(a)
	w := s.w
	if n := len(a.found); n > 0 {
		if a.ret.Min {
			w.Raw(" MIN ")
			s.sendRuns(a, a.found[:1])
		}
		if a.ret.Max {
			w.Raw(" MAX ")
			s.sendRuns(a, a.found[n-1:])
		}
		if a.ret.All {
			w.Raw(" ALL ")
			s.sendRuns(a, a.found)
		}
	}
	if !a.ret.Partial.IsZero() {
		s.sendPartial(a)
	}
	if a.ret.Count {
		w.Raw(" COUNT ").Number(uint64(len(a.found)))
	}
	if a.modSeq != 0 {
		// QUIRK: Apple Mail takes it bare here, and only in brackets elsewhere.
		w.Raw(" MODSEQ ").Number(a.modSeq)
	}
	w.CRLF()
}

// sendPartial sends the results at some places (RFC 9394 section 3.1).
func (s *session) sendPartial(a *answer) {
	w := s.w.Raw(" PARTIAL (").Bytes(a.ret.Partial.AppendTo(nil)).SP()
	if part := a.partial(); len(part) == 0 {
		w.Raw("NIL")
	} else {
		s.sendRuns(a, part)
	}
	w.Raw(")")
}

// sendRuns sends messages in their order as a set, in which those that follow each
// other are a range.
func (s *session) sendRuns(a *answer, uids []mailstore.UID) {
	var first, last uint32
	flush := func() {
		if s.w.Number(uint64(first)); first != last {
			s.w.Byte(':').Number(uint64(last))
		}
	}
	a.view.numbers(uids, a.byUID, func(n uint32) {
		switch {
		case first == 0:
			first = n
		case n != last+1:
			flush()
			s.w.Byte(',')
			first = n
		}
		last = n
	})
	flush()
}

// numbers turns UIDs of the view into message numbers, in any order.
func (v *view) numbers(uids []mailstore.UID, byUID bool, yield func(n uint32)) {
	next := 0
	for _, uid := range uids {
		switch {
		case byUID:
			yield(uint32(uid))
			continue
		case next < len(v.uids) && v.uids[next] <= uid: // nearly always
			next, _ = v.behind(next, uid)
		default:
			next, _ = v.index(uid)
		}
		next++
		yield(uint32(next))
	}
}
