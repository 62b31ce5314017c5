package imapd

import (
	"strconv"

	"restante/imap"
	"restante/mailstore"
)

// A knownState is what a client knows of a mailbox when it comes back (RFC 7162
// section 3.2.5).
type knownState struct {
	validity uint32
	modSeq   uint64
	uids     imap.NumSet // 1:* where the client did not say
	// Message numbers and the UIDs they had, in pairs.
	nums, numUIDs imap.NumSet
}

// selectParams reads the parameters of SELECT. known is nil without QRESYNC.
//
// QUIRK: eM Client sends CONDSTORE beside QRESYNC.
func (s *session) selectParams(name string, params []imap.Param) (known *knownState, err error) {
	for _, p := range params {
		switch {
		case p.Name == "CONDSTORE" && p.Value.IsZero():
		case p.Name == "QRESYNC" && !s.qresync:
			return nil, bad("QRESYNC needs ENABLE QRESYNC before it")
		case p.Name == "QRESYNC":
			if known, err = parseKnownState(p.Value.List); err != nil {
				return nil, err
			}
			if s.uidOnly && !known.nums.IsEmpty() {
				return nil, errUIDRequired
			}
		default:
			return nil, bad("%s has no parameter %s here", name, p.Name)
		}
	}
	return known, nil
}

// parseKnownState:
//
//	"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
func parseKnownState(list []imap.Value) (*knownState, error) {
	if len(list) < 2 || len(list) > 4 {
		return nil, bad("QRESYNC has UIDVALIDITY, mod-sequence, and if known UIDs and pairs of message numbers and UIDs")
	}
	validity, err := strconv.ParseUint(list[0].Text, 10, 32)
	if err != nil || validity == 0 {
		return nil, bad("%q is no UIDVALIDITY", list[0].Text)
	}
	k := &knownState{validity: uint32(validity)}
	if k.modSeq, err = modSeqValue(list[1]); err != nil {
		return nil, err
	}
	k.uids.AddRange(1, uint32(mailstore.MaxUID))
	for i, v := range list[2:] {
		switch {
		case v.List == nil && i == 0:
			k.uids, err = knownSet(v)
		case len(v.List) == 2 && i == len(list)-3:
			if k.nums, err = knownSet(v.List[0]); err == nil {
				k.numUIDs, err = knownSet(v.List[1])
			}
		default:
			err = bad("QRESYNC has known UIDs as its third argument and pairs as the last")
		}
		if err != nil {
			return nil, err
		}
	}
	if k.nums.Count() != k.numUIDs.Count() {
		return nil, bad("There are %d message numbers and %d UIDs", k.nums.Count(), k.numUIDs.Count())
	}
	return k, nil
}

// knownSet reads a set in which "*" has no place.
func knownSet(v imap.Value) (imap.NumSet, error) {
	set, err := imap.ParseNumSet(v.Text)
	if err != nil || set.HasStar() || set.IsSaved() {
		return imap.NumSet{}, bad("%.40q is no set of known numbers", v.Text)
	}
	return set, nil
}

// bringUpToDate tells a client that comes back what has happened since: first
// what was expunged, then flags and messages that are new.
func (s *session) bringUpToDate(k *knownState) error {
	v := s.view
	if k.validity != v.box.UIDValidity() {
		return nil // it begins anew
	}
	s.sendVanished(" (EARLIER)", v.vanished(k.modSeq, k.uids, v.shared(k)))
	spans, err := v.pick(k.uids, true)
	if err != nil {
		return err
	}
	f := fetcher{s: s, plan: &fetchPlan{uid: true, flags: true, modSeq: true}}
	_, err = v.pagesSince(spans, fetchModifiers{changed: true, since: k.modSeq}, f.page)
	return err
}

// shared finds the highest UID up to which the client has the messages that are
// there: one that still has the message number it had, for then as many came
// before it (RFC 7162 section 3.2.5.2). It is 0 where there is none.
func (v *view) shared(k *knownState) (uid mailstore.UID) {
	uids := k.numUIDs.Ranges()
	for _, r := range k.nums.Ranges() {
		for n := r.Start; n <= r.Stop && n <= uint32(v.told); n++ {
			if v.uids[n-1] == mailstore.UID(uids[0].Start) {
				uid = v.uids[n-1]
			}
			if uids[0].Start++; uids[0].Start > uids[0].Stop {
				uids = uids[1:]
			}
		}
		if r.Stop > uint32(v.told) {
			break
		}
	}
	return uid
}
