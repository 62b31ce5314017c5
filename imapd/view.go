package imapd

import (
	"slices"

	"restante/imap"
	"restante/mailstore"
)

// A view is the selected mailbox as the client of this session knows it:
// docs/design/session-view.md. It belongs to the session's goroutine.
type view struct {
	box      mailstore.Mailbox
	readOnly bool // EXAMINE, or the files cannot be changed
	// limited is box when it is somebody else's, else nil; toldRights are those that
	// PERMANENTFLAGS was told for.
	limited    mailstore.Limited
	toldRights mailstore.Rights

	// uids are the messages in order; message number n is uids[n-1]. Only the
	// first told of them have been announced. Messages that others expunged
	// stay until the client is told.
	uids []mailstore.UID
	told int
	// borrowed: uids is a list that all sessions of the mailbox share.
	borrowed bool

	cursor mailstore.Cursor
	modSeq uint64 // of the last change that was read

	gone    mailstore.UIDSet // in uids, but no longer in the mailbox
	lost    []mailstore.UID  // will be in gone when poll has seen all changes
	changed mailstore.UIDSet // announced, and their flags are to be sent
	stored  mailstore.UIDSet // changed by this session: their mod-sequence is to be sent
	silent  []uint64         // mod-sequences of own changes that are not echoed, rising
	recent  mailstore.UIDSet // claimed by this session: \Recent

	toldRecent int
	saved      mailstore.UIDSet // "$", the result of SEARCH RETURN (SAVE)

	memory   *boxMemory // of this mailbox; nil before the first use
	contexts []*searchContext
	touched  []mailstore.UID // announced and changed since they were searched for the contexts

	// What others do and NOTIFY does not ask for; flags since a mod-sequence.
	quiet      events
	quietSince uint64
	removed    bool   // the running command has removed messages itself
	unwatch    func() // of a watch that lasts as long as the view

	keywords []string           // as announced by the last FLAGS response
	lastKeys mailstore.Keywords // a set all of whose words are announced
}

// newView begins to follow a mailbox. The caller closes it.
func newView(box mailstore.Mailbox, readOnly bool) *view {
	v := &view{box: box, readOnly: readOnly || box.ReadOnly()}
	v.limited, _ = box.(mailstore.Limited)
	v.follow()
	return v
}

// follow takes the state of the mailbox and a cursor that tells what comes
// after it. The mod-sequence is read first: it may be lower than that of the
// state, never higher.
func (v *view) follow() {
	v.modSeq = v.box.Status().HighestModSeq
	v.uids, v.cursor = v.box.Follow()
	v.borrowed = true
}

// own makes uids the view's own before something in it changes. Appending does so by
// itself.
func (v *view) own() {
	if v.borrowed {
		v.uids, v.borrowed = slices.Clone(v.uids), false
	}
}

func (v *view) close() error {
	if v.unwatch != nil {
		v.unwatch()
	}
	v.cursor.Close()
	return v.box.Close()
}

// poll folds in what happened to the mailbox. Nothing is sent, and no message
// number changes but of messages that were not announced.
func (v *view) poll() {
	switch changes, lost := v.cursor.Next(); {
	case lost:
		v.resync()
	case len(changes) > 0:
		v.fold(changes)
	}
}

// fold folds changes in.
func (v *view) fold(changes []mailstore.Change) {
	var flagged []mailstore.UID
	for _, c := range changes {
		if v.apply(c) {
			flagged = append(flagged, c.UID)
		}
	}
	slices.Sort(flagged)
	v.mark(mailstore.NewUIDSet(slices.Compact(flagged)...))
	slices.Sort(v.lost)
	v.gone = v.gone.Union(mailstore.NewUIDSet(v.lost...))
	v.lost = nil
	v.silent = v.silent[:0] // all of them have been seen by now
}

// mark notes that the flags of messages are to be sent.
func (v *view) mark(uids mailstore.UIDSet) { v.changed = v.changed.Union(uids) }

// apply folds one change in. It reports whether it is one of flags that the
// client has to be told.
func (v *view) apply(c mailstore.Change) (flagged bool) {
	v.modSeq = max(v.modSeq, c.ModSeq)
	switch c.Kind {
	case mailstore.Added:
		if n := len(v.uids); n == 0 || v.uids[n-1] < c.UID {
			v.uids = append(v.uids, c.UID)
		}
	case mailstore.Expunged:
		v.lose(c.UID)
	case mailstore.FlagsChanged:
		// The flags of what is not announced yet are not known to the client.
		i, found := v.index(c.UID)
		if found && i < v.told {
			v.touch(c.UID)
		}
		_, own := slices.BinarySearch(v.silent, c.ModSeq)
		return found && i < v.told && !own && v.quiet&evFlags == 0
	}
	return false
}

// lose notes that a message is no longer in the mailbox.
func (v *view) lose(uid mailstore.UID) {
	i, found := v.index(uid)
	switch {
	case !found:
	case i < v.told:
		v.lost = append(v.lost, uid)
	default:
		v.own()
		v.uids = slices.Delete(v.uids, i, i+1)
	}
}

// resync compares with the present state when the stream of changes has a gap.
func (v *view) resync() {
	old, since := v.uids, v.modSeq
	v.cursor.Close()
	v.follow()
	fresh := v.uids
	v.uids = old[:v.told:v.told]
	i := 0
	var gone mailstore.UIDSet
	for _, uid := range v.uids {
		for i < len(fresh) && fresh[i] < uid {
			i++
		}
		if i == len(fresh) || fresh[i] != uid {
			gone.Add(uid)
		}
	}
	v.gone = v.gone.Union(gone)
	first := mailstore.UID(1)
	if v.told > 0 {
		first = v.uids[v.told-1] + 1
	}
	i, _ = slices.BinarySearch(fresh, first)
	v.uids = append(v.uids, fresh[i:]...)
	if v.quiet&evFlags == 0 {
		v.markSince(since)
	}
	if len(v.contexts) > 0 {
		v.touched = slices.Clone(v.uids[:v.told])
	}
}

// markSince marks the announced messages with a mod-sequence above since.
func (v *view) markSince(since uint64) {
	page := make([]mailstore.Record, 0, pageLen)
	for next := mailstore.UID(1); ; {
		page = v.box.ChangedSince(page[:0], since, next)
		if len(page) == 0 {
			return
		}
		for i := range page {
			if n, found := v.index(page[i].UID); found && n < v.told {
				v.changed.Add(page[i].UID)
			}
		}
		last := page[len(page)-1].UID
		if last == mailstore.MaxUID {
			return
		}
		next = last + 1
	}
}

// index finds a message in uids.
func (v *view) index(uid mailstore.UID) (int, bool) { return slices.BinarySearch(v.uids, uid) }

// behind is index for a message that stands at place i or behind it, and not far.
func (v *view) behind(i int, uid mailstore.UID) (int, bool) {
	j := i
	for step := 1; j < len(v.uids) && v.uids[j] < uid; step *= 2 {
		i, j = j+1, j+step
	}
	k, found := slices.BinarySearch(v.uids[i:min(j+1, len(v.uids))], uid)
	return i + k, found
}

// announced keeps those of a list, in order, that are announced messages. It changes the
// list.
func (v *view) announced(uids []mailstore.UID) []mailstore.UID {
	kept, i := uids[:0], 0
	for _, uid := range uids {
		at, found := v.behind(i, uid)
		if at >= v.told {
			break
		}
		if i = at; found {
			kept = append(kept, uid)
		}
	}
	return kept
}

// A span is a range [i, j) of indexes into view.uids.
type span struct{ i, j int }

// fewBetween is how many messages between two spans are no reason to part them.
const fewBetween = 16

// spansWithout gives the announced messages that are not in a set, and may give a few
// that are and stand between them.
func (v *view) spansWithout(set mailstore.UIDSet) []span {
	var spans []span
	add := func(i, j int) {
		if n := len(spans); n > 0 && i-spans[n-1].j <= fewBetween {
			spans[n-1].j = j
		} else {
			spans = append(spans, span{i, j})
		}
	}
	i := 0
	for _, r := range set {
		first, _ := v.index(r.First)
		if first >= v.told {
			break
		}
		behind, found := v.index(r.Last)
		if found {
			behind++
		}
		if i < first {
			add(i, first)
		}
		i = behind
	}
	if i < v.told {
		add(i, v.told)
	}
	return spans
}

// splitLast takes up to n messages off the end of spans, which it changes.
func splitLast(spans []span, n int) (rest, last []span) {
	for k := len(spans); k > 0 && n > 0; k-- {
		sp := &spans[k-1]
		if size := sp.j - sp.i; size > n {
			last = append([]span{{sp.j - n, sp.j}}, spans[k:]...)
			sp.j -= n
			return spans[:k], last
		}
		n -= sp.j - sp.i
		rest, last = spans[:k-1], spans[k-1:]
	}
	return rest, last
}

// pick resolves the set of a command to announced messages. UIDs that do not
// exist are passed over, message numbers that do not exist are the client's
// error (RFC 9051 section 9, seq-number).
func (v *view) pick(set imap.NumSet, byUID bool) ([]span, error) {
	known := v.uids[:v.told]
	switch {
	case set.IsSaved():
		return v.pickUIDs(v.saved), nil
	case byUID:
		var spans []span
		for i, j := range imap.Intersect(set, known) {
			spans = append(spans, span{i, j})
		}
		return spans, nil
	case set.Max() > uint32(v.told) || set.HasStar() && v.told == 0:
		return nil, bad("There are only %d messages", v.told)
	}
	return spansOf(set.Resolve(uint32(v.told))), nil
}

// pickUIDs resolves a set of UIDs to announced messages.
func (v *view) pickUIDs(uids mailstore.UIDSet) []span {
	var spans []span
	known := v.uids[:v.told]
	for _, r := range uids {
		i, _ := slices.BinarySearch(known, r.First)
		j, found := slices.BinarySearch(known, r.Last)
		if found {
			j++
		}
		if i < j {
			spans = append(spans, span{i, j})
		}
	}
	return spans
}

// spansOf turns message numbers into indexes.
func spansOf(set imap.NumSet) []span {
	spans := make([]span, 0, len(set.Ranges()))
	for _, r := range set.Ranges() {
		spans = append(spans, span{int(r.Start) - 1, int(r.Stop)})
	}
	return spans
}

// set gives the UIDs of spans. A span of message numbers is one range of UIDs:
// UIDs rise, so that between two neighbours in the view no message exists.
func (v *view) set(spans []span) mailstore.UIDSet {
	uids := make(mailstore.UIDSet, 0, len(spans))
	for _, sp := range spans {
		uids.AddRange(v.uids[sp.i], v.uids[sp.j-1])
	}
	return uids
}

// anyGone reports whether a message in spans has been expunged by others. As gone
// is of the view, and a span of the view is one range of UIDs, it is enough that
// the two touch.
func (v *view) anyGone(spans []span) bool {
	return slices.ContainsFunc(spans, func(sp span) bool {
		_, found := slices.BinarySearchFunc(v.gone, v.uids[sp.i], func(r mailstore.UIDRange, first mailstore.UID) int {
			switch {
			case r.Last < first:
				return -1
			case r.First > v.uids[sp.j-1]:
				return 1
			}
			return 0
		})
		return found
	})
}

// countIn counts the UIDs in the sorted list that are in the set.
func countIn(sorted []mailstore.UID, set mailstore.UIDSet) int {
	n := 0
	for _, r := range set {
		i, _ := slices.BinarySearch(sorted, r.First)
		j, found := slices.BinarySearch(sorted, r.Last)
		if found {
			j++
		}
		n += j - i
	}
	return n
}

// dropGone takes the expunged messages out of uids and gives their former
// message numbers, highest first, so that each is right when it is sent.
func (v *view) dropGone() []uint32 {
	v.own()
	nums := make([]uint32, 0, v.gone.Len())
	kept, from := 0, 0 // uids[:kept] stay, those from on have not been looked at
	for _, r := range v.gone {
		i, _ := slices.BinarySearch(v.uids[from:], r.First)
		i += from
		if kept < from {
			copy(v.uids[kept:], v.uids[from:i])
		}
		kept += i - from
		for from = i; from < len(v.uids) && v.uids[from] <= r.Last; from++ {
			nums = append(nums, uint32(from+1))
		}
	}
	kept += copy(v.uids[kept:], v.uids[from:])
	v.uids = v.uids[:kept]
	v.told -= len(nums)
	v.gone = nil
	slices.Reverse(nums)
	return nums
}
