package imapd

import (
	"restante/mailstore"
	"restante/message"
)

// batchLen is how many messages are opened at once: enough to make what all of them
// cost together small, few enough for a session to hold that many files.
const batchLen = 8

// An ahead holds messages that were opened before their turn. Where a mailbox can open
// several at once, that costs less for each.
type ahead struct {
	opener mailstore.BatchOpener // nil where it cannot
	asked  bool                  // for opener
	at, n  int                   // whose turn is next, and the end
	uids   [batchLen]mailstore.UID
	msgs   [batchLen]mailstore.Message // nil for those that could not be opened
}

// load opens and reads a message, and may open those behind it that will be read too.
func (f *fetcher) load(it *item) (*loaded, error) {
	a := &f.ahead
	if !a.asked {
		a.opener, _ = f.s.view.box.(mailstore.BatchOpener)
		a.asked = true
	}
	if a.opener != nil && (a.at == a.n || a.uids[a.at] != it.UID) {
		f.openAhead(it.UID)
	}
	return f.s.load(a.take(it.UID), it.UID, f.toRead())
}

// openAhead opens a message and those behind it on the page whose summaries do not
// tell what is asked for.
func (f *fetcher) openAhead(uid mailstore.UID) {
	f.closeAhead()
	a := &f.ahead
	a.uids[0], a.n = uid, 1
	had := f.had
	for i := 0; i < len(f.rest) && a.n < batchLen && !f.told(f.rest[i].UID); i++ {
		a.uids[a.n] = f.rest[i].UID
		a.n++
	}
	f.had = had
	if a.n > 1 {
		a.opener.OpenMessages(f.s.ctx, a.uids[:a.n], a.msgs[:a.n])
	}
}

// told reports whether the summary of a message tells what is asked for.
func (f *fetcher) told(uid mailstore.UID) bool {
	if !f.plan.summary {
		return false
	}
	b, ok := f.kept(uid)
	if !ok {
		return false
	}
	sum, ok := message.ParseSummary(b)
	return ok && sum.Knows.Has(f.plan.knows)
}

// take gives the message whose turn it is, nil if it is not open.
func (a *ahead) take(uid mailstore.UID) (msg mailstore.Message) {
	if a.at < a.n && a.uids[a.at] == uid {
		msg, a.msgs[a.at] = a.msgs[a.at], nil
		a.at++
	}
	return msg
}

// closeAhead closes what was opened in vain.
func (f *fetcher) closeAhead() {
	a := &f.ahead
	for ; a.at < a.n; a.at++ {
		if msg := a.msgs[a.at]; msg != nil {
			f.s.closeQuietly("message", msg.Close)
			a.msgs[a.at] = nil
		}
	}
	a.at, a.n = 0, 0
}
