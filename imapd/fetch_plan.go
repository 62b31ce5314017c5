package imapd

import (
	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// A need is a set of what has to be read of a message to answer an item.
type need uint8

const (
	needHeader    need = 1 << iota // the header
	needText                       // octets behind the header
	needWhole                      // octets from the first on
	needStructure                  // the tree of parts, for which all of it is read
	needKept                       // nothing of the message, but its summary if there is one
	needID                         // its identity, for which all of it is read

	needRecord need = 0 // nothing: the mailbox knows
)

// A fetchPlan is what a FETCH asks for, seen as a whole before the first
// message is looked at.
type fetchPlan struct {
	items []imap.FetchItem // UID and FLAGS apart, in the order asked
	names [][]byte         // of the items, with a space behind each
	uid   bool
	// asked: UID is among the items, and not there only because of the command.
	asked bool
	flags bool
	// modSeq: MODSEQ is asked for, or goes with flags that nobody asked for.
	modSeq bool
	attrs  mailstore.Attrs // that must be known
	seen   bool            // sets \Seen
	need   need
	// summary: all that needs the message stands in its summary too, if that knows
	// so much.
	summary bool
	knows   message.Knowledge
	// lazy is what a summary gets to know only if the message is read anyway.
	lazy message.Knowledge
	// envelope: ENVELOPE is asked for.
	envelope bool
}

// planFetch reads the items of a FETCH. In a UID command the UID is always
// given (RFC 9051 section 6.4.9).
func planFetch(items []imap.FetchItem, byUID, readOnly bool) *fetchPlan {
	p := &fetchPlan{uid: byUID, summary: true}
	for _, it := range items {
		switch it.Att {
		case imap.FetchUID:
			p.uid, p.asked = true, true
			continue
		case imap.FetchFlags:
			p.flags = true
			continue
		case imap.FetchModSeq:
			p.modSeq = true
			continue
		case imap.FetchRFC822Size:
			p.attrs |= mailstore.AttrSize
		case imap.FetchInternalDate:
			p.attrs |= mailstore.AttrDate
		}
		p.need |= needOf(&it)
		p.knows |= knownBy(&it)
		if it.Att == imap.FetchPreview && it.Lazy {
			p.lazy = message.KnowsPreview
		}
		p.summary = p.summary && inSummary(&it)
		p.seen = p.seen || !readOnly && setsSeen(&it)
		p.envelope = p.envelope || it.Att == imap.FetchEnvelope
		p.items = append(p.items, it)
		p.names = append(p.names, append(it.AppendName(nil), ' '))
	}
	p.summary = p.summary && p.need != needRecord
	return p
}

// opens reports whether a message is opened for its answer, unless that stands in
// its summary.
func (p *fetchPlan) opens() bool { return p.need&^needKept != needRecord }

// setsSeen reports whether an item sets \Seen by being asked for (RFC 9051
// section 6.4.5, RFC 3501 section 6.4.5, RFC 3516 section 4.2).
func setsSeen(it *imap.FetchItem) bool {
	switch it.Att {
	case imap.FetchBodySection, imap.FetchBinary, imap.FetchRFC822, imap.FetchRFC822Text:
		return !it.Peek
	}
	return false
}

func needOf(it *imap.FetchItem) need {
	switch it.Att {
	case imap.FetchInternalDate, imap.FetchRFC822Size, imap.FetchThreadID, imap.FetchSaveDate:
		return needRecord
	case imap.FetchEmailID:
		return needStructure | needID
	case imap.FetchPreview:
		if it.Lazy {
			return needKept
		}
		return needStructure
	case imap.FetchEnvelope, imap.FetchRFC822Header:
		return needHeader
	case imap.FetchRFC822Text:
		return needHeader | needText
	case imap.FetchRFC822:
		return needWhole
	}
	if it.Section == nil || len(it.Section.Path) > 0 {
		return needStructure
	}
	switch it.Section.Specifier {
	case imap.SectionAll:
		return needWhole
	case imap.SectionText:
		return needHeader | needText
	default:
		return needHeader
	}
}

// knownBy is what a summary must know to answer an item.
func knownBy(it *imap.FetchItem) message.Knowledge {
	switch it.Att {
	case imap.FetchBody, imap.FetchBodyStructure:
		return message.KnowsStructure
	case imap.FetchEmailID:
		return message.KnowsID
	case imap.FetchPreview:
		if !it.Lazy {
			return message.KnowsPreview
		}
	}
	return 0
}

// section gives the section an item speaks of; the RFC822 items are names for
// some of them (RFC 3501 section 6.4.5).
func sectionOf(it *imap.FetchItem) *imap.Section {
	switch it.Att {
	case imap.FetchRFC822:
		return &imap.Section{}
	case imap.FetchRFC822Header:
		return &imap.Section{Specifier: imap.SectionHeader}
	case imap.FetchRFC822Text:
		return &imap.Section{Specifier: imap.SectionText}
	}
	return it.Section
}
