package imapd

import (
	"math"
	"slices"
	"strconv"

	"restante/imap"
	"restante/mailstore"
)

// highestModSeq is the response code of RFC 7162 section 3.1.2.1.
func highestModSeq(n uint64) string { return "HIGHESTMODSEQ " + strconv.FormatUint(n, 10) }

// enableCondStore makes this the session of a client that knows mod-sequences:
// from now on they go with all flags that it did not ask for. Who has a mailbox
// selected is told where its mod-sequences stand (RFC 7162 section 3.1).
//
// QUIRK: clients of old stumble over MODSEQ when they have not asked for it.
func (s *session) enableCondStore() {
	if s.condstore {
		return
	}
	s.condstore = true
	if s.view != nil {
		s.w.Status("", imap.OK, highestModSeq(s.view.modSeq), "Highest mod-sequence")
	}
}

// modSeqValue reads a mod-sequence, which has 63 bits (RFC 7162 section 7).
//
// QUIRK: 0 stands in CHANGEDSINCE for a client that knows nothing yet, though
// the grammar begins at 1.
func modSeqValue(v imap.Value) (uint64, error) {
	n, err := strconv.ParseUint(v.Text, 10, 64)
	if err != nil || n > math.MaxInt64 {
		return 0, bad("%q is no mod-sequence", v.Text)
	}
	return n, nil
}

// fetchModifiers are those of FETCH (RFC 7162 sections 3.1.4.1 and 3.2.6, RFC 9394
// section 3.4).
type fetchModifiers struct {
	changed  bool // CHANGEDSINCE
	since    uint64
	vanished bool
	partial  imap.PartialRange
}

func (s *session) fetchModifiers(params []imap.Param, byUID bool) (m fetchModifiers, err error) {
	for _, p := range params {
		switch p.Name {
		case "CHANGEDSINCE":
			m.changed = true
			if m.since, err = modSeqValue(p.Value); err != nil {
				return m, err
			}
		case "VANISHED":
			m.vanished = true
		case "PARTIAL":
			if m.partial, err = imap.ParsePartialRange(p.Value.Text); err != nil || !byUID {
				return m, bad("PARTIAL is for UID FETCH and takes a range such as 1:100 or -1:-100")
			}
		default:
			return m, bad("FETCH has no modifier %s here", p.Name)
		}
	}
	switch {
	case !m.vanished:
		return m, nil
	case !byUID:
		return m, bad("VANISHED is for UID FETCH only")
	case !m.changed:
		return m, bad("VANISHED needs CHANGEDSINCE beside it")
	case !s.qresync:
		return m, bad("VANISHED needs ENABLE QRESYNC before it")
	}
	return m, nil
}

// storeModifiers are those of STORE (RFC 7162 section 3.1.3).
func (s *session) storeModifiers(params []imap.Param) (opt mailstore.SetFlagsOptions, err error) {
	for _, p := range params {
		if p.Name != "UNCHANGEDSINCE" {
			return opt, bad("STORE has no modifier %s here", p.Name)
		}
		opt.Conditional = true
		if opt.UnchangedSince, err = modSeqValue(p.Value); err != nil {
			return opt, err
		}
		s.enableCondStore()
	}
	return opt, nil
}

// modified answers a STORE whose condition some messages did not meet. gone tells
// that others of its messages do not exist any more.
func (v *view) modified(failed mailstore.UIDSet, byUID, gone bool) reply {
	var set imap.NumSet
	for _, sp := range v.pickUIDs(failed) {
		for i := sp.i; i < sp.j; i++ {
			switch {
			case !failed.Contains(v.uids[i]):
			case byUID:
				set.AddNum(uint32(v.uids[i]))
			default:
				set.AddNum(uint32(i + 1))
			}
		}
	}
	code := "MODIFIED " + set.String()
	if gone {
		return reply{cond: imap.NO, code: code, text: "Some of the messages no longer exist, others have changed"}
	}
	return ok(code, "Some of the messages have changed and were left alone")
}

// pagesSince is pages for the messages of the spans that have changed, if only
// they are asked for. Its cost is that of what changed.
func (v *view) pagesSince(spans []span, m fetchModifiers, fn func([]item) error) (missing bool, err error) {
	if !m.changed {
		return v.pages(spans, fn)
	}
	items := make([]item, 0, pageLen)
	page := make([]mailstore.Record, 0, pageLen)
	for next := mailstore.UID(1); next != 0 && len(spans) > 0; {
		page = v.box.ChangedSince(page[:0], m.since, next)
		if len(page) == 0 {
			break
		}
		items = items[:0]
		for _, rec := range page {
			i, found := v.index(rec.UID)
			for len(spans) > 0 && spans[0].j <= i {
				spans = spans[1:]
			}
			if found && len(spans) > 0 && spans[0].i <= i {
				items = append(items, item{uint32(i + 1), rec})
			}
		}
		if len(items) > 0 {
			if err := fn(items); err != nil {
				return false, err
			}
		}
		next = page[len(page)-1].UID + 1 // 0 behind the last there can be
	}
	return false, nil
}

// vanished returns the UIDs of a set whose messages were expunged after a
// mod-sequence. Where it is not known any more which, it is all those without a
// message above floor, which the client said it shares with us.
func (v *view) vanished(since uint64, within imap.NumSet, floor mailstore.UID) mailstore.UIDSet {
	last := v.uidNext() - 1
	expunged, complete := v.box.Vanished(since)
	if !complete && floor < last {
		expunged = mailstore.UIDSet{{First: floor + 1, Last: last}}
	}
	var set mailstore.UIDSet
	ranges := within.Resolve(uint32(last)).Ranges()
	for _, e := range expunged {
		for len(ranges) > 0 && mailstore.UID(ranges[0].Stop) < e.First {
			ranges = ranges[1:]
		}
		for _, r := range ranges {
			if mailstore.UID(r.Start) > e.Last {
				break
			}
			v.addMissing(&set, max(e.First, mailstore.UID(r.Start)), min(e.Last, mailstore.UID(r.Stop), last))
		}
	}
	return set
}

// addMissing adds the UIDs of a range that are not in the view. What was expunged
// and not told yet is in it: that is told later, as it changes message numbers.
func (v *view) addMissing(set *mailstore.UIDSet, first, last mailstore.UID) {
	i, _ := slices.BinarySearch(v.uids, first)
	for ; i < len(v.uids) && v.uids[i] <= last; i++ {
		if v.uids[i] > first {
			set.AddRange(first, v.uids[i]-1)
		}
		first = v.uids[i] + 1
	}
	if first <= last {
		set.AddRange(first, last)
	}
}

// vanishedAtOnce is how many ranges one VANISHED names: lines stay below what
// clients read.
const vanishedAtOnce = 400

func (s *session) sendVanished(kind string, uids mailstore.UIDSet) {
	for part := range slices.Chunk(uids, vanishedAtOnce) {
		var set imap.NumSet
		for _, r := range part {
			set.AddRange(uint32(r.First), uint32(r.Last))
		}
		s.w.Untagged().Raw("VANISHED").Raw(kind).SP().NumSet(set).CRLF()
	}
}
