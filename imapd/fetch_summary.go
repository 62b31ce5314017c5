package imapd

import (
	"restante/imap"
	"restante/mailstore"
	"restante/message"
)

// inSummary reports whether the answer to an item stands in the summary of a
// message.
func inSummary(it *imap.FetchItem) bool {
	switch it.Att {
	case imap.FetchEnvelope, imap.FetchBodyStructure:
		return true
	case imap.FetchBodySection:
		sec := it.Section
		if !it.Peek || len(sec.Path) > 0 || sec.Specifier != imap.SectionHeaderFields {
			return false
		}
		for _, name := range sec.Fields {
			if !message.InSummary(name) {
				return false
			}
		}
		return true
	}
	return false
}

// summary finds the summary of a message, if the FETCH can be answered from it.
func (f *fetcher) summary(uid mailstore.UID) (message.Summary, bool) {
	if !f.plan.summary {
		return message.Summary{}, false
	}
	if !f.asked {
		f.sums, f.asked = f.s.view.box.Summaries(), true
	}
	if f.sums == nil {
		return message.Summary{}, false
	}
	b, ok := f.sums.Get(uid)
	if !ok {
		return message.Summary{}, false
	}
	return message.ParseSummary(b)
}

// toRead is what to read of a message without a summary: all of it, where one
// can be made with what is there.
func (f *fetcher) toRead() need {
	if f.plan.summary && f.sums != nil {
		return f.plan.need | needSummary
	}
	return f.plan.need
}

// summarize keeps the summary of a message that was read whole, for the next
// who asks.
func (f *fetcher) summarize(m *loaded) {
	if !f.plan.summary || f.sums == nil || m.root == nil {
		return
	}
	from := len(f.scratch)
	if b, ok := message.AppendSummary(f.scratch, m.root); ok {
		f.s.view.box.PutSummary(m.uid, b[from:])
		f.scratch = b[:from]
	}
}

// prepareSummary makes the value of an item of what stands in the summary.
func (f *fetcher) prepareSummary(s *message.Summary, it *imap.FetchItem) value {
	from := len(f.scratch)
	switch it.Att {
	case imap.FetchInternalDate, imap.FetchRFC822Size:
		return value{kind: valueRecord}
	case imap.FetchEnvelope:
		f.scratch = append(f.scratch, s.Envelope...)
	case imap.FetchBodyStructure:
		f.scratch = append(f.scratch, s.Structure...)
	default:
		f.scratch = message.FilterHeader(f.scratch, s.Header, it.Section.Fields, false)
		return f.cut(valueLiteral, from, it.Section.Partial)
	}
	return value{kind: valueWire, from: from, to: len(f.scratch)}
}
