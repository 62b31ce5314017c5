package imapd

import (
	"log/slog"
	"slices"
	"strings"

	"restante/mailstore"
)

// sendNews tells the client what happened to the selected mailbox, always in
// this order, which is Dovecot's: flags, EXPUNGE, EXISTS, RECENT.
//
// QUIRK: Apple Mail 3.2 wants all of it before the tagged answer.
func (s *session) sendNews(expunge, byUID bool) {
	v := s.view
	s.sendRights()
	v.poll()
	for range maxPolls {
		if s.sendChangedFlags(byUID || s.qresync) <= v.modSeq { // UIDs: RFC 7162 section 3.2.4
			break
		}
		v.poll()
	}
	s.updateContexts()
	if expunge && !v.gone.Empty() && (v.quiet&evMessages == 0 || v.removed) {
		s.sendGone()
	}
	from := v.told
	if len(v.uids) > v.told && v.quiet&evMessages == 0 {
		s.sendExists()
	}
	s.sendRecent()
	s.fetchNew(from, v.told)
	if from < v.told && len(v.contexts) > 0 {
		s.searchAgain([]span{{from, v.told}})
	}
}

// maxPolls bounds how often news that came while news was sent is sent too.
//
// QUIRK: clients take the highest MODSEQ of all for what they are up to date with.
// So nothing that happened before it may be left unsaid.
const maxPolls = 4

// sendChangedFlags sends the flags of the messages that are marked. In answer
// to a UID command they carry the UID (RFC 9051 section 6.4.9). It returns the
// highest mod-sequence that it told.
func (s *session) sendChangedFlags(byUID bool) (highest uint64) {
	v := s.view
	changed, stored := v.changed, v.stored
	v.changed, v.stored = nil, nil
	// Messages that are missing are gone, and told as that; a connection that
	// fails is found out by the caller.
	if !changed.Empty() {
		f := fetcher{s: s, plan: &fetchPlan{uid: byUID, flags: true, modSeq: s.condstore}}
		_, _ = v.pages(v.pickUIDs(changed), f.page)
		highest = f.highest
	}
	if !stored.Empty() {
		f := fetcher{s: s, plan: &fetchPlan{uid: byUID, modSeq: true}}
		_, _ = v.pages(v.pickUIDs(stored), f.page)
		highest = max(highest, f.highest)
	}
	return highest
}

// sendGone tells which messages were expunged: by message number, or by UID to
// who has enabled that (RFC 7162 section 3.2.10.2, RFC 9586 section 3.3).
func (s *session) sendGone() {
	gone := s.view.gone
	s.forgetGone(gone)
	nums := s.view.dropGone()
	if s.qresync || s.uidOnly {
		s.sendVanished("", gone)
		return
	}
	for _, n := range nums {
		s.w.Untagged().Number(uint64(n)).Raw(" EXPUNGE").CRLF()
	}
}

// flagsOf gives the flags of a message as this session shows them: with \Recent
// if this session is the one that was told first. IMAP4rev2 has no \Recent.
func (s *session) flagsOf(it *item) mailstore.Flags {
	f, v := it.Flags, s.view
	unclaimed := f.Has(mailstore.Recent)
	f.System &^= mailstore.Recent
	if !s.rev2 && (v.recent.Contains(it.UID) || unclaimed && v.readOnly) {
		f.System |= mailstore.Recent
	}
	return f
}

// sendExists announces what is new.
func (s *session) sendExists() {
	v := s.view
	if s.claimsRecent(v) {
		s.claimRecent(v)
	}
	v.told = len(v.uids)
	s.w.Untagged().Number(uint64(v.told)).Raw(" EXISTS").CRLF()
}

// claimsRecent reports whether this session takes \Recent from new messages.
// EXAMINE must not (RFC 3501 section 6.3.2).
func (s *session) claimsRecent(v *view) bool { return !s.rev2 && !v.readOnly }

func (s *session) claimRecent(v *view) {
	claimed, err := v.box.ClaimRecent(s.ctx)
	if err != nil {
		s.log().Warn("recent messages cannot be claimed", slog.String("mailbox", v.box.Name()), slog.Any("err", err))
	}
	for _, r := range claimed {
		v.recent.AddRange(r.First, r.Last)
	}
	v.poll() // the claim itself is no news, nor that of another session
}

// sendRecent tells the number of recent messages if it is another one.
func (s *session) sendRecent() {
	v := s.view
	if s.rev2 {
		return
	}
	n := countIn(v.uids[:v.told], v.recent)
	if v.readOnly {
		n = min(int(v.box.Status().Recent), v.told)
	}
	if n != v.toldRecent {
		v.toldRecent = n
		s.w.Untagged().Number(uint64(n)).Raw(" RECENT").CRLF()
	}
}

// noteKeywords sees to it that the client has heard of keywords before a FETCH
// shows them: FLAGS names all that the mailbox has (RFC 9051 section 7.3.5).
func (s *session) noteKeywords(k mailstore.Keywords) {
	v := s.view
	if k == (mailstore.Keywords{}) || k == v.lastKeys {
		return
	}
	before := len(v.keywords)
	v.keywords = addKeywords(v.keywords, k)
	v.lastKeys = k
	if len(v.keywords) > before {
		s.sendFlagNames()
	}
}

// addKeywords adds those that are not in list yet.
func addKeywords(list []string, k mailstore.Keywords) []string {
	for _, word := range k.List() {
		if !slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, word) }) {
			list = append(list, word)
		}
	}
	return list
}

// sendFlagNames sends FLAGS and PERMANENTFLAGS.
//
// QUIRK: Thunderbird keeps tags on the server only if PERMANENTFLAGS has \*.
func (s *session) sendFlagNames() {
	v := s.view
	const system = `\Answered \Flagged \Deleted \Seen \Draft`
	names := system
	if len(v.keywords) > 0 {
		names += " " + strings.Join(v.keywords, " ")
	}
	s.w.Untagged().Raw("FLAGS (").Raw(names).Raw(")\r\n")
	s.w.Untagged().Raw("OK [PERMANENTFLAGS (").Raw(v.permanentFlags()).Raw(")] Flags that stay\r\n")
}
