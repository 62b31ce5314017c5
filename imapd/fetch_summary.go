package imapd

import (
	"slices"

	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// inSummary reports whether the answer to an item stands in the summary of a
// message.
func inSummary(it *imap.FetchItem) bool {
	switch it.Att {
	case imap.FetchInternalDate, imap.FetchRFC822Size, imap.FetchEnvelope, imap.FetchBody, imap.FetchBodyStructure, imap.FetchPreview, imap.FetchEmailID, imap.FetchThreadID, imap.FetchSaveDate:
		return true
	case imap.FetchBodySection:
		sec := it.Section
		return len(sec.Path) == 0 && sec.Specifier == imap.SectionHeaderFields &&
			!slices.ContainsFunc(sec.Fields, func(name string) bool { return !message.InSummary(name) })
	}
	return false
}

// fromSummary prepares the answer for a message from its summary. It is false
// where that is not known, or does not have what is asked for.
func (f *fetcher) fromSummary(uid mailstore.UID) bool {
	if !f.plan.summary {
		return false
	}
	b, ok := f.kept(uid)
	return ok && f.useSummary(b)
}

// kept gives the summary of a message if there is one, until the next call.
func (f *fetcher) kept(uid mailstore.UID) (summary []byte, ok bool) {
	f.had = 0
	if !f.asked {
		f.sums, f.asked = f.s.view.box.Summaries(), true
	}
	if f.sums == nil {
		return nil, false
	}
	return f.sums.Get(uid)
}

// useSummary prepares the answer from a summary.
func (f *fetcher) useSummary(b []byte) bool {
	sum, ok := message.ParseSummary(b)
	if f.had = sum.Knows; !ok || !sum.Knows.Has(f.plan.knows) {
		return false
	}
	for i := range f.plan.items {
		v, ok := f.prepareSummary(&sum, &f.plan.items[i])
		if !ok || len(f.scratch) > maxHeld {
			f.values, f.scratch = f.values[:0], f.scratch[:0]
			return false
		}
		f.values = append(f.values, v)
	}
	return true
}

// prepareSummary makes the value of an item of what stands in the summary.
func (f *fetcher) prepareSummary(s *message.Summary, it *imap.FetchItem) (_ value, ok bool) {
	from := len(f.scratch)
	switch it.Att {
	case imap.FetchInternalDate, imap.FetchRFC822Size, imap.FetchSaveDate:
		return value{kind: valueRecord}, true
	case imap.FetchThreadID:
		return value{kind: valueNIL}, true
	case imap.FetchEmailID:
		f.scratch = appendObjectID(f.scratch, s.ID)
	case imap.FetchEnvelope:
		f.scratch = s.AppendEnvelope(f.scratch)
	case imap.FetchBodyStructure:
		f.scratch = append(f.scratch, s.Structure...)
	case imap.FetchBody:
		if f.scratch, ok = message.AppendBody(f.scratch, s.Structure); !ok {
			return value{}, false
		}
	case imap.FetchPreview:
		if !s.Knows.Has(message.KnowsPreview) {
			return value{kind: valueNIL}, true
		}
		f.scratch = message.AppendString(f.scratch, s.Preview)
	default:
		f.scratch = message.FilterHeader(f.scratch, s.Header, it.Section.Fields, false)
		return f.cut(valueLiteral, from, it.Section.Partial), true
	}
	return value{kind: valueWire, from: from, to: len(f.scratch)}, true
}

// toRead is what to read of a message without a summary, or with one that does not
// know enough: what the next one needs to know no less.
func (f *fetcher) toRead() need {
	n := f.plan.need
	if !f.plan.summary {
		return n
	}
	if f.had != 0 {
		n |= needStructure
	}
	if f.had.Has(message.KnowsID) {
		n |= needID
	}
	return n
}

// summarize keeps the summary of a message that was read and answers from it. It
// is false where there is no answer.
func (f *fetcher) summarize(m *loaded) bool { return f.keep(m) && f.useSummary(f.made) }

// keep keeps the summary of a message that was read, for the next who asks, with
// what was read for this one. It is false where there is none.
func (f *fetcher) keep(m *loaded) bool {
	if !f.plan.summary || f.sums == nil || !m.headWhole {
		return false
	}
	ok := true
	if m.root == nil {
		f.made = message.AppendHeaderSummary(f.made[:0], m.head, f.plan.envelope)
	} else {
		f.made, ok = message.AppendSummary(f.made[:0], f.plan.knows|f.plan.lazy|f.had, m.root, m.id, m.octets())
	}
	if ok {
		f.s.view.box.PutSummary(m.uid, f.made)
	}
	return ok
}
