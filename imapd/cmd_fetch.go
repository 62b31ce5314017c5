package imapd

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// cmdFetch is FETCH and UID FETCH (RFC 9051 section 6.4.5).
func (s *session) cmdFetch(cmd *imap.Command) (reply, error) {
	args, v := cmd.Args.(*imap.Fetch), s.view
	mod, err := s.fetchModifiers(args.Modifiers, cmd.UID())
	if err != nil {
		return reply{}, err
	}
	spans, err := v.pick(args.Set, cmd.UID())
	if err != nil {
		return reply{}, err
	}
	f := fetcher{s: s, plan: planFetch(args.Items, cmd.UID(), v.readOnly || !v.may(mailstore.RightSeen))}
	f.plan.modSeq = f.plan.modSeq || mod.changed
	if f.plan.modSeq {
		s.enableCondStore()
	}
	if mod.vanished {
		s.sendVanished(" (EARLIER)", v.vanished(mod.since, args.Set, 0))
	}
	if spans, err = v.partial(spans, mod); err != nil {
		return reply{}, err
	}
	f.total = count(spans)
	missing, err := v.pagesSince(spans, mod, f.page)
	switch {
	case err != nil:
		return reply{}, err
	case f.failed != nil:
		return reply{}, f.failed
	case (missing || f.missing) && !cmd.UID():
		// The client asked by message numbers and must learn that some mean
		// nothing any more (RFC 2180 section 4.1.2).
		return reply{}, mailstore.ErrExpunged
	}
	return reply{}, nil
}

// A fetcher answers one FETCH.
type fetcher struct {
	s       *session
	plan    *fetchPlan
	values  []value           // of one message
	scratch []byte            // what values points into
	made    []byte            // the summary of a message that had none
	had     message.Knowledge // of the one that it had, which did not know enough
	head    []byte            // of one response
	sums    mailstore.SummaryReader
	asked   bool // for sums, which are nil where there are none
	// saved likewise.
	saved      func(mailstore.UID) (unix int64, known bool)
	askedSaved bool
	highest    uint64 // mod-sequence that was told
	missing    bool   // messages went away while they were fetched
	done       int    // messages that were answered for, of total
	total      int
	// failed is what to say at the end when messages had to be left out because
	// they could not be read.
	failed error
}

// page answers for some messages. What is needed of all of them is done in one
// go: sizes that nobody knows yet, and \Seen.
func (f *fetcher) page(items []item) error {
	f.s.step(f.done, f.total)
	f.done += len(items)
	if err := f.fill(items); err != nil {
		return err
	}
	var seen mailstore.UIDSet
	if f.plan.seen {
		seen = f.s.markSeen(items)
	}
	for i := range items {
		err := f.message(&items[i], seen.Contains(items[i].UID))
		if err != nil {
			return err
		}
		if f.s.w.Err() != nil {
			return f.s.w.Err()
		}
	}
	return nil
}

// fill makes sizes and dates known, but what opening the message may tell.
func (f *fetcher) fill(items []item) error {
	if f.plan.attrs == 0 {
		return nil
	}
	var unknown mailstore.UIDSet
	for i := range items {
		if f.plan.lacks(&items[i].Record) && !f.openingTells(&items[i]) {
			unknown.Add(items[i].UID)
		}
	}
	if unknown.Empty() {
		return nil
	}
	return f.s.long(func(context.Context) error { return f.learn(items, unknown) })
}

// learn makes known what is asked for of some of the items. It may take long.
func (f *fetcher) learn(items []item, unknown mailstore.UIDSet) error {
	if err := f.s.view.box.Fill(f.s.ctx, unknown, f.plan.attrs); err != nil {
		return err
	}
	for i := range items {
		f.look(&items[i])
	}
	return nil
}

// look takes over what is known of a message by now.
func (f *fetcher) look(it *item) {
	if f.plan.lacks(&it.Record) {
		if rec, found := f.s.view.box.Record(it.UID); found {
			it.Size, it.Date = rec.Size, rec.Date
		}
	}
}

// openingTells reports whether a message will be opened, and a date is all that is
// missing: where files have dates that is known then, without a look at each file
// before.
func (f *fetcher) openingTells(it *item) bool {
	if !f.plan.opens() || f.plan.attrs&mailstore.AttrSize != 0 && it.Size == mailstore.Unknown {
		return false
	}
	if !f.plan.summary {
		return true
	}
	_, ok := f.kept(it.UID)
	return !ok
}

// opened makes known what opening a message did not tell.
func (f *fetcher) opened(it *item) error {
	if f.look(it); !f.plan.lacks(&it.Record) {
		return nil
	}
	one := []item{*it}
	err := f.learn(one, mailstore.NewUIDSet(it.UID))
	*it = one[0]
	return err
}

// lacks reports whether something that is asked for is not known of a message.
func (p *fetchPlan) lacks(r *mailstore.Record) bool {
	return p.attrs&mailstore.AttrSize != 0 && r.Size == mailstore.Unknown ||
		p.attrs&mailstore.AttrDate != 0 && r.Date == mailstore.Unknown
}

// markSeen sets \Seen where it is missing and returns on which messages. They
// show it in their FETCH response, so it is no news afterwards. When it cannot
// be set, the mail is still shown.
func (s *session) markSeen(items []item) mailstore.UIDSet {
	var unseen mailstore.UIDSet
	for i := range items {
		if !items[i].Flags.Has(mailstore.Seen) {
			unseen.Add(items[i].UID)
		}
	}
	if unseen.Empty() {
		return nil
	}
	var res mailstore.SetFlagsResult
	err := s.long(func(context.Context) (err error) {
		res, err = s.view.box.SetFlags(s.ctx, unseen, mailstore.AddFlags, mailstore.NewFlags(mailstore.Seen), mailstore.SetFlagsOptions{})
		return err
	})
	if err != nil {
		s.log().Warn(`messages cannot be marked \Seen`, slog.String("mailbox", s.view.box.Name()), slog.Any("err", err))
	}
	if res.ModSeq != 0 {
		s.view.silent = append(s.view.silent, res.ModSeq)
	}
	for i := range items {
		if res.Changed.Contains(items[i].UID) {
			items[i].Flags.System |= mailstore.Seen
			items[i].ModSeq = res.ModSeq
		}
	}
	return res.Changed
}

// message answers for one message, or notes why it cannot. Nothing is sent of a
// message before all that may fail has been done.
func (f *fetcher) message(it *item, nowSeen bool) error {
	f.values, f.scratch = f.values[:0], f.scratch[:0]
	if f.fromSummary(it.UID) {
		return f.answer(it, nowSeen)
	}
	var m *loaded
	if f.plan.opens() {
		var err error
		if m, err = f.s.load(it.UID, f.toRead()); err != nil {
			return f.leaveOut(it, err)
		}
		defer f.s.unload(m)
		if err := f.opened(it); err != nil {
			return err
		}
		if f.summarize(m) {
			return f.answer(it, nowSeen)
		}
		f.s.remember(m)
	}
	for i := range f.plan.items {
		if len(f.scratch) > maxHeld {
			return f.leaveOut(it, errTooMuch)
		}
		v, err := f.prepare(m, &f.plan.items[i])
		if err != nil {
			return f.leaveOut(it, err)
		}
		f.values = append(f.values, v)
	}
	return f.answer(it, nowSeen)
}

// answer sends the response, unless the mailbox does not know its share of it.
func (f *fetcher) answer(it *item, nowSeen bool) error {
	if f.plan.lacks(&it.Record) {
		return f.leaveOut(it, errors.New("its size or date cannot be found out"))
	}
	return f.send(it, nowSeen)
}

// maxHeld bounds what is held of one response: a line of 256 KB can ask ten
// thousand times for a header of a megabyte.
const maxHeld = 16 << 20

// errTooMuch is for no client that means well.
var errTooMuch = no("LIMIT", "This is more of one message than can be answered at once; ask for less")

// leaveOut passes over a message that cannot be answered for. The command goes
// on with the others and fails at its end.
func (f *fetcher) leaveOut(it *item, err error) error {
	var r *refusal
	switch {
	case errors.Is(err, mailstore.ErrGone), f.s.w.Err() != nil:
		return err
	case errors.Is(err, mailstore.ErrExpunged):
		f.missing = true
		return nil
	case errors.As(err, &r):
		f.failed = err
		return nil
	}
	f.s.log().Error("message cannot be read", slog.String("mailbox", f.s.view.box.Name()), slog.Any("uid", it.UID), slog.Any("err", err))
	f.failed = errUnreadable
	return nil
}

// errUnreadable says that what came is right and not all that was asked for.
var errUnreadable = no("SERVERBUG", "Some messages could not be read and were left out; the server's log says why")

// send writes the response. UID stands first.
//
// QUIRK: some clients read a response only from its UID on. iOS Mail wants FLAGS
// whenever it asked, changed or not.
func (f *fetcher) send(it *item, nowSeen bool) error {
	showFlags := f.plan.flags || nowSeen
	if showFlags {
		f.s.noteKeywords(it.Flags.Keywords)
	}
	f.head = f.appendHead(f.head[:0], it, showFlags, f.plan.modSeq || nowSeen && f.s.condstore)
	w := f.s.w.Bytes(f.head)
	for i := range f.plan.items {
		if i > 0 || f.head[len(f.head)-1] != '(' {
			w.SP()
		}
		w.Bytes(f.plan.names[i])
		if err := f.write(&f.values[i], &f.plan.items[i], it); err != nil {
			return err
		}
	}
	w.Raw(")\r\n")
	return nil
}

// appendHead appends the response up to the items that need the message: for
// most messages it is all there is.
func (f *fetcher) appendHead(b []byte, it *item, showFlags, showModSeq bool) []byte {
	b = append(b, "* "...)
	if f.s.uidOnly {
		b = strconv.AppendUint(b, uint64(it.UID), 10)
		b = append(b, " UIDFETCH ("...)
	} else {
		b = strconv.AppendUint(b, uint64(it.num), 10)
		b = append(b, " FETCH ("...)
	}
	if f.plan.asked || f.plan.uid && !f.s.uidOnly {
		b = append(b, "UID "...)
		b = strconv.AppendUint(b, uint64(it.UID), 10)
	}
	if showFlags {
		b = append(space(b), "FLAGS "...)
		b = appendFlags(b, f.s.flagsOf(it))
	}
	if showModSeq {
		f.highest = max(f.highest, it.ModSeq)
		b = append(space(b), "MODSEQ ("...)
		b = strconv.AppendUint(b, it.ModSeq, 10)
		b = append(b, ')')
	}
	return b
}

// space appends a space behind what is not the opening of a list.
func space(b []byte) []byte {
	if b[len(b)-1] == '(' {
		return b
	}
	return append(b, ' ')
}
